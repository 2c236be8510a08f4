"""Reading a template: JSON or YAML text in, a checked `Template` out. Called by operations.py; pure.

The sentences are those CloudFormation answers with, so that what somebody searches for is found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

BODY_LIMIT = 51_200
URL_LIMIT = 1_048_576
MAX_PARAMETERS = 200
MAX_RESOURCES = 500
MAX_OUTPUTS = 200

SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
    "Hooks",
}
RESOURCE_MEMBERS = {
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Metadata",
    "Version",
}
PARAMETER_MEMBERS = {
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "Description",
    "MaxLength",
    "MinLength",
    "MaxValue",
    "MinValue",
    "NoEcho",
}
DELETION_POLICIES = {"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}
ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+\Z")
TYPE_NAME = re.compile(r"(AWS|Alexa|Custom|[A-Za-z0-9]{2,64})(::[A-Za-z0-9_@-]{1,64}){1,3}\Z")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")


class TemplateError(Exception):
    """The template is refused; the text is the message of the ValidationError."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of Resources, unresolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str | None = None
    replace_policy: str | None = None
    creation_policy: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """A template as written: sections by name, nothing evaluated."""

    text: str
    resources: Mapping[str, Resource]
    description: str | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metadata: Any = None


@lru_cache(maxsize=64)
def parse(text: str) -> Template:
    """The template in `text`; `TemplateError` with CloudFormation's sentence when it is not one.

    Kept, because describing a stack asks for it each time: nobody changes what it gives.
    """
    document = load(text)
    if not isinstance(document, dict):
        raise TemplateError("Template format error: unsupported structure.")
    unknown = [name for name in document if name not in SECTIONS]
    if unknown:
        raise TemplateError(f"Invalid template property or properties [{', '.join(map(str, unknown))}]")
    version = document.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != "2010-09-09":
        raise TemplateError("Template format error: unsupported value for AWSTemplateFormatVersion.")
    if document.get("Transform"):
        names = document["Transform"]
        shown = ", ".join(map(str, names if isinstance(names, list) else [names]))
        raise TemplateError(
            f"Transform [{shown}] is not in the sandbox: macros and language extensions are not run here."
        )
    if document.get("Hooks"):
        raise TemplateError("The Hooks section is not in the sandbox.")
    description = document.get("Description")
    if description is not None and not isinstance(description, str):
        raise TemplateError("Template format error: Description must be a string.")
    parameters = _section(document, "Parameters", MAX_PARAMETERS)
    outputs = _section(document, "Outputs", MAX_OUTPUTS)
    resources = _section(document, "Resources", MAX_RESOURCES)
    if not resources:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for name, declared in parameters.items():
        _check_parameter(name, declared)
    for name, output in outputs.items():
        _check_output(name, output)
    return Template(
        text=text,
        description=description,
        parameters=parameters,
        mappings=_mappings(_section(document, "Mappings")),
        conditions=_section(document, "Conditions"),
        rules=_section(document, "Rules"),
        resources={name: _resource(name, body) for name, body in resources.items()},
        outputs=outputs,
        metadata=document.get("Metadata"),
    )


def load(text: str) -> Any:
    """The document in JSON or YAML `text` with short forms spelt out; duplicate keys are refused."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_unique)
        except json.JSONDecodeError as error:
            # A YAML flow mapping also opens with a brace.
            try:
                return _load_yaml(text)
            except TemplateError:
                raise TemplateError(
                    f"Template format error: JSON not well-formed. (line {error.lineno}, column {error.colno})"
                ) from None
    return _load_yaml(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise TemplateError(f"Template format error: JSON not well-formed. Duplicate key '{key}'")
        found[key] = value
    return found


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: no dates, no octal or base-60 numbers, no aliases, short forms of functions."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise TemplateError(
                "Template format error: YAML aliases are not allowed in CloudFormation templates"
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise TemplateError(f"Template format error: YAML not well-formed. ({_place(key)})")
            if key.value in seen:
                raise TemplateError(
                    f"Template format error: YAML not well-formed. Duplicate key '{key.value}' ({_place(key)})"
                )
            seen.add(key.value)
        # Keys are names, also those that look like numbers or booleans (account ids, `on`).
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":bool", ":null"))]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    """``!Sub x`` → ``{"Fn::Sub": x}``."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        logical_id, _, attribute = value.partition(".")
        value = [logical_id, attribute]
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def _construct_map(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)


