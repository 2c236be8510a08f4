"""Going through a graph in parallel: each name once what it needs is done. Called by run.py."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping


async def walk(
    needs: Mapping[str, Collection[str]],
    act: Callable[[str], Awaitable[bool]],
    stop: asyncio.Event | None = None,
    *,
    done: Collection[str] = (),
) -> list[str]:
    """Run `act` for every name not in `done`; the answer is the names for which it gave False.

    With `stop` the first failure sets it and, as when somebody else sets it, nothing new is started (what runs is for
    `act` to end). Without it only what needs a failed name is left out.
    """
    finished = set(done)
    waiting = {name: set(needed) & set(needs) for name, needed in needs.items() if name not in finished}
    running: dict[asyncio.Task[bool], str] = {}
    failed: list[str] = []
    try:
        while waiting or running:
            if stop is None or not stop.is_set():
                for name in [name for name, needed in waiting.items() if needed <= finished]:
                    del waiting[name]
                    running[asyncio.ensure_future(act(name))] = name
            if not running:
                break
            ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                name = running.pop(task)
                if task.result():
                    finished.add(name)
                    continue
                failed.append(name)
                if stop is not None:
                    stop.set()
    finally:
        for task in running:
            task.cancel()
    return failed
