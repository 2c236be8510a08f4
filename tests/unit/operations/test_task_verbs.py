"""Start, resume, reload, stop, reload tables, test a connection: on a made-up DMS that keeps DMS's rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dmstui.model import (
    AwsError,
    Connection,
    Part,
    ReplicationInstance,
    ReplicationTask,
    Snapshot,
    TableStatistics,
    TaskStats,
)
from dmstui.operations import (
    OPERATIONS,
    Danger,
    Progress,
    reload,
    reload_tables,
    resume,
    start,
    stop,
    test_connection,
)

AT = datetime(2026, 11, 24, tzinfo=UTC)
INSTANCE = ReplicationInstance("arn:i", "rep", "available", "c")
TASK = ReplicationTask("arn:t", "orders", "ready", "full-load", "arn:i", "arn:s", "arn:d")


class Dms:
    """One task whose status walks through `path`, one step a look, once it was started or stopped."""

    def __init__(self, task: ReplicationTask, path: list[ReplicationTask] | None = None) -> None:
        self.task_now = task
        self.path = path or []
        self.calls: list[Any] = []
        self.raises: AwsError | None = None
        self.arrives = True
        self.dms = self
        self.loopback = True

    async def task(self, arn: str, *, full: bool = False) -> ReplicationTask:
        now = self.task_now
        if self.calls and self.path:
            self.task_now = self.path.pop(0)
        return now

    def sent(self, *call: Any) -> None:
        self.calls.append(call)
        if self.raises:
            if self.raises.code == "Unclear" and self.arrives and self.path:
                self.task_now = self.path.pop(0)
            raise self.raises

    async def start_task(self, arn: str, start_type: str, **given: Any) -> ReplicationTask:
        self.sent("start", start_type, {key: value for key, value in given.items() if value is not None})
        self.task_now = replace(self.task_now, status="starting")
        return self.task_now

    async def stop_task(self, arn: str) -> ReplicationTask:
        self.sent("stop")
        self.task_now = replace(self.task_now, status="stopping")
        return self.task_now

    async def reload_tables(self, arn: str, tables: Any, *, validate_only: bool = False) -> None:
        self.calls.append(("reload", list(tables), validate_only))
        if self.raises and len(self.calls) == 1:
            raise self.raises

    async def test_connection(self, instance_arn: str, endpoint_arn: str) -> Connection:
        self.sent("test")
        return Connection(instance_arn, endpoint_arn, "testing", "rep", "src")

    async def connections(self, endpoint_arn: str) -> tuple[Connection, ...]:
        return (Connection("arn:other", endpoint_arn, "successful"), self.row)

    row = Connection("arn:i", "arn:s", "successful", "rep", "src")


def at(status: str, **given: Any) -> ReplicationTask:
    return replace(TASK, status=status, started=AT, **given)


async def through(steps: AsyncIterator[Progress]) -> list[Progress]:
    found = [step async for step in steps]
    assert [step.done for step in found].count(True) == 1
    assert found[-1].done
    return found


@pytest.mark.parametrize(
    ("run", "task", "start_type"),
    [
        (start.run, TASK, "start-replication"),
        (resume.run, at("stopped"), "resume-processing"),
        (resume.run, at("failed"), "resume-processing"),
        (reload.run, at("stopped"), "reload-target"),
    ],
)
async def test_each_verb_sends_its_start_type_once(
    run: Callable[..., Any], task: ReplicationTask, start_type: str
) -> None:
    dms = Dms(task)
    found = await through(run(dms, task))
    assert dms.calls == [("start", start_type, {})]
    assert found[-1].error is None
    assert "starting" in found[-1].text


async def test_a_full_load_is_followed_to_its_end() -> None:
    path = [
        at("running", stats=TaskStats(progress=40, tables_loaded=2, tables_loading=3)),
        at("stopped", stop_reason="Stop Reason FULL_LOAD_ONLY_FINISHED", stats=TaskStats(progress=100)),
    ]
    found = await through(start.run(Dms(TASK, path), TASK, wait=True, seconds=20))  # type: ignore[arg-type]
    texts = [step.text for step in found]
    assert any("40 %" in text and "2 of 5 tables" in text for text in texts)
    assert texts[-1] == "orders is stopped: FULL_LOAD_ONLY_FINISHED"
    assert found[-1].fraction == 1.0


async def test_a_cdc_task_is_followed_until_it_runs() -> None:
    task = replace(TASK, migration_type="cdc")
    dms = Dms(task, [replace(task, status="running", started=AT)])
    found = await through(start.run(dms, task, cdc_start_position="0/1", wait=True, seconds=20))  # type: ignore[arg-type]
    assert found[-1].text == "orders is running"
    assert dms.calls == [("start", "start-replication", {"cdc_start_position": "0/1"})]


async def test_a_run_that_fails_tells_dmss_own_words() -> None:
    broken = at(
        "failed", failure="Last Error  No tables were found Stop Reason FATAL_ERROR Error Level FATAL"
    )
    found = await through(start.run(Dms(TASK, [broken]), TASK, wait=True, seconds=20))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert found[-1].error.code == "TaskFailed"
    assert "No tables were found" in found[-1].error.message


async def test_what_the_state_forbids_is_refused_before_aws_is_asked() -> None:
    dms = Dms(at("running"))
    found = await through(start.run(dms, TASK))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert found[-1].error.code == "Refused"
    assert dms.calls == []


async def test_a_lost_answer_is_not_repeated_and_the_task_is_asked_instead() -> None:
    dms = Dms(TASK, [at("starting")])
    dms.raises = AwsError("Unclear", "no answer came back")
    found = await through(start.run(dms, TASK))  # type: ignore[arg-type]
    assert len(dms.calls) == 1
    assert found[-1].error is None
    assert any("no answer" in step.text for step in found)


async def test_a_lost_answer_without_effect_stays_an_error() -> None:
    dms = Dms(TASK)
    dms.raises, dms.arrives = AwsError("Unclear", "no answer came back"), False
    found = await through(start.run(dms, TASK))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert found[-1].error.code == "Unclear"


async def test_a_wait_that_takes_too_long_ends_as_timed_out() -> None:
    found = await through(start.run(Dms(TASK), TASK, wait=True, seconds=0.5))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert found[-1].error.code == "TimedOut"


async def test_stop_waits_for_the_end() -> None:
    dms = Dms(at("running"), [at("stopping"), at("stopped", stop_reason="Stop Reason NORMAL")])
    found = await through(stop.run(dms, TASK, wait=True, seconds=20))  # type: ignore[arg-type]
    assert found[-1].text == "orders is stopped: NORMAL"


async def test_tables_are_reloaded_ten_a_call_and_each_once() -> None:
    dms = Dms(at("running"))
    wanted = [("a", f"t{number}") for number in range(23)]
    found = await through(reload_tables.run(dms, TASK, [*wanted, wanted[0]]))  # type: ignore[arg-type]
    assert [len(call[1]) for call in dms.calls] == [10, 10, 3]
    assert sorted(table for call in dms.calls for table in call[1]) == sorted(wanted)
    assert found[-1].text.startswith("23 tables")


async def test_a_refused_batch_leaves_the_others_and_ends_as_an_error() -> None:
    dms = Dms(at("running"))
    dms.raises = AwsError("InvalidResourceStateFault", "busy", "ReloadTables")
    found = await through(reload_tables.run(dms, TASK, [("a", f"t{n}") for n in range(12)]))  # type: ignore[arg-type]
    assert len(dms.calls) == 2
    assert found[-1].error is not None
    assert "2 of 12" in found[-1].error.message


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (Connection("arn:i", "arn:s", "successful", "rep", "src"), None),
        (Connection("arn:i", "arn:s", "failed", "rep", "src", failure="SqlState: 28P01"), "28P01"),
    ],
)
async def test_a_connection_test_waits_for_its_own_row(row: Connection, error: str | None) -> None:
    dms = Dms(TASK)
    dms.row = row
    found = await through(test_connection.run(dms, Connection("arn:i", "arn:s", ""), seconds=20))  # type: ignore[arg-type]
    if error is None:
        assert found[-1].error is None
    else:
        assert found[-1].error is not None
        assert error in found[-1].error.message


def picture(**given: Any) -> Snapshot:
    return Snapshot(at=AT, instances=Part((INSTANCE,)), **given)


def test_refusals_know_read_only_failed_tests_and_the_instance() -> None:
    assert start.refusal(TASK, picture()) is None
    assert "read-only" in (start.refusal(TASK, picture(read_only=True)) or "")
    bad = Connection("arn:i", "arn:s", "failed", endpoint_name="src")
    assert "src failed" in (start.refusal(TASK, picture(connections=Part((bad,)))) or "")
    creating = replace(INSTANCE, status="creating")
    assert "creating" in (start.refusal(TASK, Snapshot(at=AT, instances=Part((creating,)))) or "")
    assert test_connection.refusal(bad, picture(read_only=True)) is None
    assert stop.refusal(TASK, picture()) is not None
    assert reload_tables.refusal(at("stopped"), picture()) is not None


@pytest.mark.parametrize(
    ("mode", "word"),
    [("DROP_AND_CREATE", "dropped"), ("TRUNCATE_BEFORE_LOAD", "emptied"), ("DO_NOTHING", "doubled")],
)
def test_a_reload_says_what_becomes_of_the_target(mode: str, word: str) -> None:
    full = replace(TASK, settings=f'{{"FullLoadSettings": {{"TargetTablePrepMode": "{mode}"}}}}')
    rows = (TableStatistics("a", "b", "Table completed", full_load_rows=1200),)
    text = " ".join(
        reload.effect(TASK, picture(settings={"arn:t": Part(full)}, tables={"arn:t": Part(rows)}))
    )
    assert word in text
    assert "1,200" in text


def test_what_destroys_asks_for_the_name() -> None:
    assert OPERATIONS["reload"].danger is Danger.TYPE_NAME
    assert OPERATIONS["delete-stack"].danger is Danger.TYPE_NAME
    assert OPERATIONS["test-connection"].danger is Danger.NONE
    assert all(operation.id == name for name, operation in OPERATIONS.items())
