"""Rows of a source as rows of a target, still as text: LOB limits, masks, expressions, names. Made once a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from dmstui.mappings import DataType, Headers, TablePlan
from dmstui.sandbox.engines.base import SourceTable
from dmstui.sandbox.flow import lobs
from dmstui.sandbox.flow.settings import LobMode
from dmstui.sandbox.flow.text import Normaliser, normaliser
from dmstui.sandbox.writers.base import Rows

Truncated = Callable[[str, int, int], None]
"""Told the target column, how many of its values were cut, and to which length."""


def without_lobs(plan: TablePlan, mode: LobMode) -> TablePlan:
    """The plan with its LOB columns left out where LOBs are not supported."""
    if mode.supported:
        return plan
    kept = tuple(
        each
        for each in plan.columns
        if not (each.type.lob or (each.source and plan.source_types.get(each.source, each.type).lob))
    )
    return replace(plan, columns=kept)


class Shaper:
    """Shapes rows of one table. Not for two threads at once."""

    def __init__(
        self, plan: TablePlan, table: SourceTable, mode: LobMode, truncated: Truncated, trim_char: bool = True
    ) -> None:
        """`plan` has its LOB columns left out already; raises MappingRunError for a bad expression."""
        self.plan = plan
        self._evaluator = plan.evaluator()
        self._truncated = truncated
        natives = {each.name: each for each in table.columns}
        direct = [each.source for each in plan.columns if each.source and not each.before_image]
        self.needs: tuple[str, ...] = tuple(
            name for name in dict.fromkeys((*direct, *self._evaluator.needs)) if name in natives
        )
        """The source columns to read."""
        self._normalisers: dict[str, Normaliser] = {}
        self._limits: dict[str, tuple[DataType, int]] = {}
        for name, column in natives.items():
            change = normaliser(column.native_type, trim_char)
            if change is not None:
                self._normalisers[name] = change
            kept = lobs.limit(column.type, mode.limit)
            if kept is not None:
                self._limits[name] = (column.type, kept)
        self._names = {each.source: each.name for each in plan.columns if each.source}

    def shape(
        self,
        texts: Mapping[str, pa.Array],
        count: int,
        headers: Headers | Sequence[Headers],
        *,
        operations: Sequence[str] | None = None,
        times: Sequence[str] | str = "",
        before: Mapping[str, pa.Array] | None = None,
    ) -> Rows:
        """`texts` holds the source columns as the engine prints them; raises MappingRunError."""
        sources = {name: self._prepared(name, texts[name]) for name in self.needs if name in texts}
        empty = pa.nulls(count, pa.string())
        computed: dict[str, list[str | None]] = {}
        if any(each.computed for each in self.plan.columns):
            wanted = {name: sources.get(name, empty).to_pylist() for name in self._evaluator.needs}
            computed = self._evaluator.evaluate(wanted, count, headers)
        columns: list[pa.Array] = []
        for each in self.plan.columns:
            if each.computed:
                columns.append(pa.array(computed[each.name], pa.string()))
            elif each.before_image:
                columns.append((before or {}).get(each.source or "", empty))
            else:
                columns.append(sources.get(each.source or "", empty))
        # fields by position: names may be equal in a plan that failed its checks
        table = pa.Table.from_arrays(columns, names=[each.name for each in self.plan.columns])
        return Rows(table, operations, times)

    def _prepared(self, name: str, texts: pa.Array) -> pa.Array:
        change = self._normalisers.get(name)
        if change is not None:
            texts = change(texts)
        if name in self._limits:
            kind, kept = self._limits[name]
            texts, count = lobs.cut(texts, kind, kept)
            if count:
                self._truncated(self._names.get(name, name), count, kept)
        return texts
