"""Stacks through boto3 and the `aws` command: creation, update, deletion, their failures and their events."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError


def wait(sandbox: Any, what: str, name: str) -> None:
    """boto3's waiter, asking often."""
    waiter = sandbox.client("cloudformation").get_waiter(what)
    waiter.config.delay = 0.1
    waiter.wait(StackName=name)


def settled(sandbox: Any, eventually: Any, name: str, status: str) -> dict[str, Any]:
    """The stack once it has the status."""

    def look() -> Any:
        stack = sandbox.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return stack if stack["StackStatus"] == status else None

    return dict(eventually(look, 60, f"{name} to be {status}"))


def events(sandbox: Any, name: str) -> list[tuple[str, str, str]]:
    """Logical id, status and reason of every event, oldest first."""
    pages = sandbox.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
    found = [event for page in pages for event in page["StackEvents"]]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(found)
    ]


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


NETWORK = """
Parameters:
  Password: {Type: String, NoEcho: true, Default: s3cret-value}
  Image:
    Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>
    Default: /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.20.0.0/16, EnableDnsHostnames: 'true'}}
  Net:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: !Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 4, 8]]
      AvailabilityZone: !Select [1, !GetAZs '']
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: test
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: '5432', ToPort: '5432', CidrIp: 10.0.0.0/8}]
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: out}]
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        {SecretStringTemplate: '{"username": "u"}', GenerateStringKey: password, PasswordLength: 24}
  Copied:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub '{{resolve:secretsmanager:${Secret}:SecretString:username}}-${Password}'}
Outputs:
  Vpc: {Value: !Ref Vpc, Export: {Name: !Sub '${AWS::StackName}-vpc'}}
  Net: {Value: !Ref Net}
  Group: {Value: !GetAtt Group.GroupId}
  Parameter: {Value: !Ref Copied}
"""


def test_a_stack_comes_up_and_goes(sandbox: Any) -> None:
    cloudformation, ec2 = sandbox.client("cloudformation"), sandbox.client("ec2")
    tags = [{"Key": "team", "Value": "lake"}]
    topic = sandbox.client("sns").create_topic(Name="stack-news")["TopicArn"]
    stack_id = cloudformation.create_stack(
        StackName="net", TemplateBody=NETWORK, Tags=tags, NotificationARNs=[topic]
    )["StackId"]
    wait(sandbox, "stack_create_complete", "net")
    stack = cloudformation.describe_stacks(StackName="net")["Stacks"][0]
    shown = {item["ParameterKey"]: item for item in stack["Parameters"]}
    assert stack["NotificationARNs"] == [topic]
    assert shown["Password"]["ParameterValue"] == "****"
    assert shown["Image"]["ResolvedValue"].startswith("ami-")
    made = outputs(stack)
    subnet = ec2.describe_subnets(SubnetIds=[made["Net"]])["Subnets"][0]
    assert (subnet["CidrBlock"], subnet["AvailabilityZone"]) == ("10.20.1.0/24", "us-east-1b")
    assert {"Key": "team", "Value": "lake"} in subnet["Tags"]
    assert {"Key": "aws:cloudformation:logical-id", "Value": "Net"} in subnet["Tags"]
    group = ec2.describe_security_groups(GroupIds=[made["Group"]])["SecurityGroups"][0]
    assert [rule["FromPort"] for rule in group["IpPermissions"]] == [5432]
    assert [rule.get("FromPort") for rule in group["IpPermissionsEgress"]] == [443]
    value = sandbox.client("ssm").get_parameter(Name=made["Parameter"])["Parameter"]["Value"]
    assert value == "u-s3cret-value"
    told = events(sandbox, "net")
    order = [(name, status) for name, status, _ in told]
    assert told[0] == ("net", "CREATE_IN_PROGRESS", "User Initiated")
    assert told[-1][:2] == ("net", "CREATE_COMPLETE")
    assert order.index(("Vpc", "CREATE_COMPLETE")) < order.index(("Net", "CREATE_IN_PROGRESS"))
    assert [reason for name, status, reason in told if (name, status) == ("Vpc", "CREATE_IN_PROGRESS")] == [
        "",
        "Resource creation Initiated",
    ]
    properties = [
        event.get("ResourceProperties", "")
        for event in cloudformation.describe_stack_events(StackName="net")["StackEvents"]
    ]
    assert "s3cret-value" not in json.dumps(properties)
    assert "{{resolve:secretsmanager:" in json.dumps(properties)
    owner = cloudformation.describe_stack_resources(PhysicalResourceId=made["Vpc"])["StackResources"]
    assert {item["LogicalResourceId"] for item in owner} == {"Vpc", "Net", "Group", "Secret", "Copied"}
    cloudformation.delete_stack(StackName="net")
    wait(sandbox, "stack_delete_complete", "net")
    with pytest.raises(ClientError, match="Stack with id net does not exist"):
        cloudformation.describe_stacks(StackName="net")
    assert cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match=r"InvalidVpcID\.NotFound"):
        ec2.describe_vpcs(VpcIds=[made["Vpc"]])


