"""Evaluating intrinsic functions over a `Scope`. Called by run.py, plan.py and operations.py; pure."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dmstui.sandbox.cloudformation.template import TemplateError

VARIABLE = re.compile(r"\$\{([^}]*)\}")
CONDITION_FUNCTIONS = {"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"}
FUNCTIONS = CONDITION_FUNCTIONS | {
    "Ref",
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::FindInMap",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::GetAZs",
}
EXTENSIONS = {"Fn::ToJsonString", "Fn::Length", "Fn::ForEach", "Fn::Transform"}
_JOIN_NEEDS = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings "
    "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
_SPLIT_NEEDS = (
    "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be "
    "split or a function that returns a string to be split."
)
PSEUDO_PARAMETERS = (
    "AWS::AccountId",
    "AWS::NotificationARNs",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
)


class _NoValue:
    """What ``Ref: AWS::NoValue`` gives: the member or element vanishes."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE = _NoValue()


class UnknownYetError(Exception):
    """The value belongs to a resource that does not exist yet (a change set looks ahead)."""


def _no_resource(logical_id: str) -> Any:
    raise TemplateError(f"Template error: {logical_id} cannot be referenced here")


def _no_attribute(logical_id: str, attribute: str) -> Any:
    raise TemplateError(f"Template error: {logical_id}.{attribute} cannot be referenced here")


def _no_import(name: str) -> Any:
    raise TemplateError(f"No export named {name} found.")


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean while a template is evaluated.

    `parameters` hold strings or lists, `pseudo` the AWS:: names, `conditions` those already decided; `ref`, `attribute`
    and `imported` answer for resources and exports, `zones` for a region's availability zones.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    pseudo: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)
    ref: Callable[[str], Any] = _no_resource
    attribute: Callable[[str, str], Any] = _no_attribute
    imported: Callable[[str], Any] = _no_import
    zones: Callable[[str], Sequence[str]] = lambda _region: ()


def resolve(value: Any, scope: Scope) -> Any:
    """`value` with every function replaced by what it gives; `NO_VALUE` members and elements are gone."""
    if isinstance(value, Mapping):
        name = function_name(value)
        if name is not None:
            return _call(name, value[name], scope)
        resolved = {key: resolve(item, scope) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE and item is not None}
    if isinstance(value, (list, tuple)):
        items = (resolve(item, scope) for item in value)
        return [item for item in items if item is not NO_VALUE]
    return value


def function_name(value: Mapping[str, Any]) -> str | None:
    """The function `value` is a call of, or None for a plain map. An unknown ``Fn::`` is refused."""
    if len(value) != 1:
        return None
    (name,) = value
    if name == "Condition":
        # Policies have members called Condition too: only the form with a name is the function.
        return name if isinstance(value[name], str) else None
    if name in FUNCTIONS:
        return name
    if name in EXTENSIONS:
        raise TemplateError(f"{name} is not in the sandbox: it needs a transform.")
    if isinstance(name, str) and name.startswith("Fn::"):
        raise TemplateError(f"Template error: Encountered unsupported function: {name}")
    return None


def conditions(declared: Mapping[str, Any], scope: Scope) -> dict[str, bool]:
    """Every condition decided; references between conditions in any order."""
    decided: dict[str, bool] = {}
    deciding: list[str] = []

    def decide(name: str) -> bool:
        if name in decided:
            return decided[name]
        if name not in declared:
            raise TemplateError(
                f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
            )
        if name in deciding:
            raise TemplateError(
                f"Template error: Circular dependency between conditions: {', '.join([*deciding, name])}"
            )
        deciding.append(name)
        here = Scope(scope.parameters, scope.pseudo, scope.mappings, _Deciding(decide), zones=scope.zones)
        decided[name] = truth(resolve(declared[name], here))
        deciding.pop()
        return decided[name]

    for name in declared:
        decide(name)
    return decided


