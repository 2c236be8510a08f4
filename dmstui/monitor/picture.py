"""What the monitor knows now, part by part, and the frozen Snapshot of it. Used in the monitor's thread alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from dmstui.model import AwsError, Part, Snapshot

T = TypeVar("T")
_FLAT = ("instances", "tasks", "endpoints", "connections", "events", "stacks")
_KEYED = ("tables", "metrics", "instance_metrics", "logs", "settings", "stack_events", "stack_resources")


@dataclass(slots=True)
class Picture:
    """Parts under their Snapshot names. A value that did not change keeps its object: readers see it by `is`."""

    flat: dict[str, Part[Any]] = field(
        default_factory=lambda: {name: Part((), loading=True) for name in _FLAT}
    )
    keyed: dict[str, dict[str, Part[Any]]] = field(default_factory=lambda: {name: {} for name in _KEYED})

    def set(self, name: str, value: Any, at: datetime, every: float) -> None:
        """A part was answered."""
        self.flat[name] = _answered(self.flat[name], value, at, every)

    def fail(self, name: str, error: AwsError, every: float) -> None:
        """A part's poll failed; its last value stays."""
        self.flat[name] = replace(self.flat[name], error=error, loading=False, every=every)

    def set_keyed(self, name: str, key: str, value: Any, at: datetime, every: float) -> None:
        """One entry of a keyed part was answered."""
        parts = self.keyed[name]
        self.keyed[name] = parts | {key: _answered(parts.get(key), value, at, every)}

    def fail_keyed(self, name: str, key: str, error: AwsError, every: float, empty: Any) -> None:
        """One entry of a keyed part failed; its last value stays."""
        parts = self.keyed[name]
        before = parts.get(key) or Part(empty)
        self.keyed[name] = parts | {key: replace(before, error=error, loading=False, every=every)}

    def expect_keyed(self, name: str, key: str, empty: Any) -> None:
        """One entry is asked for the first time."""
        if key not in self.keyed[name]:
            self.keyed[name] = self.keyed[name] | {key: Part(empty, loading=True)}

    def value(self, name: str) -> Any:
        """The value of a flat part."""
        return self.flat[name].value

    def keyed_value(self, name: str, key: str, empty: T) -> T:
        """The value of a keyed part, `empty` where there is none."""
        part = self.keyed[name].get(key)
        return empty if part is None else part.value

    def snapshot(self, **about: Any) -> Snapshot:
        """The frozen picture; `about` holds the Snapshot's other fields."""
        fields: dict[str, Any] = {**about, **self.flat, **self.keyed}
        return Snapshot(**fields)


def _answered(before: Part[Any] | None, value: Any, at: datetime, every: float) -> Part[Any]:
    if before is not None and before.value == value:
        value = before.value
    return Part(value, at=at, error=None, loading=False, every=every)
