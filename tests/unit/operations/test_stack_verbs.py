"""Deploy, delete and scripts on a made-up CloudFormation and Run Command; following and finding the cause are pure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dmstui.aws.ssm import Invocation
from dmstui.catalog import scenario
from dmstui.model import AwsError, Part, ReplicationTask, Snapshot, Stack, StackEvent, StackResource
from dmstui.operations import Progress, delete_stack, deploy, run_script
from dmstui.operations.stacks import cause, of_last_operation, progress_of
from dmstui.operations.status import next_step

AT = datetime(2026, 11, 24, tzinfo=UTC)
ONE = scenario("postgresql-to-s3")
NAME = ONE.stack_name


def event(number: int, logical: str, status: str, reason: str = "") -> StackEvent:
    own = logical == NAME
    return StackEvent(
        f"e{number}",
        AT + timedelta(seconds=number),
        logical,
        "arn:stack" if own else f"physical-{logical}",
        "AWS::CloudFormation::Stack" if own else "AWS::S3::Bucket",
        status,
        reason,
        stack_id="arn:stack",
    )


class Aws:
    """A stack that goes through statuses and events, one look a step."""

    def __init__(self, statuses: list[str], events: list[list[StackEvent]] | None = None) -> None:
        self.statuses = statuses  # what each describe says; the last stays; "" = there is none
        self.batches = events or []
        self.happened: list[StackEvent] = []
        self.calls: list[tuple[str, Any]] = []
        self.invocations: list[Invocation] = []
        self.offered = ["3.5.4", "3.6.1"]
        self.create_error: AwsError | None = None
        self.loopback, self.region = True, "us-east-1"
        self.cloudformation = self.dms = self.ssm = self

    async def stack(self, name: str) -> Stack | None:
        status = self.statuses[0] if len(self.statuses) == 1 else self.statuses.pop(0)
        return (
            Stack("arn:stack", NAME, status, parameters={"DatabaseClass": "db.t4g.micro"}) if status else None
        )

    async def stacks(self) -> tuple[Stack, ...]:
        return ()

    async def events(self, name: str, *, known: str | None = None) -> tuple[StackEvent, ...]:
        if self.batches:
            self.happened = [*reversed(self.batches.pop(0)), *self.happened]
        fresh = []
        for one in self.happened:
            if one.id == known:
                break
            fresh.append(one)
        return tuple(fresh)

    async def resources(self, name: str) -> tuple[StackResource, ...]:
        logical = ONE.resources["workbench"]
        return (StackResource(logical, "i-1", "AWS::EC2::Instance", "CREATE_COMPLETE"),)

    async def validate(self, body: str) -> None:
        self.calls.append(("validate", len(body)))

    async def create(self, name: str, body: str, parameters: Any, tags: Any, *, token: str) -> str:
        self.calls.append(("create", (name, dict(parameters), dict(tags))))
        if self.create_error:
            raise self.create_error
        return "arn:stack"

    async def update(self, name: str, body: str, parameters: Any, tags: Any, *, token: str) -> str | None:
        self.calls.append(("update", dict(parameters)))
        return None if parameters == {"DatabaseClass": "db.t4g.micro"} else "arn:stack"

    async def delete(self, name: str, *, token: str) -> None:
        self.calls.append(("delete", name))

    async def engine_versions(self) -> list[dict[str, str]]:
        return [{"Version": version} for version in self.offered]

    async def send(self, host: str, lines: Any, *, comment: str, seconds: int) -> str:
        self.calls.append(("send", (host, list(lines))))
        return "command"

    async def invocation(self, command: str, host: str) -> Invocation:
        if self.invocations:
            return self.invocations.pop(0)
        raise AwsError("InvocationDoesNotExist", "not yet")


async def through(steps: AsyncIterator[Progress]) -> list[Progress]:
    found = [step async for step in steps]
    assert found[-1].done
    assert not any(step.done for step in found[:-1])
    return found


async def test_a_new_stack_is_created_tagged_and_followed() -> None:
    aws = Aws(
        ["", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"],
        [
            [event(1, NAME, "CREATE_IN_PROGRESS"), event(2, "Bucket", "CREATE_IN_PROGRESS")],
            [event(3, "Bucket", "CREATE_COMPLETE"), event(4, NAME, "CREATE_COMPLETE")],
        ],
    )
    found = await through(deploy.run(aws, ONE, seconds=20))  # type: ignore[arg-type]
    assert found[-1].error is None
    assert [step.data.id for step in found if isinstance(step.data, StackEvent)] == ["e1", "e2", "e3", "e4"]
    assert [name for name, _ in aws.calls] == ["validate", "create"]
    assert aws.calls[1][1] == (NAME, {}, {"dmstui:scenario": ONE.name})


def test_the_effect_tells_a_first_deploy_from_an_update() -> None:
    first = deploy.effect(ONE, Snapshot(at=AT, sandbox=True, stacks=Part(())))
    assert first[0] == f"CloudFormation makes 49 resources, 2 more by its parameters, as the stack {NAME}."
    standing = Stack("arn:stack", NAME, "CREATE_COMPLETE")
    update = deploy.effect(ONE, Snapshot(at=AT, sandbox=True, stacks=Part((standing,))))
    assert "changes what differs" in update[0]


async def test_a_failed_create_names_the_first_cause() -> None:
    aws = Aws(
        ["", "ROLLBACK_COMPLETE"],
        [
            [
                event(1, NAME, "CREATE_IN_PROGRESS"),
                event(2, "Bucket", "CREATE_FAILED", "BucketAlreadyExists"),
                event(3, "Other", "CREATE_FAILED", "Resource creation cancelled"),
                event(4, NAME, "ROLLBACK_COMPLETE"),
            ]
        ],
    )
    found = await through(deploy.run(aws, ONE, seconds=20))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert "Bucket (AWS::S3::Bucket): BucketAlreadyExists" in found[-1].error.message


async def test_a_deploy_under_way_is_followed_from_its_beginning_not_repeated() -> None:
    aws = Aws(
        ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"],
        [
            [
                event(1, NAME, "DELETE_IN_PROGRESS"),
                event(2, NAME, "CREATE_IN_PROGRESS"),
                event(3, "Bucket", "CREATE_COMPLETE"),
            ]
        ],
    )
    found = await through(deploy.run(aws, ONE, seconds=20))  # type: ignore[arg-type]
    assert aws.calls == []
    assert [step.data.id for step in found if isinstance(step.data, StackEvent)] == ["e2", "e3"]


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED", "REVIEW_IN_PROGRESS"]
)
async def test_a_stack_nothing_can_be_deployed_over_is_refused(status: str) -> None:
    aws = Aws([status])
    found = await through(deploy.run(aws, ONE))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert found[-1].error.code == "Refused"
    assert aws.calls == []


async def test_an_update_without_a_change_is_done_at_once() -> None:
    aws = Aws(["CREATE_COMPLETE"])
    found = await through(deploy.run(aws, ONE))  # type: ignore[arg-type]
    assert "nothing to change" in found[-1].text
    assert aws.calls[-1] == ("update", {"DatabaseClass": "db.t4g.micro"})


async def test_a_lost_answer_to_create_is_resolved_by_looking() -> None:
    aws = Aws(["", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"], [[event(1, NAME, "CREATE_IN_PROGRESS")]])
    aws.create_error = AwsError("Unclear", "no answer came back")
    found = await through(deploy.run(aws, ONE, seconds=20))  # type: ignore[arg-type]
    assert found[-1].error is None
    assert [name for name, _ in aws.calls].count("create") == 1


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"NoSuch": "1"}, "no parameter NoSuch"),
        ({"ReplicationEngineVersion": "3.9.9"}, "does not offer DMS 3.9.9"),
    ],
)
async def test_wrong_parameters_are_refused_before_anything_is_made(given: dict[str, str], word: str) -> None:
    aws = Aws([""])
    found = await through(deploy.run(aws, ONE, parameters=given))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert word in found[-1].error.message
    assert "create" not in [name for name, _ in aws.calls]


async def test_a_delete_is_followed_until_the_stack_is_gone() -> None:
    aws = Aws(
        ["CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"],
        [
            [event(1, NAME, "CREATE_COMPLETE")],
            [event(2, NAME, "DELETE_IN_PROGRESS")],
            [event(3, "Bucket", "DELETE_COMPLETE")],
        ],
    )
    found = await through(delete_stack.run(aws, NAME, seconds=20))  # type: ignore[arg-type]
    assert found[-1].text.endswith("is gone")
    assert [step.data.id for step in found if isinstance(step.data, StackEvent)] == ["e2", "e3"]


async def test_a_delete_that_fails_names_what_stands_in_the_way() -> None:
    aws = Aws(
        ["CREATE_COMPLETE", "DELETE_FAILED"],
        [[], [event(2, NAME, "DELETE_IN_PROGRESS"), event(3, "Bucket", "DELETE_FAILED", "not empty")]],
    )
    found = await through(delete_stack.run(aws, NAME, seconds=20))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert "not empty" in found[-1].error.message


async def test_a_stack_that_is_not_there_needs_no_delete() -> None:
    found = await through(delete_stack.run(Aws([""]), NAME))  # type: ignore[arg-type]
    assert found[-1].error is None


async def test_a_script_is_sent_as_the_catalogue_renders_it_and_its_lines_are_told() -> None:
    aws = Aws(["CREATE_COMPLETE"])
    one = '{"step":"seed","table":"a.b","rows":1200,"ok":true}\n'
    aws.invocations = [
        Invocation("c", "InProgress", -1, one + '{"step":"se', ""),
        Invocation("c", "Success", 0, one + '{"step":"seed","table":"a.c","rows":3,"ok":true}\n', ""),
    ]
    found = await through(run_script.run(aws, ONE, "seed", scale=2, seconds=20))  # type: ignore[arg-type]
    assert [step.text for step in found[1:-1]] == ["a.b, 1,200 rows", "a.c, 3 rows"]
    host, lines = aws.calls[0][1]
    assert host == "i-1"
    assert lines[0] == "#!/bin/sh"
    assert "DMSTUI_SCALE=2" in lines[2]
    assert found[-1].data.code == 0


async def test_a_script_that_fails_says_which_line_was_not_ok() -> None:
    aws = Aws(["CREATE_COMPLETE"])
    bad = '{"step":"verify","table":"a.b","ok":false,"detail":"3 rows differ"}\n'
    aws.invocations = [Invocation("c", "Failed", 1, bad, "boom")]
    found = await through(run_script.run(aws, ONE, "verify", seconds=20))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert "3 rows differ" in found[-1].error.message


@pytest.mark.parametrize("status", ["", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"])
async def test_no_script_runs_without_a_standing_stack(status: str) -> None:
    aws = Aws([status])
    found = await through(run_script.run(aws, ONE, "seed"))  # type: ignore[arg-type]
    assert found[-1].error is not None
    assert found[-1].error.code == "Refused"
    assert aws.calls == []


def test_the_last_operation_and_its_progress() -> None:
    events = [
        event(5, NAME, "UPDATE_COMPLETE"),
        event(4, "B", "UPDATE_COMPLETE"),
        event(3, NAME, "UPDATE_IN_PROGRESS"),
        event(2, NAME, "CREATE_COMPLETE"),
        event(1, NAME, "CREATE_IN_PROGRESS"),
    ]
    assert [one.id for one in of_last_operation(events)] == ["e3", "e4", "e5"]
    assert progress_of([event(1, "A", "CREATE_IN_PROGRESS"), event(2, "B", "CREATE_COMPLETE")], 4) == 0.25
    assert progress_of([], 0) is None
    assert cause([event(1, NAME, "CREATE_FAILED", "x")]) is None


@pytest.mark.parametrize(
    ("stack", "task", "words"),
    [
        ("CREATE_IN_PROGRESS", None, "scenario deploy"),
        ("ROLLBACK_COMPLETE", None, "scenario delete"),
        ("CREATE_COMPLETE", "ready", "connection test"),
        ("CREATE_COMPLETE", "running", "task tables"),
        ("CREATE_COMPLETE", "failed", "task logs"),
        ("CREATE_COMPLETE", "stopped", "run postgresql-to-s3 verify"),
    ],
)
def test_the_next_step(stack: str, task: str | None, words: str) -> None:
    record = None
    if task:
        record = ReplicationTask("arn:t", "t", task, "full-load", "arn:i", "arn:s", "arn:d")
        if task == "stopped":
            record = replace(record, stop_reason="Stop Reason FULL_LOAD_ONLY_FINISHED")
    assert words in next_step(ONE, Stack("id", NAME, stack), record, ())
