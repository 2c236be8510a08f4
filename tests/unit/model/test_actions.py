"""The table of what a task's status and type allow, case by case."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dmstui import model
from dmstui.model import Connection, ReplicationInstance, ReplicationTask, TaskStats, allowed, start_choices
from dmstui.model.actions import Action

RAN = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
check_pair = model.test_refusal  # under its own name pytest would collect it


def task(status: str, kind: str = "full-load", *, ran: bool = False) -> ReplicationTask:
    return ReplicationTask("arn:aws:dms:r:a:task:T", "t", status, kind, started=RAN if ran else None)


@pytest.mark.parametrize(
    ("action", "given", "position", "possible"),
    [
        ("start", task("ready"), False, True),
        ("start", task("ready", "cdc"), False, True),
        ("start", task("ready", "full-load-and-cdc"), False, True),
        ("start", task("stopped", ran=True), False, False),
        ("start", task("failed", ran=True), False, False),
        ("start", task("failed"), False, True),  # its creation failed, it never ran
        ("start", task("stopped", "cdc", ran=True), False, False),
        ("start", task("stopped", "cdc", ran=True), True, True),
        ("start", task("stopped", "full-load", ran=True), True, False),
        ("start", task("running", ran=True), False, False),
        ("start", task("creating"), False, False),
        ("start", task("moving"), False, False),
        ("resume", task("ready"), False, False),
        ("resume", task("stopped", ran=True), False, True),
        ("resume", task("failed", "cdc", ran=True), False, True),
        ("resume", task("stopping", ran=True), False, False),
        ("reload", task("stopped", ran=True), False, True),
        ("reload", task("failed", "full-load-and-cdc", ran=True), False, True),
        ("reload", task("stopped", "cdc", ran=True), False, False),
        ("reload", task("ready"), False, False),
        ("reload", task("running", ran=True), False, False),
        ("stop", task("running", ran=True), False, True),
        ("stop", task("starting", ran=True), False, True),
        ("stop", task("stopping", ran=True), False, False),
        ("stop", task("ready"), False, False),
        ("reload-tables", task("running", ran=True), False, True),
        ("reload-tables", task("running", "cdc", ran=True), False, False),
        ("reload-tables", task("stopped", ran=True), False, False),
        ("modify", task("ready"), False, True),
        ("modify", task("running", ran=True), False, False),
        ("delete", task("stopped", ran=True), False, True),
        ("delete", task("moving", ran=True), False, True),
        ("delete", task("running", ran=True), False, False),
        ("move", task("failed-move", ran=True), False, True),
        ("move", task("starting", ran=True), False, False),
    ],
)
def test_allowed(action: Action, given: ReplicationTask, position: bool, possible: bool) -> None:
    reason = allowed(action, given, position=position)
    assert (reason is None) == possible, reason


def test_a_refusal_says_what_to_do_instead() -> None:
    assert "resume it or reload" in (allowed("start", task("stopped", ran=True)) or "")
    assert "stop it first" in (allowed("modify", task("running", ran=True)) or "")
    assert "running" in (allowed("start", task("running", ran=True)) or "")


@pytest.mark.parametrize(
    ("status", "stats", "ran"),
    [
        ("ready", None, False),
        ("ready", TaskStats(), False),
        ("failed", TaskStats(fresh_start=RAN), True),
        ("stopped", None, True),
        ("starting", None, True),
    ],
)
def test_has_run(status: str, stats: TaskStats | None, ran: bool) -> None:
    assert ReplicationTask("a", "t", status, "cdc", stats=stats).has_run is ran


def test_start_choices_offer_exactly_one_for_a_new_task() -> None:
    free = [choice.verb for choice in start_choices(task("ready")) if choice.refusal is None]
    assert free == ["start"]
    again = start_choices(task("stopped", ran=True))
    assert [choice.verb for choice in again if choice.refusal is None] == ["resume", "reload"]
    assert [choice.destructive for choice in again] == [False, False, True]
    assert [choice.start_type for choice in again] == [
        "start-replication",
        "resume-processing",
        "reload-target",
    ]


def test_connection_test_needs_an_available_instance_and_no_running_test() -> None:
    instance = ReplicationInstance("i", "rep", "available", "dms.t3.micro")
    assert check_pair(instance, None) is None
    assert check_pair(instance, Connection("i", "e", "failed")) is None
    assert "already" in (check_pair(instance, Connection("i", "e", "testing")) or "")
    assert "creating" in (check_pair(ReplicationInstance("i", "rep", "creating", "c"), None) or "")
    assert check_pair(None, None) is not None
