"""What became of tasks that were started, stopped or are looked at: the sentence for the message line when their
status changes. The app asks it at every new picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dmstui.model import ReplicationTask, Snapshot

Tone = Literal["ok", "warn", "bad"]
_TELLING = frozenset({"running", "stopped", "failed", "failed-move"})


def sentence(task: ReplicationTask, snapshot: Snapshot) -> tuple[str, Tone]:
    """How the task stands, with the reason: `pg-s3-load: full load finished, 14 tables`."""
    from dmstui.console import states
    from dmstui.kinds.task import state

    if task.status == "running":
        return f"{task.name} is running", "ok"
    why = states.why(task, snapshot) or task.status
    trouble = task.status.startswith("failed") or state(task, snapshot) == "bad"
    errored = task.stats is not None and task.stats.tables_errored
    return f"{task.name}: {why}", "bad" if trouble else "warn" if errored else "ok"


class Outcomes:
    """Remembers for some tasks how they stood when last told of."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._acted: dict[str, str] = {}  # the status in which something was asked of the task

    def acted(self, task: ReplicationTask) -> None:
        """Something was asked of this task: what becomes of it will be told."""
        self._told[task.arn] = self._acted[task.arn] = task.status

    def news(self, snapshot: Snapshot, looked_at: ReplicationTask | None = None) -> list[tuple[str, Tone]]:
        """Sentences about what changed since the last picture. looked_at: the task on the screen as it stood."""
        found = []
        if looked_at is not None:
            self._told.setdefault(looked_at.arn, looked_at.status)
        for arn in self._told.keys() | self._acted.keys():
            task = snapshot.task(arn)
            if task is None:
                self._told.pop(arn, None)
                self._acted.pop(arn, None)
                continue
            before = self._told.setdefault(arn, task.status)
            self._told[arn] = task.status
            if task.status != before and task.status in _TELLING:
                found.append(sentence(task, snapshot))
        for arn in self._told.keys() - self._acted.keys():
            del self._told[arn]
        return found

    def overtaken(self, arn: str, snapshot: Snapshot) -> tuple[str, Tone] | None:
        """The sentence for a task that went on before the operation on it had said its last word."""
        task = snapshot.task(arn)
        if task is None or task.status not in _TELLING or self._acted.get(arn) in {None, task.status}:
            return None
        return sentence(task, snapshot)
