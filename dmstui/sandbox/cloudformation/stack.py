"""The records of a stack and their JSON. Written by run.py, read by describe.py."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

GONE = "DELETE_COMPLETE"
MAX_EVENTS = 5000


def now() -> str:
    """The wall's time as the records keep it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def moment(value: str | None) -> datetime | None:
    """A kept time → datetime."""
    return None if value is None else datetime.fromisoformat(value)


@dataclass(slots=True)
class ResourceState:
    """One resource of a stack as it stands. `properties` are resolved but for secrets, looked up when used."""

    logical_id: str
    type: str
    status: str = ""
    reason: str | None = None
    physical_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    deletion_policy: str | None = None
    replace_policy: str | None = None
    creation_policy: dict[str, Any] | None = None
    updated: str = field(default_factory=now)
    generation: int = 0
    made_by_create: bool = True
    signals: list[dict[str, str]] = field(default_factory=list)

    @property
    def exists(self) -> bool:
        """Whether something of it may be there."""
        return self.physical_id is not None and self.status not in {GONE, "DELETE_SKIPPED"}


@dataclass(slots=True)
class StackEvent:
    event_id: str
    at: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None = None
    properties: str | None = None
    token: str | None = None


@dataclass(slots=True)
class Output:
    key: str
    value: str
    description: str | None = None
    export: str | None = None


@dataclass(slots=True)
class Inputs:
    """What a creation or an update works from: kept whole, so that an update can be taken back."""

    template: str
    parameters: dict[str, str] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None


@dataclass(slots=True)
class ChangeSet:
    name: str
    id: str
    stack_id: str
    kind: str
    status: str
    execution_status: str
    inputs: Inputs
    reason: str | None = None
    description: str | None = None
    created: str = field(default_factory=now)
    changes: list[dict[str, Any]] = field(default_factory=list)
    on_failure: str | None = None
    include_nested: bool = False


@dataclass(slots=True)
class Stack:
    name: str
    id: str
    inputs: Inputs
    status: str = "CREATE_IN_PROGRESS"
    reason: str | None = None
    description: str | None = None
    created: str = field(default_factory=now)
    updated: str | None = None
    deleted: str | None = None
    on_failure: str = "ROLLBACK"
    disable_rollback: bool = False
    timeout_minutes: int | None = None
    termination_protection: bool = False
    change_set_id: str | None = None
    token: str | None = None
    retain: list[str] = field(default_factory=list)
    skip: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    resources: dict[str, ResourceState] = field(default_factory=dict)
    leftovers: list[ResourceState] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    before: dict[str, Any] | None = None

    @property
    def gone(self) -> bool:
        return self.status == GONE

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def record(  # noqa: PLR0917
        self,
        logical_id: str,
        kind: str,
        physical_id: str | None,
        status: str,
        reason: str | None = None,
        properties: str | None = None,
    ) -> None:
        """Append an event."""
        at = now()
        # As on AWS: a resource's event id tells logical id, status and time; the stack's is a plain UUID.
        ident = f"{logical_id}-{status}-{at}" if logical_id != self.name else str(uuid.uuid4())
        event = StackEvent(
            ident, at, logical_id, physical_id or "", kind, status, reason, properties, self.token
        )
        self.events.append(event)
        del self.events[:-MAX_EVENTS]

    def enter(self, status: str, reason: str | None = None) -> None:
        """The stack itself takes a status, with its event."""
        self.status, self.reason = status, reason
        self.record(self.name, "AWS::CloudFormation::Stack", self.id, status, reason)


def dump(stack: Stack) -> dict[str, Any]:
    """The stack as JSON."""
    return asdict(stack)


def load_stack(document: Mapping[str, Any]) -> Stack:
    """The stack a `dump` came from."""
    body = dict(document)
    body["inputs"] = _make(Inputs, body["inputs"])
    body["resources"] = {name: _make(ResourceState, item) for name, item in body["resources"].items()}
    body["leftovers"] = [_make(ResourceState, item) for item in body["leftovers"]]
    body["outputs"] = [_make(Output, item) for item in body["outputs"]]
    body["events"] = [_make(StackEvent, item) for item in body["events"]]
    body["change_sets"] = {name: load_change_set(item) for name, item in body["change_sets"].items()}
    stack: Stack = _make(Stack, body)
    return stack


def load_change_set(document: Mapping[str, Any]) -> ChangeSet:
    body = dict(document)
    body["inputs"] = _make(Inputs, body["inputs"])
    change_set: ChangeSet = _make(ChangeSet, body)
    return change_set


def load_resources(documents: Mapping[str, Any]) -> dict[str, ResourceState]:
    return {name: _make(ResourceState, item) for name, item in documents.items()}


def load_inputs(document: Mapping[str, Any]) -> Inputs:
    inputs: Inputs = _make(Inputs, document)
    return inputs


def _make(kind: type[Any], document: Mapping[str, Any]) -> Any:
    """A record from JSON; members that a later version no longer knows are left out."""
    known = {item.name for item in fields(kind)}
    return kind(**{key: value for key, value in document.items() if key in known})
