"""Where a stack stands resource by resource: groups, durations, the first cause of a failure. Pure; the
progress screen draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dmstui.model import StackEvent, StackResource

GROUPS = ("network", "access", "storage", "databases", "dms", "compute", "other")
_GROUP_OF = (
    ("AWS::DMS::", "dms"),
    ("AWS::RDS::", "databases"),
    ("AWS::DocDB::", "databases"),
    ("AWS::Redshift::", "databases"),
    ("AWS::DynamoDB::", "databases"),
    ("AWS::S3::", "storage"),
    ("AWS::IAM::", "access"),
    ("AWS::KMS::", "access"),
    ("AWS::SecretsManager::", "access"),
    ("AWS::EC2::SecurityGroup", "access"),
    ("AWS::EC2::Instance", "compute"),
    ("AWS::EC2::LaunchTemplate", "compute"),
    ("AWS::Lambda::", "compute"),
    ("AWS::CloudFormation::CustomResource", "compute"),
    ("Custom::", "compute"),
    ("AWS::SSM::", "compute"),
    ("AWS::EC2::", "network"),
)


def group_of(resource_type: str) -> str:
    """The group a resource type is counted in."""
    for prefix, group in _GROUP_OF:
        if resource_type.startswith(prefix):
            return group
    return "other"


@dataclass(frozen=True, slots=True)
class Step:
    """One resource in the operation under way. seconds: how long it took or has taken; None before it began."""

    logical_id: str
    type: str
    status: str
    reason: str
    began: datetime | None
    seconds: float | None

    @property
    def waiting(self) -> bool:
        """Not begun."""
        return not self.status

    @property
    def running(self) -> bool:
        """Under way."""
        return self.status.endswith("_IN_PROGRESS")

    @property
    def failed(self) -> bool:
        """It failed."""
        return self.status.endswith("_FAILED")

    @property
    def done(self) -> bool:
        """It reached an end that is no failure."""
        return bool(self.status) and not self.running and not self.failed


@dataclass(frozen=True, slots=True)
class Group:
    """One group: how many of how many are done, the slowest running, the time from its first to its last event."""

    name: str
    done: int
    total: int
    failed: int
    running: tuple[Step, ...]
    seconds: float | None


def current(events: Sequence[StackEvent]) -> tuple[StackEvent, ...]:
    """Events newest first -> those of the last create, update or delete, oldest first; its roll-back belongs
    to it.
    """
    taken: list[StackEvent] = []
    for event in events:
        taken.append(event)
        if event.of_stack and event.status in {
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
            "DELETE_IN_PROGRESS",
        }:
            break
    return tuple(reversed(taken))


def steps(
    events: Sequence[StackEvent],
    resources: Sequence[StackResource],
    planned: Mapping[str, str],
    now: datetime,
    *,
    deleting: bool = False,
) -> tuple[Step, ...]:
    """One step a resource: those under way first, then failed, waiting, done (the latest first).

    events: of the running operation, oldest first. planned: logical id -> type of the template, for what has
    not begun. deleting: the stack goes, though its events may not say so yet: what stands is still to do.
    """
    operation = "DELETE" if deleting else events[0].status.split("_", 1)[0] if events else ""
    began: dict[str, datetime] = {}
    latest: dict[str, StackEvent] = {}
    order: dict[str, int] = {}
    for number, event in enumerate(events):
        if event.of_stack:
            continue
        if event.status.endswith("_IN_PROGRESS") and (
            event.logical_id not in latest or not latest[event.logical_id].status.endswith("_IN_PROGRESS")
        ):
            began[event.logical_id] = event.at
        latest[event.logical_id] = event
        order[event.logical_id] = number
    types = {**planned, **{one.logical_id: one.type for one in resources}}
    types.update({event.logical_id: event.type for event in latest.values()})
    known = {one.logical_id: one for one in resources}
    made = []
    for name, kind in types.items():
        event_ = latest.get(name)
        resource = known.get(name)
        # an update speaks only of what it changes: the rest stands as it stood; a create and a delete come to all
        stands = resource.status if resource is not None and operation not in {"CREATE", "DELETE"} else ""
        status = event_.status if event_ else stands
        start = began.get(name)
        end = now if status.endswith("_IN_PROGRESS") else event_.at if event_ else None
        seconds = (end - start).total_seconds() if start and end else None
        made.append(Step(name, kind, status, event_.reason if event_ else "", start, seconds))

    def rank(step: Step) -> tuple[int, float]:
        if step.failed:
            return 0, order.get(step.logical_id, 0)
        if step.running:
            return 1, -(step.seconds or 0)
        if step.waiting:
            return 2, 0
        return 3, -order.get(step.logical_id, 0)

    return tuple(sorted(made, key=rank))


def ended(made: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of a delete whose stack is gone: all are done, whatever the last event read said; clocks stand."""
    return tuple(
        one if one.done else replace(one, status="DELETE_COMPLETE", seconds=None, reason="") for one in made
    )


def groups(made: Sequence[Step]) -> tuple[Group, ...]:
    """The groups that have resources, in the order in which a stack comes up."""
    found = []
    for name in GROUPS:
        own = [step for step in made if group_of(step.type) == name]
        if not own:
            continue
        started = [step.began for step in own if step.began]
        ends = [step.began.timestamp() + (step.seconds or 0) for step in own if step.began]
        span = max(ends) - min(start.timestamp() for start in started) if started else None
        running = tuple(sorted((step for step in own if step.running), key=lambda step: -(step.seconds or 0)))
        found.append(
            Group(name, sum(s.done for s in own), len(own), sum(s.failed for s in own), running, span)
        )
    return tuple(found)


def cause(events: Sequence[StackEvent]) -> StackEvent | None:
    """The first failure in time that is no consequence of another; None when nothing failed."""
    failed = [event for event in events if event.status.endswith("_FAILED") and not event.of_stack]
    own = [event for event in failed if "cancelled" not in event.reason.lower()]
    return min(own or failed, key=lambda event: event.at, default=None)


def share(made: Sequence[Step]) -> float:
    """Done resources as a fraction of all, 0 without any."""
    return sum(step.done for step in made) / len(made) if made else 0.0
