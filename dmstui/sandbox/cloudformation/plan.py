"""A template evaluated as far as possible before its resources exist, and what an update changes.

Called by operations.py, change_sets.py and run.py; pure but for the callbacks of a Scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmstui.sandbox.cloudformation import graph, parameters, types
from dmstui.sandbox.cloudformation.intrinsics import (
    PSEUDO_PARAMETERS,
    Scope,
    UnknownYetError,
    conditions,
    resolve,
    text,
    truth,
)
from dmstui.sandbox.cloudformation.stack import Inputs, ResourceState
from dmstui.sandbox.cloudformation.template import Template, TemplateError, parse

NAMED_IAM = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
IAM_TYPES = {
    *NAMED_IAM,
    "AWS::IAM::AccessKey",
    "AWS::IAM::Policy",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::UserToGroupAddition",
}
MASKED_VALUE = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack lives: what pseudo parameters, GetAZs and ImportValue need."""

    account_id: str
    region: str
    partition: str
    suffix: str
    zones: Mapping[str, tuple[str, ...]]
    exports: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """A template, its parameter values, its conditions decided and the order of its resources."""

    template: Template
    inputs: Inputs
    scope: Scope
    needs: Mapping[str, set[str]]

    @property
    def wanted(self) -> set[str]:
        return set(self.needs)


def make(inputs: Inputs, stack_name: str, stack_id: str, place: Place) -> Plan:
    """Evaluate everything that needs no resource; `TemplateError` for what cannot work."""
    template = parse(inputs.template)
    pseudo: dict[str, Any] = {
        "AWS::AccountId": place.account_id,
        "AWS::NotificationARNs": list(inputs.notification_arns),
        "AWS::Partition": place.partition,
        "AWS::Region": place.region,
        "AWS::StackId": stack_id,
        "AWS::StackName": stack_name,
        "AWS::URLSuffix": place.suffix,
    }
    base = Scope(
        parameters=parameters.scope_values(template.parameters, inputs.parameters, inputs.resolved),
        pseudo=pseudo,
        mappings=template.mappings,
        zones=lambda region: place.zones.get(region) or tuple(f"{region}{letter}" for letter in "abc"),
    )
    graph.check(template)
    check_attributes(template)
    decided = conditions(template.conditions, base)
    _check_rules(template, base, decided)

    def imported(name: str) -> str:
        if name not in place.exports:
            raise TemplateError(f"No export named {name} found.")
        return place.exports[name]

    scope = Scope(base.parameters, pseudo, template.mappings, decided, imported=imported, zones=base.zones)
    needs = graph.dependencies(template, decided)
    if not needs:
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    for name in template.outputs:
        _check_output(template, name, decided)
    return Plan(template, inputs, scope, needs)


def check_statically(template: Template) -> None:
    """What ValidateTemplate looks at: references, attributes and parameter types, without any values."""
    graph.check(template)
    check_attributes(template)
    parameters.check_types(template.parameters)


def _check_output(template: Template, name: str, decided: Mapping[str, bool]) -> None:
    output = template.outputs[name]
    if output.get("Condition") is not None and not decided[output["Condition"]]:
        return
    made = set(graph.active(template, decided))
    absent = [
        target
        for target, _ in graph.references(output["Value"], decided)
        if target in template.resources and target not in made
    ]
    graph.unresolved(absent, "Outputs")


def check_attributes(template: Template) -> None:
    """Refuse a GetAtt of an attribute that the type does not have."""
    for where in [
        *(r.properties for r in template.resources.values()),
        *(o["Value"] for o in template.outputs.values()),
    ]:
        for name, attribute in graph.references(where):
            if not attribute or name in PSEUDO_PARAMETERS or name not in template.resources:
                continue
            kind = types.find(template.resources[name].type)
            known = kind.attributes.split() if kind is not None else ["*"]
            if "*" not in known and attribute not in known:
                raise TemplateError(
                    f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
                )


def _check_rules(template: Template, base: Scope, decided: Mapping[str, bool]) -> None:
    """Rules: assertions about parameters. Of the functions that only rules have, the three on sets are done here."""
    scope = Scope(base.parameters, base.pseudo, base.mappings, decided, zones=base.zones)
    for name, rule in template.rules.items():
        if "RuleCondition" in rule and not truth(_rule(rule["RuleCondition"], scope)):
            continue
        for assertion in rule.get("Assertions", []):
            if not truth(_rule(assertion.get("Assert"), scope)):
                described = assertion.get("AssertDescription", "")
                raise TemplateError(f"Rules: {name}: {described or 'an assertion does not hold'}")


