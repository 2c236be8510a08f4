"""Waits until something settles by asking again and again, at a pace that fits the other side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from dmstui.aws import Connection
from dmstui.model import AwsError
from dmstui.operations.operation import TIMED_OUT

T = TypeVar("T")
_THROTTLED_PAUSE = 15.0


def pause_of(aws: Connection, *, real: float = 5.0, sandbox: float = 0.4) -> float:
    """Seconds between two questions."""
    return sandbox if aws.loopback else real


async def poll(
    ask: Callable[[], Awaitable[T]],
    settled: Callable[[T], bool],
    *,
    pause: float,
    seconds: float | None,
    what: str,
) -> AsyncIterator[T]:
    """Each answer until one is settled, that one last. AwsError `TimedOut` after `seconds`.

    A throttled or unreachable moment is waited out; other errors end it.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        rest = pause
        try:
            answer = await ask()
        except AwsError as error:
            if not (error.throttled or error.code == "Unreachable") or deadline is None:
                raise
            rest = max(pause, _THROTTLED_PAUSE if error.throttled else pause)
        else:
            yield answer
            if settled(answer):
                return
        if deadline is not None and time.monotonic() + rest > deadline:
            raise AwsError(
                TIMED_OUT, f"{what} was not done within {seconds:.0f} s", "", "It goes on; ask again later."
            )
        await asyncio.sleep(rest)


async def until(
    ask: Callable[[], Awaitable[T]],
    settled: Callable[[T], bool],
    *,
    pause: float,
    seconds: float | None,
    what: str,
) -> T:
    """The settled answer of `poll` alone."""
    found: list[T] = []
    async for answer in poll(ask, settled, pause=pause, seconds=seconds, what=what):
        found = [answer]
    return found[0]
