"""What an update changes, which capabilities a template needs, and what its types check."""

from __future__ import annotations

from typing import Any

import pytest

from dmstui.sandbox.cloudformation import plan, types
from dmstui.sandbox.cloudformation.change_sets import shown_change
from dmstui.sandbox.cloudformation.dynamic import Reference, found_in, replace
from dmstui.sandbox.cloudformation.dynamic import parse as parse_reference
from dmstui.sandbox.cloudformation.plan import Place
from dmstui.sandbox.cloudformation.stack import Inputs, ResourceState
from dmstui.sandbox.cloudformation.template import TemplateError, parse
from dmstui.sandbox.cloudformation.types.base import (
    RefusalError,
    handler_error,
    merge_tags,
    shape_value,
    split_tags,
)

PLACE = Place("123456789012", "us-east-1", "aws", "amazonaws.com", {}, {})
STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/st/1"


def made(text: str, **inputs: Any) -> plan.Plan:
    return plan.make(Inputs(template=text, **inputs), "st", STACK_ID, PLACE)


def state(name: str, kind: str, properties: dict[str, Any], **values: Any) -> ResourceState:
    return ResourceState(name, kind, "CREATE_COMPLETE", None, f"{name.lower()}-1", properties, values)


VPC = state("Vpc", "AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"}, CidrBlock="10.0.0.0/16")
SUBNET = state("Net", "AWS::EC2::Subnet", {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"})
BUCKET = state("Old", "AWS::S3::Bucket", {})
HAVE = {"Vpc": VPC, "Net": SUBNET, "Old": BUCKET}


def changes(text: str) -> dict[str, tuple[str, str | None]]:
    return {item.logical_id: (item.action, item.replacement) for item in plan.changes(made(text), HAVE)}


SAME = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Net: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}
  Old: {Type: AWS::S3::Bucket}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SAME, {}),
        (SAME.replace("Old", "New"), {"New": ("Add", None), "Old": ("Remove", None)}),
        (
            SAME.replace("CidrBlock: 10.0.0.0/16}", "CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true}"),
            {"Vpc": ("Modify", "False")},
        ),
        # Another VPC is another id: what lives in it may be replaced too.
        (
            SAME.replace("10.0.0.0/16", "10.1.0.0/16"),
            {"Vpc": ("Modify", "True"), "Net": ("Modify", "Conditional")},
        ),
    ],
)
def test_an_update_changes(text: str, expected: dict[str, Any]) -> None:
    found = changes(text)
    assert found == expected


def test_a_change_is_shown_as_describe_change_set_shows_it() -> None:
    [vpc, net] = plan.changes(made(SAME.replace("10.0.0.0/16", "10.1.0.0/16")), HAVE)
    shown = shown_change(vpc)["ResourceChange"]
    assert (shown["Action"], shown["Replacement"], shown["Scope"]) == ("Modify", "True", ["Properties"])
    assert shown["Details"][0]["Target"] == {
        "Attribute": "Properties",
        "Name": "CidrBlock",
        "RequiresRecreation": "Always",
    }
    [detail] = shown_change(net)["ResourceChange"]["Details"]
    assert (detail["Evaluation"], detail["Target"]["Name"]) == ("Dynamic", "VpcId")


def test_another_type_under_the_same_name_is_refused() -> None:
    with pytest.raises(TemplateError, match="Update of resource type is not permitted"):
        changes(SAME.replace("Old: {Type: AWS::S3::Bucket}", "Old: {Type: AWS::SNS::Topic}"))


@pytest.mark.parametrize(
    ("properties", "given", "missing"),
    [
        ("{}", [], ["CAPABILITY_IAM"]),
        ("{}", ["CAPABILITY_NAMED_IAM"], []),
        ("{RoleName: x}", ["CAPABILITY_IAM"], ["CAPABILITY_NAMED_IAM"]),
        ("{RoleName: x}", ["CAPABILITY_NAMED_IAM"], []),
    ],
)
def test_capabilities(properties: str, given: list[str], missing: list[str]) -> None:
    template = parse(f"Resources: {{R: {{Type: AWS::IAM::Role, Properties: {properties}}}}}")
    assert plan.capabilities_missing(template, given) == missing


def test_an_attribute_that_a_type_lacks_is_refused() -> None:
    text = "Resources: {B: {Type: AWS::S3::Bucket}}\nOutputs: {O: {Value: !GetAtt B.Colour}}"
    with pytest.raises(
        TemplateError, match="resource B does not support attribute type Colour in Fn::GetAtt"
    ):
        made(text)


