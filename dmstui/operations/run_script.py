"""Run a scenario's script (seed, change, verify) on its workbench host by Run Command and read its JSON lines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from dmstui.aws import Connection
from dmstui.aws.ssm import OUTPUT_LIMIT, Invocation
from dmstui.catalog import Scenario, commands
from dmstui.model import AwsError, Snapshot, Stack
from dmstui.operations.operation import Danger, Operation, Progress, read_only_refusal, refused, reported
from dmstui.operations.polling import pause_of, poll
from dmstui.operations.status import stack_of


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One JSON line of a script; `raw` holds a line that is none."""

    step: str = ""
    table: str = ""
    rows: int | None = None
    ok: bool = True
    detail: str = ""
    raw: str = ""

    @property
    def text(self) -> str:
        """As one line for people."""
        if self.raw:
            return self.raw
        parts = [self.table or self.step, "" if self.rows is None else f"{self.rows:,} rows", self.detail]
        return ("" if self.ok else "NOT OK ") + ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a script ended."""

    code: int
    lines: tuple[ScriptLine, ...]
    errors: str
    cut: bool

    @property
    def ok(self) -> bool:
        """Exit code 0."""
        return self.code == 0


def parse_lines(output: str) -> tuple[ScriptLine, ...]:
    """Standard output -> its lines; what is no JSON object is kept raw."""
    found = []
    for line in output.splitlines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        found.append(_line(entry) if isinstance(entry, dict) else ScriptLine(raw=line))
    return tuple(found)


def _line(entry: dict[str, Any]) -> ScriptLine:
    rows = entry.get("rows")
    return ScriptLine(
        step=str(entry.get("step", "")),
        table=str(entry.get("table") or ""),
        rows=rows if isinstance(rows, int) else None,
        ok=bool(entry.get("ok", True)),
        detail=str(entry.get("detail") or ""),
    )


def refusal(scenario: Scenario, snapshot: Snapshot) -> str | None:
    """Why no script of it can run now."""
    reason = read_only_refusal(snapshot)
    if reason:
        return reason
    stack = next(
        (one for one in snapshot.stacks.value if one.scenario == scenario.name),
        snapshot.stack(scenario.stack_name),
    )
    return stack_refusal(scenario, stack)


def stack_refusal(scenario: Scenario, stack: Stack | None) -> str | None:
    """Why this stack can run no script."""
    if stack is None:
        return f"{scenario.name} is not deployed"
    if not stack.settled or stack.status not in {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
    }:
        return f"the stack {stack.name} is {stack.status}"
    return None


def effect(scenario: Scenario, snapshot: Snapshot) -> list[str]:
    """What it does."""
    return ["The script runs on the scenario's workbench host, against the scenario's own databases."]


@reported
async def run(
    aws: Connection,
    scenario: Scenario,
    step: str,
    *,
    scale: int = 1,
    seed: int = 42,
    kind: str | None = None,
    stack_name: str | None = None,
    seconds: float | None = None,
) -> AsyncIterator[Progress]:
    """Send the script and wait; the last Progress carries a ScriptResult. A script that fails is an error."""
    try:
        lines = commands.render(scenario, step, scale=scale, seed=seed, kind=kind, region=aws.region)
    except ValueError as error:
        raise refused(str(error)) from error
    stack = await stack_of(aws, scenario, stack_name)
    reason = stack_refusal(scenario, stack)
    if reason or stack is None:
        raise refused(reason or "", f"See: dmstui scenario status {scenario.name}")
    host = await workbench(aws, scenario, stack)
    limit = int(seconds or 3600)
    command = await aws.ssm.send(host, lines, comment=f"dmstui {scenario.name} {step}", seconds=limit)
    yield Progress(f"{step} sent to {host}", data=command)

    async def ask() -> Invocation | None:
        try:
            return await aws.ssm.invocation(command, host)
        except AwsError as error:
            # In the first moments the invocation is not there yet.
            if error.missing:
                return None
            raise

    latest: Invocation | None = None
    told = 0
    async for latest in poll(
        ask,
        lambda answer: answer is not None and answer.ended,
        pause=pause_of(aws, real=3.0, sandbox=0.3),
        seconds=limit,
        what=f"{scenario.name} {step}",
    ):
        if latest is None:
            continue
        # The last line may still grow; a cut one is told when the rest is there.
        complete = latest.output if latest.ended else latest.output.rpartition("\n")[0]
        rows = parse_lines(complete)
        for row in rows[told:]:
            yield Progress(row.text, data=row)
        told = max(told, len(rows))
    if latest is None:
        raise AwsError("ScriptFailed", f"{step}: no invocation was made", "SendCommand")
    result = ScriptResult(
        latest.code, parse_lines(latest.output), latest.errors, len(latest.output) >= OUTPUT_LIMIT
    )
    if latest.status != "Success" or not result.ok:
        raise AwsError("ScriptFailed", _why(step, latest, result), "SendCommand")
    yield Progress(f"{step} done", done=True, data=result)


def _why(step: str, invocation: Invocation, result: ScriptResult) -> str:
    wrong = [row.text for row in result.lines if not row.ok]
    errors = [line for line in result.errors.strip().splitlines() if line.strip()]
    reason = "; ".join(wrong[:5]) or " ".join(errors[-3:]) or invocation.detail
    return f"{step} ended {invocation.status} with exit code {invocation.code}: {reason}"


async def workbench(aws: Connection, scenario: Scenario, stack: Stack) -> str:
    """The EC2 id of the scenario's workbench host."""
    logical = scenario.resources.get("workbench")
    if logical is None:
        raise refused(f"{scenario.name} has no workbench host")
    for resource in await aws.cloudformation.resources(stack.id):
        if resource.logical_id == logical and resource.physical_id:
            return resource.physical_id
    raise AwsError("ScriptFailed", f"the stack {stack.name} has no resource {logical}", "ListStackResources")


OPERATION = Operation("run-script", "Run script", "u", Danger.CONFIRM, "scenario", refusal, effect, run)
