"""Intrinsic functions: a table of calls and what they give, and of calls that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from dmstui.sandbox.cloudformation.intrinsics import Scope, conditions, resolve
from dmstui.sandbox.cloudformation.template import TemplateError, load

ATTRIBUTES = {("Db", "Endpoint.Address"): "db.example", ("Vpc", "CidrBlock"): "10.9.0.0/16"}


def exported(name: str) -> str:
    if name != "shared-vpc":
        raise TemplateError(f"No export named {name} found.")
    return "vpc-7"


SCOPE = Scope(
    parameters={"Name": "shop", "Port": "5432", "Zones": ["a", "b"], "Empty": ""},
    pseudo={"AWS::Region": "eu-central-1", "AWS::StackName": "st", "AWS::Partition": "aws"},
    mappings={"Sizes": {"eu-central-1": {"Class": "db.t4g.micro", "List": ["x", "y"]}}},
    conditions={"Big": True, "Tiny": False},
    ref=lambda name: {"Vpc": "vpc-1", "Db": "db-1"}[name],
    attribute=lambda name, attribute: ATTRIBUTES[name, attribute],
    imported=exported,
    zones=lambda region: [f"{region}{letter}" for letter in "abc"],
)

GIVEN = [
    ("!Ref Name", "shop"),
    ("!Ref Zones", ["a", "b"]),
    ("!Ref Vpc", "vpc-1"),
    ("!Ref AWS::Region", "eu-central-1"),
    ("!GetAtt Db.Endpoint.Address", "db.example"),
    ("{'Fn::GetAtt': [Db, !Join ['.', [Endpoint, Address]]]}", "db.example"),
    (
        "!Sub 'arn:${AWS::Partition}:${Vpc}:${Db.Endpoint.Address}:${!Literal}'",
        "arn:aws:vpc-1:db.example:${Literal}",
    ),
    ("!Sub ['${A}/${Name}', {A: !GetAtt Vpc.CidrBlock}]", "10.9.0.0/16/shop"),
    ("!Join ['-', [a, 1, true, !Ref Name]]", "a-1-true-shop"),
    ("!Join [',', !Ref Zones]", "a,b"),
    ("!Select ['1', !Ref Zones]", "b"),
    ("!Select [0, !GetAZs '']", "eu-central-1a"),
    ("!GetAZs us-west-2", ["us-west-2a", "us-west-2b", "us-west-2c"]),
    ("!Split [':', 'a:b:c']", ["a", "b", "c"]),
    ("!Select [4, !Split ['-', 'x-a-b-c-last']]", "last"),
    ("!FindInMap [Sizes, !Ref AWS::Region, Class]", "db.t4g.micro"),
    ("!FindInMap [Sizes, eu-central-1, List]", ["x", "y"]),
    ("!If [Big, a, b]", "a"),
    ("!If [Tiny, a, !If [Big, c, d]]", "c"),
    ("[1, !If [Tiny, 2, !Ref 'AWS::NoValue'], 3]", [1, 3]),
    ("{Keep: 1, Drop: !Ref 'AWS::NoValue'}", {"Keep": 1}),
    ("!Equals [!Ref Port, 5432]", True),
    ("!And [!Condition Big, !Not [!Condition Tiny]]", True),
    ("!Or [!Condition Tiny, !Equals [a, b]]", False),
    ("!ImportValue shared-vpc", "vpc-7"),
    ("!Base64 hello", "aGVsbG8="),
    ("!Cidr [10.9.0.0/16, 3, 8]", ["10.9.0.0/24", "10.9.1.0/24", "10.9.2.0/24"]),
    ("!Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]]", "10.9.1.0/24"),
    ("!Cidr ['fd00::/56', 2, 64]", ["fd00::/64", "fd00:0:0:1::/64"]),
    # A policy's Condition is a member, not the function.
    (
        "{Condition: {Bool: {'aws:SecureTransport': 'false'}}}",
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ),
]


@pytest.mark.parametrize(("text", "value"), GIVEN, ids=[case[0] for case in GIVEN])
def test_functions_give(text: str, value: Any) -> None:
    assert resolve(load(f"X: {text}")["X"], SCOPE) == value


REFUSED = [
    ("!Select [5, [a]]", "Fn::Select cannot select nonexistent value at index 5"),
    ("!Select [0, notalist]", "Fn::Select requires a list argument"),
    ("!Join [',', text]", "every Fn::Join object requires two parameters"),
    ("!Split ['', a]", "every Fn::Split object requires two parameters"),
    ("!Sub ['${Zones}', {}]", "does not resolve to a string"),
    ("!FindInMap [Nope, a, b]", "Mapping named 'Nope' is not present"),
    ("!FindInMap [Sizes, a, b]", "Unable to get mapping for Sizes::a::b"),
    ("!If [Maybe, a, b]", "unresolved condition dependency: Maybe"),
    ("!ImportValue nothing", "No export named nothing found."),
    ("!Cidr [10.9.0.0/24, 3, 8]", "Fn::Cidr cannot divide"),
    ("!Cidr [garden, 3, 8]", "Fn::Cidr cannot divide"),
    ("!Foo x", "unsupported function: Fn::Foo"),
    ("!ToJsonString {a: 1}", "Fn::ToJsonString is not in the sandbox"),
    ("!Length [a]", "Fn::Length is not in the sandbox"),
    ("!And [!Condition Big]", "at least 2 and at most 10"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=[case[0] for case in REFUSED])
def test_functions_refuse(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError) as refused:
        resolve(load(f"X: {text}")["X"], SCOPE)
    assert sentence in str(refused.value)


def test_conditions_refer_to_each_other_in_any_order() -> None:
    declared = load(
        "{A: !Not [!Condition B], B: !Equals [!Ref Name, shop], C: !And [!Condition A, !Condition B]}"
    )
    assert conditions(declared, SCOPE) == {"A": False, "B": True, "C": False}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{A: !Condition B}", "Unresolved condition dependency B"),
        (
            "{A: !Not [!Condition B], B: !Not [!Condition A]}",
            "Circular dependency between conditions: A, B, A",
        ),
        ("{A: !Ref Name}", "every condition must evaluate to a boolean"),
        ("{A: !Equals [!Ref Vpc, x]}", "Vpc cannot be referenced here"),
    ],
)
def test_conditions_that_cannot_be_decided_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError) as refused:
        conditions(load(text), SCOPE)
    assert sentence in str(refused.value)
