"""What an operation is: id, key, danger, refusal, effect and a run that yields progress. Read by console and cli.

Every file of this room that is a verb has `OPERATION`, `refusal`, `effect` and `run`. `run` never raises AwsError:
it yields it in the last Progress, which has `done` set. It knows no screen.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, ParamSpec

from dmstui.model import AwsError, Snapshot

P = ParamSpec("P")


class Danger(enum.Enum):
    """How much a person is asked: not at all, to confirm, to type the name."""

    NONE = "none"
    CONFIRM = "confirm"
    TYPE_NAME = "type-name"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a run. The last has `done`; `error` tells failure from success there.

    fraction: 0..1 where it is known. data: the record behind the text (a StackEvent, a task), for screens.
    """

    text: str
    done: bool = False
    error: AwsError | None = None
    fraction: float | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A verb as keys, palette and commands see it. on: the kind of its target. key: the contract's key."""

    id: str
    label: str
    key: str
    danger: Danger
    on: str
    refusal: Callable[[Any, Snapshot], str | None]
    effect: Callable[[Any, Snapshot], list[str]]
    run: Callable[..., AsyncIterator[Progress]]


def reported(run: Callable[P, AsyncIterator[Progress]]) -> Callable[P, AsyncIterator[Progress]]:
    """Turn an AwsError out of a run into its last Progress."""

    @functools.wraps(run)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Progress]:
        try:
            async for step in run(*args, **kwargs):
                yield step
        except AwsError as error:
            yield Progress(error.message, done=True, error=error)

    return wrapped


def read_only_refusal(snapshot: Snapshot) -> str | None:
    """Why nothing may be changed now."""
    return "this session is read-only" if snapshot.read_only else None


REFUSED = "Refused"  # code of the AwsError for what our own rules refuse before AWS is asked
TIMED_OUT = "TimedOut"  # code of the AwsError for a wait that was not done in time


def refused(message: str, hint: str = "") -> AwsError:
    """The error for what our own rules refuse."""
    return AwsError(REFUSED, message, "", hint)
