"""Requests and answers in each protocol: what botocore writes is read, what is written botocore reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.parsers
import botocore.serialize
import pytest

from dmstui.sandbox import wire
from dmstui.sandbox.service import Fault

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POINTS = {
    "Namespace": "N",
    "MetricData": [
        {
            "MetricName": "m",
            "Dimensions": [{"Name": "a", "Value": "b & <c>"}],
            "Timestamp": AT,
            "Values": [1.5, 2.0],
            "Counts": [1.0, 2.0],
        }
    ],
}
STACK = {
    "StackName": "s",
    "TemplateBody": "{}",
    "Parameters": [{"ParameterKey": "A", "ParameterValue": "1", "UsePreviousValue": False}],
    "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    "TimeoutInMinutes": 5,
}
RUN = {
    "ImageId": "ami-1",
    "MinCount": 1,
    "MaxCount": 2,
    "SecurityGroupIds": ["sg-1", "sg-2"],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "k", "Value": "ü"}]}],
}
DATABASE = {
    "DBInstanceIdentifier": "d",
    "DBInstanceClass": "c",
    "Engine": "postgres",
    "AllocatedStorage": 20,
    "MultiAZ": False,
    "VpcSecurityGroupIds": ["sg-1"],
    "Tags": [{"Key": "k", "Value": "v"}],
}
REQUESTS = [
    ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", POINTS),
    ("cloudwatch", "PutMetricData", "json", POINTS),
    ("cloudwatch", "PutMetricData", "query", POINTS),
    ("cloudformation", "CreateStack", "query", STACK),
    ("ec2", "RunInstances", "ec2", RUN),
    ("rds", "CreateDBInstance", "query", DATABASE),
    (
        "dms",
        "CreateReplicationInstance",
        "json",
        {"ReplicationInstanceIdentifier": "i", "ReplicationInstanceClass": "c"},
    ),
    ("kms", "Encrypt", "json", {"KeyId": "k", "Plaintext": b"\x00\xff"}),
]


@pytest.mark.parametrize(("service", "operation", "protocol", "params"), REQUESTS)
def test_what_botocore_sends_is_read(
    service: str, operation: str, protocol: str, params: dict[str, Any]
) -> None:
    model = wire.model(service).operation_model(operation)
    sent = botocore.serialize.create_serializer(protocol).serialize_to_request(params, model)
    body = sent["body"]
    if isinstance(body, dict):
        from urllib.parse import urlencode

        body = urlencode(body).encode()
    headers = {str(name).lower(): str(value) for name, value in sent["headers"].items()}
    path = sent["url_path"]
    spoken = wire.spoken(wire.model(service), headers, path)
    assert spoken == {"smithy-rpc-v2-cbor": "cbor"}.get(protocol, protocol)
    assert wire.operation_name(spoken, headers, path, "", body) == operation
    assert wire.parse(spoken, model, "", body) == params
    assert wire.problems(params, model) == []


ANSWERS = [
    (
        "cloudwatch",
        "GetMetricData",
        ["smithy-rpc-v2-cbor", "json", "query"],
        {
            "MetricDataResults": [
                {"Id": "a", "Label": "l", "Timestamps": [AT], "Values": [0.5], "StatusCode": "Complete"}
            ],
            "Messages": [],
        },
    ),
    (
        "cloudformation",
        "DescribeStacks",
        ["query"],
        {
            "Stacks": [
                {
                    "StackName": "<s>",
                    "CreationTime": AT,
                    "StackStatus": "CREATE_COMPLETE",
                    "Outputs": [{"OutputKey": "k", "OutputValue": "a & b"}],
                    "DisableRollback": True,
                }
            ]
        },
    ),
    (
        "dms",
        "DescribeReplicationTasks",
        ["json"],
        {
            "ReplicationTasks": [
                {"Status": "running", "ReplicationTaskCreationDate": AT, "TableMappings": '{"a":"ü"}'}
            ]
        },
    ),
]


@pytest.mark.parametrize(("service", "operation", "protocols", "answer"), ANSWERS)
def test_what_is_answered_botocore_reads(
    service: str, operation: str, protocols: list[str], answer: dict[str, Any]
) -> None:
    model = wire.model(service).operation_model(operation)
    for protocol in protocols:
        spoken: Any = {"smithy-rpc-v2-cbor": "cbor"}.get(protocol, protocol)
        written = wire.serialize(spoken, model, answer | {"NotOfTheModel": 1, "NextToken": None}, "r-1")
        headers = {name.lower(): value for name, value in written.headers.items()}
        response = {"status_code": written.status, "headers": headers, "body": written.body}
        read = botocore.parsers.create_parser(protocol).parse(response, model.output_shape)
        read.pop("ResponseMetadata")
        assert read == answer


@pytest.mark.parametrize("protocol", ["json", "query", "ec2", "rest-xml", "smithy-rpc-v2-cbor"])
def test_a_fault_is_read_as_an_error(protocol: str) -> None:
    spoken: Any = {"smithy-rpc-v2-cbor": "cbor"}.get(protocol, protocol)
    fault = Fault("SomeFault", "because <of> & \x00", 404)
    written = wire.serialize_fault(spoken, "dms", fault, "r-1")
    headers = {name.lower(): value for name, value in written.headers.items()}
    response = {"status_code": written.status, "headers": headers, "body": written.body}
    shape = wire.model("dms").operation_model("DescribeEvents").output_shape
    error = botocore.parsers.create_parser(protocol).parse(response, shape)["Error"]
    assert error["Code"] == "SomeFault"
    assert error["Message"].startswith("because <of> & ")
    assert written.status == 404


@pytest.mark.parametrize(
    ("service", "operation", "params", "sentence"),
    [
        ("dms", "CreateReplicationTask", {}, "Missing required parameter"),
        (
            "dms",
            "StartReplicationTask",
            {"ReplicationTaskArn": "a", "StartReplicationTaskType": "x"},
            "enum value set",
        ),
        ("logs", "CreateLogGroup", {"logGroupName": 5}, "Invalid type"),
    ],
)
def test_problems_are_named(service: str, operation: str, params: dict[str, Any], sentence: str) -> None:
    found = wire.problems(params, wire.model(service).operation_model(operation))
    assert any(sentence in line for line in found)


@pytest.mark.parametrize(
    ("protocol", "body"),
    [("json", b"[1]"), ("json", b"{"), ("json", b'{"Filters": "x"}'), ("cbor", b"\xff\xff")],
)
def test_what_cannot_be_read_is_a_fault(protocol: Any, body: bytes) -> None:
    model = wire.model("dms").operation_model("DescribeReplicationTasks")
    with pytest.raises(Fault):
        wire.parse(protocol, model, "", body)
