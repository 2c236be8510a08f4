"""Runs operations through the monitor and tells the app how they go. Deeds belong to the app: leaving a
screen ends none.

An operation's `run` is a stream of progress; it lives in the monitor's loop, each step comes back as a message.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dmstui.console.messages import DeedMoved, Step
from dmstui.model import AwsError

if TYPE_CHECKING:
    from concurrent.futures import Future

Stream = Callable[[Any], AsyncIterator[Any]]


class Submits(Protocol):
    """What of the monitor this needs."""

    def submit(self, work: Callable[[Any], Any]) -> Future[Any]:
        """Run a coroutine function with the connection in the monitor's loop."""
        ...


@dataclass(slots=True)
class Deed:
    """An operation under way or ended: what it is called, what it said last, and what follows when it went well."""

    number: int
    label: str
    subject: str
    text: str = ""
    error: str = ""
    ended: bool = False
    said: list[str] = field(default_factory=list)
    after: Callable[[], None] | None = None


class Deeds:
    """All deeds of this run of the console."""

    def __init__(self, post: Callable[[DeedMoved], Any]) -> None:
        self._post = post
        self._numbers = itertools.count(1)
        self._futures: dict[int, Future[Any]] = {}
        self.all: dict[int, Deed] = {}

    @property
    def running(self) -> list[Deed]:
        """Those that have not ended."""
        return [deed for deed in self.all.values() if not deed.ended]

    def start(
        self,
        monitor: Submits,
        label: str,
        subject: str,
        stream: Stream,
        after: Callable[[], None] | None = None,
    ) -> Deed:
        """Begin an operation. subject: the ARN or name it concerns; `after` runs when it ended well."""
        number = next(self._numbers)
        deed = Deed(number, label, subject, f"{label} …", after=after)
        self.all[number] = deed
        post = self._post

        async def drive(connection: Any) -> None:
            last = Step(number, f"{label}: done", done=True)
            try:
                async for progress in stream(connection):
                    if progress.error is not None:
                        last = Step(number, label, done=True, error=sentence(progress.error))
                    elif progress.done:
                        last = Step(number, progress.text, done=True)
                    else:
                        post(DeedMoved(Step(number, progress.text)))
            except AwsError as problem:
                last = Step(number, label, done=True, error=sentence(problem))
            except Exception as problem:  # a defect in an operation must not take the screen away
                last = Step(number, label, done=True, error=f"{type(problem).__name__}: {problem}")
            post(DeedMoved(last))

        def refused(future: Future[Any]) -> None:
            # the monitor may refuse the work itself: no connection, or a recording that cannot be changed
            if future.cancelled():
                return
            problem = future.exception()
            if problem is not None:
                text = sentence(problem) if isinstance(problem, AwsError) else str(problem)
                post(DeedMoved(Step(number, label, done=True, error=text)))

        future = monitor.submit(drive)
        self._futures[number] = future
        future.add_done_callback(refused)
        return deed

    def moved(self, step: Step) -> Deed | None:
        """Take in a step; the deed it belongs to, None for an unknown one."""
        deed = self.all.get(step.deed)
        if deed is None or deed.ended:
            return None
        deed.text, deed.error, deed.ended = step.text, step.error, step.done
        deed.said.append(step.error or step.text)
        del deed.said[:-500]
        if step.done:
            self._futures.pop(step.deed, None)
        return deed

    def about(self, subject: str) -> Deed | None:
        """The newest deed on this subject that is under way or failed."""
        found = [
            deed for deed in self.all.values() if deed.subject == subject and (not deed.ended or deed.error)
        ]
        return found[-1] if found else None

    def last(self, subject: str) -> Deed | None:
        """The newest deed on this subject, ended or not."""
        found = [deed for deed in self.all.values() if deed.subject == subject]
        return found[-1] if found else None

    def forget(self, subject: str) -> None:
        """Drop ended deeds on a subject: their error was seen."""
        self.all = {n: deed for n, deed in self.all.items() if not (deed.ended and deed.subject == subject)}


def sentence(problem: AwsError) -> str:
    """An AWS error as one sentence with the next step."""
    text = " ".join(problem.message.split())
    head = f"{problem.operation}: {problem.code}" if problem.operation else problem.code
    head = f"{head}: " if head else ""
    return f"{head}{text}{'' if text.endswith('.') or not problem.hint else '.'} {problem.hint}".strip()
