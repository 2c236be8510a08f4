"""An append-only file of JSON lines with which a store outlives the process (only with --state)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any


class Spool:
    """Lines kept in `path`, or nothing at all when there is no path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def read(self) -> Iterator[Any]:
        """The kept lines in order; a line a kill cut short is left out."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open() as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)

    def rewrite(self, lines: Iterable[Any]) -> None:
        """Replace the file by `lines`, so that it holds no more than the store does."""
        if self._path is None:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w") as file:
            for line in lines:
                file.write(json.dumps(line) + "\n")
        fresh.replace(self._path)
        self._file = self._path.open("a", buffering=1)

    def write(self, line: Any) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