FAILING = """
Resources:
  Good: {Type: AWS::S3::Bucket}
  Kept: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}
  Odd: {Type: AWS::GameLift::Fleet, DependsOn: [Good, Kept], Properties: {Name: x}}
"""


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({}, "ROLLBACK_COMPLETE"),
        ({"OnFailure": "DELETE"}, "DELETE_COMPLETE"),
        ({"DisableRollback": True}, "CREATE_FAILED"),
    ],
)
def test_a_failed_creation_ends_as_asked(
    sandbox: Any, eventually: Any, options: dict[str, Any], end: str
) -> None:
    name = f"fail-{end.lower().replace('_', '-')}"
    stack_id = sandbox.client("cloudformation").create_stack(StackName=name, TemplateBody=FAILING, **options)[
        "StackId"
    ]
    stack = settled(sandbox, eventually, stack_id, end)
    told = events(sandbox, stack_id)
    [reason] = [reason for logical, status, reason in told if (logical, status) == ("Odd", "CREATE_FAILED")]
    assert reason.startswith("Resource type AWS::GameLift::Fleet is not in the sandbox")
    if end == "CREATE_FAILED":
        assert stack["StackStatusReason"] == "The following resource(s) failed to create: [Odd]."
        sandbox.client("cloudformation").rollback_stack(StackName=name)
        settled(sandbox, eventually, stack_id, "ROLLBACK_COMPLETE")
        told = events(sandbox, stack_id)
    assert ("Good", "DELETE_COMPLETE", "") in told
    assert ("Kept", "DELETE_SKIPPED", "") in told


WAITING = """
  H: {Type: AWS::CloudFormation::WaitConditionHandle}
  W: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref H, Timeout: '600'}}
"""


def bucket(name: str, more: str = "") -> str:
    return f"Resources:\n  B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {name}}}}}\n{more}"


