"""AWS does not answer, or the sandbox is gone: a lasting line on every screen, and no deed is begun."""

from __future__ import annotations

from typing import Any

import console_samples as samples
import pytest

from dmstui.console import outage
from dmstui.model import AwsError, Snapshot

GONE = AwsError(
    "Unreachable",
    'Could not connect to the endpoint URL: "http://127.0.0.1:4566/"',
    "DescribeReplicationTasks",
    "Check the network, the region and AWS_ENDPOINT_URL.",
)
SLOW = AwsError("Unreachable", "the call timed out", "DescribeStacks", "It is tried again by itself.")


def lost(error: AwsError, **more: Any) -> Snapshot:
    old = samples.snapshot()
    parts = {
        name: samples.part(getattr(old, name).value, error=error)
        for name in ("tasks", "stacks", "instances", "endpoints", "events")
    }
    return samples.snapshot(**(parts | more))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (samples.snapshot(), ""),
        (samples.denied(), ""),
        (lost(GONE, stacks=samples.part(())), ""),
        (lost(GONE, sandbox=True), "the sandbox has ended; what you see is of "),
        (lost(SLOW, sandbox=True), "the sandbox does not answer; what you see is of "),
        (lost(GONE), "AWS does not answer; what you see is of "),
    ],
)
def test_words(snapshot: Snapshot, expected: str) -> None:
    assert outage.words(snapshot).startswith(expected)
    assert bool(outage.words(snapshot)) == bool(expected)


def test_nothing_is_begun_before_anything_was_read() -> None:
    snapshot = samples.loading()
    assert "try again" in (outage.refusal(snapshot, snapshot.stacks) or "")
    never = samples.part((), at=None, error=GONE)
    assert "Could not connect" in (outage.refusal(samples.snapshot(stacks=never), never) or "")
    assert outage.refusal(samples.snapshot(), samples.snapshot().tasks) is None
    ended = lost(GONE, sandbox=True)
    assert outage.refusal(ended, ended.tasks) == "the sandbox has ended"


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_every_screen_says_it_until_it_is_over(console: Any, size: tuple[int, int]) -> None:
    async with console(samples.snapshot(sandbox=True), size) as c:
        await c.post(lost(GONE, sandbox=True))
        for key in "234567":
            await c.keys(key)
            assert c.says("the sandbox has ended", ":q leaves"), key
        await c.keys("1", "enter")
        assert c.says("the sandbox has ended")
        await c.post(samples.snapshot(sandbox=True))
        assert not c.says("the sandbox has ended")


async def test_deeds_are_refused_meanwhile(console: Any) -> None:
    async with console(lost(GONE)) as c:
        await c.keys(":")
        await c.type("deploy postgresql-to-s3")
        await c.keys("enter")
        assert not c.app.dialog.is_open
        assert c.says("AWS does not answer: Could not connect")
        assert not c.monitor.submitted
