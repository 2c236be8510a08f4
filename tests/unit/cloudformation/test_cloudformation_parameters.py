"""Parameters: values taken, looked up and refused."""

from __future__ import annotations

from typing import Any

import pytest

from dmstui.sandbox.cloudformation import parameters
from dmstui.sandbox.cloudformation.parameters import Lookup
from dmstui.sandbox.cloudformation.template import TemplateError

DECLARED: dict[str, dict[str, Any]] = {
    "Name": {"Type": "String", "AllowedPattern": "[a-z]+", "MinLength": 2, "MaxLength": 5},
    "Size": {"Type": "Number", "Default": 20, "MinValue": 10, "MaxValue": 30},
    "Class": {
        "Type": "String",
        "Default": "small",
        "AllowedValues": ["small", "large"],
        "ConstraintDescription": "a size",
    },
    "Items": {"Type": "CommaDelimitedList", "Default": "a, b"},
    "Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/image"},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "subnet-1,subnet-2"},
}


def taken(
    given: dict[str, str], previous: dict[str, str] | None = None, use: set[str] | None = None
) -> dict[str, str]:
    return parameters.effective(DECLARED, given, previous or {}, use or set())


def test_defaults_given_and_previous_values() -> None:
    assert taken({"Name": "abc"})["Size"] == "20"
    assert taken({"Name": "abc", "Size": "25"})["Size"] == "25"
    assert taken({}, {"Name": "old"}, {"Name"})["Name"] == "old"


def test_lists_and_looked_up_values_are_what_ref_gives() -> None:
    values = taken({"Name": "abc"})
    shown = parameters.scope_values(DECLARED, values, {"Image": "ami-1"})
    assert shown["Items"] == ["a", "b"]
    assert shown["Subnets"] == ["subnet-1", "subnet-2"]
    assert shown["Image"] == "ami-1"


def test_what_only_the_account_knows_is_asked_for() -> None:
    assert parameters.lookups(DECLARED, taken({"Name": "abc"})) == [
        Lookup("Image", "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "/image"),
        Lookup("Subnets", "AWS::EC2::Subnet::Id", "subnet-1"),
        Lookup("Subnets", "AWS::EC2::Subnet::Id", "subnet-2"),
    ]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Parameters: [Name] must have values"),
        ({"Name": "abc", "Foo": "1"}, "Parameters: [Foo] do not exist in the template"),
        ({"Name": "ABC"}, "Parameter 'Name' must match pattern [a-z]+"),
        ({"Name": "a"}, "Parameter 'Name' must contain at least 2 characters"),
        ({"Name": "abcdef"}, "Parameter 'Name' must contain at most 5 characters"),
        ({"Name": "abc", "Size": "x"}, "Parameter 'Size' must be a number."),
        ({"Name": "abc", "Size": "5"}, "Parameter 'Size' must be a number not less than 10"),
        ({"Name": "abc", "Size": "31"}, "Parameter 'Size' must be a number not greater than 30"),
        ({"Name": "abc", "Class": "tiny"}, "Parameter Class failed to satisfy constraint: a size"),
    ],
)
def test_values_that_break_constraints_are_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(TemplateError) as refused:
        taken(given)
    assert str(refused.value) == sentence


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(TemplateError, match="Unrecognized parameter type: Foo"):
        parameters.effective({"P": {"Type": "Foo"}}, {"P": "x"}, {}, set())
