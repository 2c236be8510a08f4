"""Whether an operation on a stack may begin: its name, its state, and whether anything would change. Pure.

Called by operations.py and change_sets.py.
"""

from __future__ import annotations

from dmstui.sandbox.cloudformation import plan
from dmstui.sandbox.cloudformation.stack import GONE, Stack
from dmstui.sandbox.cloudformation.template import parse
from dmstui.sandbox.service import Fault

UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "UPDATE_FAILED",
    "CREATE_FAILED",
}


def check_name(name: str) -> None:
    """Refuse a stack name that AWS refuses."""
    if not (name[:1].isalpha() and name.isascii() and name.replace("-", "").isalnum() and len(name) <= 128):
        raise Fault(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
        )


def refuse_unless_updatable(stack: Stack) -> None:
    """Refuse an update in the states that do not allow it."""
    if stack.status == GONE:
        raise Fault("ValidationError", f"Stack [{stack.name}] does not exist")
    if stack.status not in UPDATABLE:
        raise Fault("ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def nothing_changes(made: plan.Plan, stack: Stack) -> bool:
    """Whether an update would leave resources, outputs and tags as they are."""
    if plan.changes(made, stack.resources, stack.inputs.tags):
        return False
    old = parse(stack.inputs.template)
    same_outputs = {name: dict(item) for name, item in old.outputs.items()} == {
        name: dict(item) for name, item in made.template.outputs.items()
    }
    same_policies = all(
        (resource.deletion_policy, resource.replace_policy)
        == (made.template.resources[name].deletion_policy, made.template.resources[name].replace_policy)
        for name, resource in old.resources.items()
        if name in made.template.resources
    )
    same_rest = (
        stack.inputs.tags == made.inputs.tags
        and stack.inputs.notification_arns == made.inputs.notification_arns
    )
    same_metadata = all(
        resource.metadata == made.template.resources[name].metadata
        for name, resource in old.resources.items()
        if name in made.template.resources
    )
    values_matter = made.template.outputs and stack.inputs.parameters != made.inputs.parameters
    return same_outputs and same_policies and same_rest and same_metadata and not values_matter