def test_an_update_changes_replaces_and_cleans_up(sandbox: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    more = "  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref B}}\n"
    cloudformation.create_stack(
        StackName="upd", TemplateBody=bucket("upd-one", more + "  Gone: {Type: AWS::SNS::Topic}\n")
    )
    wait(sandbox, "stack_create_complete", "upd")
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        cloudformation.update_stack(StackName="upd", UsePreviousTemplate=True)
    cloudformation.update_stack(StackName="upd", TemplateBody=bucket("upd-two", more))
    wait(sandbox, "stack_update_complete", "upd")
    told = [(logical, status) for logical, status, _ in events(sandbox, "upd")]
    after = told[told.index(("upd", "UPDATE_IN_PROGRESS")) :]
    assert after.index(("B", "UPDATE_COMPLETE")) < after.index(("T", "UPDATE_COMPLETE"))
    assert after.index(("upd", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")) < after.index(("B", "DELETE_COMPLETE"))
    assert ("Gone", "DELETE_COMPLETE") in after
    names = [item["Name"] for item in sandbox.client("s3").list_buckets()["Buckets"]]
    assert "upd-two" in names and "upd-one" not in names
    topic = cloudformation.describe_stack_resource(StackName="upd", LogicalResourceId="T")[
        "StackResourceDetail"
    ]
    attributes = sandbox.client("sns").get_topic_attributes(TopicArn=topic["PhysicalResourceId"])[
        "Attributes"
    ]
    assert attributes["DisplayName"] == "upd-two"


def test_a_failed_update_is_taken_back(sandbox: Any, eventually: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    topic = "  T: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: {}}}}}\n"
    cloudformation.create_stack(StackName="back", TemplateBody=bucket("back-one", topic.format("first")))
    wait(sandbox, "stack_create_complete", "back")
    odd = "  New: {Type: AWS::SNS::Topic}\n  Odd: {Type: AWS::GameLift::Fleet, DependsOn: [B, T, New]}\n"
    cloudformation.update_stack(
        StackName="back", TemplateBody=bucket("back-two", topic.format("second") + odd)
    )
    stack = settled(sandbox, eventually, "back", "UPDATE_ROLLBACK_COMPLETE")
    names = [item["Name"] for item in sandbox.client("s3").list_buckets()["Buckets"]]
    assert "back-one" in names and "back-two" not in names
    resources = cloudformation.list_stack_resources(StackName="back")["StackResourceSummaries"]
    assert {item["LogicalResourceId"]: item["ResourceStatus"] for item in resources} == {
        "B": "UPDATE_COMPLETE",
        "T": "UPDATE_COMPLETE",
    }
    arn = next(item["PhysicalResourceId"] for item in resources if item["LogicalResourceId"] == "T")
    assert sandbox.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "first"
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Odd" in next(
        reason for _, status, reason in events(sandbox, "back") if status == "UPDATE_ROLLBACK_IN_PROGRESS"
    )


def test_a_bucket_with_objects_keeps_its_stack(sandbox: Any, eventually: Any) -> None:
    cloudformation, s3 = sandbox.client("cloudformation"), sandbox.client("s3")
    cloudformation.create_stack(
        StackName="full", TemplateBody=bucket("full-bucket", "  T: {Type: AWS::SNS::Topic}\n")
    )
    wait(sandbox, "stack_create_complete", "full")
    s3.put_object(Bucket="full-bucket", Key="x", Body=b"1")
    cloudformation.delete_stack(StackName="full")
    stack = settled(sandbox, eventually, "full", "DELETE_FAILED")
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    [reason] = [
        reason
        for _, status, reason in events(sandbox, "full")
        if status == "DELETE_FAILED" and "BucketNotEmpty" in reason
    ]
    assert "not empty" in reason
    stack_id = stack["StackId"]
    cloudformation.delete_stack(StackName="full", RetainResources=["B"])
    settled(sandbox, eventually, stack_id, "DELETE_COMPLETE")
    assert s3.list_objects_v2(Bucket="full-bucket")["KeyCount"] == 1


def test_deleting_while_it_is_made_stops_the_creation(sandbox: Any, eventually: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    slow = f"Resources:\n{WAITING}"
    stack_id = cloudformation.create_stack(StackName="halt", TemplateBody=slow)["StackId"]
    eventually(
        lambda: ("W", "CREATE_IN_PROGRESS", "Resource creation Initiated") in events(sandbox, stack_id)
    )
    cloudformation.delete_stack(StackName="halt")
    settled(sandbox, eventually, stack_id, "DELETE_COMPLETE")


def test_a_cancelled_update_goes_back(sandbox: Any, eventually: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    cloudformation.create_stack(StackName="cancel", TemplateBody=bucket("cancel-one"))
    wait(sandbox, "stack_create_complete", "cancel")
    cloudformation.update_stack(StackName="cancel", TemplateBody=bucket("cancel-one", WAITING))
    eventually(
        lambda: ("W", "CREATE_IN_PROGRESS", "Resource creation Initiated") in events(sandbox, "cancel")
    )
    cloudformation.cancel_update_stack(StackName="cancel")
    settled(sandbox, eventually, "cancel", "UPDATE_ROLLBACK_COMPLETE")


def test_exports_hold_their_stack(sandbox: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    giving = "Resources: {T: {Type: 'AWS::SNS::Topic'}}\nOutputs: {T: {Value: !Ref T, Export: {Name: given-topic}}}"
    name = "!Select [5, !Split [':', !ImportValue given-topic]]"
    taking = f"Resources: {{T: {{Type: 'AWS::SNS::Topic', Properties: {{DisplayName: {name}}}}}}}"
    cloudformation.create_stack(StackName="giving", TemplateBody=giving)
    wait(sandbox, "stack_create_complete", "giving")
    cloudformation.create_stack(StackName="taking", TemplateBody=taking)
    wait(sandbox, "stack_create_complete", "taking")
    assert cloudformation.list_imports(ExportName="given-topic")["Imports"] == ["taking"]
    assert "given-topic" in {item["Name"] for item in cloudformation.list_exports()["Exports"]}
    with pytest.raises(ClientError, match="Export given-topic cannot be deleted as it is in use by taking"):
        cloudformation.delete_stack(StackName="giving")
    cloudformation.delete_stack(StackName="taking")
    wait(sandbox, "stack_delete_complete", "taking")
    cloudformation.delete_stack(StackName="giving")
    wait(sandbox, "stack_delete_complete", "giving")


def test_protection_tokens_and_names(sandbox: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    given = {"StackName": "guard", "TemplateBody": bucket("guard-bucket"), "ClientRequestToken": "once"}
    first = cloudformation.create_stack(**given, EnableTerminationProtection=True)["StackId"]
    assert cloudformation.create_stack(**given)["StackId"] == first
    with pytest.raises(ClientError, match=r"Stack \[guard\] already exists") as refused:
        cloudformation.create_stack(StackName="guard", TemplateBody=bucket("x"))
    assert refused.value.response["Error"]["Code"] == "AlreadyExistsException"
    wait(sandbox, "stack_create_complete", "guard")
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="guard")
    cloudformation.update_termination_protection(StackName="guard", EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName="guard")
    wait(sandbox, "stack_delete_complete", "guard")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            {"TemplateBody": "x" * 51_201},
            "ValidationError",
            "Member must have length less than or equal to 51200",
        ),
        (
            {"TemplateBody": "Resources: {}"},
            "ValidationError",
            "At least one Resources member must be defined",
        ),
        ({}, "ValidationError", "Either Template URL or Template Body must be specified"),
        (
            {"TemplateBody": "Resources: {R: {Type: 'AWS::IAM::Role'}}"},
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            {"TemplateBody": "Parameters: {V: {Type: 'AWS::EC2::VPC::Id', Default: vpc-0}}\n" + bucket("x")},
            "ValidationError",
            "parameter value vpc-0 for parameter name V does not exist",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(
    sandbox: Any, arguments: dict[str, Any], code: str, sentence: str
) -> None:
    with pytest.raises(ClientError) as refused:
        sandbox.client("cloudformation").create_stack(StackName="never", **arguments)
    assert refused.value.response["Error"]["Code"] == code
    assert sentence in refused.value.response["Error"]["Message"]


def test_templates_are_described(sandbox: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    found = cloudformation.validate_template(TemplateBody=NETWORK)
    assert {item["ParameterKey"]: item["NoEcho"] for item in found["Parameters"]} == {
        "Password": True,
        "Image": False,
    }
    summary = cloudformation.get_template_summary(TemplateBody=NETWORK)
    assert sorted(set(summary["ResourceTypes"]))[0] == "AWS::EC2::SecurityGroup"
    with pytest.raises(ClientError, match="Circular dependency between resources"):
        cloudformation.validate_template(
            TemplateBody="Resources: {A: {Type: 'AWS::S3::Bucket', DependsOn: B}, "
            "B: {Type: 'AWS::S3::Bucket', DependsOn: A}}"
        )


def test_change_sets_look_before_anything_is_done(sandbox: Any) -> None:
    cloudformation = sandbox.client("cloudformation")

    def make(name: str, kind: str, text: str) -> dict[str, Any]:
        made = cloudformation.create_change_set(
            StackName="sets", ChangeSetName=name, TemplateBody=text, ChangeSetType=kind
        )
        return dict(made)

    def look(made: dict[str, Any]) -> dict[str, Any]:
        return dict(cloudformation.describe_change_set(ChangeSetName=made["Id"]))

    def looked_at(made: dict[str, Any]) -> None:
        waiter = cloudformation.get_waiter("change_set_create_complete")
        waiter.config.delay = 0.1
        waiter.wait(ChangeSetName=made["Id"])

    first = make("first", "CREATE", bucket("sets-one"))
    assert (
        cloudformation.describe_stacks(StackName="sets")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    )
    looked_at(first)
    assert [item["ResourceChange"]["Action"] for item in look(first)["Changes"]] == ["Add"]
    cloudformation.execute_change_set(ChangeSetName=first["Id"])
    wait(sandbox, "stack_create_complete", "sets")
    assert look(first)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    same = make("same", "UPDATE", bucket("sets-one"))
    with pytest.raises(WaiterError):
        looked_at(same)
    assert look(same)["StatusReason"].startswith("The submitted information didn't contain changes.")
    other = make("other", "UPDATE", bucket("sets-two"))
    looked_at(other)
    [change] = look(other)["Changes"]
    assert (change["ResourceChange"]["Action"], change["ResourceChange"]["Replacement"]) == ("Modify", "True")
    names = {item["ChangeSetName"] for item in cloudformation.list_change_sets(StackName="sets")["Summaries"]}
    assert names == {"first", "same", "other"}
    cloudformation.delete_change_set(ChangeSetName=other["Id"])
    with pytest.raises(ClientError, match="does not exist") as refused:
        look(other)
    assert refused.value.response["Error"]["Code"] == "ChangeSetNotFound"


@pytest.mark.long
def test_deploy_by_the_stock_command(sandbox: Any, tmp_path: Path) -> None:
    # Long only because the command asks every thirty seconds.
    file = tmp_path / "deploy.yaml"
    file.write_text(bucket("deploy-one"))
    deploy = ("cloudformation", "deploy", "--stack-name", "deployed", "--template-file", str(file))
    sandbox.aws(*deploy)
    again = sandbox.run(str(Path(sys.executable).with_name("aws")), *deploy, check=False)
    assert "No changes to deploy" in again.stdout + again.stderr


def test_topics_hear_of_every_event(sandbox: Any, eventually: Any) -> None:
    sqs, sns = sandbox.client("sqs"), sandbox.client("sns")
    queue = sqs.create_queue(QueueName="stack-news")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="stack-news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sandbox.client("cloudformation").create_stack(
        StackName="news", TemplateBody=bucket("news-bucket"), NotificationARNs=[topic]
    )
    wait(sandbox, "stack_create_complete", "news")
    heard: list[str] = []

    def all_heard() -> bool:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        heard.extend(json.loads(item["Body"])["Message"] for item in answer.get("Messages", []))
        return len(heard) >= 5

    eventually(all_heard)
    assert any(
        "LogicalResourceId='B'" in text and "ResourceStatus='CREATE_COMPLETE'" in text for text in heard
    )
