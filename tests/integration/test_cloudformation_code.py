"""Code that templates bring, signals, and stacks that outlive the sandbox."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

INDEX = """
import json, os, urllib.request
import boto3, cfnresponse

def handler(event, context):
    kind = event["ResourceProperties"].get("Do", "work")
    print("asked for", event["RequestType"], kind)
    if kind == "die" and event["RequestType"] == "Create":
        raise RuntimeError("no answer from here")
    if kind == "refuse" and event["RequestType"] == "Create":
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, reason="the table is missing")
        return
    if kind == "talk":
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Long": "x" * 5000})
        return
    with urllib.request.urlopen("https://truststore.pki.rds.amazonaws.com/us-east-1/us-east-1-bundle.pem") as answer:
        pem = answer.read().decode()
    data = {
        "Pem": pem.splitlines()[0],
        "Account": boto3.client("sts").get_caller_identity()["Account"],
        "Number": json.dumps(event["ResourceProperties"]["Number"]),
        "Folder": str(os.listdir(".")),
        "Strange": os.environ.get("SECRET_OF_THE_USER", "none"),
        "Given": os.environ["GIVEN"],
        "Seen": f"{event['RequestType']} {event.get('OldResourceProperties', {}).get('Number')}",
    }
    cfnresponse.send(event, context, cfnresponse.SUCCESS, data, "fixed-id")
"""

CODE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Fn": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 60,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {"GIVEN": 7}},
                "Code": {"ZipFile": INDEX},
            },
        },
        "Own": {
            "Type": "Custom::Own",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Fn", "Arn"]}, "ServiceTimeout": 60, "Number": 1},
        },
    },
    "Outputs": {
        name: {"Value": {"Fn::GetAtt": ["Own", name]}}
        for name in ("Pem", "Account", "Number", "Folder", "Strange", "Given", "Seen")
    }
    | {"Id": {"Value": {"Ref": "Own"}}},
}
WAIT = {"Delay": 1, "MaxAttempts": 90}


def template(**properties: Any) -> str:
    document = json.loads(json.dumps(CODE))
    document["Resources"]["Own"]["Properties"].update(properties)
    if "Do" in properties:
        document["Outputs"] = {}
    return json.dumps(document)


def outputs(sandbox: Any, name: str) -> dict[str, str]:
    stack = sandbox.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def reasons(sandbox: Any, name: str, logical_id: str, status: str) -> list[str]:
    found = sandbox.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return [
        item.get("ResourceStatusReason", "")
        for item in found
        if (item["LogicalResourceId"], item["ResourceStatus"]) == (logical_id, status)
    ]


def status(sandbox: Any, name: str) -> str:
    return str(sandbox.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


@pytest.fixture
def running(new_sandbox: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A sandbox that runs the code of any template."""
    monkeypatch.setenv("SECRET_OF_THE_USER", "must not be seen")
    yield new_sandbox("--run-template-code")


def test_code_of_a_foreign_template_is_not_run_unless_asked(sandbox: Any, eventually: Any) -> None:
    sandbox.client("cloudformation").create_stack(
        StackName="foreigncode",
        TemplateBody=template(),
        Capabilities=["CAPABILITY_IAM"],
        OnFailure="DO_NOTHING",
    )
    eventually(lambda: status(sandbox, "foreigncode") == "CREATE_FAILED", 60)
    [reason] = reasons(sandbox, "foreigncode", "Own", "CREATE_FAILED")
    assert "--run-template-code" in reason
    # Nothing came of it, so nothing of it has to be deleted by the same code.
    sandbox.client("cloudformation").delete_stack(StackName="foreigncode")
    sandbox.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="foreigncode", WaiterConfig=WAIT
    )


def test_custom_resources_run_their_code(running: Any, eventually: Any) -> None:
    cloudformation = running.client("cloudformation")
    able = {"Capabilities": ["CAPABILITY_IAM"]}
    cloudformation.create_stack(StackName="code", TemplateBody=template(), **able)
    for name, do in (("dies", "die"), ("refuses", "refuse"), ("talks", "talk")):
        cloudformation.create_stack(
            StackName=name, TemplateBody=template(Do=do), OnFailure="DO_NOTHING", **able
        )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="code", WaiterConfig=WAIT)
    assert outputs(running, "code") == {
        "Pem": "-----BEGIN CERTIFICATE-----",
        "Account": "123456789012",
        "Number": '"1"',
        "Folder": "[]",
        "Strange": "none",
        "Given": "7",
        "Seen": "Create None",
        "Id": "fixed-id",
    }
    said = {
        "dies": "ended (exit code 1) without answering. It last said:",
        "refuses": "Received response status [FAILED] from custom resource. Message returned: the table is missing",
        "talks": "Response object is too long",
    }
    for name, sentence in said.items():
        eventually(lambda name=name: status(running, name) == "CREATE_FAILED", 60)
        [reason] = reasons(running, name, "Own", "CREATE_FAILED")
        assert sentence in reason
    assert "no answer from here" in reasons(running, "dies", "Own", "CREATE_FAILED")[0]
    cloudformation.update_stack(StackName="code", TemplateBody=template(Number=2), **able)
    cloudformation.get_waiter("stack_update_complete").wait(StackName="code", WaiterConfig=WAIT)
    assert outputs(running, "code")["Seen"] == "Update 1"
    function = cloudformation.describe_stack_resource(StackName="code", LogicalResourceId="Fn")[
        "StackResourceDetail"
    ]
    group = f"/aws/lambda/{function['PhysicalResourceId']}"
    lines = [
        item["message"].strip()
        for item in running.client("logs").filter_log_events(logGroupName=group)["events"]
    ]
    assert "asked for Create work" in lines and "asked for Update work" in lines
    cloudformation.delete_stack(StackName="code")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="code", WaiterConfig=WAIT)


