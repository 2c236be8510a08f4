"""The budgets: calls a second, metrics a minute, slower after throttles and faster again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dmstui.aws.cloudwatch import POINTS_AT_ONCE, QUERIES_AT_ONCE, queries_at_once
from dmstui.monitor.metrics import dollars_a_day, period
from dmstui.monitor.schedule import (
    DMS_PARTS,
    MAX_SLOWNESS,
    QUIET_SECONDS,
    Slowness,
    interval,
    latency_interval,
)

ALWAYS = ("instances", "tasks", "endpoints", "connections", "events")


@pytest.mark.parametrize(
    ("tasks", "instances", "endpoints"), [(10, 2, 20), (600, 20, 1000), (1000, 50, 1000)]
)
def test_the_steady_rate_of_dms_calls_stays_below_one_a_second(
    tasks: int, instances: int, endpoints: int
) -> None:
    pages = {
        "tasks": -(-tasks // 100),
        "instances": -(-instances // 100),
        "endpoints": -(-endpoints // 100),
        "connections": -(-endpoints // 100),
        "events": 5,
    }
    rate = sum(pages[part] / interval(part, sandbox=False, pages=pages[part]) for part in ALWAYS)
    # An open task asks three filtered pages each ten seconds and its settings now and then.
    rate += 3 / interval("busy-tables", sandbox=False) + 1 / interval("settings", sandbox=False)
    assert rate <= 1.0


@pytest.mark.parametrize("running", [1, 50, 100, 600, 1000])
def test_latency_of_all_tasks_stays_within_the_metrics_budget(running: int) -> None:
    a_minute = running * 2 / latency_interval(running, sandbox=False) * 60
    focus = 11 / interval("focus-metrics", sandbox=False) * 60
    assert a_minute + focus <= 200


def test_a_throttle_halves_the_pace_and_quiet_restores_it() -> None:
    slowness = Slowness()
    assert not slowness.seen(0, 0.0)
    assert slowness.seen(1, 10.0)
    assert slowness.factor == 2
    assert "2 times less often" in slowness.note()
    assert not slowness.seen(1, 20.0)
    for count in range(2, 9):
        slowness.seen(count, 20.0 + count)
    assert slowness.factor == MAX_SLOWNESS
    now = 30.0
    while slowness.factor > 1:
        now += QUIET_SECONDS
        assert slowness.seen(8, now)
    assert slowness.note() == ""


def test_only_dms_is_slowed() -> None:
    assert interval("tasks", sandbox=False, slowness=4) == 4 * interval("tasks", sandbox=False)
    assert "stacks" not in DMS_PARTS
    assert interval("stacks", sandbox=False, slowness=4) == interval("stacks", sandbox=False)


def test_the_users_refresh_never_goes_below_what_the_pages_allow() -> None:
    assert interval("tasks", sandbox=False, refresh=5) == 5
    assert interval("tasks", sandbox=False, pages=10, refresh=5) == 25
    assert interval("tasks", sandbox=True, refresh=5) == 5
    assert interval("events", sandbox=False, refresh=5) == 60


def test_dollars_a_day() -> None:
    assert dollars_a_day(200, 60) == pytest.approx(2.88)
    assert dollars_a_day(0, 0) == 0


@pytest.mark.parametrize(
    ("sandbox", "hours", "expected"),
    [
        (False, 0, 60),
        (False, 3, 60),
        (False, 12, 60),
        (False, 24, 300),
        (False, 7 * 24, 900),
        (False, 365 * 24, 3600),
        (True, 0, 5),
        (True, 1, 5),
        (True, 3, 30),
        (True, 24, 300),
    ],
)
def test_points_are_coarser_the_further_back_a_chart_reaches(
    sandbox: bool, hours: int, expected: int
) -> None:
    assert period(sandbox, timedelta(hours=hours)) == expected


@pytest.mark.parametrize(
    ("minutes", "seconds", "expected"),
    [
        (5, 60, QUERIES_AT_ONCE),
        (16, 60, 312),
        (180, 60, 27),
        (720, 60, 6),
        (7 * 24 * 60, 60, 1),
        (0, 60, 500),
    ],
)
def test_a_call_for_metrics_asks_for_no_more_points_than_fit(
    minutes: int, seconds: int, expected: int
) -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    found = queries_at_once(start, start + timedelta(minutes=minutes), seconds)
    assert found == expected
    assert found == 1 or found * minutes * 60 / seconds <= POINTS_AT_ONCE
