"""Parameters of a template: what is declared and given → checked values. Called by plan.py and operations.py; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmstui.sandbox.cloudformation.intrinsics import text
from dmstui.sandbox.cloudformation.template import TemplateError

SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>\Z")
PLAIN_TYPES = {
    "String",
    "Number",
    "CommaDelimitedList",
    "List<Number>",
    "List<String>",
    "AWS::SSM::Parameter::Name",
}
AWS_TYPES = {
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id",
    "AWS::Route53::HostedZone::Id",
}
MASK = "****"
MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Lookup:
    """Something that only the account can tell: an SSM parameter's value, or whether an id exists."""

    parameter: str
    type: str
    value: str


def value_type(declared: Mapping[str, Any]) -> str:
    """The type of the value itself: for an SSM parameter what stands in its brackets."""
    match = SSM_VALUE.match(declared["Type"])
    return match[1] if match else str(declared["Type"])


def is_ssm(declared: Mapping[str, Any]) -> bool:
    """Whether the given value is the name of an SSM parameter."""
    return SSM_VALUE.match(declared["Type"]) is not None


def is_list(kind: str) -> bool:
    """Whether Ref gives a list."""
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def no_echo(declared: Mapping[str, Any]) -> bool:
    """Whether describing the stack shows `MASK`."""
    return text(declared.get("NoEcho", False)).lower() == "true"


def check_types(declarations: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse types that CloudFormation does not know."""
    for name, declared in declarations.items():
        kind = value_type(declared)
        inner = kind[5:-1] if kind.startswith("List<") else kind
        if kind not in PLAIN_TYPES and inner not in AWS_TYPES:
            raise TemplateError(
                f"Template format error: Unrecognized parameter type: {declared['Type']} for parameter {name}"
            )


def effective(
    declarations: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, str],
    previous: Mapping[str, str],
    use_previous: set[str],
) -> dict[str, str]:
    """Every parameter's raw value: given, else the previous one where asked for, else the default. Checked.

    `given` and `previous` are by parameter name. `TemplateError` with CloudFormation's sentences.
    """
    unknown = [name for name in [*given, *use_previous] if name not in declarations]
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    check_types(declarations)
    values: dict[str, str] = {}
    missing = []
    for name, declared in declarations.items():
        if name in given:
            values[name] = given[name]
        elif name in use_previous and name in previous:
            values[name] = previous[name]
        elif "Default" in declared:
            default = declared["Default"]
            values[name] = ",".join(map(text, default)) if isinstance(default, list) else text(default)
        else:
            missing.append(name)
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        if not is_ssm(declarations[name]):
            check(name, declarations[name], value)
    return values


def check(name: str, declared: Mapping[str, Any], value: str) -> None:
    """Refuse a value that breaks its parameter's constraints."""
    if len(value) > MAX_LENGTH:
        raise TemplateError(f"Parameter '{name}' must have at most {MAX_LENGTH} characters")
    kind = value_type(declared)
    for item in split(value) if is_list(kind) else [value]:
        _check_item(name, declared, kind, item)


def _check_item(name: str, declared: Mapping[str, Any], kind: str, value: str) -> None:
    described = declared.get("ConstraintDescription")

    def refuse(sentence: str) -> TemplateError:
        if described:
            return TemplateError(f"Parameter {name} failed to satisfy constraint: {described}")
        return TemplateError(f"Parameter '{name}' {sentence}")

    if kind in {"Number", "List<Number>"}:
        try:
            number = float(value)
        except ValueError:
            raise TemplateError(f"Parameter '{name}' must be a number.") from None
        if "MinValue" in declared and number < float(declared["MinValue"]):
            raise refuse(f"must be a number not less than {text(declared['MinValue'])}")
        if "MaxValue" in declared and number > float(declared["MaxValue"]):
            raise refuse(f"must be a number not greater than {text(declared['MaxValue'])}")
    allowed = declared.get("AllowedValues")
    if allowed is not None and value not in [text(item) for item in allowed]:
        raise refuse("must be one of AllowedValues")
    if "MinLength" in declared and len(value) < int(declared["MinLength"]):
        raise refuse(f"must contain at least {text(declared['MinLength'])} characters")
    if "MaxLength" in declared and len(value) > int(declared["MaxLength"]):
        raise refuse(f"must contain at most {text(declared['MaxLength'])} characters")
    pattern = declared.get("AllowedPattern")
    if pattern is not None and not _matches(name, str(pattern), value):
        raise refuse(f"must match pattern {pattern}")


def _matches(name: str, pattern: str, value: str) -> bool:
    # Java's expressions are close to Python's; its possessive forms and classes are the exception.
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error as error:
        raise TemplateError(
            f"Template error: AllowedPattern of parameter {name} is not a regular expression: {error}"
        ) from None


def split(value: str) -> list[str]:
    """A comma-delimited list's items, blanks around them gone."""
    return [item.strip() for item in value.split(",")] if value else []


def lookups(declarations: Mapping[str, Mapping[str, Any]], values: Mapping[str, str]) -> list[Lookup]:
    """What has to be asked of the account: SSM parameters' values and the existence of ids."""
    asked = []
    for name, value in values.items():
        declared = declarations[name]
        kind = value_type(declared)
        if is_ssm(declared) or declared["Type"] == "AWS::SSM::Parameter::Name":
            asked.append(Lookup(name, str(declared["Type"]), value))
        else:
            inner = kind[5:-1] if kind.startswith("List<") else kind
            if inner in AWS_TYPES:
                asked += [Lookup(name, inner, item) for item in (split(value) if is_list(kind) else [value])]
    return asked


def scope_values(
    declarations: Mapping[str, Mapping[str, Any]], values: Mapping[str, str], resolved: Mapping[str, str]
) -> dict[str, Any]:
    """What Ref gives for each parameter: a string or a list; for SSM parameters the looked-up value."""
    found: dict[str, Any] = {}
    for name, declared in declarations.items():
        raw = resolved.get(name, values[name])
        found[name] = split(raw) if is_list(value_type(declared)) else raw
    return found
