"""What reaches the app from other threads: a new Snapshot, a deed's progress. Small, and replaceable where
only the last counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from dmstui.model import Snapshot


class SnapshotArrived(Message):
    """The monitor has a new picture."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """Only the newest picture is drawn."""
        return isinstance(message, SnapshotArrived)


class MonitorFailed(Message):
    """The monitor could not begin: no credentials, no region, no package."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__()
        self.text = text
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Step:
    """One report of a deed under way."""

    deed: int
    text: str
    done: bool = False
    error: str = ""


class DeedMoved(Message):
    """A deed said something or ended."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step
