"""All stacks of the account, their exports, and what the room keeps between runs of the sandbox. One per service."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.cloudformation.notifications import Notifications
from dmstui.sandbox.cloudformation.plan import Place
from dmstui.sandbox.cloudformation.stack import GONE, ChangeSet, ResourceState, Stack, dump, load_stack, now
from dmstui.sandbox.service import Fault

if TYPE_CHECKING:
    from dmstui.sandbox.cloudformation.custom import CodeRoom
    from dmstui.sandbox.world import World

ROOM = "cloudformation"
KEEP_DELETED = 200
SAVE_DELAY_SECONDS = 0.1


class Book:
    """Stacks by id; the newest of a name that is not deleted is the one the name means."""

    def __init__(self, world: World, code: CodeRoom) -> None:
        self.world = world
        self.code = code
        self.stacks: dict[str, Stack] = {}
        self._zones: dict[str, tuple[str, ...]] = {}
        self._saving: asyncio.TimerHandle | None = None
        self._notifications = Notifications(world)
        code.owner = self._owner
        kept = world.recall(ROOM)
        for document in (kept or {}).get("stacks", []):
            stack = load_stack(document)
            self.stacks[stack.id] = stack
            self._notifications.loaded(stack)

    # -- finding -----------------------------------------------------------------------------------------------------

    def find(self, name: str, *, bracketed: bool = False) -> Stack:
        """The stack of a name or an id (ids also find deleted ones); Fault when there is none.

        CloudFormation's sentence writes the name in brackets for some operations: `bracketed`.
        """
        if name in self.stacks:
            return self.stacks[name]
        found = self.living(name)
        if found is None:
            shown = f"[{name}]" if bracketed else f"with id {name}"
            raise Fault("ValidationError", f"Stack {shown} does not exist")
        return found

    def living(self, name: str) -> Stack | None:
        """The stack that holds the name now."""
        if name in self.stacks:
            stack = self.stacks[name]
            return None if stack.gone else stack
        return next((stack for stack in self.stacks.values() if stack.name == name and not stack.gone), None)

    def _owner(self, function: str) -> tuple[str, Mapping[str, Any]] | None:
        """Template and properties behind a Lambda function that a stack made."""
        for stack in self.stacks.values():
            for state in [*stack.resources.values(), *stack.leftovers]:
                if state.type == "AWS::Lambda::Function" and state.physical_id == function:
                    return stack.inputs.template, state.properties
        return None

    def new_id(self, name: str) -> str:
        world = self.world
        return f"arn:{world.partition}:cloudformation:{world.region}:{world.account_id}:stack/{name}/{uuid.uuid4()}"

    def new_change_set_id(self, name: str) -> str:
        world = self.world
        return f"arn:{world.partition}:cloudformation:{world.region}:{world.account_id}:changeSet/{name}/{uuid.uuid4()}"

    def new_token(self) -> str:
        return str(uuid.uuid4())

    def add(self, stack: Stack) -> None:
        self.stacks[stack.id] = stack
        deleted = [item for item in self.stacks.values() if item.status == GONE]
        for old in deleted[:-KEEP_DELETED]:
            del self.stacks[old.id]
        self.save()

    def change_set(self, name: str, stack_name: str | None) -> ChangeSet:
        """A change set by id, or by name and stack."""
        for stack in self.stacks.values():
            if stack_name is not None and stack_name not in {stack.name, stack.id}:
                continue
            for found in stack.change_sets.values():
                if found.id == name or (stack_name is not None and found.name == name):
                    return found
        raise Fault("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)

    # -- exports -----------------------------------------------------------------------------------------------------

    def exports(self) -> dict[str, tuple[str, str]]:
        """Export name → (stack id, value)."""
        return {
            output.export: (stack.id, output.value)
            for stack in self.stacks.values()
            if not stack.gone
            for output in stack.outputs
            if output.export is not None
        }

    def importers(self, export: str) -> list[str]:
        """Names of the stacks that import it."""
        return [stack.name for stack in self.stacks.values() if not stack.gone and export in stack.imports]

    # -- what pseudo parameters need ---------------------------------------------------------------------------------

    async def place(self) -> Place:
        """Account, region, zones and exports as they are now."""
        region = self.world.region
        if region not in self._zones:
            async with self.world.client("ec2") as ec2:
                answer = await ec2.describe_availability_zones()
            self._zones[region] = tuple(sorted(zone["ZoneName"] for zone in answer["AvailabilityZones"]))
        return Place(
            account_id=self.world.account_id,
            region=region,
            partition=self.world.partition,
            suffix="amazonaws.com.cn" if self.world.partition == "aws-cn" else "amazonaws.com",
            zones=self._zones,
            exports={name: value for name, (_, value) in self.exports().items()},
        )

    # -- keeping -----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Tell who wants to know, and have the state written soon: several changes at once are one write."""
        for stack in self.stacks.values():
            self._notifications.tell(stack)
        if self.world.state_dir is None or self._saving is not None:
            return
        self._saving = asyncio.get_running_loop().call_later(SAVE_DELAY_SECONDS, self.write)

    def secure(self) -> None:
        """Write the state now, where it is kept at all."""
        if self.world.state_dir is not None:
            self.write()

    def write(self) -> None:
        """Write the state now."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        self.world.remember(ROOM, self.document())

    def document(self) -> dict[str, Any]:
        return {"at": now(), "stacks": [dump(stack) for stack in self.stacks.values()]}

    def resource(self, stack: Stack, logical_id: str) -> ResourceState:
        """A resource of a stack; Fault when there is none."""
        found = stack.resources.get(logical_id)
        if found is None:
            raise Fault("ValidationError", f"Resource {logical_id} does not exist for stack {stack.name}")
        return found
