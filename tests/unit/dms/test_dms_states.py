"""Which call a task's status allows: every status against every call, and the start types."""

from __future__ import annotations

import pytest

from dmstui.sandbox.dms import states

STATUSES = (
    "creating",
    "ready",
    "starting",
    "running",
    "stopping",
    "stopped",
    "failed",
    "modifying",
    "testing",
    "moving",
    "failed-move",
    "deleting",
)


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_allows_what_the_table_says(status: str) -> None:
    rest = status in ("ready", "stopped", "failed", "failed-move")
    assert (states.stop_refusal(status) is None) == (status in ("running", "starting"))
    assert (states.delete_refusal(status) is None) == (rest or status == "moving")
    assert (states.modify_refusal(status, only_severities=False) is None) == rest
    assert (states.modify_refusal(status, only_severities=True) is None) == (rest or status == "running")
    assert (states.move_refusal(status) is None) == rest
    assert (states.reload_refusal(status, "full-load", 1) is None) == (status == "running")
    started = states.start_refusal(status, True, "full-load", "resume-processing", positioned=False)
    assert (started is None) == rest
    if started is not None:
        assert started.code == "InvalidResourceStateFault"


@pytest.mark.parametrize(
    ("ran", "kind", "start", "positioned", "code"),
    [
        (False, "full-load", "start-replication", False, None),
        (True, "full-load", "start-replication", False, "InvalidParameterCombinationException"),
        (True, "full-load-and-cdc", "start-replication", True, "InvalidParameterCombinationException"),
        (True, "cdc", "start-replication", False, "InvalidParameterCombinationException"),
        (True, "cdc", "start-replication", True, None),
        (True, "cdc", "resume-processing", False, None),
        (True, "cdc", "reload-target", False, "InvalidParameterCombinationException"),
        (True, "full-load-and-cdc", "reload-target", False, None),
        (True, "full-load", "restart", False, "InvalidParameterValueException"),
    ],
)
def test_start_types(ran: bool, kind: str, start: str, positioned: bool, code: str | None) -> None:
    refusal = states.start_refusal("stopped" if ran else "ready", ran, kind, start, positioned=positioned)
    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(
    ("status", "kind", "count", "code"),
    [
        ("running", "full-load-and-cdc", 10, None),
        ("running", "full-load-and-cdc", 11, "InvalidParameterValueException"),
        ("running", "cdc", 1, "InvalidParameterCombinationException"),
        ("stopped", "full-load", 1, "InvalidResourceStateFault"),
    ],
)
def test_reloading_tables(status: str, kind: str, count: int, code: str | None) -> None:
    refusal = states.reload_refusal(status, kind, count)
    assert (refusal.code if refusal else None) == code
