"""A measured figure against its budget, and the statistics the bench uses. Read by every file of the bench."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure and the most it may be. `note` says the floor or what else was seen."""

    what: str
    measured: float
    budget: float
    unit: str
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        return self.measured <= self.budget

    def line(self) -> str:
        """As printed."""
        verdict = "ok  " if self.kept else "OVER"
        return f"{verdict} {self.what:<56} {self.measured:>8.2f} {self.unit:<8} of {self.budget:>8.2f}  {self.note}"


Figures = Iterator[Figure]


def alternating(*measures: Callable[[], float], runs: int) -> list[float]:
    """The least of `runs` of each, taken in turns: what the machine does besides hits all of them alike."""
    seen: list[list[float]] = [[] for _ in measures]
    for _ in range(runs):
        for place, measure in enumerate(measures):
            seen[place].append(measure())
    return [min(times) for times in seen]


def timed(work: Callable[[], object]) -> float:
    """Seconds the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)