def test_rules_hold_back_what_does_not_fit() -> None:
    text = """
Parameters: {Env: {Type: String}, Class: {Type: String}}
Rules:
  Big:
    RuleCondition: !Equals [!Ref Env, prod]
    Assertions: [{Assert: {'Fn::Contains': [[large, huge], !Ref Class]}, AssertDescription: prod is large}]
Resources: {B: {Type: AWS::S3::Bucket}}
"""
    assert made(text, parameters={"Env": "test", "Class": "small"}).wanted == {"B"}
    with pytest.raises(TemplateError, match="prod is large"):
        made(text, parameters={"Env": "prod", "Class": "small"})


@pytest.mark.parametrize(
    ("kind", "properties", "sentence"),
    [
        ("AWS::EC2::Subnet", {"CidrBlock": "x"}, "required key [VpcId] not found"),
        ("AWS::EC2::Subnet", {"VpcId": "x", "Colour": 1}, "extraneous key [Colour] is not permitted"),
        (
            "AWS::S3::Bucket",
            {"ReplicationConfiguration": {}},
            "Property ReplicationConfiguration of AWS::S3::Bucket is not in the sandbox.",
        ),
        ("AWS::RDS::DBInstance", {"Engine": "postgres"}, "required key [DBInstanceClass] not found"),
        ("Custom::Anything", {"Any": 1}, "required key [ServiceToken] not found"),
        ("Custom::Anything", {"ServiceToken": "x", "ServiceTimeout": 4000}, "ServiceTimeout"),
    ],
)
def test_properties_are_never_dropped_in_silence(
    kind: str, properties: dict[str, Any], sentence: str
) -> None:
    found = types.find(kind)
    assert found is not None
    with pytest.raises(RefusalError) as refused:
        found.check(properties, "X")
    assert sentence in refused.value.reason


def test_the_types_say_what_they_are() -> None:
    assert types.find("AWS::GameLift::Fleet") is None
    for name in types.names():
        kind = types.find(name)
        assert kind is not None
        lists = [set(words.split()) for words in (kind.fixed, kind.mutable, kind.absent)]
        assert not (lists[0] & lists[1] | lists[1] & lists[2] | lists[0] & lists[2]), name


@pytest.mark.parametrize(
    ("service", "rest", "reference"),
    [
        ("ssm", "/a/b", Reference("ssm", "/a/b")),
        ("ssm", "/a/b:3", Reference("ssm", "/a/b", version="3")),
        ("secretsmanager", "s:SecretString:password", Reference("secretsmanager", "s", "password")),
        ("secretsmanager", "s", Reference("secretsmanager", "s")),
        (
            "secretsmanager",
            "arn:aws:secretsmanager:us-east-1:1:secret:n-x:SecretString:user:AWSCURRENT",
            Reference(
                "secretsmanager", "arn:aws:secretsmanager:us-east-1:1:secret:n-x", "user", "AWSCURRENT"
            ),
        ),
    ],
)
def test_dynamic_references(service: str, rest: str, reference: Reference) -> None:
    assert parse_reference(service, rest) == reference


def test_dynamic_references_are_found_and_replaced_anywhere() -> None:
    one, two = "{{resolve:ssm:/a}}", "{{resolve:secretsmanager:s:SecretString:p}}"
    value = {"A": [f"x{one}y", {"B": two}], "C": 1}
    assert sorted(found_in(value)) == sorted([one, two])
    assert replace(value, {one: "1", two: "2"}) == {"A": ["x1y", {"B": "2"}], "C": 1}


def test_tags_of_the_resource_win_over_those_of_the_stack() -> None:
    merged = merge_tags({"a": "1", "b": "2"}, [{"Key": "b", "Value": 3}])
    assert merged == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}]
    assert split_tags(merged, [{"Key": "b", "Value": "4"}]) == ([{"Key": "b", "Value": "4"}], ["a"])


@pytest.mark.parametrize(
    ("code", "handler"),
    [
        ("ResourceAlreadyExistsFault", "AlreadyExists"),
        ("ResourceNotFoundFault", "NotFound"),
        ("InvalidResourceStateFault", "ResourceConflict"),
        ("InvalidParameterValue", "InvalidRequest"),
        ("BucketNotEmpty", "GeneralServiceException"),
    ],
)
def test_service_errors_become_handler_errors(code: str, handler: str) -> None:
    assert handler_error(code) == handler


def test_values_take_the_form_the_api_wants() -> None:
    import botocore.session

    model = (
        botocore.session.get_session().get_service_model("dms").operation_model("CreateEndpoint").input_shape
    )
    given = {
        "EndpointType": "source",
        "Port": "5432",
        "PostgreSqlSettings": {"HeartbeatEnable": "true", "ExecuteTimeout": "60"},
        "Unheard": 1,
    }
    assert shape_value(model, given) == {
        "EndpointType": "source",
        "Port": 5432,
        "PostgreSQLSettings": {"HeartbeatEnable": True, "ExecuteTimeout": 60},
        "Unheard": 1,
    }