class _Deciding(Mapping[str, bool]):
    """Conditions decided when first asked for."""

    def __init__(self, decide: Callable[[str], bool]) -> None:
        self._decide = decide

    def __getitem__(self, name: str) -> bool:
        return self._decide(name)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def truth(value: Any) -> bool:
    """A condition's value as a boolean."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise TemplateError(
        "Template validation error: Template error: every condition must evaluate to a boolean"
    )


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _call(name: str, argument: Any, scope: Scope) -> Any:
    return _TABLE[name](argument, scope)


def _ref(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, str):
        raise TemplateError("Template error: every Ref object must have a single String value.")
    if argument == "AWS::NoValue":
        return NO_VALUE
    if argument in scope.pseudo:
        return scope.pseudo[argument]
    if argument in scope.parameters:
        return scope.parameters[argument]
    return scope.ref(argument)


def _get_att(argument: Any, scope: Scope) -> Any:
    logical_id, attribute = attribute_of(argument)
    attribute = text(resolve(attribute, scope))
    return scope.attribute(logical_id, attribute)


def attribute_of(argument: Any) -> tuple[str, Any]:
    """``[id, attribute]`` or ``"id.attribute"`` → both parts."""
    if isinstance(argument, str) and "." in argument:
        logical_id, _, attribute = argument.partition(".")
        return logical_id, attribute
    if isinstance(argument, list) and len(argument) >= 2 and isinstance(argument[0], str):
        if all(isinstance(part, str) for part in argument[1:]):
            return argument[0], ".".join(argument[1:])
        if len(argument) == 2:
            return argument[0], argument[1]
    raise TemplateError(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, "
        "the resource name and the resource attribute"
    )


def sub_parts(argument: Any) -> tuple[str, Mapping[str, Any]]:
    """The template string and the variables of a Sub."""
    if isinstance(argument, str):
        return argument, {}
    if (
        isinstance(argument, list)
        and len(argument) == 2
        and isinstance(argument[0], str)
        and isinstance(argument[1], dict)
    ):
        return argument[0], argument[1]
    raise TemplateError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
        "Specify a string as first argument, and an optional second argument to specify a mapping of values "
        "to replace in the string"
    )


def _sub(argument: Any, scope: Scope) -> str:
    template, variables = sub_parts(argument)

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        name = name.strip()
        if name in variables:
            value = resolve(variables[name], scope)
        elif "." in name:
            value = _get_att(name, scope)
        else:
            value = _ref(name, scope)
        if isinstance(value, (list, dict)) or value is NO_VALUE:
            raise TemplateError(
                f"Template error: variable {name} in Fn::Sub expression does not resolve to a string"
            )
        return text(value)

    return VARIABLE.sub(replaced, template)


def _join(argument: Any, scope: Scope) -> str:
    if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
        raise TemplateError(_JOIN_NEEDS)
    items = resolve(argument[1], scope)
    if not isinstance(items, list) or any(isinstance(item, (list, dict)) for item in items):
        raise TemplateError(_JOIN_NEEDS)
    return argument[0].join(text(item) for item in items)


def _select(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 2:
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    index, items = resolve(argument[0], scope), resolve(argument[1], scope)
    try:
        position = int(index)
    except (TypeError, ValueError):
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        ) from None
    if not isinstance(items, list):
        raise TemplateError(
            "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
        )
    if not 0 <= position < len(items):
        raise TemplateError(f"Template error: Fn::Select cannot select nonexistent value at index {position}")
    return items[position]


def _split(argument: Any, scope: Scope) -> list[str]:
    if (
        not isinstance(argument, list)
        or len(argument) != 2
        or not isinstance(argument[0], str)
        or not argument[0]
    ):
        raise TemplateError(_SPLIT_NEEDS)
    value = resolve(argument[1], scope)
    if isinstance(value, (list, dict)):
        raise TemplateError(_SPLIT_NEEDS)
    return text(value).split(argument[0])


def _find_in_map(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        raise TemplateError(
            "Template error: every Fn::FindInMap object requires three parameters, "
            "the map name, map key and the attribute for return value"
        )
    names = [text(resolve(part, scope)) for part in argument]
    if names[0] not in scope.mappings:
        raise TemplateError(
            f"Template error: Mapping named '{names[0]}' is not present in the 'Mappings' section of template."
        )
    body = scope.mappings[names[0]]
    if names[1] not in body or names[2] not in body[names[1]]:
        raise TemplateError(f"Template error: Unable to get mapping for {'::'.join(names)}")
    return body[names[1]][names[2]]


def _if(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        raise TemplateError("Template error: Fn::If requires a list argument with three elements")
    return resolve(argument[1] if _condition(argument[0], scope) else argument[2], scope)


def _condition(argument: Any, scope: Scope) -> bool:
    if not isinstance(argument, str) or argument not in scope.conditions:
        raise TemplateError(f"Template error: unresolved condition dependency: {argument}")
    return scope.conditions[argument]


def _and(argument: Any, scope: Scope) -> bool:
    return all(truth(resolve(item, scope)) for item in _operands("Fn::And", argument))


def _or(argument: Any, scope: Scope) -> bool:
    return any(truth(resolve(item, scope)) for item in _operands("Fn::Or", argument))


def _operands(name: str, argument: Any) -> list[Any]:
    if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
        raise TemplateError(
            f"Template error: every {name} object requires a list of at least 2 and at most 10 boolean parameters."
        )
    return argument


def _not(argument: Any, scope: Scope) -> bool:
    if not isinstance(argument, list) or len(argument) != 1:
        raise TemplateError("Template error: every Fn::Not object requires one boolean parameter.")
    return not truth(resolve(argument[0], scope))


def _equals(argument: Any, scope: Scope) -> bool:
    if not isinstance(argument, list) or len(argument) != 2:
        raise TemplateError("Template error: every Fn::Equals object requires a list of 2 string parameters.")
    left, right = (resolve(item, scope) for item in argument)
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return bool(left == right)
    return text(left) == text(right)


def _import_value(argument: Any, scope: Scope) -> Any:
    return scope.imported(text(resolve(argument, scope)))


def _base64(argument: Any, scope: Scope) -> str:
    value = resolve(argument, scope)
    if isinstance(value, (list, dict)):
        raise TemplateError("Template error: every Fn::Base64 object must have a String-typed value.")
    return base64.b64encode(text(value).encode()).decode()


def _cidr(argument: Any, scope: Scope) -> list[str]:
    if not isinstance(argument, list) or not 2 <= len(argument) <= 3:
        raise TemplateError(
            "Template error: every Fn::Cidr object requires two or three parameters: "
            "an IP block, a count and the number of CIDR bits"
        )
    block, count, *bits = (resolve(part, scope) for part in argument)
    try:
        network = ipaddress.ip_network(text(block))
        wanted = int(count)
        # Subnet bits count from the small end: 8 gives /24 in IPv4, 64 gives /64 in IPv6.
        width = int(bits[0]) if bits else (8 if network.version == 4 else 64)
        prefix = network.max_prefixlen - width
        if not 1 <= wanted <= 256 or prefix < network.prefixlen or 2 ** (prefix - network.prefixlen) < wanted:
            raise ValueError
    except (ValueError, TypeError):
        raise TemplateError(
            f"Template error: Fn::Cidr cannot divide {block} into {count} blocks with these CIDR bits"
        ) from None
    base, step = int(network.network_address), 2**width
    kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
    return [f"{kind(base + step * number)}/{prefix}" for number in range(wanted)]


def _get_azs(argument: Any, scope: Scope) -> list[str]:
    region = resolve(argument, scope)
    if isinstance(region, (list, dict)):
        raise TemplateError("Template error: every Fn::GetAZs object must have a String-typed value.")
    return list(scope.zones(text(region) or scope.pseudo.get("AWS::Region", "")))


_TABLE: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Condition": _condition,
    "Fn::And": _and,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Not": _not,
    "Fn::Or": _or,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
}
