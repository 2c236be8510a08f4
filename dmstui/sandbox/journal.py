"""What `--state DIR` keeps of moto: each accepted call that changed something, given to moto again at the next start.

The folder also holds the engines' data and the documents rooms remember; it is locked against a second sandbox.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FORMAT = 1
_INLINE = 32 << 10


class StateError(Exception):
    """A state folder that cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted call: enough to make it again with the same ids."""

    number: int
    service: str
    at: float
    seed: int
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]


def _format(known: Path) -> object:
    """The format a state folder says it has."""
    try:
        document = json.loads(known.read_text())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise StateError(f"The state folder {known.parent} cannot be used: its {known.name} is damaged.")
    return document.get("format")


def open_state(folder: Path) -> Path:
    """Make or take the state folder and lock it; StateError says in a sentence why it cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not folder.is_dir():
            raise StateError(f"{folder} is not a folder.")
        known = folder / "sandbox.json"
        if known.exists():
            found = _format(known)
            if found != FORMAT:
                raise StateError(f"{folder} was written by another version of the sandbox (format {found}).")
        elif any(entry.name != "lock" for entry in folder.iterdir()):
            raise StateError(
                f"{folder} holds other files: give the sandbox an empty folder or one of its own."
            )
        _lock(folder)
        folder.chmod(0o700)
        if not known.exists():
            known.write_text(json.dumps({"format": FORMAT, "secret": secrets.token_hex(16)}))
    except StateError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StateError(f"The state folder {folder} cannot be used: {reason}.") from error
    return folder


_locks: list[int] = []


def _lock(folder: Path) -> None:
    """Hold the folder's lock as long as this process lives; the kernel frees it however the process ends."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StateError(f"Another sandbox uses the state folder {folder}.") from None
    _locks.append(descriptor)


class Journal:
    """The accepted calls of one state folder, or of none (then nothing is kept)."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._number = 0
        self._file: IO[str] | None = None
        if folder is not None:
            (folder / "bodies").mkdir(mode=0o700, exist_ok=True)
            known = json.loads((folder / "sandbox.json").read_text())
            self._secret = str(known["secret"])

    @property
    def active(self) -> bool:
        return self._folder is not None

    def seed_of(self, service: str) -> int:
        """The seed with which this folder's backend of `service` is always made."""
        assert self._folder is not None
        digest = hashlib.sha256(f"{self._secret}/{service}".encode()).digest()
        return int.from_bytes(digest[:8])

    def prepare(
        self, service: str, method: str, path: str, query: str, headers: list[tuple[str, str]]
    ) -> Entry | None:
        """An entry for a call about to be made, with the seed for its ids; None when nothing is kept."""
        if self._folder is None:
            return None
        return Entry(0, service, time.time(), secrets.randbits(64), method, path, query, tuple(headers))

    def commit(self, entry: Entry, body: IO[bytes]) -> None:
        """Keep an accepted call. Called with moto's lock held: the order of the journal is the order of the calls."""
        assert self._folder is not None
        self._number += 1
        document = {
            "n": self._number,
            "service": entry.service,
            "at": entry.at,
            "seed": entry.seed,
            "method": entry.method,
            "path": entry.path,
            "query": entry.query,
            "headers": entry.headers,
        }
        body.seek(0, os.SEEK_END)
        size = body.tell()
        body.seek(0)
        if size > _INLINE:
            target = self._folder / "bodies" / f"{self._number:08d}"
            with target.open("wb") as file:
                shutil.copyfileobj(body, file)
            document["file"] = target.name
        elif size:
            document["body"] = base64.b64encode(body.read()).decode()
        if self._file is None:
            self._file = (self._folder / "journal.jsonl").open("a")
        self._file.write(json.dumps(document) + "\n")
        self._file.flush()

    def entries(self) -> Iterator[tuple[Entry, IO[bytes], int]]:
        """The kept calls in order, each with its body and the body's length."""
        if self._folder is None:
            return
        path = self._folder / "journal.jsonl"
        if not path.exists():
            return
        whole = 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # the write a kill cut short: its call was never answered
                whole += len(line)
                document = json.loads(line)
                self._number = int(document["n"])
                yield from self._entry(document)
        os.truncate(path, whole)

    def _entry(self, document: dict[str, object]) -> Iterator[tuple[Entry, IO[bytes], int]]:
        assert self._folder is not None
        entry = Entry(
            int(str(document["n"])),
            str(document["service"]),
            float(str(document["at"])),
            int(str(document["seed"])),
            str(document["method"]),
            str(document["path"]),
            str(document["query"]),
            tuple((str(name), str(value)) for name, value in document["headers"]),  # type: ignore[attr-defined]
        )
        if "file" in document:
            target = self._folder / "bodies" / str(document["file"])
            with target.open("rb") as body:
                yield entry, body, target.stat().st_size
        else:
            data = base64.b64decode(str(document.get("body", "")))
            yield entry, io.BytesIO(data), len(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
