"""What the worker says and hears: events as JSON lines on stdout, commands as JSON lines on stdin."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any


class Events:
    """Writes events; any thread may."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def emit(self, event: str, **members: Any) -> None:
        """One event. A parent that is gone is no error: stdin's end will say so."""
        line = json.dumps({"event": event, **members}, separators=(",", ":"), default=str)
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    def log(self, component: str, severity: str, message: str) -> None:
        """One line of the task log; severity is one of E, W, I, T, D, V."""
        self.emit("log", component=component, severity=severity, message=message, at=time.time())

    def metric(self, name: str, value: float, unit: str, at: float) -> None:
        """One measurement."""
        self.emit("metric", name=name, value=value, unit=unit, at=at)


class Commands:
    """Hears commands. The end of stdin ends the process at once: a worker never outlives who started it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stream: IO[str] | None = None) -> None:
        self.queue: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._loop = loop
        self._stream = stream or sys.stdin
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def _read(self) -> None:
        for line in self._stream:
            if not line.strip():
                continue
            with contextlib.suppress(ValueError, RuntimeError):
                command = json.loads(line)
                self._loop.call_soon_threadsafe(self.queue.put_nowait, command)
        os._exit(0)
