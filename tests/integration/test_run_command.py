"""SSM Run Command: which instances take commands, what is run and what is not, and the catalogue's scripts for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from dmstui.catalog import scenario
from dmstui.catalog.commands import render

TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: ec2.amazonaws.com}}]
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  WORKBENCH:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64}}"
      InstanceType: t4g.micro
      IamInstanceProfile: !Ref Profile
  DATABASE:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: postgres
      DBInstanceClass: db.t4g.micro
      AllocatedStorage: "20"
      MasterUsername: shopkeeper
      MasterUserPassword: long-enough-1
      DBName: bookshop
Outputs:
  Workbench: {Value: !Ref WORKBENCH}
"""


@pytest.fixture(scope="module")
def workbench(sandbox: Any) -> Iterator[str]:
    """The instance of a stack with a database, both under the logical ids of scenario 2."""
    resources = scenario("postgresql-to-s3").resources
    template = TEMPLATE.replace("WORKBENCH", resources["workbench"]).replace(
        "DATABASE", resources["source_database"]
    )
    cloudformation = sandbox.client("cloudformation")
    cloudformation.create_stack(StackName="commands", TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="commands", WaiterConfig={"Delay": 1, "MaxAttempts": 90}
    )
    [stack] = cloudformation.describe_stacks(StackName="commands")["Stacks"]
    yield stack["Outputs"][0]["OutputValue"]
    cloudformation.delete_stack(StackName="commands")


def online(sandbox: Any, instance: str) -> bool:
    found = sandbox.client("ssm").describe_instance_information(
        Filters=[{"Key": "InstanceIds", "Values": [instance]}]
    )["InstanceInformationList"]
    return [one["PingStatus"] for one in found] == ["Online"]


def send(sandbox: Any, instance: str, lines: list[str], **more: Any) -> str:
    answer = sandbox.client("ssm").send_command(
        InstanceIds=[instance], DocumentName="AWS-RunShellScript", Parameters={"commands": lines} | more
    )
    return str(answer["Command"]["CommandId"])


def ended(sandbox: Any, command: str, instance: str, eventually: Any, seconds: float = 60) -> dict[str, Any]:
    def ask() -> Any:
        got = sandbox.client("ssm").get_command_invocation(CommandId=command, InstanceId=instance)
        return got if got["Status"] not in ("Pending", "InProgress", "Cancelling") else None

    found: dict[str, Any] = eventually(ask, seconds, f"command {command}")
    return found


def test_an_instance_without_a_profile_takes_no_command(sandbox: Any, eventually: Any) -> None:
    ec2 = sandbox.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")["Instances"][0]
    ec2.get_waiter("instance_running").wait(InstanceIds=[made["InstanceId"]], WaiterConfig={"Delay": 1})
    assert not online(sandbox, made["InstanceId"])
    for instance in (made["InstanceId"], "i-0123456789abcdef0"):
        with pytest.raises(ClientError) as caught:
            send(sandbox, instance, ["true"])
        assert caught.value.response["Error"]["Code"] == "InvalidInstanceId"


def test_only_the_catalogues_texts_are_run(sandbox: Any, workbench: str, eventually: Any) -> None:
    eventually(lambda: online(sandbox, workbench))
    text = render(scenario("postgresql-to-s3"), "seed")
    for lines in (["touch /tmp/never"], [*text, "touch /tmp/never"], [text[0], "id", *text[1:]]):
        got = ended(sandbox, send(sandbox, workbench, lines), workbench, eventually)
        assert (got["Status"], got["ResponseCode"], got["StandardOutputContent"]) == ("Failed", 1, "")
        assert "catalogue" in got["StandardErrorContent"]


def test_what_is_asked_wrongly(sandbox: Any, workbench: str, eventually: Any) -> None:
    eventually(lambda: online(sandbox, workbench))
    ssm = sandbox.client("ssm")
    wrong = [
        ("InvalidDocument", {"DocumentName": "AWS-RunPowerShellScript", "Parameters": {"commands": ["x"]}}),
        ("InvalidParameters", {"DocumentName": "AWS-RunShellScript", "Parameters": {}}),
        (
            "InvalidParameters",
            {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["x"], "y": ["z"]}},
        ),
    ]
    for code, arguments in wrong:
        with pytest.raises(ClientError) as caught:
            ssm.send_command(InstanceIds=[workbench], **arguments)
        assert caught.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError) as caught:
        ssm.get_command_invocation(CommandId="0" * 36, InstanceId=workbench)
    assert caught.value.response["Error"]["Code"] == "InvocationDoesNotExist"


def test_the_seed_fills_the_stacks_own_database(sandbox: Any, workbench: str, eventually: Any) -> None:
    eventually(lambda: online(sandbox, workbench))
    command = send(sandbox, workbench, render(scenario("postgresql-to-s3"), "seed"))
    got = ended(sandbox, command, workbench, eventually, 120)
    assert got["Status"] == "Success", got["StandardErrorContent"]
    lines = [json.loads(line) for line in got["StandardOutputContent"].splitlines()]
    assert sum(line["rows"] for line in lines) > 200_000
    assert all(line["ok"] for line in lines)
    # by the stack: tests before this one may have left a bookshop of theirs in the shared sandbox
    found = sandbox.client("cloudformation").describe_stack_resource(
        StackName="commands", LogicalResourceId=scenario("postgresql-to-s3").resources["source_database"]
    )["StackResourceDetail"]["PhysicalResourceId"]
    login = next(one for one in sandbox.databases() if one["name"] == found)
    with psycopg.connect(
        host=login["host"],
        port=login["port"],
        user=login["user"],
        password=login["password"],
        dbname=login["database"],
    ) as connection:
        [count] = connection.execute("select count(*) from shop.orders").fetchone() or (0,)
    assert count == next(line["rows"] for line in lines if line["table"] == "shop.orders")
    listed = sandbox.aws("ssm", "list-command-invocations", "--command-id", command, "--details")
    [invocation] = listed["CommandInvocations"]
    assert invocation["CommandPlugins"][0]["Status"] == "Success"
    assert len(invocation["CommandPlugins"][0]["Output"]) <= 2_500
    [shown] = sandbox.client("ssm").list_commands(CommandId=command)["Commands"]
    assert (shown["Status"], shown["TargetCount"], shown["CompletedCount"]) == ("Success", 1, 1)


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
def test_a_script_can_be_ended(sandbox: Any, workbench: str, eventually: Any, how: str) -> None:
    eventually(lambda: online(sandbox, workbench))
    lines = render(scenario("postgresql-to-s3"), "seed", scale=50)
    more = {"executionTimeout": ["1"]} if how == "timed out" else {}
    command = send(sandbox, workbench, lines, **more)
    ssm = sandbox.client("ssm")
    if how == "cancelled":

        def status() -> str:
            return str(ssm.get_command_invocation(CommandId=command, InstanceId=workbench)["Status"])

        eventually(lambda: status() == "InProgress")
        ssm.cancel_command(CommandId=command)
    got = ended(sandbox, command, workbench, eventually)
    assert got["Status"] == {"cancelled": "Cancelled", "timed out": "TimedOut"}[how]
