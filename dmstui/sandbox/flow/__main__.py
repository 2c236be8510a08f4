"""`python -m dmstui.sandbox.flow`: the worker process. One spec line, then commands, come in; events go out."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys

from dmstui.sandbox.engines.base import Kind
from dmstui.sandbox.flow.errors import TroubleError, failed
from dmstui.sandbox.flow.events import Commands, Events
from dmstui.sandbox.flow.spec import TaskSpec, read_spec


async def run(spec: TaskSpec, events: Events) -> None:
    """Run the task and say how it ended."""
    from dmstui.sandbox.flow.worker import Worker

    try:
        worker = Worker(spec, events)
    except TroubleError as wrong:
        events.log("TASK_MANAGER", "E", f"{wrong.headline} {wrong.detail}".strip())
        ending = failed(wrong)
    else:
        commands = Commands(asyncio.get_running_loop())

        async def listen() -> None:
            while True:
                worker.command(await commands.queue.get())

        listening = asyncio.create_task(listen())
        ending = await worker.work()
        listening.cancel()
    events.emit(
        "ended", status=ending.status, stop_reason=ending.reason, message=ending.message, level=ending.level
    )


async def clean_up(spec: TaskSpec, events: Events) -> None:
    """Remove what the task made at its source: slot and publications."""
    from dmstui.sandbox.flow.endpoints import make_source
    from dmstui.sandbox.flow.errors import trouble

    try:
        source = make_source(spec, events)
        await source.drop_changes()
        await source.close()
    except Exception as wrong:
        found = trouble(wrong, "Failed to clean up the source.")
        events.log("TASK_MANAGER", "E", f"{found.headline} {found.detail}".strip())
        events.emit("ended", status="failed", stop_reason="FATAL_ERROR", message=str(found), level="FATAL")
    else:
        events.emit("ended", status="stopped", stop_reason="NORMAL", message=None, level=None)


def main() -> None:
    """Entry point. Leaves with exit code 0 whatever became of the task: that is told by the `ended` event."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    events = Events()
    try:
        spec = read_spec(json.loads(sys.stdin.readline()))
    except (ValueError, KeyError, TypeError) as wrong:
        ending = failed(TroubleError(Kind.FATAL, f"The task cannot be read: {wrong!r}", code=0))
        events.emit(
            "ended",
            status=ending.status,
            stop_reason=ending.reason,
            message=ending.message,
            level=ending.level,
        )
        return
    asyncio.run((clean_up if "--cleanup" in sys.argv[1:] else run)(spec, events))
    sys.stdout.flush()
    # threads that wait for stdin or a slow answer must not hold the process
    os._exit(0)


if __name__ == "__main__":
    main()
