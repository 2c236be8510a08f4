"""Change sets: an update or a first creation looked at before it is done. Handlers for operations.py."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dmstui.sandbox.cloudformation import admission, describe, inputs, plan
from dmstui.sandbox.cloudformation.book import Book
from dmstui.sandbox.cloudformation.plan import Change
from dmstui.sandbox.cloudformation.run import Runs
from dmstui.sandbox.cloudformation.stack import ChangeSet, Inputs, Stack
from dmstui.sandbox.cloudformation.template import TemplateError
from dmstui.sandbox.service import Call, Fault

# The words `aws cloudformation deploy` looks for to end without an error.
NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
Raw = Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any]]]


class ChangeSets:
    """The change sets of all stacks."""

    def __init__(self, book: Book, runs: Runs) -> None:
        self.book = book
        self.runs = runs

    def handlers(self) -> dict[str, Raw]:
        return {
            "CreateChangeSet": self.create,
            "DeleteChangeSet": self.delete,
            "DescribeChangeSet": self.describe,
            "ExecuteChangeSet": self.execute,
            "ListChangeSets": self.list,
        }

    async def create(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        kind = request.get("ChangeSetType") or "UPDATE"
        if kind not in {"CREATE", "UPDATE"}:
            raise Fault("ValidationError", f"ChangeSetType {kind} is not in the sandbox.")
        name, stack_name = request["ChangeSetName"], request["StackName"]
        stack = self.book.living(stack_name)
        if kind == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise Fault(
                    "ValidationError",
                    f"Stack [{stack_name}] already exists and cannot be created again with the changeSet [{name}].",
                )
            admission.check_name(stack_name)
        elif stack is None:
            raise Fault("ValidationError", f"Stack [{stack_name}] does not exist")
        else:
            admission.refuse_unless_updatable(stack)
        if stack is not None and name in stack.change_sets:
            raise Fault(
                "AlreadyExistsException",
                f"ChangeSet {name} cannot be created due to a mismatch with existing attribute Template",
            )
        before = stack.inputs if stack is not None and kind == "UPDATE" else None
        given, template = await inputs.read(self.book.world, request, before)
        if stack is None:
            stack = Stack(
                stack_name,
                self.book.new_id(stack_name),
                given,
                status="REVIEW_IN_PROGRESS",
                description=template.description,
            )
            plan.make(given, stack_name, stack.id, await self.book.place())
            stack.enter("REVIEW_IN_PROGRESS", "User Initiated")
            self.book.add(stack)
        made = ChangeSet(
            name=name,
            id=self.book.new_change_set_id(name),
            stack_id=stack.id,
            kind=kind,
            status="CREATE_IN_PROGRESS",
            execution_status="UNAVAILABLE",
            inputs=given,
            description=request.get("Description"),
            on_failure=request.get("OnStackFailure"),
            include_nested=bool(request.get("IncludeNestedStacks")),
        )
        stack.change_sets[name] = made
        self.book.save()
        self.book.world.spawn(self._look(stack, made), f"change set {name}")
        return {"Id": made.id, "StackId": stack.id}

    def resume(self) -> None:
        """Go on with what a former run of the sandbox left in the middle."""
        for stack in self.book.stacks.values():
            for made in stack.change_sets.values():
                if made.status == "CREATE_IN_PROGRESS":
                    self.book.world.spawn(self._look(stack, made), f"change set {made.name}")
                elif made.execution_status == "EXECUTE_IN_PROGRESS":
                    self.book.world.spawn(self._follow(made, stack), f"change set {made.name}")

    async def _follow(self, made: ChangeSet, stack: Stack) -> None:
        running = self.runs.current(stack)
        if running is not None:
            await asyncio.wait({running[1]})
        self._carried_out(made, stack)

    async def _look(self, stack: Stack, made: ChangeSet) -> None:
        """Work out the changes, as long as AWS takes for it."""
        await self.book.world.pace.wait("cloudformation.change-set")
        try:
            wanted = plan.make(made.inputs, stack.name, stack.id, await self.book.place())
            found = plan.changes(
                wanted, stack.resources, stack.inputs.tags if made.kind == "UPDATE" else None
            )
            nothing = made.kind == "UPDATE" and admission.nothing_changes(wanted, stack)
        except (TemplateError, Fault) as error:
            made.status, made.reason = "FAILED", error.message if isinstance(error, Fault) else str(error)
        else:
            if nothing:
                made.status, made.reason = "FAILED", NO_CHANGES
            else:
                made.status, made.execution_status = "CREATE_COMPLETE", "AVAILABLE"
                made.changes = [shown_change(change) for change in found]
        self.book.save()

    async def describe(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = self.book.change_set(request["ChangeSetName"], request.get("StackName"))
        stack = self.book.find(found.stack_id)
        shown, token = describe.page(found.changes, request.get("NextToken"), lambda item: item)
        return describe.compact(
            {**describe.change_set(found, stack.name), "Changes": shown, "NextToken": token}
        )

    async def list(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        found = list(stack.change_sets.values())
        shown, token = describe.page(
            found, request.get("NextToken"), lambda item: describe.change_set_summary(item, stack.name)
        )
        return describe.compact({"Summaries": shown, "NextToken": token})

    async def delete(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = self.book.change_set(request["ChangeSetName"], request.get("StackName"))
        if found.execution_status == "EXECUTE_IN_PROGRESS":
            raise Fault(
                "InvalidChangeSetStatus",
                f"ChangeSet [{found.id}] cannot be deleted while it is executed",
                400,
            )
        del self.book.find(found.stack_id).change_sets[found.name]
        self.book.save()
        return {}

    async def execute(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = self.book.change_set(request["ChangeSetName"], request.get("StackName"))
        stack = self.book.find(found.stack_id)
        if found.execution_status != "AVAILABLE":
            raise Fault(
                "InvalidChangeSetStatus",
                f"ChangeSet [{found.id}] cannot be executed in its current status of [{found.status}]",
            )
        if found.kind == "UPDATE":
            admission.refuse_unless_updatable(stack)
        found.execution_status = "EXECUTE_IN_PROGRESS"
        stack.change_set_id = found.id
        stack.token = request.get("ClientRequestToken")
        disable = bool(request.get("DisableRollback")) or found.on_failure == "DO_NOTHING"
        if found.kind == "CREATE":
            stack.inputs = found.inputs
            stack.disable_rollback = disable
            stack.on_failure = found.on_failure or "ROLLBACK"
            self.runs.start(stack, lambda run: self._carry_out(found, stack, run.create()), "create")
        else:
            given: Inputs = found.inputs
            self.runs.start(
                stack,
                lambda run: self._carry_out(found, stack, run.update(given, disable_rollback=disable)),
                "update",
            )
        # The status changes before the answer, so that a waiter started next sees the operation.
        await asyncio.sleep(0)
        return {}

    async def _carry_out(self, found: ChangeSet, stack: Stack, operation: Awaitable[None]) -> None:
        await operation
        self._carried_out(found, stack)

    def _carried_out(self, found: ChangeSet, stack: Stack) -> None:
        good = stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
        found.execution_status = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"
        # The other change sets looked at a stack that is no more.
        stack.change_sets = {found.name: found} if not stack.gone else {}
        self.book.save()


def shown_change(change: Change) -> dict[str, Any]:
    """One element of Changes in DescribeChangeSet."""
    details: list[dict[str, Any]] = []
    for name in change.properties:
        target: dict[str, Any] = {"Attribute": "Tags" if name == "Tags" else "Properties"}
        if name != "Tags":
            target["Name"] = name
            target["RequiresRecreation"] = (
                "Always"
                if name in change.fixed
                else "Conditionally"
                if name in change.dynamic and change.replacement != "False"
                else "Never"
            )
        dynamic = name in change.dynamic
        details.append(
            {
                "Target": target,
                "Evaluation": "Dynamic" if dynamic else "Static",
                "ChangeSource": "ResourceReference" if dynamic else "DirectModification",
            }
        )
    body = describe.compact(
        {
            "Action": change.action,
            "LogicalResourceId": change.logical_id,
            "PhysicalResourceId": change.physical_id,
            "ResourceType": change.type,
            "Replacement": change.replacement,
            "Scope": sorted({item["Target"]["Attribute"] for item in details}),
            "Details": details,
            "PolicyAction": change.policy_action,
        }
    )
    return {"Type": "Resource", "ResourceChange": body}
