"""DMS events: what happened to instances and tasks, told by the rooms of dms and read by DescribeEvents."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.dms import filters, paging
from dmstui.sandbox.dms.faults import bad_value
from dmstui.sandbox.dms.store import Happening
from dmstui.sandbox.service import Call, Handler

if TYPE_CHECKING:
    from dmstui.sandbox.dms.room import Room

INSTANCE, TASK = "replication-instance", "replication-task"
CATEGORIES = {
    INSTANCE: (
        "low storage",
        "configuration change",
        "maintenance",
        "deletion",
        "creation",
        "failover",
        "failure",
    ),
    TASK: ("configuration change", "state change", "deletion", "creation", "failure"),
}
KEPT_SECONDS = 14 * 24 * 3600
DEFAULT_MINUTES = 60
MAX_MINUTES = 14 * 24 * 60

# DMS-EVENT number → (source type, category): AWS DMS user guide, "Working with events and notifications".
NUMBERS: dict[int, tuple[str, str]] = {
    3: (INSTANCE, "deletion"),
    5: (INSTANCE, "creation"),
    7: (INSTANCE, "low storage"),
    12: (INSTANCE, "configuration change"),
    14: (INSTANCE, "configuration change"),
    17: (INSTANCE, "configuration change"),
    18: (INSTANCE, "configuration change"),
    24: (INSTANCE, "configuration change"),
    25: (INSTANCE, "configuration change"),
    26: (INSTANCE, "maintenance"),
    27: (INSTANCE, "maintenance"),
    29: (INSTANCE, "configuration change"),
    30: (INSTANCE, "configuration change"),
    36: (INSTANCE, "failure"),
    47: (INSTANCE, "maintenance"),
    66: (INSTANCE, "deletion"),
    67: (INSTANCE, "creation"),
    69: (TASK, "state change"),
    73: (TASK, "deletion"),
    74: (TASK, "creation"),
    78: (TASK, "failure"),
    79: (TASK, "state change"),
    80: (TASK, "configuration change"),
    81: (TASK, "state change"),
    82: (TASK, "failure"),
}


def tell(room: Room, number: int, source: str, message: str) -> None:
    """Record event DMS-EVENT-`number` about the instance or task named `source`."""
    source_type, category = NUMBERS[number]
    now = time.time()
    store = room.store
    store.events.append(Happening(now, source, source_type, [category], message, number, store.next()))
    if store.events and store.events[0].at < now - KEPT_SECONDS:
        store.events = [event for event in store.events if event.at >= now - KEPT_SECONDS]
    room.world.bus.publish(
        "dms.event",
        number=number,
        source=source,
        source_type=source_type,
        category=category,
        message=message,
        at=now,
    )
    room.changed()


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        source_type = params.get("SourceType")
        if source_type is not None and source_type not in CATEGORIES:
            raise bad_value(f"Invalid SourceType: {source_type}")
        if params.get("SourceIdentifier") and source_type is None:
            raise bad_value("SourceType must be provided when SourceIdentifier is given.")
        low, high = _window(params)
        wanted = set(params.get("EventCategories") or [])
        found = [
            event
            for event in room.store.events
            if low <= event.at <= high
            and (source_type is None or event.source_type == source_type)
            and (not params.get("SourceIdentifier") or event.source == params["SourceIdentifier"])
            and (not wanted or wanted & set(event.categories))
        ]
        found = filters.select(
            found,
            params.get("Filters"),
            {"replication-instance-id": lambda e: e.source if e.source_type == INSTANCE else ""},
        )
        shown, marker = paging.page(found, params, lambda e: e.serial)
        return paging.answer("Events", [_answer(event) for event in shown], marker)

    async def categories(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        source_type = params.get("SourceType")
        if source_type is not None and source_type not in CATEGORIES:
            raise bad_value(f"Invalid SourceType: {source_type}")
        return {
            "EventCategoryGroupList": [
                {"SourceType": kind, "EventCategories": list(names)}
                for kind, names in CATEGORIES.items()
                if source_type in (None, kind)
            ]
        }

    return {"DescribeEvents": describe, "DescribeEventCategories": categories}


def _window(params: dict[str, Any]) -> tuple[float, float]:
    """The span of time asked for: StartTime/EndTime, else the last Duration minutes."""
    start, end, minutes = params.get("StartTime"), params.get("EndTime"), params.get("Duration")
    if minutes is not None and not 0 < minutes <= MAX_MINUTES:
        raise bad_value(f"Duration must lie between 1 and {MAX_MINUTES} minutes.")
    high = end.timestamp() if end else time.time() + 1
    if start is not None:
        low = start.timestamp()
        if minutes is not None and end is None:
            high = low + minutes * 60
    else:
        low = high - 60 * (minutes or DEFAULT_MINUTES)
    if high < low:
        raise bad_value("EndTime must not lie before StartTime.")
    return low, high


def _answer(event: Happening) -> dict[str, Any]:
    return {
        "SourceIdentifier": event.source,
        "SourceType": event.source_type,
        "Message": event.message,
        "EventCategories": list(event.categories),
        "Date": datetime.fromtimestamp(event.at, UTC),
    }
