"""The console as a process on a real pseudo-terminal: signals, noise, a lost terminal, a crash, a poor terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import console_samples as samples
from dmstui.aws.options import ConnectionOptions
from dmstui.console import run as console
class Monitor:
    def start(self, post): post(samples.snapshot())
    def stop(self, wait=3.0): pass
    def __getattr__(self, name):
        if name == "refresh" and "crash" in sys.argv:
            password = "hunter2" + "-secret"
            raise RuntimeError("boom")
        return lambda *a, **k: None
import dmstui.console.run as module
module.make_monitor = lambda options: Monitor()
sys.exit(module.run(ConnectionOptions(region="eu-west-1", profile="prod-eu")))
"""


class Terminal:
    """A child on a pseudo-terminal; everything it writes is kept."""

    def __init__(self, *arguments: str, term: str = "xterm-256color", tmp: Path | None = None) -> None:
        self.parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {**os.environ, "TERM": term, "LANG": "C.UTF-8", "TMPDIR": str(tmp or "/tmp")}
        environ.pop("NO_COLOR", None)
        environ.pop("LC_ALL", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stdin=child,
            stdout=child,
            stderr=child,
            env=environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(child)
        self.seen = b""

    def read(self, seconds: float = 0.05) -> bytes:
        """What came within so many seconds."""
        got = b""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ready, _, _ = select.select([self.parent], [], [], 0.02)
            if ready:
                try:
                    piece = os.read(self.parent, 65536)
                except OSError:
                    break
                if not piece:
                    break
                got += piece
        self.seen += got
        return got

    def wait_for(self, pattern: str, seconds: float = 20.0) -> None:
        """Until the pattern was written."""
        end = time.monotonic() + seconds
        while not re.search(pattern.encode(), self.seen):
            assert time.monotonic() < end, f"never saw {pattern}: {self.seen[-400:]!r}"
            assert self.process.poll() is None or self.read(0.2) or re.search(pattern.encode(), self.seen), (
                self.seen[-400:]
            )
            self.read()

    def ended(self, seconds: float = 15.0) -> int:
        """Its exit code, once it has ended."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, "it did not end"
            self.read()
        self.read(0.1)
        return self.process.returncode

    def keys(self, data: bytes) -> None:
        """Type."""
        os.write(self.parent, data)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        with contextlib.suppress(OSError):
            os.close(self.parent)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """The console with a picture on the screen."""
    made = Terminal(tmp=tmp_path)
    try:
        made.wait_for("orders-cdc")
        yield made
    finally:
        made.close()


def restored(terminal: Terminal) -> bool:
    """The alternate screen was left and the cursor shown again."""
    return b"\x1b[?1049l" in terminal.seen and terminal.seen.rfind(b"\x1b[?25h") > terminal.seen.rfind(
        b"\x1b[?25l"
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_restore_the_terminal(terminal: Terminal, number: int, code: int) -> None:
    terminal.process.send_signal(number)
    assert terminal.ended() == code
    assert restored(terminal)


def test_q_leaves_with_zero(terminal: Terminal) -> None:
    assert b"\x1b[?1000h" not in terminal.seen, "the mouse is off"
    terminal.keys(b"q")
    assert terminal.ended() == 0
    assert restored(terminal)


def test_noise_is_survived(terminal: Terminal) -> None:
    terminal.keys(b"\xff\xfe\x80")
    terminal.keys(b"\x1b[M \xa1\xa2")
    terminal.read(0.3)
    terminal.keys(b"2")
    terminal.wait_for("LOAD")
    assert terminal.process.poll() is None


def test_a_lost_terminal_ends_it(tmp_path: Path) -> None:
    made = Terminal(tmp=tmp_path)
    try:
        made.wait_for("orders-cdc")
        os.close(made.parent)
        made.process.wait(10)
    finally:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait(10)
            pytest.fail("it outlived its terminal")


def test_a_crash_leaves_a_report_without_secrets(tmp_path: Path) -> None:
    made = Terminal("crash", tmp=tmp_path)
    try:
        made.wait_for("orders-cdc")
        made.keys(b"\x12")
        assert made.ended() == 1
        assert restored(made)
        assert b"hunter2-secret" not in made.seen
        report = next(tmp_path.glob("dmstui-crash-*.txt")).read_text()
        assert "boom" in report
        assert "hunter2-secret" not in report
    finally:
        made.close()


def test_a_dumb_terminal_gets_a_sentence(tmp_path: Path) -> None:
    made = Terminal(term="dumb", tmp=tmp_path)
    try:
        assert made.ended() == 2
        assert b"TERM=dumb" in made.seen
        assert b"\x1b[" not in made.seen
    finally:
        made.close()


def test_no_terminal_gets_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr
    assert b"\x1b[" not in done.stderr


def test_no_aws_module_is_imported_for_the_first_frame() -> None:
    aws = "('aiobotocore', 'botocore', 'boto3')"
    code = f"import sys, dmstui.console.app; print([m for m in sys.modules if m.split('.')[0] in {aws}])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_key_sends_few_bytes(terminal: Terminal) -> None:
    terminal.keys(b"2")
    terminal.wait_for("LOAD")
    sent = []
    for _ in range(4):
        while terminal.read(0.2):
            pass
        terminal.keys(b"j")
        sent.append(len(terminal.read(0.3)))
    assert min(sent) > 0
    assert sorted(sent)[1] <= 700, sent
    assert max(sent) <= 1100, "with other keys in the footer"


def test_idle_sends_nothing(terminal: Terminal) -> None:
    while terminal.read(0.5):
        pass
    # the age steps now and then; two seconds hold at most one step of a few cells
    assert len(terminal.read(2.0)) <= 400


def test_a_shell_on_the_terminal_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\necho "region is $AWS_REGION, profile is $AWS_PROFILE"\n')
    shell.chmod(0o755)
    monkeypatch.setenv("SHELL", str(shell))
    made = Terminal(tmp=tmp_path)
    try:
        made.wait_for("orders-cdc")
        made.keys(b":shell\r")
        made.wait_for("region is eu-west-1, profile is prod-eu")
        made.wait_for("back from the shell")
        made.keys(b"q")
        assert made.ended() == 0
        assert restored(made)
    finally:
        made.close()
