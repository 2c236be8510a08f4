"""One resource of one stack created, updated or deleted, with its events. Called by run.py."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from dmstui.sandbox.cloudformation import dynamic, types
from dmstui.sandbox.cloudformation.intrinsics import Scope, UnknownYetError, resolve
from dmstui.sandbox.cloudformation.parameters import MASK, no_echo
from dmstui.sandbox.cloudformation.plan import Plan, resource_scope
from dmstui.sandbox.cloudformation.stack import ResourceState, Stack, now
from dmstui.sandbox.cloudformation.template import TemplateError
from dmstui.sandbox.cloudformation.types.base import Provisioner, RefusalError, Site

if TYPE_CHECKING:
    from dmstui.sandbox.cloudformation.book import Book

log = logging.getLogger(__name__)

T = TypeVar("T")
DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?\Z")
INITIATED = "Resource creation Initiated"
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


class StoppedError(Exception):
    """Another resource failed or somebody cancelled: this one is given up."""


class Work:
    """Does the resources of one stack during one operation. `stop` is set when the operation is to end."""

    def __init__(self, book: Book, stack: Stack, stop: asyncio.Event) -> None:
        self.book = book
        self.stack = stack
        self.stop = stop
        self.old_tags: Mapping[str, str] = stack.inputs.tags

    # -- events ------------------------------------------------------------------------------------------------------

    def mark(
        self, state: ResourceState, status: str, reason: str | None = None, properties: str | None = None
    ) -> None:
        """The resource takes a status, with its event."""
        state.status, state.reason, state.updated = status, reason, now()
        self.stack.record(state.logical_id, state.type, state.physical_id, status, reason, properties)
        self.book.save()

    def site(self, state: ResourceState, *, snapshot: bool = False) -> Site:
        """Where the resource's provisioner works."""
        return Site(
            world=self.book.world,
            code=self.book.code,
            stack_name=self.stack.name,
            stack_id=self.stack.id,
            logical_id=state.logical_id,
            type=state.type,
            token=self.book.new_token(),
            stack_tags=self.stack.inputs.tags,
            old_stack_tags=self.old_tags,
            generation=state.generation,
            snapshot=snapshot,
            template_text=self.stack.inputs.template,
            signal=lambda unique_id, status, note: self._signal_itself(state, unique_id, status, note),
        )

    # -- creation ----------------------------------------------------------------------------------------------------

    async def create(self, name: str, plan: Plan, *, update: bool = False) -> bool:
        """Make the resource `name` of `plan`; False when it failed."""
        wanted = plan.template.resources[name]
        known = self.stack.resources.get(name)
        # A sandbox started again goes on with what a service had already accepted.
        resumed = known is not None and known.status == "CREATE_IN_PROGRESS" and known.physical_id is not None
        if resumed and known is not None:
            state = known
        else:
            state = self._state(name, plan)
            state.generation = known.generation if known is not None else 0
            state.made_by_create = not update
            self.stack.resources[name] = state
        return await self._make(state, wanted.properties, plan, resumed=resumed, prefix="CREATE")

    def _state(self, name: str, plan: Plan) -> ResourceState:
        wanted = plan.template.resources[name]
        return ResourceState(
            name,
            wanted.type,
            needs=sorted(plan.needs[name]),
            deletion_policy=wanted.deletion_policy,
            replace_policy=wanted.replace_policy,
            creation_policy=dict(wanted.creation_policy) if wanted.creation_policy else None,
        )

    async def _make(
        self,
        state: ResourceState,
        wanted: Mapping[str, Any],
        plan: Plan,
        *,
        resumed: bool,
        prefix: str,
        reason: str | None = None,
    ) -> bool:
        shown = self._shown(wanted, plan)
        if not resumed:
            self.mark(state, f"{prefix}_IN_PROGRESS", reason, shown)
        site = self.site(state)
        try:
            kind = _provisioner(state.type)
            if not resumed:
                state.properties = resolve(dict(wanted), resource_scope(plan, self.stack.resources))
                if state.creation_policy:
                    state.creation_policy = resolve(
                        state.creation_policy, resource_scope(plan, self.stack.resources)
                    )
                kind.check(state.properties, state.logical_id)
            live = await dynamic.looked_up(site, state.properties)
            if not resumed:
                if self.stop.is_set():
                    raise StoppedError
                # Never given up in the middle: what the service accepted must be known to be deleted again.
                state.physical_id = await kind.create(site, live)
                self.mark(state, f"{prefix}_IN_PROGRESS", INITIATED, shown)
                # Not a moment later: what a killed sandbox does not know it made, it would make again.
                self.book.secure()
            assert state.physical_id is not None
            renamed = await self.unless_stopped(kind.settle(site, state.physical_id, live))
            if renamed:
                state.physical_id = renamed
            state.values = await kind.read(site, state.physical_id, live)
            await self._signals(state)
        except StoppedError:
            self.mark(
                state,
                f"{prefix}_FAILED",
                f"Resource {'creation' if prefix == 'CREATE' else 'update'} cancelled",
                shown,
            )
            return False
        except Exception as error:
            self.mark(state, f"{prefix}_FAILED", _reason(error), shown)
            return False
        self.mark(state, f"{prefix}_COMPLETE", None, shown)
        return True

    def _shown(self, wanted: Mapping[str, Any], plan: Plan) -> str | None:
        """The properties for the event, NoEcho values masked."""
        masked = {
            name: MASK if no_echo(plan.template.parameters[name]) else value
            for name, value in plan.scope.parameters.items()
        }
        scope = resource_scope(plan, self.stack.resources)
        hidden = Scope(
            masked,
            scope.pseudo,
            scope.mappings,
            scope.conditions,
            scope.ref,
            scope.attribute,
            scope.imported,
            scope.zones,
        )
        try:
            return json.dumps(resolve(dict(wanted), hidden), separators=(",", ":"), default=str)
        except (TemplateError, UnknownYetError):
            return None

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of `work`, given up as soon as `stop` is set."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StoppedError
            return task.result()
        finally:
            stopping.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    # -- signals -----------------------------------------------------------------------------------------------------

    def signal(self, state: ResourceState, unique_id: str, status: str, note: str = "") -> None:
        """Somebody tells that the resource is up, or is not."""
        if any(item["id"] == unique_id for item in state.signals):
            return
        state.signals.append({"id": unique_id, "status": status})
        self.mark(state, state.status, f"Received {status} signal with UniqueId {unique_id}{note}")

    def _signal_itself(self, state: ResourceState, unique_id: str, status: str, note: str) -> None:
        """The provisioner signals for a host that runs no user data, if anybody waits for it."""
        if "ResourceSignal" in (state.creation_policy or {}):
            self.signal(state, unique_id, status, note)

    async def _signals(self, state: ResourceState) -> None:
        """Wait for what the CreationPolicy asks for."""
        policy = (state.creation_policy or {}).get("ResourceSignal")
        if not isinstance(policy, Mapping):
            return
        count = int(policy.get("Count", 1))
        timeout = seconds_of(str(policy.get("Timeout", "PT5M")))

        async def enough() -> None:
            while sum(item["status"] == "SUCCESS" for item in state.signals) < count:
                if any(item["status"] != "SUCCESS" for item in state.signals):
                    raise RefusalError(
                        f"Received 1 FAILURE signal(s) out of {count}. "
                        "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
                    )
                await asyncio.sleep(0.1)

        try:
            await self.unless_stopped(asyncio.wait_for(enough(), timeout))
        except TimeoutError:
            raise RefusalError(
                f"Failed to receive {count} resource signal(s) within the specified duration"
            ) from None

    # -- update ------------------------------------------------------------------------------------------------------

    async def update(self, name: str, plan: Plan, *, tags_changed: bool) -> bool:
        """Bring an existing resource to `plan`: leave, change or replace it; False when that failed."""
        state = self.stack.resources[name]
        wanted = plan.template.resources[name]
        fresh = self._state(name, plan)
        scope = resource_scope(plan, self.stack.resources)
        shown = self._shown(wanted.properties, plan)
        try:
            kind = _provisioner(wanted.type)
            new = resolve(dict(wanted.properties), scope)
            same = new == state.properties and state.status != "UPDATE_FAILED"
            same = same and not (tags_changed and types.takes_tags(wanted.type))
            if not same:
                kind.check(new, name)
        except Exception as error:
            self.mark(state, "UPDATE_FAILED", _reason(error), shown)
            return False
        state.needs, state.deletion_policy, state.replace_policy = (
            fresh.needs,
            fresh.deletion_policy,
            fresh.replace_policy,
        )
        if same:
            return True
        if kind.replaced_by(state.properties, new):
            fresh.generation = state.generation + 1
            fresh.made_by_create = False
            fresh.physical_id = None
            self.stack.leftovers.append(dataclasses.replace(state, deletion_policy=wanted.replace_policy))
            self.stack.resources[name] = fresh
            return await self._make(
                fresh, wanted.properties, plan, resumed=False, prefix="UPDATE", reason=REPLACING
            )
        return await self._change(state, new, shown)

    async def _change(self, state: ResourceState, new: dict[str, Any], shown: str | None) -> bool:
        kind = _provisioner(state.type)
        assert state.physical_id is not None
        self.mark(state, "UPDATE_IN_PROGRESS", None, shown)
        site = self.site(state)
        old, state.properties = state.properties, new
        try:
            old_live, live = await dynamic.looked_up(site, old), await dynamic.looked_up(site, new)
            renamed = await self.unless_stopped(kind.update(site, state.physical_id, old_live, live))
            if renamed and renamed != state.physical_id:
                self.stack.leftovers.append(
                    dataclasses.replace(state, properties=old, deletion_policy=state.replace_policy)
                )
                state.physical_id = renamed
            state.values = await kind.read(site, state.physical_id, live)
        except StoppedError:
            self.mark(state, "UPDATE_FAILED", "Resource update cancelled", shown)
            return False
        except Exception as error:
            self.mark(state, "UPDATE_FAILED", _reason(error), shown)
            return False
        self.mark(state, "UPDATE_COMPLETE", None, shown)
        return True

    async def restore(self, name: str, before: ResourceState) -> bool:
        """Take one resource back to how it was before the update; False when that failed."""
        now_ = self.stack.resources.get(name)
        replaced = now_ is None or now_.physical_id != before.physical_id
        if now_ is None:
            self.stack.resources[name] = before
            return True
        if replaced:
            self.stack.resources[name] = before
            if now_.physical_id is not None:
                self.stack.leftovers.append(dataclasses.replace(now_, deletion_policy=None))
            self.mark(before, "UPDATE_COMPLETE")
            return True
        if (
            now_.properties == before.properties
            and now_.status != "UPDATE_FAILED"
            and self.old_tags == self.stack.inputs.tags
        ):
            self.stack.resources[name] = before
            return True
        now_.needs, now_.deletion_policy, now_.replace_policy = (
            before.needs,
            before.deletion_policy,
            before.replace_policy,
        )
        shown = json.dumps(before.properties, separators=(",", ":"), default=str)
        return await self._change(now_, before.properties, shown if shown.find(MASK) < 0 else None)

    # -- deletion ----------------------------------------------------------------------------------------------------

    async def delete(self, state: ResourceState, *, rollback: bool = False) -> bool:
        """Delete the resource as its policy says; False when that failed."""
        if not state.exists:
            if state.status != "DELETE_SKIPPED":
                self.mark(state, "DELETE_COMPLETE")
            return True
        kind = types.find(state.type)
        policy = state.deletion_policy or (kind.policy(state.properties) if kind else "Delete")
        if policy == "Retain" or (policy == "RetainExceptOnCreate" and not rollback):
            self.mark(state, "DELETE_SKIPPED")
            return True
        self.mark(state, "DELETE_IN_PROGRESS")
        # A resource whose creation failed has nothing worth a snapshot.
        site = self.site(state, snapshot=policy == "Snapshot" and not rollback)
        assert state.physical_id is not None
        try:
            try:
                live = await dynamic.looked_up(site, state.properties)
            except RefusalError:
                live = state.properties
            await _provisioner(state.type).delete(site, state.physical_id, live)
        except Exception as error:
            self.mark(state, "DELETE_FAILED", _reason(error))
            return False
        self.mark(state, "DELETE_COMPLETE")
        return True


def _provisioner(kind: str) -> Provisioner:
    found = types.find(kind)
    if found is None:
        raise RefusalError(
            f"Resource type {kind} is not in the sandbox: this resource cannot be made here. On AWS it may well exist."
        )
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, RefusalError):
        return error.reason
    if isinstance(error, TemplateError):
        return str(error)
    if isinstance(error, UnknownYetError):
        return f"Unresolved resource dependencies [{error}] in the Resources block of the template"
    log.exception("a provisioner failed", exc_info=error)
    return f"Internal failure of the sandbox: {type(error).__name__}: {error}"


def seconds_of(duration: str) -> float:
    """An ISO 8601 duration such as PT10M in seconds; `RefusalError` for another form."""
    match = DURATION.match(duration)
    if match is None:
        raise RefusalError(
            f"Invalid CreationPolicy timeout {duration}: an ISO 8601 duration such as PT10M is needed"
        )
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
