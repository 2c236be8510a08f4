"""The operations of CloudFormation that clients call: requests in, answers out. The front calls the handlers.

Work that takes time is started here and done by run.py in the background.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.cloudformation import describe, inputs, plan, types
from dmstui.sandbox.cloudformation.admission import check_name, nothing_changes, refuse_unless_updatable
from dmstui.sandbox.cloudformation.book import Book
from dmstui.sandbox.cloudformation.change_sets import ChangeSets
from dmstui.sandbox.cloudformation.custom import CodeRoom
from dmstui.sandbox.cloudformation.run import Run, Runs
from dmstui.sandbox.cloudformation.stack import Inputs, Stack
from dmstui.sandbox.cloudformation.template import TemplateError, parse
from dmstui.sandbox.service import Call, Fault, Handler

if TYPE_CHECKING:
    from dmstui.sandbox.world import World


def refusing(handler: Callable[..., Awaitable[dict[str, Any]]]) -> Handler:
    """A `TemplateError` of the pure rooms becomes the ValidationError a client sees."""

    @functools.wraps(handler)
    async def handle(call: Call, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return await handler(call, request)
        except TemplateError as error:
            raise Fault("ValidationError", str(error)) from None

    return handle


class CloudFormation:
    """The service: handlers by operation name."""

    name = "cloudformation"

    def __init__(self, world: World) -> None:
        self.world = world
        self.code = CodeRoom(world)
        self.book = Book(world, self.code)
        self.runs = Runs(self.book)
        self.change_sets = ChangeSets(self.book, self.runs)
        self.operations: Mapping[str, Handler] = {
            name: refusing(handler)
            for name, handler in {
                "CancelUpdateStack": self.cancel_update_stack,
                "ContinueUpdateRollback": self.continue_update_rollback,
                "CreateStack": self.create_stack,
                "DeleteStack": self.delete_stack,
                "DescribeAccountLimits": self.describe_account_limits,
                "DescribeStackEvents": self.describe_stack_events,
                "DescribeEvents": self.describe_events,
                "DescribeStackResource": self.describe_stack_resource,
                "DescribeStackResources": self.describe_stack_resources,
                "DescribeStacks": self.describe_stacks,
                "GetTemplate": self.get_template,
                "GetTemplateSummary": self.get_template_summary,
                "ListExports": self.list_exports,
                "ListImports": self.list_imports,
                "ListStackResources": self.list_stack_resources,
                "ListStacks": self.list_stacks,
                "RollbackStack": self.rollback_stack,
                "SignalResource": self.signal_resource,
                "UpdateStack": self.update_stack,
                "UpdateTerminationProtection": self.update_termination_protection,
                "ValidateTemplate": self.validate_template,
                **self.change_sets.handlers(),
            }.items()
        }
        world.spawn(self._begin(), "cloudformation begins")

    async def _begin(self) -> None:
        """Go on with what a former run left, once the other services answer; write the state down at the end."""
        await self.world.moto.ready()
        if self.book.stacks:
            await types.mark_again(self.world, self.book.stacks.values())
            self.runs.resume()
            self.change_sets.resume()
        try:
            await asyncio.Event().wait()
        finally:
            self.book.write()

    # -- creation, update, deletion ----------------------------------------------------------------------------------

    async def create_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["StackName"]
        token = request.get("ClientRequestToken")
        living = self.book.living(name)
        if living is not None:
            if token is not None and living.token == token:
                return {"StackId": living.id}
            raise Fault("AlreadyExistsException", f"Stack [{name}] already exists")
        check_name(name)
        if request.get("OnFailure") and request.get("DisableRollback") is not None:
            raise Fault("ValidationError", "You cannot specify both DisableRollback and OnFailure.")
        given, template = await inputs.read(self.world, request)
        stack_id = self.book.new_id(name)
        plan.make(given, name, stack_id, await self.book.place())
        if self.book.living(name) is not None:
            raise Fault("AlreadyExistsException", f"Stack [{name}] already exists")
        stack = Stack(
            name=name,
            id=stack_id,
            inputs=given,
            description=template.description,
            on_failure=request.get("OnFailure")
            or ("DO_NOTHING" if request.get("DisableRollback") else "ROLLBACK"),
            disable_rollback=bool(request.get("DisableRollback")),
            timeout_minutes=request.get("TimeoutInMinutes"),
            termination_protection=bool(request.get("EnableTerminationProtection")),
            token=token,
        )
        self.book.add(stack)
        self.runs.start(stack, lambda run: run.create(), "create")
        await asyncio.sleep(0)
        return {"StackId": stack.id}

    async def update_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"], bracketed=True)
        token = request.get("ClientRequestToken")
        if token is not None and stack.token == token:
            return {"StackId": stack.id}
        refuse_unless_updatable(stack)
        given, _ = await inputs.read(self.world, request, stack.inputs)
        made = plan.make(given, stack.name, stack.id, await self.book.place())
        if stack.status not in {"UPDATE_FAILED", "CREATE_FAILED"} and nothing_changes(made, stack):
            raise Fault("ValidationError", "No updates are to be performed.")
        stack.token = token
        disable = bool(request.get("DisableRollback"))
        self.start_update(stack, given, disable_rollback=disable)
        await asyncio.sleep(0)
        return {"StackId": stack.id}

    def start_update(self, stack: Stack, given: Inputs, *, disable_rollback: bool) -> None:
        self.runs.start(stack, lambda run: run.update(given, disable_rollback=disable_rollback), "update")

    async def delete_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["StackName"]
        stack = self.book.living(name)
        if stack is None:
            return {}
        if stack.termination_protection:
            raise Fault(
                "ValidationError",
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled",
            )
        retain = list(request.get("RetainResources") or [])
        if retain and stack.status != "DELETE_FAILED":
            raise Fault(
                "ValidationError",
                "Invalid operation on stack "
                f"[{stack.id}]. RetainResources can only be specified when the stack is in the DELETE_FAILED state.",
            )
        users = sorted(
            {user for export in stack.outputs if export.export for user in self.book.importers(export.export)}
            - {stack.name}
        )
        if users:
            used = next(
                item.export for item in stack.outputs if item.export and self.book.importers(item.export)
            )
            raise Fault(
                "ValidationError", f"Export {used} cannot be deleted as it is in use by {' and '.join(users)}"
            )
        if stack.status == "DELETE_IN_PROGRESS":
            return {}
        if stack.busy and not stack.status.startswith("CREATE"):
            raise Fault(
                "ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be deleted."
            )
        stack.retain = retain
        stack.token = request.get("ClientRequestToken")
        running = self.runs.current(stack)
        if running is None:
            self.runs.start(stack, lambda run: run.delete(), "delete")
        else:
            run, task = running
            run.for_deletion = True
            run.stop.set()
            stack.enter("DELETE_IN_PROGRESS", "User Initiated")

            async def follow(next_: Run) -> None:
                await asyncio.wait({task})
                await next_.delete(resumed=True)

            self.runs.start(stack, follow, "delete")
        await asyncio.sleep(0)
        return {}

    async def cancel_update_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        running = self.runs.current(stack)
        if stack.status != "UPDATE_IN_PROGRESS" or running is None:
            raise Fault("ValidationError", "CancelUpdateStack cannot be called from current stack status")
        running[0].cancelled = True
        running[0].stop.set()
        return {}

    async def continue_update_rollback(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.before is None:
            raise Fault(
                "ValidationError",
                f"Stack:{stack.id} is in {stack.status} state and can not continue rolling back.",
            )
        stack.skip = list(request.get("ResourcesToSkip") or [])
        return self._roll_back_update(stack)

    async def rollback_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        if stack.status == "UPDATE_FAILED" and stack.before is not None:
            self._roll_back_update(stack)
        elif stack.status == "CREATE_FAILED":
            stack.enter("ROLLBACK_IN_PROGRESS", "User Initiated")
            self.runs.start(stack, lambda run: run.roll_creation_back(), "roll back")
        else:
            raise Fault(
                "ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be rolled back."
            )
        return {"StackId": stack.id}

    def _roll_back_update(self, stack: Stack) -> dict[str, Any]:
        stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self.runs.start(stack, lambda run: run.roll_update_back(), "roll back")
        return {}

    async def update_termination_protection(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        stack.termination_protection = bool(request["EnableTerminationProtection"])
        self.book.save()
        return {"StackId": stack.id}

    async def signal_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        state = self.book.resource(stack, request["LogicalResourceId"])
        running = self.runs.current(stack)
        if running is None or not state.status.endswith("_IN_PROGRESS"):
            raise Fault(
                "ValidationError",
                f"Resource {state.logical_id} is in {state.status} state and cannot be signaled",
            )
        running[0].work.signal(state, request["UniqueId"], request["Status"])
        return {}

    # -- reading -----------------------------------------------------------------------------------------------------

    async def describe_stacks(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("StackName")
        if name:
            return {"Stacks": [describe.stack(self.book.find(name))]}
        living = sorted(
            (item for item in self.book.stacks.values() if not item.gone),
            key=lambda item: item.created,
            reverse=True,
        )
        shown, token = describe.page(living, request.get("NextToken"), describe.stack)
        return describe.compact({"Stacks": shown, "NextToken": token})

    async def list_stacks(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        wanted = set(request.get("StackStatusFilter") or [])
        found = [item for item in self.book.stacks.values() if not wanted or item.status in wanted]
        found.sort(key=lambda item: item.created, reverse=True)
        shown, token = describe.page(
            found, request.get("NextToken"), lambda item: describe.summary(item, item.description)
        )
        return describe.compact({"StackSummaries": shown, "NextToken": token})

    async def describe_stack_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if not request.get("StackName"):
            raise Fault("ValidationError", "Stack name must be specified")
        stack = self.book.find(request["StackName"], bracketed=True)
        events = stack.events[::-1]
        token = request.get("NextToken")
        if token:
            # The token is the last event shown: newer ones coming in do not shift the pages.
            start = next((index + 1 for index, event in enumerate(events) if event.event_id == token), None)
            if start is None:
                raise Fault("ValidationError", "The specified NextToken is not valid")
            events = events[start:]
        page = events[: describe.PAGE]
        more = page[-1].event_id if len(events) > describe.PAGE else None
        return describe.compact(
            {"StackEvents": [describe.event(stack, event) for event in page], "NextToken": more}
        )

    async def describe_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if not request.get("StackName"):
            raise Fault("ValidationError", "DescribeEvents without StackName is not in the sandbox.")
        answer = await self.describe_stack_events(call, request)
        return describe.compact(
            {"OperationEvents": answer["StackEvents"], "NextToken": answer.get("NextToken")}
        )

    async def describe_stack_resources(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name, physical = request.get("StackName"), request.get("PhysicalResourceId")
        if name:
            stack = self.book.find(name)
        else:
            stack = self._owner(physical)
        states = list(stack.resources.values())
        logical = request.get("LogicalResourceId")
        if logical:
            states = [self.book.resource(stack, logical)]
        return {"StackResources": [describe.resource(stack, state) for state in states]}

    def _owner(self, physical_id: str | None) -> Stack:
        if not physical_id:
            raise Fault("ValidationError", "You must specify either StackName or PhysicalResourceId")
        for stack in self.book.stacks.values():
            if any(state.physical_id == physical_id and state.exists for state in stack.resources.values()):
                return stack
        raise Fault("ValidationError", f"Stack for {physical_id} does not exist")

    async def describe_stack_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        state = self.book.resource(stack, request["LogicalResourceId"])
        detail = describe.resource(stack, state)
        detail["LastUpdatedTimestamp"] = detail.pop("Timestamp")
        return {"StackResourceDetail": detail}

    async def list_stack_resources(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.book.find(request["StackName"])
        shown, token = describe.page(
            list(stack.resources.values()), request.get("NextToken"), describe.resource_summary
        )
        return describe.compact({"StackResourceSummaries": shown, "NextToken": token})

    async def list_exports(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = [
            {"ExportingStackId": owner, "Name": name, "Value": value}
            for name, (owner, value) in sorted(self.book.exports().items())
        ]
        shown, token = describe.page(found, request.get("NextToken"), lambda item: item)
        return describe.compact({"Exports": shown, "NextToken": token})

    async def list_imports(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ExportName"]
        users = self.book.importers(name)
        if not users:
            raise Fault("ValidationError", f"Export '{name}' is not imported by any stack.")
        return {"Imports": users}

    async def get_template(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("ChangeSetName"):
            text = self.book.change_set(request["ChangeSetName"], request.get("StackName")).inputs.template
        elif request.get("StackName"):
            text = self.book.find(request["StackName"]).inputs.template
        else:
            raise Fault("ValidationError", "StackName must be specified.")
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    async def get_template_summary(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("StackName"):
            text = self.book.find(request["StackName"]).inputs.template
        else:
            text = await inputs.template_text(self.world, request)
        template = parse(text)
        needed, kinds = plan.capabilities_needed(template)
        return describe.compact(
            {
                "Parameters": describe.declared_parameters(template, details=True),
                "Description": template.description,
                "Capabilities": needed or None,
                "CapabilitiesReason": f"The following resource(s) require capabilities: [{', '.join(kinds)}]"
                if kinds
                else None,
                "ResourceTypes": [resource.type for resource in template.resources.values()],
                "Version": "2010-09-09",
                "Metadata": None if template.metadata is None else types.document(template.metadata),
                "DeclaredTransforms": [],
            }
        )

    async def validate_template(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        template = parse(await inputs.template_text(self.world, request))
        plan.check_statically(template)
        needed, kinds = plan.capabilities_needed(template)
        return describe.compact(
            {
                "Parameters": describe.declared_parameters(template, details=False),
                "Description": template.description,
                "Capabilities": needed or None,
                "CapabilitiesReason": f"The following resource(s) require capabilities: [{', '.join(kinds)}]"
                if kinds
                else None,
                "DeclaredTransforms": [],
            }
        )

    async def describe_account_limits(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "AccountLimits": [
                {"Name": "StackLimit", "Value": 2000},
                {"Name": "StackOutputsLimit", "Value": 200},
            ]
        }