def _load_yaml(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise TemplateError(f"Template format error: YAML not well-formed.{place}") from None
    except yaml.YAMLError as error:
        raise TemplateError(f"Template format error: YAML not well-formed. {error}") from None
    finally:
        loader.dispose()


def _place(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}, column {node.start_mark.column + 1}"


def _section(document: Mapping[str, Any], name: str, limit: int | None = None) -> dict[str, Any]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise TemplateError(f"Template format error: {name} must be a map.")
    if limit is not None and len(section) > limit:
        raise TemplateError(
            f"Template format error: Number of {name.lower()}, {len(section)}, is greater than maximum allowed, {limit}"
        )
    for key in section:
        if str(key).startswith("Fn::ForEach"):
            raise TemplateError(
                "Fn::ForEach is not in the sandbox: it needs Transform AWS::LanguageExtensions."
            )
        if name != "Mappings" and not ALPHANUMERIC.match(str(key)):
            raise TemplateError(f"Template format error: {name.rstrip('s')} name {key} is non alphanumeric.")
    return section


def _mappings(section: dict[str, Any]) -> dict[str, Any]:
    for name, body in section.items():
        if not isinstance(body, dict) or not all(isinstance(second, dict) for second in body.values()):
            raise TemplateError(
                f"Template format error: Every Mappings attribute must be a map of maps: {name}"
            )
    return section


def _check_parameter(name: str, declared: Any) -> None:
    if not isinstance(declared, dict):
        raise TemplateError(f"Template format error: Every Parameters object must be a map: {name}")
    unknown = set(declared) - PARAMETER_MEMBERS
    if unknown:
        raise TemplateError(f"Invalid template parameter property '{sorted(unknown)[0]}'")
    if not isinstance(declared.get("Type"), str):
        raise TemplateError("Template format error: Every Parameters object must contain a Type member.")


def _check_output(name: str, output: Any) -> None:
    if not isinstance(output, dict) or "Value" not in output:
        raise TemplateError(
            f"Template format error: Output {name} is malformed. Every Outputs member must contain a Value object"
        )
    unknown = set(output) - {"Value", "Description", "Export", "Condition"}
    if unknown:
        raise TemplateError(
            f"Template format error: Output {name} is malformed. Unknown member {sorted(unknown)[0]}"
        )


def _resource(name: str, body: Any) -> Resource:
    if not isinstance(body, dict):
        raise TemplateError(
            f"Template format error: [/Resources/{name}] Every Resources object must be a map."
        )
    unknown = set(body) - RESOURCE_MEMBERS
    if unknown:
        raise TemplateError(f"Invalid template resource property '{sorted(unknown)[0]}'")
    kind = body.get("Type")
    if not isinstance(kind, str):
        raise TemplateError(
            f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        )
    if not TYPE_NAME.match(kind):
        raise TemplateError(f"Template format error: Unrecognized resource types: [{kind}]")
    properties = body.get("Properties")
    if properties is not None and not isinstance(properties, dict):
        raise TemplateError(
            f"Template format error: [/Resources/{name}/Properties] Properties must be an object."
        )
    depends_on = body.get("DependsOn") or []
    if isinstance(depends_on, str):
        depends_on = [depends_on]
    if not isinstance(depends_on, list) or not all(isinstance(item, str) for item in depends_on):
        raise TemplateError("Template format error: DependsOn must be a string or list of strings.")
    condition = body.get("Condition")
    if condition is not None and not isinstance(condition, str):
        raise TemplateError(
            f"Template format error: [/Resources/{name}] Every Condition member must be a string."
        )
    for member in ("DeletionPolicy", "UpdateReplacePolicy"):
        policy = body.get(member)
        if policy is not None and not isinstance(policy, str):
            raise TemplateError(f"Template format error: Every {member} member must be a string.")
        if policy is not None and policy not in DELETION_POLICIES:
            raise TemplateError(f"Template format error: Unrecognized {member} {policy} for resource {name}")
    creation = body.get("CreationPolicy")
    if creation is not None and not isinstance(creation, dict):
        raise TemplateError(
            f"Template format error: [/Resources/{name}/CreationPolicy] CreationPolicy must be an object."
        )
    return Resource(
        logical_id=name,
        type=kind,
        properties=properties or {},
        depends_on=tuple(depends_on),
        condition=condition,
        deletion_policy=body.get("DeletionPolicy"),
        replace_policy=body.get("UpdateReplacePolicy"),
        creation_policy=creation,
        metadata=body.get("Metadata") or {},
    )
