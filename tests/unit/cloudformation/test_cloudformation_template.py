"""Templates as text: what is read, and the sentences of what is refused."""

from __future__ import annotations

import json

import pytest

from dmstui.sandbox.cloudformation.template import TemplateError, load, parse

ONE = "Resources: {A: {Type: 'AWS::S3::Bucket'}}"

SHORT_FORMS = [
    ("!Ref A", {"Ref": "A"}),
    ("!GetAtt A.Endpoint.Address", {"Fn::GetAtt": ["A", "Endpoint.Address"]}),
    ("!GetAtt [A, Arn]", {"Fn::GetAtt": ["A", "Arn"]}),
    ("!Sub '${A}-x'", {"Fn::Sub": "${A}-x"}),
    ("!Sub ['${V}', {V: !Ref A}]", {"Fn::Sub": ["${V}", {"V": {"Ref": "A"}}]}),
    ("!Select [0, !GetAZs '']", {"Fn::Select": [0, {"Fn::GetAZs": ""}]}),
    ("!Condition C", {"Condition": "C"}),
    ("!If [C, 1, !Ref 'AWS::NoValue']", {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]}),
]
SCALARS = [
    ("2010-09-09", "2010-09-09"),
    ("012345678901", "012345678901"),
    ("22:22", "22:22"),
    ("0o17", "0o17"),
    ("5432", 5432),
    ("1.5", 1.5),
    ("true", True),
    ("'true'", "true"),
    ("", None),
]


@pytest.mark.parametrize(("text", "value"), SHORT_FORMS)
def test_short_forms_are_spelt_out(text: str, value: object) -> None:
    assert load(f"X: {text}") == {"X": value}


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_are_read_as_cloudformation_reads_them(text: str, value: object) -> None:
    assert load(f"X: {text}") == {"X": value}


def test_keys_stay_names() -> None:
    assert load("'123456789012': {on: 1, 10: 2}") == {"123456789012": {"on": 1, "10": 2}}


def test_json_and_yaml_give_the_same_template() -> None:
    document = {
        "Resources": {
            "A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "AWS::StackName"}}}
        }
    }
    yaml = "Resources:\n  A:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: !Ref AWS::StackName\n"
    assert parse(json.dumps(document)).resources == parse(yaml).resources


REFUSED = [
    ("a: [", "Template format error: YAML not well-formed. (line 1, column 5)"),
    ('{"Resources": ', "Template format error: JSON not well-formed. (line 1, column 15)"),
    ("just text", "Template format error: unsupported structure."),
    ("Resources: {}", "Template format error: At least one Resources member must be defined."),
    (f"{ONE}\nExtra: 1", "Invalid template property or properties [Extra]"),
    (f"AWSTemplateFormatVersion: '2011-01-01'\n{ONE}", "unsupported value for AWSTemplateFormatVersion"),
    (
        f"Transform: AWS::Serverless-2016-10-31\n{ONE}",
        "Transform [AWS::Serverless-2016-10-31] is not in the sandbox",
    ),
    ("Resources: {A: {Properties: {}}}", "[/Resources/A] Every Resources object must contain a Type member."),
    ("Resources: {A: {Type: Bucket}}", "Unrecognized resource types: [Bucket]"),
    ("Resources: {A-B: {Type: 'AWS::S3::Bucket'}}", "Resource name A-B is non alphanumeric."),
    ("Resources: {A: {Type: 'AWS::S3::Bucket', Foo: 1}}", "Invalid template resource property 'Foo'"),
    ("Resources: {A: {Type: 'AWS::S3::Bucket', DeletionPolicy: Keep}}", "Unrecognized DeletionPolicy Keep"),
    ("Resources:\n  A: {Type: 'AWS::S3::Bucket'}\n  A: {Type: 'AWS::S3::Bucket'}", "Duplicate key 'A'"),
    ('{"Resources": {"A": {"Type": "AWS::S3::Bucket", "Type": "AWS::S3::Bucket"}}}', "Duplicate key 'Type'"),
    (f"{ONE}\nMetadata: &m 1\nDescription: *m", "YAML aliases are not allowed"),
    (f"{ONE}\nOutputs: {{O: {{Description: x}}}}", "Output O is malformed"),
    (f"{ONE}\nParameters: {{P: {{Default: x}}}}", "Every Parameters object must contain a Type member."),
    ("Resources: {'Fn::ForEach::X': []}", "Fn::ForEach is not in the sandbox"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_what_is_no_template_is_refused_with_the_known_sentence(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError) as refused:
        parse(text)
    assert sentence in str(refused.value)