HOST = """
Parameters: {Count: {Type: String, Default: '1'}}
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Other: {Type: AWS::CloudFormation::WaitConditionHandle}
  Host:
    Type: AWS::EC2::Instance
    CreationPolicy: {ResourceSignal: {Count: !Ref Count, Timeout: PT10M}}
    Properties: {ImageId: ami-12c6146b, InstanceType: t3.micro, UserData: {'Fn::Base64': !Sub 'cfn-signal ${Handle}'}}
  Ready: {Type: AWS::CloudFormation::WaitCondition, DependsOn: Host, Properties: {Handle: !Ref Handle, Timeout: '60'}}
  Told: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Other, Timeout: '60'}}
Outputs: {Told: {Value: !GetAtt Told.Data}, Handle: {Value: !Ref Other}}
"""


def test_signals_let_hosts_and_conditions_through(sandbox: Any, eventually: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    count = [{"ParameterKey": "Count", "ParameterValue": "2"}]
    cloudformation.create_stack(StackName="signals", TemplateBody=HOST, Parameters=count)

    def resource(name: str) -> dict[str, Any]:
        found = cloudformation.describe_stack_resources(StackName="signals")["StackResources"]
        return next(
            (item for item in found if item["LogicalResourceId"] == name and "PhysicalResourceId" in item), {}
        )

    handle = eventually(lambda: resource("Other"))["PhysicalResourceId"]
    body = json.dumps({"Status": "SUCCESS", "UniqueId": "me", "Data": "hello", "Reason": "done"}).encode()
    with urllib.request.urlopen(
        urllib.request.Request(handle, data=body, method="PUT"), timeout=10
    ) as answer:
        assert answer.status == 200
    # The host signals itself once; the second signal comes from outside.
    host = eventually(lambda: resource("Host"))["PhysicalResourceId"]
    eventually(
        lambda: any(
            host in reason
            for reason in reasons(sandbox, "signals", "Host", "CREATE_IN_PROGRESS")
            if "signal" in reason
        )
    )
    assert resource("Host")["ResourceStatus"] == "CREATE_IN_PROGRESS"
    cloudformation.signal_resource(
        StackName="signals", LogicalResourceId="Host", UniqueId="two", Status="SUCCESS"
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="signals", WaiterConfig=WAIT)
    assert json.loads(outputs(sandbox, "signals")["Told"]) == {"me": "hello"}
    cloudformation.delete_stack(StackName="signals")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="signals", WaiterConfig=WAIT)


LASTING = """
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle, DependsOn: Bucket}
  Wait: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: '600'}}
"""


def test_a_sandbox_started_again_goes_on_with_its_stacks(
    new_sandbox: Callable[..., Any], tmp_path: Any, eventually: Any
) -> None:
    first = new_sandbox("--state", str(tmp_path / "state"))
    cloudformation = first.client("cloudformation")
    done = "Resources: {T: {Type: 'AWS::SNS::Topic'}}"
    cloudformation.create_stack(StackName="done", TemplateBody=done)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="done", WaiterConfig=WAIT)
    cloudformation.create_stack(StackName="begun", TemplateBody=LASTING)
    eventually(
        lambda: "Resource creation Initiated" in reasons(first, "begun", "Wait", "CREATE_IN_PROGRESS"), 30
    )
    eventually(
        lambda: (
            "Resource creation Initiated"
            in (tmp_path / "state/rooms/cloudformation.json").read_text().partition("Wait-CREATE")[2]
        ),
        30,
    )
    first.process.kill()
    first.process.wait(10)
    second = new_sandbox("--state", str(tmp_path / "state"))
    assert status(second, "done") == "CREATE_COMPLETE"
    # The wait handle was a URL of the sandbox that is gone: the creation goes on, and fails honestly.
    eventually(lambda: status(second, "begun") == "ROLLBACK_COMPLETE", 60)
    [reason] = reasons(second, "begun", "Wait", "CREATE_FAILED")
    assert "not known to this sandbox any more" in reason
    assert second.client("s3").list_buckets()["Buckets"] == []
    second.client("cloudformation").delete_stack(StackName="done")
    second.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="done", WaiterConfig=WAIT
    )
    assert second.client("sns").list_topics()["Topics"] == []
