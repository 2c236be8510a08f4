"""What depends on what in a template, and CloudFormation's complaints where that cannot be. Called by plan.py; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from dmstui.sandbox.cloudformation.intrinsics import (
    PSEUDO_PARAMETERS,
    VARIABLE,
    attribute_of,
    function_name,
    sub_parts,
)
from dmstui.sandbox.cloudformation.template import Template, TemplateError


def references(value: Any, conditions: Mapping[str, bool] | None = None) -> Iterator[tuple[str, str | None]]:
    """Every ``(name, attribute or None)`` that `value` refers to: Ref, GetAtt and the variables of Sub.

    With `conditions` decided only the branch of an If that is taken counts; without, both do.
    """
    if isinstance(value, Mapping):
        name = function_name(value)
        if name is None:
            for item in value.values():
                yield from references(item, conditions)
        else:
            yield from _of_function(name, value[name], conditions)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from references(item, conditions)


def _of_function(
    name: str, argument: Any, conditions: Mapping[str, bool] | None
) -> Iterator[tuple[str, str | None]]:
    if name == "Ref":
        if isinstance(argument, str):
            yield argument, None
    elif name == "Fn::GetAtt":
        logical_id, attribute = attribute_of(argument)
        yield logical_id, attribute if isinstance(attribute, str) else ""
        yield from references(attribute, conditions)
    elif name == "Fn::Sub":
        template, variables = sub_parts(argument)
        yield from references(variables, conditions)
        for match in VARIABLE.finditer(template):
            variable = match[1].strip()
            if not variable or variable.startswith("!") or variable in variables:
                continue
            logical_id, dot, attribute = variable.partition(".")
            yield (logical_id, attribute) if dot else (variable, None)
    elif name == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
        if conditions is not None and argument[0] in conditions:
            yield from references(argument[1 if conditions[argument[0]] else 2], conditions)
        else:
            yield from references(argument[1:], conditions)
    else:
        yield from references(argument, conditions)


def condition_names(value: Any) -> Iterator[str]:
    """Every condition that an If or Condition function inside `value` names."""
    if isinstance(value, Mapping):
        name = function_name(value)
        if name == "Condition":
            yield value[name]
        elif (
            name == "Fn::If"
            and isinstance(value[name], list)
            and value[name]
            and isinstance(value[name][0], str)
        ):
            yield value[name][0]
        for item in value.values():
            yield from condition_names(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from condition_names(item)


def check(template: Template) -> None:
    """Refuse references to what the template does not have, and circles, before anything is made."""
    known = set(template.parameters) | set(PSEUDO_PARAMETERS) | set(template.resources)
    missing: list[str] = []
    for resource in template.resources.values():
        for name, attribute in references(resource.properties):
            if attribute is not None and name not in template.resources:
                raise TemplateError(
                    f"Template error: instance of Fn::GetAtt references undefined resource {name}"
                )
            if name not in known:
                missing.append(name)
        missing += [name for name in resource.depends_on if name not in template.resources]
        _check_conditions(template, resource.logical_id, resource.condition, resource.properties)
    unresolved(missing, "Resources")
    for name, output in template.outputs.items():
        for target, attribute in references(
            {key: item for key, item in output.items() if key != "Condition"}
        ):
            if attribute is not None and target not in template.resources:
                raise TemplateError(
                    f"Template error: instance of Fn::GetAtt references undefined resource {target}"
                )
            if target not in known:
                missing.append(target)
        _check_conditions(template, name, output.get("Condition"), output.get("Value"))
    unresolved(missing, "Outputs")
    order(dependencies(template, None))


def unresolved(names: Iterable[str], block: str) -> None:
    """Refuse `names` that refer to nothing in a section of the template, if there are any."""
    names = list(dict.fromkeys(names))
    if names:
        shown = ", ".join(names)
        raise TemplateError(
            f"Template format error: Unresolved resource dependencies [{shown}] in the {block} block of the template"
        )


def _check_conditions(template: Template, where: str, own: Any, value: Any) -> None:
    names = list(condition_names(value))
    if own is not None:
        names.append(own)
    for name in names:
        if name not in template.conditions:
            raise TemplateError(f"Template format error: Unresolved condition dependency {name} in {where}")


def active(template: Template, conditions: Mapping[str, bool]) -> list[str]:
    """The resources whose condition holds."""
    return [
        name
        for name, resource in template.resources.items()
        if resource.condition is None or conditions[resource.condition]
    ]


def dependencies(template: Template, conditions: Mapping[str, bool] | None) -> dict[str, set[str]]:
    """For each resource those it waits for.

    With `conditions` only what is made counts, and a reference to what is not made is refused.
    """
    made = set(template.resources) if conditions is None else set(active(template, conditions))
    found: dict[str, set[str]] = {}
    for name in template.resources:
        if name not in made:
            continue
        resource = template.resources[name]
        needed = {
            target
            for target, _ in references(resource.properties, conditions)
            if target in template.resources
        }
        absent = [target for target in needed if target not in made]
        unresolved(absent, "Resources")
        # DependsOn on a resource whose condition does not hold is no dependency.
        found[name] = needed | {target for target in resource.depends_on if target in made}
    return found


def order(needs: Mapping[str, Collection[str]]) -> list[str]:
    """The names so that each comes after those it needs; a circle is refused with its members."""
    done: list[str] = []
    placed: set[str] = set()
    waiting = dict(needs)
    while waiting:
        ready = [
            name
            for name, needed in waiting.items()
            if all(item in placed or item not in needs for item in needed)
        ]
        if not ready:
            raise TemplateError(f"Circular dependency between resources: [{', '.join(_circle(waiting))}]")
        done += ready
        placed.update(ready)
        for name in ready:
            del waiting[name]
    return done


def _circle(waiting: Mapping[str, Collection[str]]) -> list[str]:
    """Only the members of the circle, not everything behind it."""
    path: list[str] = []
    name = next(iter(waiting))
    while name not in path:
        path.append(name)
        name = next(item for item in waiting[name] if item in waiting)
    return sorted(path[path.index(name) :])


def reversed_needs(needs: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """The other direction: for each name those that need it (they go first when things are deleted)."""
    found: dict[str, set[str]] = {name: set() for name in needs}
    for name, needed in needs.items():
        for item in needed:
            if item in found:
                found[item].add(name)
    return found
