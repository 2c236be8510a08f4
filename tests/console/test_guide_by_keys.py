"""A newcomer's way through the guide of postgresql-to-s3, by keys alone at 80x24: from `dmstui sandbox` to
nothing left.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawn_terminal import DrawnTerminal

from dmstui.console.widgets.dialog import TYPE_AHEAD_SECONDS

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

TABLES = 14
STACK = "dmstui-postgresql-to-s3"


def processes(folder: Path) -> list[int]:
    """Every living process that was started with this temporary folder: the console, its sandbox, engines."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                mine = f"TMPDIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0")
                if mine and (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def none_left(folder: Path, seconds: float = 30.0) -> list[int]:
    """The processes still there after waiting for them to end."""
    end = time.monotonic() + seconds
    while (left := processes(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder with a short name, for the sockets in it; whatever still uses it at the end is killed."""
    made = Path(tempfile.mkdtemp(prefix="guide-", dir="/tmp"))
    try:
        yield made
    finally:
        for pid in processes(made):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def console(folder: Path) -> Iterator[DrawnTerminal]:
    """`dmstui sandbox` in a terminal of 80x24, without the user's AWS."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["TMPDIR"] = str(folder)
    with DrawnTerminal([sys.executable, "-m", "dmstui", "sandbox", "--speed", "300"], environment) as made:
        made.wait("no replication instances", 60)
        yield made


def answer(console: DrawnTerminal, key: str, pattern: str, seconds: float = 30.0) -> str:
    """Press a key in a dialog that has just opened: it takes none until a reader can have seen it."""
    end = time.monotonic() + TYPE_AHEAD_SECONDS + 0.1
    while time.monotonic() < end:
        console.read(0.05)
    return console.press_for(key, pattern, seconds)


def deploy(console: DrawnTerminal) -> None:
    """Guide, step 1."""
    console.press_for("6", r"›\S postgresql-to-s3 .*not deployed")
    console.press_for("enter", "Everything here works twice")
    console.press_for("s", "p Deploy")
    answer(console, "p", "y deploy it")
    answer(console, "y", "Resources")
    console.wait("● CREATE_COMPLETE", 120)
    console.press_for("esc", r"Guide .*Steps .*Output")


def run_step(console: DrawnTerminal, key: str, ends: str, kind: str = "enter") -> str:
    """A script from the guide, of the first or another kind, then its output."""
    console.press_for("6", r"›\S postgresql-to-s3")
    console.press_for("enter", r"Guide .*Steps .*Output")
    console.press_for("s", "what next")
    shown = answer(console, key, r"y run |enter choose")
    answer(console, "y" if "y run" in shown else kind, r"sent to i-|done")
    for _ in range(6):  # the tabs, until the script's output is in front
        if re.search(r"sent to i-", "\n".join(console.text().splitlines()[4:-2])):
            break
        console.press("]")
        console.read(0.3)
    console.press("G")
    return console.wait(ends, 120)


def test_the_guide_from_nothing_to_nothing(console: DrawnTerminal, folder: Path) -> None:
    deploy(console)
    run_step(console, "e", "seed done")

    # 3 Test the connections
    console.press_for("2", r"› ○ pg-s3-load-\w+ ready")
    console.press_for("t", "successful")
    shown = console.press_for("4", r"Connection tests")
    shown = console.wait(r"pg-s3-source-\w+ +source +\S+ +successful", 30)
    assert re.search(r"pg-s3-lake-\w+ +target +s3 +successful", shown), shown

    # 5 Start the full load, 6 Watch
    console.press_for("2", r"› ○ pg-s3-load-\w+ ready")
    console.press_for("s", "f First start")
    answer(console, "f", "starting|running|stopped")
    console.press_for("enter", r"Tables .*Charts .*Mapping .*Settings")
    console.wait("○ stopped", 120)
    shown = console.wait(rf"(?s)^ {TABLES} tables, 270,050 rows loaded.*(Table completed.*){{{TABLES}}}", 30)
    assert "Table error" not in shown, shown
    console.press_for("l", "All tables are loaded")
    console.press_for("c", r"(?s)Rows a second.*load written +\d")
    console.press("esc")
    console.wait(r"› ○ pg-s3-load-\w+ stopped")
    shown = console.press_for("d", "FULL_LOAD_ONLY_FINISHED")
    assert re.search(r"Full load +100 %", shown), shown
    assert re.search(r"14 loaded, 0 loading, 0 queued, 0 in error", shown), shown
    console.press("esc")
    console.wait("Stop reason", gone=True)

    # 7 Verify
    shown = run_step(console, "v", "verify done|NOT OK|failed")
    assert re.search(r"270,050 rows, 14 tables, source equals full load", shown), shown

    # 8 Keep the lake fresh
    console.press_for(":", "a screen, a task, a verb")
    console.press_for("deploy postgresql-to-s3 KeepFresh=yes", "KeepFresh=yes")
    console.press_for("enter", r"(?s)KeepFresh = yes.*y (deploy|update) it")
    answer(console, "y", "Resources")
    console.wait("● UPDATE_COMPLETE", 120)
    console.press_for("2", r"pg-s3-changes-\w+ +ready")
    console.press_for("g", r"› ○ pg-s3-changes-\w+ +ready")
    console.press_for("s", "f First start")
    answer(console, "f", r"› ● pg-s3-changes-\w+ +running", 60)
    run_step(console, "c", "change done")
    console.press_for("2", r"› ● pg-s3-changes-\w+ +running")
    console.press_for("c", r"(?s)CDC latency.*target [1-9]\d*s.*cdc captured [1-9]", 60)
    console.press_for("esc", r"› ● pg-s3-changes-\w+ +running")
    console.press_for("x", "y stop it")
    answer(console, "y", r"› ○ pg-s3-changes-\w+ +stopped", 60)
    shown = run_step(console, "v", "verify done|NOT OK|failed", "2")
    assert re.search(r"14 tables, source equals load and changes", shown), shown
    console.press_for("2", r"› ○ pg-s3-changes-\w+ +stopped")
    console.press_for("s", "e Resume")
    answer(console, "e", r"› ● pg-s3-changes-\w+ +running", 60)

    # 10 Delete: by its name only, with a task running
    console.press_for("6", r"›\S postgresql-to-s3")
    console.press_for("s", "x Delete")
    shown = answer(console, "x", r"Type (\S+) to go on")
    name = re.search(r"Type (\S+) to go on", shown)
    assert name is not None
    answer(console, name[1], "y delete")
    answer(console, "y", "(?s)Resources|DELETE_IN_PROGRESS|deleted|gone")
    console.wait("DELETE_COMPLETE|is deleted|is gone|not deployed", 120)
    console.press_for("6", r"›\S postgresql-to-s3 .*not deployed")
    console.press_for("2", "no tasks in us-east-1")
    console.press_for("3", "no (replication )?instances in us-east-1")
    console.press_for("4", "no endpoints in us-east-1")
    console.press_for("7", "no stacks in us-east-1")
    assert not [pid for pid in processes(folder) if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    console.press("q")
    assert console.ended() == 0
    assert none_left(folder) == []
    assert list(folder.iterdir()) == []
