"""The progress screen at the edges: a delete that has just begun, one that has ended, resources left out."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import console_samples as samples

from dmstui.console import stack_progress
from dmstui.model import Snapshot, StackEvent

NAME = samples.STACK


def deleting(ends: bool) -> tuple[StackEvent, ...]:
    """The create's events, then a delete's, newest first; without `ends` two resources are still going."""
    began = samples.ago(65)
    kinds = {one.logical_id: one.type for one in samples.stack_resources()}
    stack = f"{samples.ROOT}:stack/x"
    kind = "AWS::CloudFormation::Stack"
    found = [StackEvent("d0", began, NAME, stack, kind, "DELETE_IN_PROGRESS", stack_id=stack)]
    for number, (name, kind) in enumerate(kinds.items()):
        at = began + timedelta(seconds=number)
        found.append(StackEvent(f"d{name}a", at, name, name.lower(), kind, "DELETE_IN_PROGRESS"))
        if ends or number > 1:
            found.append(StackEvent(f"d{name}b", samples.ago(5), name, name.lower(), kind, "DELETE_COMPLETE"))
    return (*reversed(found), *samples.stack_events())


def picture(status: str, events: tuple[StackEvent, ...]) -> Snapshot:
    return samples.snapshot(
        stacks=samples.part(samples.stacks(status) if status else samples.stacks()[1:]),
        stack_events={NAME: samples.part(events)},
        stack_resources={NAME: samples.part(samples.stack_resources())},
    )


async def test_a_delete_begins_with_empty_bars(console: Any) -> None:
    async with console(picture("DELETE_IN_PROGRESS", samples.stack_events())) as c:
        await c.keys("7", "enter")
        assert c.says("DELETE_IN_PROGRESS", f"0 of {len(samples.stack_resources())} done")
        assert not c.says("2m20s")


async def test_a_delete_that_ended_says_so_and_its_clock_stands(console: Any) -> None:
    async with console(picture("DELETE_IN_PROGRESS", deleting(ends=False))) as c:
        await c.keys("7", "enter")
        number = len(samples.stack_resources())
        assert c.says("DELETE_IN_PROGRESS", f"{number - 2} of {number} done")
        gone = picture("", deleting(ends=False))
        await c.post(gone)
        assert c.says("● deleted", f"{number} of {number} done", "took 1m00s")
        assert not c.says("not there")
        await c.post(dataclasses.replace(gone, at=gone.at + timedelta(minutes=9)))
        assert c.says("● deleted", "took 1m00s")


async def test_resources_that_hang_on_a_condition_count_once_they_begin(console: Any) -> None:
    from dmstui.catalog import scenario
    from dmstui.catalog.template import template_conditional_ids, template_logical_ids

    template = scenario("postgresql-to-s3").template_text
    certain = template_logical_ids(template) - template_conditional_ids(template)
    async with console(picture("CREATE_IN_PROGRESS", samples.stack_events())) as c:
        await c.keys("7", "enter")
        shown = {step.logical_id for step in c.app.front.steps.rows.records.values()}
        assert certain <= shown
        assert not template_conditional_ids(template) & shown


def test_a_step_that_was_cut_off_by_the_end_is_done() -> None:
    made = stack_progress.steps(
        stack_progress.current(deleting(ends=False)), samples.stack_resources(), {}, samples.NOW
    )
    assert any(step.running for step in made)
    assert all(step.done for step in stack_progress.ended(made))
