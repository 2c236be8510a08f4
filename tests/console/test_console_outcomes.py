"""What becomes of a task is told when it becomes so, and a key that does nothing says why."""

from __future__ import annotations

import dataclasses
from typing import Any

import console_samples as samples
import pytest

from dmstui.console import charts
from dmstui.console.outcomes import Outcomes
from dmstui.model import ReplicationTask, Snapshot, TaskStats

STATS = TaskStats(progress=100, tables_loaded=14)


def load(status: str, **more: Any) -> ReplicationTask:
    return dataclasses.replace(
        samples.task("pg-s3-load", status), migration_type="full-load", stats=STATS, **more
    )


FINISHED = load("stopped", stop_reason="Stop Reason FULL_LOAD_ONLY_FINISHED")


def picture(*tasks: ReplicationTask) -> Snapshot:
    return samples.snapshot(tasks=samples.part(tasks))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((load("starting"), load("running")), [("pg-s3-load is running", "ok")]),
        ((load("running"), FINISHED), [("pg-s3-load: full load finished, 14 tables", "ok")]),
        ((load("running"), load("running")), []),
        ((load("running"), load("stopping")), []),
        ((load("running"), load("failed", failure=samples.FAILURE)), [("pg-s3-load: ", "bad")]),
    ],
)
def test_news(statuses: tuple[ReplicationTask, ...], expected: list[tuple[str, str]]) -> None:
    outcomes = Outcomes()
    outcomes.acted(statuses[0])
    found = outcomes.news(picture(statuses[-1]))
    assert [tone for _, tone in found] == [tone for _, tone in expected]
    assert all(text.startswith(wanted) for (text, _), (wanted, _) in zip(found, expected, strict=True))
    assert not outcomes.news(picture(statuses[-1])), "told once"


def test_others_are_not_told_of() -> None:
    outcomes = Outcomes()
    assert not outcomes.news(picture(load("running")))
    assert not outcomes.news(picture(FINISHED))
    assert not outcomes.news(picture(load("running")), load("running"))
    assert outcomes.news(picture(FINISHED), load("running"))


def test_a_task_that_was_quicker_than_its_start() -> None:
    outcomes = Outcomes()
    outcomes.acted(load("ready"))
    assert outcomes.overtaken(FINISHED.arn, picture(load("starting"))) is None
    assert outcomes.overtaken(FINISHED.arn, picture(FINISHED)) is not None
    assert outcomes.overtaken("another", picture(FINISHED)) is None


async def test_the_end_of_the_load_is_said_where_it_is_watched(console: Any) -> None:
    async with console(picture(load("running"))) as c:
        await c.keys("enter")
        await c.post(picture(FINISHED))
        assert c.says("● pg-s3-load: full load finished, 14 tables", "stopped", "FULL_LOAD_ONLY_FINISHED")


async def test_a_key_that_does_nothing_says_why(console: Any) -> None:
    async with console(picture(FINISHED)) as c:
        await c.keys("x")
        assert c.says("pg-s3-load: ")
        assert not c.app.dialog.is_open
        await c.keys("enter", "c", "r")
        assert c.says("tab Tables")
    async with console(samples.snapshot(read_only=True)) as c:
        await c.keys("s")
        assert c.says("read-only")


@pytest.mark.parametrize(("seconds", "expected"), [(20, "no points yet"), (600, "the task is stopped")])
def test_points_of_a_task_that_has_just_ended_are_awaited(seconds: int, expected: str) -> None:
    task = dataclasses.replace(FINISHED, stats=dataclasses.replace(STATS, stop=samples.ago(seconds)))
    assert expected in charts.nothing(task, "throughput", samples.NOW)
