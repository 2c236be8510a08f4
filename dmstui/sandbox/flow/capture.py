"""Changes between source and target: kept by table until they are due, then shaped as the target wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from dmstui.mappings import Headers
from dmstui.sandbox.flow.fullload import stamp
from dmstui.sandbox.flow.rows import Shaper
from dmstui.sandbox.flow.run import TaskTable
from dmstui.sandbox.flow.source import Change, Transaction, text_array
from dmstui.sandbox.writers.base import Rows, TableChanges

WORDS = {"I": "INSERT", "U": "UPDATE", "D": "DELETE"}


@dataclass(slots=True)
class TableQueue:
    """Captured changes of one table that the target does not have yet, in commit order."""

    table: TaskTable
    shaper: Shaper
    rows: list[Mapping[str, str | None]] = field(default_factory=list)
    before: list[Mapping[str, str | None]] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    truncate: bool = False
    """The table is to be emptied on the target before these changes."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Changes a truncate made void, by operation: applied with it."""

    def __len__(self) -> int:
        return len(self.operations)

    def add(self, change: Change, row: Mapping[str, str | None], within: Transaction, number: int) -> None:
        """Take one change; `number` is its place among all changes of the run."""
        self.rows.append(row)
        self.before.append(change.old)
        self.operations.append(change.operation)
        moment = stamp(within.committed)
        self.times.append(moment)
        self.commits.append(within.committed)
        self.sequence.append(number)
        sequence = moment.translate({ord(each): None for each in "-: ."})[:16] + f"{number:019d}"
        self.headers.append(
            Headers(WORDS[change.operation], moment, moment, f"{within.position:016X}", sequence)
        )

    def empty(self) -> None:
        """A truncate: what waits needs not be written, what comes after does."""
        for operation in self.operations:
            self.dropped[operation] = self.dropped.get(operation, 0) + 1
        for each in (
            self.rows, self.before, self.operations, self.headers, self.times, self.commits, self.sequence
        ):  # fmt: skip
            each.clear()
        self.truncate = True

    def shaped(self) -> TableChanges:
        """The changes as the target wants them; raises MappingRunError. Blocks: for a thread."""
        texts = {name: text_array([row.get(name) for row in self.rows]) for name in self.shaper.needs}
        before: dict[str, pa.Array] = {}
        for each in self.table.plan.columns:
            if each.before_image and each.source:
                before[each.source] = text_array([row.get(each.source) for row in self.before])
        rows: Rows = self.shaper.shape(
            texts,
            len(self),
            self.headers,
            operations=list(self.operations),
            times=list(self.times),
            before=before,
        )
        return TableChanges(self.table.plan, rows, list(self.commits), list(self.sequence))

    def counts(self) -> dict[str, int]:
        """How many changes of each operation wait, with those a truncate made void."""
        counts = dict(self.dropped)
        for operation in self.operations:
            counts[operation] = counts.get(operation, 0) + 1
        return counts
