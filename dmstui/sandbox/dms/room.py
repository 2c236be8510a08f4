"""What the operation groups of DMS share: the world, the records, the running tasks, and saving what changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.dms.store import Store
from dmstui.sandbox.world import World

if TYPE_CHECKING:
    from dmstui.sandbox.dms.runner import Run

log = logging.getLogger(__name__)

NAME = "dms"
SAVE_SECONDS = 0.3
# A save runs on the loop: with many tables it takes a while, and is then made so much rarer.
SAVE_SHARE = 5
SAVE_LATEST = 2.0
SECURE_SECONDS = 0.1


class Room:
    """The state of DMS in one sandbox."""

    def __init__(self, world: World) -> None:
        self.world = world
        remembered = world.recall(NAME)
        self.restored = remembered is not None
        self.store = Store.restored(remembered) if remembered else Store()
        self.runs: dict[str, Run] = {}
        self._saving: asyncio.Task[Any] | None = None
        self._save_took = 0.0

    def arn(self, kind: str, suffix: str) -> str:
        world = self.world
        return f"arn:{world.partition}:dms:{world.region}:{world.account_id}:{kind}:{suffix}"

    def changed(self) -> None:
        """Have the records saved soon (only a sandbox with a state folder keeps them)."""
        if self.world.state_dir is None or (self._saving is not None and not self._saving.done()):
            return
        self._saving = self.world.spawn(self._save(), "dms: save")

    async def _save(self) -> None:
        try:
            await asyncio.sleep(min(SAVE_LATEST, max(SAVE_SECONDS, SAVE_SHARE * self._save_took)))
        finally:
            self._write()

    def _write(self) -> None:
        began = time.monotonic()
        self.world.remember(NAME, self.store.document())
        self._save_took = time.monotonic() - began

    def secure(self) -> None:
        """Save now: what somebody is about to rely on must be known after a kill."""
        if self.world.state_dir is not None:
            self._write()

    def answered(self) -> None:
        """A call was accepted: save now, or soon where a save takes so long that calls would wait for it."""
        if self._save_took < SECURE_SECONDS:
            self.secure()
        else:
            self.changed()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Background work of this room."""
        return self.world.spawn(work, f"dms: {name}")

    def put_tags(self, arn: str, tags: dict[str, str]) -> None:
        if tags:
            self.store.tags.setdefault(arn, {}).update(tags)


def moment(at: float | None) -> datetime | None:
    """Seconds since 1970 as the datetime an answer carries."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


def present(document: dict[str, Any]) -> dict[str, Any]:
    """The members that have a value: absent ones are left out of an answer."""
    return {name: value for name, value in document.items() if value is not None}
