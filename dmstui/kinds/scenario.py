"""Scenarios of the catalogue as rows and detail."""

from __future__ import annotations

from dmstui.catalog import Scenario, prices, scenarios
from dmstui.kinds.kind import Column, Kind, State
from dmstui.model import Snapshot, Stack


def deployed(record: Scenario, snapshot: Snapshot) -> Stack | None:
    """The scenario's stack: the one that carries its tag, else the one of its default name."""
    tagged = [stack for stack in snapshot.stacks.value if stack.scenario == record.name]
    return tagged[0] if tagged else snapshot.stack(record.stack_name)


def cost(record: Scenario) -> str:
    """Dollars an hour while the stack stands; `about` unless every figure was verified."""
    estimate = prices.estimate(record.costs)
    return f"{'' if estimate.verified else 'about '}${estimate.per_hour:.2f}/h"


def state(record: Scenario, snapshot: Snapshot) -> State:
    """As its stack stands."""
    stack = deployed(record, snapshot)
    if stack is None:
        return "idle"
    if not stack.settled:
        return "busy"
    return "bad" if stack.failed else "ok"


def detail(record: Scenario, snapshot: Snapshot) -> list[tuple[str, str]]:
    """What it teaches, takes and costs."""
    stack = deployed(record, snapshot)
    return [
        ("Name", record.name),
        ("Title", record.title),
        ("Use case", record.use_case),
        ("Source", record.source.service),
        ("Target", record.target.service),
        ("Migration type", record.migration_type),
        ("Learn", ", ".join(record.focus)),
        ("Time on AWS", f"{record.minutes} min"),
        ("Cost", cost(record)),
        ("Stack", f"{stack.name}: {stack.status}" if stack else "not deployed"),
        *[
            (f"Step {place}", f"{step.title} ({step.minutes} min)")
            for place, step in enumerate(record.steps, 1)
        ],
        *[(f"Exam {topic.task}", topic.text) for topic in record.exam_topics],
    ]


def _status(record: Scenario, snapshot: Snapshot) -> str:
    stack = deployed(record, snapshot)
    return stack.status if stack else "not deployed"


KIND: Kind[Scenario] = Kind(
    name="scenario",
    plural="scenarios",
    columns=(
        Column("name", "Scenario", 24, lambda r, s: r.name, lambda r, s: r.name),
        Column("title", "Title", 40, lambda r, s: r.title, lambda r, s: r.title, flexible=True),
        Column("stack", "Stack", 20, _status, _status, _status),
        Column(
            "type", "Type", 17, lambda r, s: r.migration_type, lambda r, s: r.migration_type, from_width=110
        ),
        Column(
            "minutes",
            "Min",
            4,
            lambda r, s: str(r.minutes),
            lambda r, s: r.minutes,
            align="right",
            from_width=90,
        ),
        Column(
            "cost",
            "Cost",
            13,
            lambda r, s: cost(r),
            lambda r, s: prices.estimate(r.costs).per_hour,
            from_width=90,
        ),
    ),
    key=lambda record: record.name,
    title=lambda record: record.name,
    records=lambda snapshot: scenarios(),
    detail=detail,
    state=state,
    operations=("deploy", "run-script", "delete-stack"),
)
