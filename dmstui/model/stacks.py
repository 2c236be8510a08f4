"""CloudFormation's stack, its events and resources as frozen records, and what their statuses mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


def stack_settled(status: str) -> bool:
    """No operation is under way (`..._COMPLETE` or `..._FAILED`, not `..._IN_PROGRESS`)."""
    return not status.endswith("_IN_PROGRESS")


def stack_failed(status: str) -> bool:
    """The last operation did not bring what was asked for: it failed or was rolled back."""
    return status.endswith("_FAILED") or "ROLLBACK" in status


@dataclass(frozen=True, slots=True)
class StackOutput:
    """One output of a stack."""

    key: str
    value: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """DescribeStacks. NoEcho parameters come masked from the service."""

    id: str
    name: str
    status: str
    reason: str = ""
    description: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    deleted: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[StackOutput, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """No operation is under way."""
        return stack_settled(self.status)

    @property
    def failed(self) -> bool:
        """The last operation failed or was rolled back."""
        return stack_failed(self.status)

    @property
    def scenario(self) -> str | None:
        """The catalogue's name, from the tag that `deploy` sets."""
        return self.tags.get("dmstui:scenario")


@dataclass(frozen=True, slots=True)
class StackEvent:
    """DescribeStackEvents, one step of one resource."""

    id: str
    at: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    stack_id: str = ""

    @property
    def of_stack(self) -> bool:
        """It speaks of the stack itself, not of a resource of it (a nested stack is a resource)."""
        return self.type == "AWS::CloudFormation::Stack" and self.physical_id == self.stack_id


@dataclass(frozen=True, slots=True)
class StackResource:
    """DescribeStackResources: where each resource stands now."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    at: datetime | None = None
