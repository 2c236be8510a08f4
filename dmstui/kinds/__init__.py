"""One file a resource kind: columns, sort keys, detail as data, which operations. Read by console and cli."""

from __future__ import annotations

from typing import Any

from dmstui.kinds import (
    connection,
    endpoint,
    event,
    instance,
    log,
    scenario,
    stack,
    stack_event,
    stack_resource,
    table,
    task,
)
from dmstui.kinds.kind import Column, Kind, State

KINDS: dict[str, Kind[Any]] = {
    module.KIND.name: module.KIND
    for module in (
        instance,
        task,
        table,
        endpoint,
        connection,
        event,
        stack,
        stack_event,
        stack_resource,
        scenario,
        log,
    )
}

__all__ = ["KINDS", "Column", "Kind", "State"]
