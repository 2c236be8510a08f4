"""`make screenshots`: drives the real console on a sandbox through scenario 2 and writes the documentation's pictures.

`python tests/pictures/screenshots.py FOLDER`. Every picture is what the console drew of a migration that really ran.
Needs the DejaVu fonts (package fonts-dejavu-core).
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SCENARIO = "postgresql-to-s3"
DMSTUI = [sys.executable, "-m", "dmstui"]


@contextmanager
def sandbox() -> Iterator[None]:
    """A served sandbox whose exports are in this process's environment."""
    server = subprocess.Popen(
        [*DMSTUI, "sandbox", "--serve", "--speed", "40"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        while "AWS_DEFAULT_REGION" not in os.environ or "AWS_ENDPOINT_URL" not in os.environ:
            found = re.match(r"export (\w+)=(.*)", server.stdout.readline())
            if found:
                os.environ[found[1]] = found[2].strip("'\"")
        yield
    finally:
        server.terminate()
        server.wait(20)


def dmstui(*words: str) -> None:
    """Run a command of the product to its end."""
    subprocess.run([*DMSTUI, *words], check=True, stdout=subprocess.DEVNULL, timeout=300)


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; a TimeoutError when it never comes."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the console never showed what was waited for")
        await asyncio.sleep(0.1)


class Photographer:
    """The console without a terminal, and a camera."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        from dmstui.aws.options import ConnectionOptions
        from dmstui.console.app import ConsoleApp
        from dmstui.console.run import make_monitor

        self.folder, self.size = folder, size
        self.app = ConsoleApp(ConnectionOptions(sandbox=True), make_monitor)

    def shows(self, *patterns: str) -> bool:
        """Whether the screen's text holds all of these."""
        lines = self.app.screen._compositor.render_strips()
        text = "\n".join("".join(segment.text for segment in line) for line in lines)
        return all(re.search(pattern, text) for pattern in patterns)

    async def keys(self, *keys: str) -> None:
        """Press keys as a person would, one after another."""
        for key in keys:
            self.app.simulate_key(key)
            await asyncio.sleep(0.5)

    def take(self, name: str) -> None:
        """Write the picture."""
        from dmstui.console.pictures import png

        svg = self.app.export_screenshot(title="dmstui")
        (self.folder / f"{name}.png").write_bytes(png(svg))
        print(self.folder / f"{name}.png", flush=True)


async def learner(folder: Path) -> None:
    """Scenarios, guide, a deploy on its way, the first start, the load."""
    camera = Photographer(folder, (140, 40))
    async with camera.app.run_test(size=camera.size):
        await until(lambda: camera.shows("no tasks in"))
        await camera.keys("6")
        await until(lambda: camera.shows("postgresql-to-s3", "Use case"))
        camera.take("scenarios")
        await camera.keys("enter")
        await until(lambda: camera.shows("What you learn"))
        camera.take("guide")
        await camera.keys("s", "p", "y")
        await until(lambda: camera.shows(r"(?s)databases.*CREATE_IN_PROGRESS", r"\b3\d/|\b[23]\d of"), 90)
        camera.take("deploy")
        await until(lambda: camera.shows("● CREATE_COMPLETE"), 180)
        await asyncio.to_thread(dmstui, "scenario", "run", SCENARIO, "seed")
        await camera.keys("1")
        await until(lambda: camera.shows("pg-s3-load.*ready"))
        await camera.keys("s")
        await until(lambda: camera.shows("First start"))
        camera.take("start")
        await camera.keys("f")
        await until(lambda: camera.shows("pg-s3-load.*stopped"), 120)
        await camera.keys("enter")
        await until(lambda: camera.shows("Table completed", "270,050"))
        camera.take("tables")


async def operator(folder: Path) -> None:
    """A task that captures changes while the source is busy: charts at both sizes."""
    changes = asyncio.create_task(asyncio.to_thread(workload))
    await busy(Photographer(folder, (140, 40)), "monitor", seconds=75)
    await busy(Photographer(folder, (80, 24)), "monitor-80x24", seconds=6)
    await changes


async def busy(camera: Photographer, name: str, seconds: float) -> None:
    """The monitor after `seconds` of changes; at the large size the task's charts and log as well."""
    async with camera.app.run_test(size=camera.size):
        await until(lambda: camera.shows("pg-s3-changes.*running"), 60)
        if camera.shows("› ○ pg-s3-load"):
            await camera.keys("j")
        await until(lambda: camera.shows(r"target\s+\d"), 90)
        await asyncio.sleep(seconds)
        camera.take(name)
        if camera.size == (140, 40):
            await camera.keys("enter", "right_square_bracket")
            await until(lambda: camera.shows("Rows a second"))
            await asyncio.sleep(6)
            camera.take("charts")
            await camera.keys("l")
            await until(lambda: camera.shows("SOURCE_CAPTURE"))
            camera.take("logs")


def workload() -> None:
    """Changes in the source, steady with bursts and one transaction held open."""
    for kind in ("steady", "burst", "steady", "hold", "burst", "steady", "burst", "steady"):
        dmstui("scenario", "run", SCENARIO, "change", "--kind", kind)


def main() -> None:
    """Take all pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    with sandbox():
        asyncio.run(learner(folder))
        dmstui("scenario", "deploy", SCENARIO, "--parameter", "KeepFresh=yes", "--yes", "--wait")
        dmstui("task", "start", "pg-s3-changes", "--wait", "--timeout", "120")
        asyncio.run(operator(folder))


if __name__ == "__main__":
    main()
