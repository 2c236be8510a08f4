"""A pseudo-terminal that starts a program, types keys and measures what comes back. Used by the bench."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path
from types import TracebackType

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b\][^\x07]*\x07|\x1b[=>]")


class Terminal:
    """One program in a terminal of `size` (columns, rows)."""

    def __init__(self, command: list[str], env: dict[str, str], size: tuple[int, int] = (140, 40)) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, env | {"TERM": "xterm-256color", "COLORTERM": "truecolor"})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.received = b""
        self._closing = False

    def read(self, seconds: float) -> bytes:
        """What arrives within `seconds`, at the first arrival."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            if self._closing:
                return b""
            shown = ESCAPES.sub(b"", self.received)[-600:]
            raise RuntimeError(f"the program ended by itself; the last text was {shown!r}") from None
        self.received += data
        if b"\x1b[?2026$p" in data:  # asked whether output can be synchronized: yes
            os.write(self.fd, b"\x1b[?2026;2$y")
        return data

    def until(self, pattern: bytes, seconds: float) -> float:
        """Seconds from the program's start until the text shows `pattern`; raises TimeoutError."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.read(0.05)
            if re.search(pattern, ESCAPES.sub(b"", self.received)):
                return time.perf_counter() - self.started
        shown = ESCAPES.sub(b"", self.received)[-600:]
        raise TimeoutError(f"never saw {pattern!r}; the last text was {shown!r}")

    def quiet(self, still: float, most: float) -> int:
        """Read until nothing comes for `still` seconds; the number of bytes that came."""
        before, end = len(self.received), time.perf_counter() + most
        while time.perf_counter() < end and self.read(still):
            pass
        return len(self.received) - before

    def key(self, key: bytes, still: float = 0.06) -> tuple[float, int]:
        """Press a key: seconds until the last byte of its repaint, and the bytes of it."""
        begun = last = time.perf_counter()
        before = len(self.received)
        os.write(self.fd, key)
        wait = 0.5
        while self.read(wait):
            last = time.perf_counter()
            wait = still
            if last - begun > 3:
                break
        return last - begun, len(self.received) - before

    def type(self, text: bytes, still: float = 0.06) -> None:
        """Type a text, key by key as a hand would."""
        for key in text:
            self.key(bytes([key]), still)

    def slow(self, key: bytes, times: int, every: float, rate: float) -> float:
        """Press a key `times` times while no more than `rate` bytes a second are read, as over a thin line.

        Seconds from the last key until the last byte of the picture: nothing more within a quarter second.
        """
        begun = now = last_byte = time.perf_counter()
        pressed, taken = 0, 0
        while True:
            now = time.perf_counter()
            if pressed < times and now >= begun + pressed * every:
                os.write(self.fd, key)
                pressed += 1
                last_key = now
            allowed = int((now - begun) * rate) - taken
            if allowed >= 256:
                ready, _, _ = select.select([self.fd], [], [], 0)
                if ready:
                    data = os.read(self.fd, min(allowed, 1 << 16))
                    self.received += data
                    taken += len(data)
                    last_byte = now
                else:
                    # What was not used is gone: a line saves nothing up.
                    taken = int((now - begun) * rate)
            if pressed == times and now - max(last_key, last_byte) > 0.25:
                return last_byte - last_key
            if now - begun > times * every + 30:
                return now - last_key
            time.sleep(0.005)

    def memory(self) -> float:
        """Resident megabytes of the program."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def close(self) -> None:
        """End the program."""
        self._closing = True
        os.kill(self.pid, signal.SIGTERM)
        end = time.perf_counter() + 5
        while time.perf_counter() < end:
            self.read(0.05)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                break
        else:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
