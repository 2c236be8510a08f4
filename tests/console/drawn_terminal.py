"""A program in a pseudo-terminal with its picture: reads what the program draws, types keys, waits for text.

Used by the tests that follow a guide by keys. It knows the few control sequences that the console writes.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata
from collections.abc import Mapping, Sequence
from types import TracebackType

_CONTROL = re.compile(
    r"\x1b\[(?P<values>[0-9;:?<=>]*)(?P<between>[ -/]*)(?P<final>[@-~])"  # CSI
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # strings
    r"|\x1b[()*+][A-Za-z0-9]"
    r"|\x1b[=>78cDEHMNOZ]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*|\][^\x07]*|[PX^_][^\x1b]*\x1b?|[()*+])?\Z")
_KEYS = {
    "enter": b"\r",
    "esc": b"\x1b",
    "tab": b"\t",
    "down": b"\x1b[B",
    "up": b"\x1b[A",
    "backspace": b"\x7f",
    "ctrl-c": b"\x03",
    "ctrl-p": b"\x10",
}


class Picture:
    """The cells of a terminal after all that was written to it."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[" "] * columns for _ in range(rows)]
        self._x = self._y = 0
        self._rest = ""

    def resize(self, columns: int, rows: int) -> None:
        """Another size; the program draws anew."""
        self.__init__(columns, rows)  # type: ignore[misc]

    def write(self, text: str) -> None:
        """Take in text with control sequences; a sequence that is cut waits for its rest."""
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = _CONTROL.match(text, at)
                if match is not None:
                    if match["final"]:
                        self._move(match["values"], match["final"])
                    at = match.end()
                    continue
                if _UNFINISHED.match(text, at):
                    self._rest = text[at:]
                    return
            else:
                self._put(text[at])
            at += 1

    def _put(self, character: str) -> None:
        if character == "\r":
            self._x = 0
        elif character == "\n":
            self._y = min(self.rows - 1, self._y + 1)
        elif character == "\b":
            self._x = max(0, self._x - 1)
        elif character >= " " and self._x < self.columns and self._y < self.rows:
            wide = unicodedata.east_asian_width(character) in "WF"
            self._cells[self._y][self._x] = character
            self._x += 1
            if wide and self._x < self.columns:
                self._cells[self._y][self._x] = ""
                self._x += 1

    def _move(self, values: str, final: str) -> None:
        if values[:1] in {"?", "<", "=", ">"}:
            return
        numbers = [int(one) if one.isdigit() else 0 for one in values.split(";")]
        count = numbers[0] or 1
        if final in "Hf":
            self._y = min(self.rows, count) - 1
            self._x = min(self.columns, (numbers[1] if len(numbers) > 1 else 1) or 1) - 1
        elif final == "A":
            self._y = max(0, self._y - count)
        elif final == "B":
            self._y = min(self.rows - 1, self._y + count)
        elif final == "C":
            self._x = min(self.columns - 1, self._x + count)
        elif final == "D":
            self._x = max(0, self._x - count)
        elif final == "G":
            self._x = min(self.columns, count) - 1
        elif final == "K":
            first, last = {0: (self._x, self.columns), 1: (0, self._x + 1)}.get(numbers[0], (0, self.columns))
            self._cells[self._y][first:last] = [" "] * (last - first)
        elif final == "J":
            self._cells = [[" "] * self.columns for _ in range(self.rows)]

    def text(self) -> str:
        """What stands there, line by line."""
        return "\n".join("".join(row).rstrip() for row in self._cells)


class DrawnTerminal:
    """A child on a pseudo-terminal of `size` (columns, rows) with the picture it draws."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = (80, 24)
    ) -> None:
        self._fd, child = pty.openpty()
        self._set_size(size)
        self.process = subprocess.Popen(
            command,
            stdin=child,
            stdout=child,
            stderr=child,
            env={**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(child)
        self.picture = Picture(*size)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def _set_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        self.read(0.05)
        self.picture.resize(columns, rows)
        self._set_size((columns, rows))
        self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds: float) -> None:
        """Draw what comes within so many seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._fd], [], [], left)
            if not ready:
                return
            try:
                data = os.read(self._fd, 1 << 16)
            except OSError:  # the program has closed its side
                time.sleep(min(left, 0.05))
                return
            self.picture.write(self._decoder.decode(data))

    def text(self) -> str:
        """The picture now."""
        self.read(0.02)
        return self.picture.text()

    def wait(self, pattern: str, seconds: float = 30.0, *, gone: bool = False) -> str:
        """The picture once it shows the pattern (or, `gone`, shows it no more); fails with the picture."""
        expression = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + seconds
        while True:
            self.read(0.05)
            shown = self.picture.text()
            if bool(expression.search(shown)) is not gone:
                return shown
            assert time.monotonic() < end, f"{pattern!r} {'stayed' if gone else 'never came'}:\n{shown}"
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{shown}"

    def press(self, *keys: str) -> None:
        """Type named keys (`enter`, `esc`, …) and texts, without waiting for anything."""
        for key in keys:
            os.write(self._fd, _KEYS.get(key, key.encode()))

    def press_for(self, key: str, pattern: str, seconds: float = 30.0) -> str:
        """Press a key and wait for what it shows."""
        self.press(key)
        return self.wait(pattern, seconds)

    def ended(self, seconds: float = 30.0) -> int:
        """Its exit code, once it has ended."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it did not end:\n{self.picture.text()}"
            self.read(0.05)
        return self.process.returncode

    def close(self) -> None:
        """End the child if it has not ended."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(AssertionError):
                self.ended(20)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._fd)

    def __enter__(self) -> DrawnTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
