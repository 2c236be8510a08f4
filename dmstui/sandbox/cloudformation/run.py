"""The operations on a whole stack: create, update, delete, roll back, and going on after the sandbox was started again.

One `Run` a stack and operation, spawned by operations.py. Every status and its reason are those CloudFormation shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from dmstui.sandbox.cloudformation import plan as planning
from dmstui.sandbox.cloudformation.book import Book
from dmstui.sandbox.cloudformation.graph import reversed_needs
from dmstui.sandbox.cloudformation.intrinsics import Scope, resolve, text
from dmstui.sandbox.cloudformation.plan import Plan, resource_scope
from dmstui.sandbox.cloudformation.stack import (
    Inputs,
    Output,
    ResourceState,
    Stack,
    load_inputs,
    load_resources,
    now,
)
from dmstui.sandbox.cloudformation.template import TemplateError
from dmstui.sandbox.cloudformation.walk import walk
from dmstui.sandbox.cloudformation.work import Work
from dmstui.sandbox.service import Fault

log = logging.getLogger(__name__)

USER = "User Initiated"


class Run:
    """One operation on one stack. `stop` ends what is being made; `cancelled` says that the user wanted it."""

    def __init__(self, book: Book, stack: Stack) -> None:
        self.book = book
        self.stack = stack
        self.stop = asyncio.Event()
        self.cancelled = False
        self.for_deletion = False
        self.timed_out = False
        self.work = Work(book, stack, self.stop)

    # -- creation ----------------------------------------------------------------------------------------------------

    async def create(self, *, resumed: bool = False) -> None:
        """Make the stack; on failure roll back, delete or leave it as `on_failure` says."""
        stack = self.stack
        if not resumed:
            stack.enter("CREATE_IN_PROGRESS", USER)
        self.book.save()
        await self.book.world.pace.wait("cloudformation.start")
        try:
            plan = await self._plan()
        except (TemplateError, Fault) as error:
            await self._creation_failed([], str(error))
            return
        done = [name for name, state in stack.resources.items() if state.status == "CREATE_COMPLETE"]
        with self._time_limit():
            failed = await walk(plan.needs, lambda name: self.work.create(name, plan), self.stop, done=done)
        if self.for_deletion:
            return
        if failed or self.stop.is_set():
            await self._creation_failed(self._broken(plan.needs))
            return
        try:
            self._conclude(plan)
        except TemplateError as error:
            await self._creation_failed([], str(error))
            return
        await self.book.world.pace.wait("cloudformation.stack")
        stack.enter("CREATE_COMPLETE")
        self.book.save()

    @contextlib.contextmanager
    def _time_limit(self) -> Any:
        """Stop when TimeoutInMinutes (of the wall) are over."""
        if not self.stack.timeout_minutes:
            yield
            return

        def over() -> None:
            self.timed_out = True
            self.stop.set()

        handle = asyncio.get_running_loop().call_later(self.stack.timeout_minutes * 60, over)
        try:
            yield
        finally:
            handle.cancel()

    def _broken(self, names: Iterable[str]) -> list[str]:
        return [
            name
            for name in names
            if (state := self.stack.resources.get(name)) and state.status.endswith("_FAILED")
        ]

    async def _creation_failed(self, failed: list[str], why: str | None = None) -> None:
        stack = self.stack
        if self.timed_out:
            why = "Stack creation time exceeded the specified timeout."
        reason = why or f"The following resource(s) failed to create: [{', '.join(failed)}]."
        action = "DO_NOTHING" if stack.disable_rollback else stack.on_failure
        if action == "DO_NOTHING":
            stack.enter("CREATE_FAILED", reason)
        elif action == "DELETE":
            await self.delete(f"{reason} Delete requested by user.", rollback=True)
        else:
            stack.enter("ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
            await self.roll_creation_back()
        self.book.save()

    async def roll_creation_back(self) -> None:
        """Delete what a failed creation made."""
        stack = self.stack
        self.book.save()
        failed = await self._delete_all(stack.resources, rollback=True)
        stack.outputs = []
        if failed:
            stack.enter(
                "ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            )
        else:
            stack.enter("ROLLBACK_COMPLETE")
        self.book.save()

    # -- deletion ----------------------------------------------------------------------------------------------------

    async def delete(self, reason: str = USER, *, rollback: bool = False, resumed: bool = False) -> None:
        """Delete the stack's resources in reverse order, then the stack."""
        stack = self.stack
        if not resumed:
            stack.enter("DELETE_IN_PROGRESS", reason)
        self.book.save()
        await self.book.world.pace.wait("cloudformation.start")
        for logical_id in stack.retain:
            state = stack.resources.get(logical_id)
            if state is not None and state.exists:
                self.work.mark(state, "DELETE_SKIPPED")
        failed = await self._delete_all(stack.resources, rollback=rollback)
        failed += await self._clean(self._leftover_map())
        if failed:
            stack.enter(
                "DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. "
            )
        else:
            stack.leftovers = []
            stack.outputs = []
            stack.imports = []
            stack.deleted = now()
            stack.change_sets = {}
            stack.enter("DELETE_COMPLETE")
        self.book.save()

    async def _delete_all(
        self, resources: Mapping[str, ResourceState], *, rollback: bool = False
    ) -> list[str]:
        needs = {
            name: {item for item in state.needs if item in resources} for name, state in resources.items()
        }
        return await walk(
            reversed_needs(needs), lambda name: self.work.delete(resources[name], rollback=rollback)
        )

    def _leftover_map(self) -> dict[str, ResourceState]:
        return {f"{state.logical_id}/{index}": state for index, state in enumerate(self.stack.leftovers)}

    async def _clean(self, states: Mapping[str, ResourceState]) -> list[str]:
        """Delete replaced and removed resources, those first that need others; the logical ids that failed."""
        by_name: dict[str, list[str]] = {}
        for key, state in states.items():
            by_name.setdefault(state.logical_id, []).append(key)
        needs = {
            key: {other for name in state.needs for other in by_name.get(name, [])} - {key}
            for key, state in states.items()
        }
        failed = await walk(reversed_needs(needs), lambda key: self.work.delete(states[key]))
        return [states[key].logical_id for key in failed]

    # -- update ------------------------------------------------------------------------------------------------------

    async def update(self, inputs: Inputs, *, disable_rollback: bool = False) -> None:
        """Bring the stack to `inputs`; on failure back to what it was."""
        stack = self.stack
        # After a failed update that was kept, the last good state stays the one to go back to.
        stack.before = stack.before or {
            "inputs": asdict(stack.inputs),
            "resources": {name: asdict(state) for name, state in stack.resources.items()},
            "outputs": [asdict(output) for output in stack.outputs],
            "imports": list(stack.imports),
            "description": stack.description,
        }
        old_tags = stack.inputs.tags
        stack.inputs = inputs
        stack.updated = now()
        stack.disable_rollback = disable_rollback
        self.work.old_tags = old_tags
        stack.enter("UPDATE_IN_PROGRESS", USER)
        self.book.save()
        await self.book.world.pace.wait("cloudformation.start")
        try:
            plan = await self._plan()
        except (TemplateError, Fault) as error:
            await self._update_failed([], str(error))
            return
        tags_changed = old_tags != inputs.tags

        async def act(name: str) -> bool:
            state = stack.resources.get(name)
            if state is not None and state.exists and state.status == "CREATE_FAILED":
                stack.leftovers.append(state)
                stack.resources[name] = state = dataclasses.replace(
                    state, physical_id=None, generation=state.generation + 1
                )
            if state is None or not state.exists:
                return await self.work.create(name, plan, update=True)
            return await self.work.update(name, plan, tags_changed=tags_changed)

        failed = await walk(plan.needs, act, self.stop)
        if failed or self.stop.is_set():
            await self._update_failed(self._broken(plan.needs))
            return
        try:
            self._conclude(plan)
        except TemplateError as error:
            await self._update_failed([], str(error))
            return
        await self.clean_update_up(plan.wanted)

    async def clean_update_up(self, wanted: Collection[str]) -> None:
        """After a good update: delete what was replaced or left the template; failures there do not fail the update."""
        stack = self.stack
        stack.enter("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        for name in [name for name in stack.resources if name not in wanted]:
            stack.leftovers.append(stack.resources.pop(name))
        self.book.save()
        await self._clean(self._leftover_map())
        stack.leftovers = []
        stack.before = None
        await self.book.world.pace.wait("cloudformation.stack")
        stack.enter("UPDATE_COMPLETE")
        self.book.save()

    async def _update_failed(self, failed: list[str], why: str | None = None) -> None:
        stack = self.stack
        reason = why or f"The following resource(s) failed to update: [{', '.join(failed)}]. "
        created = [name for name in failed if stack.resources[name].status == "CREATE_FAILED"]
        if not why and created:
            reason = f"The following resource(s) failed to create: [{', '.join(created)}]. "
        if self.cancelled:
            reason = USER
        if stack.disable_rollback and not self.cancelled:
            stack.enter("UPDATE_FAILED", reason)
            self.book.save()
            return
        stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        await self.roll_update_back()

    async def roll_update_back(self) -> None:
        """Take an update back: old properties, old physical resources, then delete what the update had made."""
        stack = self.stack
        assert stack.before is not None
        before = load_resources(stack.before["resources"])
        self.stop.clear()
        self.book.save()
        attempted_tags = stack.inputs.tags
        stack.inputs = load_inputs(stack.before["inputs"])
        self.work.old_tags = attempted_tags
        kept = {state.physical_id for state in before.values()}
        stack.leftovers = [state for state in stack.leftovers if state.physical_id not in kept]
        needs = {name: {item for item in state.needs if item in before} for name, state in before.items()}

        async def act(name: str) -> bool:
            if name in stack.skip:
                stack.resources[name] = before[name]
                return True
            return await self.work.restore(name, before[name])

        failed = await walk(needs, act)
        stack.outputs = [Output(**item) for item in stack.before["outputs"]]
        stack.imports = list(stack.before["imports"])
        stack.description = stack.before["description"]
        if failed:
            stack.enter(
                "UPDATE_ROLLBACK_FAILED",
                f"The following resource(s) failed to update: [{', '.join(failed)}]. ",
            )
            self.book.save()
            return
        stack.enter("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for name in [name for name in stack.resources if name not in before]:
            stack.leftovers.append(stack.resources.pop(name))
        self.book.save()
        await self._clean(self._leftover_map())
        stack.leftovers = []
        stack.before = None
        stack.skip = []
        await self.book.world.pace.wait("cloudformation.stack")
        stack.enter("UPDATE_ROLLBACK_COMPLETE")
        self.book.save()

    # -- both --------------------------------------------------------------------------------------------------------

    async def _plan(self) -> Plan:
        return planning.make(self.stack.inputs, self.stack.name, self.stack.id, await self.book.place())

    def _conclude(self, plan: Plan) -> None:
        """Outputs, exports and imports of a stack whose resources are all there."""
        stack = self.stack
        scope = resource_scope(plan, stack.resources)
        stack.description = plan.template.description
        outputs = list(_outputs(plan, scope))
        others = {name: owner for name, (owner, _) in self.book.exports().items()}
        for output in outputs:
            owner = others.get(output.export or "")
            if output.export is not None and owner is not None and owner != stack.id:
                raise TemplateError(
                    f"Export with name {output.export} is already exported by stack {self.book.stacks[owner].name}."
                )
        staying = {output.export for output in outputs}
        for output in stack.outputs:
            if output.export is not None and output.export not in staying:
                users = self.book.importers(output.export)
                if users:
                    raise TemplateError(
                        f"Export {output.export} cannot be deleted as it is in use by {' and '.join(users)}"
                    )
        stack.outputs = outputs
        stack.imports = sorted(_imports(plan, scope))


def _outputs(plan: Plan, scope: Scope) -> Iterable[Output]:
    for name, declared in plan.template.outputs.items():
        if declared.get("Condition") is not None and not scope.conditions[declared["Condition"]]:
            continue
        value = resolve(declared["Value"], scope)
        if isinstance(value, list):
            # AWS takes a list in an output's value only when it can be shown as text.
            value = ",".join(map(text, value))
        if isinstance(value, dict):
            raise TemplateError(
                f"Template format error: The Value field of every Outputs member must evaluate to a String. ({name})"
            )
        exported = declared.get("Export")
        export = (
            text(resolve(exported["Name"], scope))
            if isinstance(exported, Mapping) and "Name" in exported
            else None
        )
        yield Output(name, text(value), declared.get("Description"), export)


def _imports(plan: Plan, scope: Scope) -> set[str]:
    """The export names that the resources made by the plan import."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            if set(value) == {"Fn::ImportValue"}:
                with contextlib.suppress(Exception):
                    found.add(text(resolve(value["Fn::ImportValue"], scope)))
            for item in value.values():
                look(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                look(item)

    for name in plan.wanted:
        look(plan.template.resources[name].properties)
    return found


class Runs:
    """The operations that are running, by stack id."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.running: dict[str, tuple[Run, asyncio.Task[Any]]] = {}

    def start(self, stack: Stack, act: Callable[[Run], Any], name: str) -> None:
        """Begin an operation in the background."""
        run = Run(self.book, stack)
        task = self.book.world.spawn(self._guarded(run, act), f"cloudformation {name} {stack.name}")
        self.running[stack.id] = (run, task)

    async def _guarded(self, run: Run, act: Callable[[Run], Any]) -> None:
        try:
            await act(run)
        except Exception as error:
            log.exception("the operation on stack %s broke off", run.stack.name)
            status = run.stack.status.replace("_IN_PROGRESS", "_FAILED").replace("_COMPLETE_CLEANUP", "")
            run.stack.enter(status, f"Internal failure of the sandbox: {type(error).__name__}: {error}")
            self.book.save()
        finally:
            held = self.running.get(run.stack.id)
            if held is not None and held[0] is run:
                del self.running[run.stack.id]

    def current(self, stack: Stack) -> tuple[Run, asyncio.Task[Any]] | None:
        """The operation running on the stack, if any."""
        return self.running.get(stack.id)

    def resume(self) -> None:
        """Go on with every operation that a former run of the sandbox left in the middle."""
        for stack in list(self.book.stacks.values()):
            act = _going_on(stack)
            if act is not None:
                self.start(stack, act, "resumed")


BROKEN_OFF = "The sandbox was stopped while this resource was being changed"


def _going_on(stack: Stack) -> Callable[[Run], Any] | None:
    """How an operation that was broken off goes on. Creation and deletion carry on, an update is taken back."""
    match stack.status:
        case "CREATE_IN_PROGRESS":
            return lambda run: run.create(resumed=True)
        case "DELETE_IN_PROGRESS":
            return lambda run: run.delete(resumed=True)
        case "ROLLBACK_IN_PROGRESS":
            return lambda run: run.roll_creation_back()
        case "UPDATE_IN_PROGRESS":
            return _take_back
        case "UPDATE_ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" if (
            stack.before is not None
        ):
            return lambda run: run.roll_update_back()
        case "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            wanted = set(stack.resources)
            return lambda run: run.clean_update_up(wanted)
    return None


async def _take_back(run: Run) -> None:
    for state in run.stack.resources.values():
        if state.status.endswith("_IN_PROGRESS"):
            run.work.mark(state, state.status.replace("_IN_PROGRESS", "_FAILED"), BROKEN_OFF)
    run.stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", "The sandbox was stopped during the update.")
    await run.roll_update_back()
