"""Parameters read out of a template and the values it would refuse."""

from __future__ import annotations

import pytest

from dmstui.catalog import template_parameters
from dmstui.catalog.template import (
    template_conditional_ids,
    template_logical_ids,
    template_resource_types,
)

TEXT = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Version: {Type: String, Default: "3.6.1", AllowedPattern: '[0-9]+\\.[0-9]+\\.[0-9]+', ConstraintDescription: x.y.z}
  Class: {Type: String, Default: dms.t3.micro, AllowedValues: [dms.t3.micro, dms.t3.medium]}
  Storage: {Type: Number, Default: 20}
  Password: {Type: String, NoEcho: true}
  Public: {Type: String, Default: true}
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${AWS::StackName}-x"}}
  Role: {Type: AWS::IAM::Role, Properties: {A: !GetAtt Bucket.Arn, B: !If [X, {C: 1}, !Ref D]}}
"""
PARAMETERS = {one.name: one for one in template_parameters(TEXT)}


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("Version", "3.5.4", False),
        ("Version", "3.5", True),
        ("Class", "dms.t3.medium", False),
        ("Class", "dms.r5.large", True),
        ("Storage", "50", False),
        ("Storage", "much", True),
        ("Password", "", False),
    ],
)
def test_refusals(name: str, value: str, refused: bool) -> None:
    assert (PARAMETERS[name].refusal(value) is not None) is refused


def test_defaults_and_secrets() -> None:
    assert PARAMETERS["Storage"].default == "20"
    assert PARAMETERS["Public"].default == "true"
    assert PARAMETERS["Password"].default is None
    assert PARAMETERS["Password"].no_echo


def test_resources_are_found_without_evaluating_anything() -> None:
    assert template_logical_ids(TEXT) == {"Bucket", "Role"}
    assert template_resource_types(TEXT)["Role"] == "AWS::IAM::Role"


def test_json_is_read_too_and_a_list_is_no_template() -> None:
    assert template_logical_ids('{"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}') == {"A"}
    with pytest.raises(ValueError, match="mapping"):
        template_parameters("- a\n- b\n")


def test_conditional_resources_are_told_apart() -> None:
    text = "Resources:\n  A: {Type: AWS::S3::Bucket}\n  B: {Type: AWS::S3::Bucket, Condition: Wanted}\n"
    assert template_conditional_ids(text) == {"B"}
    assert template_logical_ids(text) - template_conditional_ids(text) == {"A"}
