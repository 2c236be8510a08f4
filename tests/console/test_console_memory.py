"""The collector is told to leave alone what has settled, a bounded number of times; screens are listed as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import console_samples as samples
import pytest

from dmstui.console.memory import Settled, kinds_known
from dmstui.console.screens import VIEWS, Place
from dmstui.model import Part, Snapshot


def known(*names: str) -> Snapshot:
    """A Snapshot in which these parts have come in."""
    keyed = {"tables", "metrics", "instance_metrics", "logs", "settings", "stack_events"}
    part: Part[Any] = Part((), samples.NOW)
    parts: dict[str, Any] = {name: {"one": part} if name in keyed else part for name in names}
    return replace(Snapshot(at=samples.NOW), **parts)


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), 0), (("tasks",), 1), (("tasks", "instances", "metrics"), 3), (("tables", "logs", "settings"), 3)],
)
def test_kinds_are_counted_once_they_have_come_in(names: tuple[str, ...], expected: int) -> None:
    assert kinds_known(known(*names)) == expected


def test_memory_is_set_aside_once_for_each_kind() -> None:
    times: list[int] = []
    settled = Settled(lambda: times.append(1))
    for names in ((), ("tasks",), ("tasks",), ("tasks", "events"), ("tasks",), ("tasks", "tables")):
        settled.saw(known(*names))
    assert len(times) == 2
    settled.saw(known("tasks", "tables", "logs"))
    assert len(times) == 3


@pytest.mark.parametrize("place", VIEWS, ids=lambda place: place.NAME)
def test_a_screen_is_listed_as_its_class_says(place: Place) -> None:
    view = place.view_class()
    assert (view.NAME, view.TITLE, view.NUMBER) == (place.NAME, place.TITLE, place.NUMBER)
