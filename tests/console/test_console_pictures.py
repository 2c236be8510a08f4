"""Pictures of the screens at both sizes, compared with those kept; after a wanted change: pytest --snapshot-update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import conftest as fakes
import console_samples as samples
import pytest

from dmstui.model import Snapshot

CASES: dict[str, tuple[Callable[[], Snapshot | None], tuple[str, ...]]] = {
    "monitor": (samples.snapshot, ("j", "j")),
    "before-the-first-answer": (lambda: None, ()),
    "loading": (samples.loading, ()),
    "empty": (samples.empty, ()),
    "denied": (samples.denied, ()),
    "read-only": (lambda: samples.snapshot(read_only=True), ("j", "j")),
    "thousands": (lambda: samples.fleet(3000), ("ctrl+d",)),
    "tables": (samples.snapshot, ("j", "j", "enter")),
    "charts": (samples.snapshot, ("j", "j", "c", "left")),
    "progress": (samples.snapshot, ("7", "enter")),
    "start": (samples.snapshot, ("s",)),
    "stop": (samples.snapshot, ("j", "j", "x")),
    "delete": (lambda: samples.snapshot(stacks=samples.part(samples.stacks("CREATE_COMPLETE"))), ("7", "x")),
}


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
@pytest.mark.parametrize("name", list(CASES))
def test_picture(snap_compare: Any, name: str, size: tuple[int, int]) -> None:
    make, keys = CASES[name]
    snapshot = make()
    app, monitor, clock = fakes.made(snapshot)

    async def before(pilot: Any) -> None:
        console = fakes.Console(app, monitor, clock, pilot)
        if snapshot is not None:
            await console.until(lambda: app.snapshot is not None)
        await console.settle()
        await console.keys(*keys)

    assert snap_compare(app, terminal_size=size, run_before=before)