def _rule(value: Any, scope: Scope) -> Any:
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, argument),) = value.items()
        if name in {"Fn::Contains", "Fn::EachMemberIn", "Fn::EachMemberEquals"}:
            left, right = (_rule(item, scope) for item in argument)
            if name == "Fn::Contains":
                return text(right) in map(text, left)
            if name == "Fn::EachMemberIn":
                return set(map(text, left)) <= set(map(text, right))
            return all(text(item) == text(right) for item in left)
        if name in {"Fn::ValueOf", "Fn::ValueOfAll", "Fn::RefAll"}:
            raise TemplateError(f"{name} is not in the sandbox.")
        if name in {"Fn::Not", "Fn::And", "Fn::Or", "Fn::Equals"}:
            items = [_rule(item, scope) for item in argument]
            if name == "Fn::Not":
                return not truth(items[0])
            if name == "Fn::Equals":
                return text(items[0]) == text(items[1])
            return all(map(truth, items)) if name == "Fn::And" else any(map(truth, items))
    return resolve(value, scope)


def capabilities_needed(template: Template) -> tuple[list[str], list[str]]:
    """The capabilities a template asks for, and the types that do."""
    kinds = sorted({resource.type for resource in template.resources.values() if resource.type in IAM_TYPES})
    if not kinds:
        return [], []
    named = any(
        NAMED_IAM.get(resource.type, "") in resource.properties
        for resource in template.resources.values()
        if resource.type in NAMED_IAM
    )
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"], kinds


def capabilities_missing(template: Template, given: list[str]) -> list[str]:
    """The capabilities that are asked for and not given; the named one covers the other."""
    needed, _ = capabilities_needed(template)
    held = set(given)
    if "CAPABILITY_NAMED_IAM" in held:
        held.add("CAPABILITY_IAM")
    return [name for name in needed if name not in held]


def resource_scope(plan: Plan, resources: Mapping[str, ResourceState]) -> Scope:
    """The plan's scope with Ref and GetAtt answered from `resources`; `UnknownYetError` for what is not there."""

    def ref(name: str) -> Any:
        state = resources.get(name)
        if name not in plan.template.resources:
            graph.unresolved([name], "Resources")
        if state is None or state.physical_id is None:
            raise UnknownYetError(name)
        return state.values.get("Ref", state.physical_id)

    def attribute(name: str, attribute: str) -> Any:
        state = resources.get(name)
        if state is None or state.physical_id is None:
            raise UnknownYetError(name)
        found = _attribute(state.values, attribute)
        if found is None:
            raise TemplateError(
                f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
            )
        return found

    scope = plan.scope
    return Scope(
        scope.parameters,
        scope.pseudo,
        scope.mappings,
        scope.conditions,
        ref,
        attribute,
        scope.imported,
        scope.zones,
    )


def _attribute(values: Mapping[str, Any], attribute: str) -> Any:
    if attribute in values:
        return values[attribute]
    found: Any = values
    for part in attribute.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """What an update or a change set does to one resource."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: str | None = None
    properties: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    policy_action: str | None = None
    attributes_only: bool = False


def changes(
    plan: Plan, resources: Mapping[str, ResourceState], old_tags: Mapping[str, str] | None = None
) -> list[Change]:
    """The difference between a stack's resources and a plan, in the plan's order; removals last."""
    # A replaced or changed resource may give other values: what refers to it is looked at as not yet known.
    moving: dict[str, ResourceState] = dict(resources)
    found: list[Change] = []
    for name in graph.order(plan.needs):
        wanted = plan.template.resources[name]
        state = resources.get(name)
        if state is None or not state.exists:
            found.append(Change("Add", name, wanted.type))
            moving.pop(name, None)
            continue
        change = _modified(plan, wanted.properties, wanted.type, state, moving)
        if change is not None:
            found.append(change)
            if change.replacement != "False":
                moving.pop(name, None)
        elif old_tags is not None and old_tags != plan.inputs.tags and types.takes_tags(wanted.type):
            found.append(Change("Modify", name, wanted.type, state.physical_id, "False", ("Tags",)))
    for name, state in resources.items():
        if name not in plan.wanted and state.exists:
            keep = state.deletion_policy or "Delete"
            found.append(Change("Remove", name, state.type, state.physical_id, policy_action=keep))
    return found


def _modified(
    plan: Plan,
    wanted: Mapping[str, Any],
    kind: str,
    state: ResourceState,
    moving: Mapping[str, ResourceState],
) -> Change | None:
    if state.type != kind:
        raise TemplateError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{state.logical_id}]"
        )
    scope = resource_scope(plan, moving)
    new: dict[str, Any] = {}
    dynamic = []
    for key, value in wanted.items():
        try:
            resolved = resolve({key: value}, scope)
        except UnknownYetError:
            dynamic.append(key)
            continue
        new.update(resolved)
    names = [
        key for key in {*state.properties, *new} - set(dynamic) if state.properties.get(key) != new.get(key)
    ]
    if not names and not dynamic:
        return None
    provisioner = types.find(kind)
    fixed: list[str] = []
    if provisioner is not None:
        merged = {**new, **{key: state.properties.get(key) for key in dynamic}}
        fixed = provisioner.replaced_by(state.properties, merged)
    conditional = provisioner is not None and any(key in provisioner.fixed.split() for key in dynamic)
    replacement = "True" if fixed else "Conditional" if conditional else "False"
    return Change(
        "Modify",
        state.logical_id,
        kind,
        state.physical_id,
        replacement,
        tuple(sorted([*names, *dynamic])),
        tuple(fixed),
        tuple(dynamic),
    )
