"""How the console lives and dies in a terminal: signals, a lost terminal, bytes that are no text, a crash
report without secrets.

`run` calls `refusal` and `guard_decoder` before the app takes the terminal; the app calls the rest once it runs.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import platform
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

TERMINAL_CHECK_SECONDS = 2.0


def refusal(term: str | None, stdin_is_tty: bool, screen_is_tty: bool) -> str | None:
    """Why no console can be drawn here, one sentence; None when it can.

    screen_is_tty: standard error, where Textual draws.
    """
    if not stdin_is_tty or not screen_is_tty:
        return "the console needs a terminal; in scripts use the commands, such as: dmstui task list --json"
    if (term or "dumb") == "dumb":
        return "this terminal (TERM=dumb) cannot draw a console; use the commands, such as: dmstui task list"
    return None


def here() -> str | None:
    """`refusal` for this process."""
    return refusal(os.environ.get("TERM"), sys.stdin.isatty(), sys.stderr.isatty())


def guard_decoder() -> None:
    """Make Textual's input thread replace bytes that are not UTF-8 instead of ending the app.

    A paste, line noise or an old-style mouse report after a tmux reattach sends such bytes.
    """
    from textual.drivers import linux_driver

    def tolerant(encoding: str) -> Callable[..., codecs.IncrementalDecoder]:
        decoder = codecs.getincrementaldecoder(encoding)
        return lambda errors="replace": decoder(errors="replace")

    linux_driver.getincrementaldecoder = tolerant  # type: ignore[attr-defined, assignment]


def on_signals(leave: Callable[[int], None]) -> None:
    """SIGTERM and SIGHUP leave through the app, which restores the terminal; exit codes 143 and 129."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, leave, 128 + number)


def leave_on_lost_terminal(leave: Callable[[int], None]) -> None:
    """Check once whether the controlling terminal still exists; with it gone the process ends at once."""
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ else -1
    except (ValueError, OSError):
        return
    if descriptor < 0:
        return
    try:
        os.tcgetpgrp(descriptor)
    except OSError as problem:
        # ENOTTY also means a standard input that never was a terminal, as under tests
        if sys.__stdin__ is not None and _was_terminal(descriptor, problem):
            leave(129)


def _was_terminal(descriptor: int, problem: OSError) -> bool:
    import errno

    return problem.errno in {errno.EIO, errno.ENXIO, errno.EBADF} or (
        problem.errno == errno.ENOTTY and os.environ.get("DMSTUI_TTY") == "1"
    )


def crash_report(notes: Iterable[str], folder: Path | None = None) -> Path:
    """Write the exception being handled to a file that only its owner reads, without local variables;
    returns the path.

    Locals may hold passwords, so only the stack, versions, the terminal and the last messages are kept.
    """
    from textual import __version__ as textual_version

    from dmstui import __version__

    at = datetime.now(UTC)
    folder = folder or Path(tempfile.gettempdir())
    handle, name = tempfile.mkstemp(prefix=f"dmstui-crash-{at:%Y%m%d-%H%M%S}-", suffix=".txt", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"dmstui {__version__}, textual {textual_version}, Python {platform.python_version()}\n")
        file.write(
            f"{platform.platform()}, TERM={os.environ.get('TERM', '')}, {at:%Y-%m-%d %H:%M:%S} UTC\n\n"
        )
        file.write(traceback.format_exc())
        file.write("\nlast messages:\n")
        file.writelines(f"{note}\n" for note in notes)
    return Path(name)
