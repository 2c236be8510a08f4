"""Keeps the garbage collector from stopping the console: off until the first frame, then only over what is young.

`console.run` and `ConsoleApp` call it. With AWS's service models and thousands of tables a full collection takes over
a tenth of a second; they are no garbage and hold no cycles, so they need not be looked at.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.model import Snapshot


def before_first_frame() -> None:
    """Nothing made before the first frame is garbage."""
    gc.disable()


def after_first_frame() -> None:
    """Collect from now on."""
    gc.enable()


def kinds_known(snapshot: Snapshot) -> int:
    """How many kinds of things have come in so far; a service's modules and model come with its first answer."""
    flat = (
        snapshot.instances,
        snapshot.tasks,
        snapshot.endpoints,
        snapshot.connections,
        snapshot.events,
        snapshot.stacks,
    )
    keyed = (
        snapshot.tables,
        snapshot.metrics,
        snapshot.instance_metrics,
        snapshot.logs,
        snapshot.settings,
        snapshot.stack_events,
    )
    return sum(part.at is not None for part in flat) + sum(
        any(part.at is not None for part in parts.values()) for parts in keyed
    )


class Settled:
    """Sets everything aside whenever a new kind of thing has come in: a dozen times in a run at most, so that what
    becomes garbage among it later is little.
    """

    def __init__(self, set_aside: Callable[[], None] = gc.freeze) -> None:
        self._set_aside = set_aside
        self._known = 0

    def saw(self, snapshot: Snapshot) -> None:
        """A new picture."""
        known = kinds_known(snapshot)
        if known > self._known:
            self._known = known
            self._set_aside()
