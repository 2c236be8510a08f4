"""Writes Snapshots to a file and plays them back: JSON lines, gzipped, each line what changed since the one before.

`dmstui record` writes through Recorder; Monitor plays it through Replay. The first line is {"dmstui": 1, ...}; every
later line {"t": seconds since the first Snapshot, "set": {field: value}}, where a keyed part (tables, metrics,
logs, ...) holds only the entries that changed. Nothing secret is in a Snapshot, but names and ARNs are.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from dmstui.model import Part, Snapshot
from dmstui.monitor.coding import decode_field, encode

FORMAT = 1
KEYED = frozenset(
    {"tables", "metrics", "instance_metrics", "logs", "settings", "stack_events", "stack_resources"}
)


class BadRecordingError(ValueError):
    """The file is no recording, or of a format this version cannot read."""


class Recorder:
    """Writes each Snapshot it is given. Call `write` from one thread; `close` makes the file complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        self._file: IO[str] = gzip.open(path, "wt", encoding="utf-8")  # noqa: SIM115 - closed by close()
        self._last: Snapshot | None = None
        self._first: datetime | None = None
        self._line({"dmstui": FORMAT, "began": datetime.now(UTC).isoformat()})

    def write(self, snapshot: Snapshot) -> None:
        """Append what changed since the Snapshot before."""
        changed = changes(self._last, snapshot)
        first = self._first = self._first or snapshot.at
        self._last = snapshot
        self._line({"t": round((snapshot.at - first).total_seconds(), 3), "set": changed})
        self.written += 1

    def _line(self, content: dict[str, Any]) -> None:
        self._file.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")
        # What is on disk survives a kill: a gzip stream cut short reads up to its last flush.
        self._file.flush()

    def close(self) -> None:
        """Complete the file."""
        self._file.close()


def changes(before: Snapshot | None, after: Snapshot) -> dict[str, Any]:
    """Fields of `after` that differ from `before`, encoded."""
    found: dict[str, Any] = {}
    for item in fields(Snapshot):
        value = getattr(after, item.name)
        old = getattr(before, item.name) if before is not None else None
        if before is not None and value is old:
            continue
        if item.name in KEYED:
            entries = {
                key: _entry(old.get(key) if old else None, entry)
                for key, entry in value.items()
                if old is None or old.get(key) is not entry
            }
            if entries:
                found[item.name] = entries
        elif before is None or value != old:
            found[item.name] = _entry(old, value)
    return found


def _entry(old: Any, value: Any) -> Any:
    """A part whose value did not change is written without it."""
    if isinstance(value, Part) and isinstance(old, Part) and value.value is old.value:
        return encode(replace(value, value=None)) | {"same": True}
    return encode(value)


def read(path: Path) -> Iterator[tuple[float, Snapshot]]:
    """(seconds since the beginning, Snapshot) of each line. A file cut short ends where it was cut."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = iter(file)
            head = _parsed(next(lines, ""))
            if head.get("dmstui") != FORMAT:
                raise BadRecordingError(f"{path} is no recording of dmstui, or of another format")
            current = Snapshot(at=datetime.fromtimestamp(0, UTC))
            with contextlib.suppress(EOFError):
                for line in lines:
                    if not line.endswith("\n"):
                        return
                    entry = _parsed(line)
                    current = applied(current, entry.get("set", {}))
                    yield float(entry.get("t", 0.0)), current
    except (gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise BadRecordingError(f"{path} is no recording of dmstui") from error
    except EOFError:
        return


def applied(current: Snapshot, changed: Mapping[str, Any]) -> Snapshot:
    """A Snapshot with one line's changes laid over it."""
    values: dict[str, Any] = {}
    for name, value in changed.items():
        known = getattr(current, name)
        if name in KEYED:
            values[name] = {
                **known,
                **{key: _decoded(name, known.get(key), entry) for key, entry in value.items()},
            }
        else:
            values[name] = _decoded(name, known, value)
    return replace(current, **values)


def _decoded(name: str, old: Any, entry: Any) -> Any:
    if isinstance(entry, dict) and entry.pop("same", False):
        fresh = decode_field(name, {**entry, "value": None})
        return replace(fresh, value=old.value)
    return decode_field(name, entry)


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BadRecordingError("the recording has a line that cannot be read") from error
    if not isinstance(found, dict):
        raise BadRecordingError("the recording has a line that cannot be read")
    return found


class Replay:
    """Posts a recording's Snapshots at the pace they were taken; Monitor runs it where a recording is asked for."""

    def __init__(self, path: Path, *, speed: float = 1.0) -> None:
        self.path, self.speed = path, speed
        self._stop = threading.Event()
        self._resume = threading.Event()
        self._resume.set()
        self._thread: threading.Thread | None = None

    def start(self, post: Callable[[Snapshot], None]) -> None:
        """Begin to post."""
        self._thread = threading.Thread(target=self._play, args=(post,), name="replay", daemon=True)
        self._thread.start()

    def _play(self, post: Callable[[Snapshot], None]) -> None:
        last = 0.0
        for seconds, snapshot in read(self.path):
            rest = max(0.0, (seconds - last) / self.speed)
            last = seconds
            if self._stop.wait(min(rest, 3600)):
                return
            while not self._resume.wait(0.2):
                if self._stop.is_set():
                    return
            # Nothing can be changed in a recording.
            post(replace(snapshot, read_only=True))

    def stop(self, wait: float = 3.0) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(wait)

    def pause(self, paused: bool) -> None:
        """Hold the recording where it is."""
        if paused:
            self._resume.clear()
        else:
            self._resume.set()
