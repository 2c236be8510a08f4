"""The filter language of every table: words, `col:text`, `col>30s`, `!not`, `a|b`, `/re/`, all of them
joined by and. Pure.

Letters match in any case unless the term has a capital. `parse` raises `BadFilterError` with a sentence for
the prompt;
the table then keeps its last good filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

Operator = Literal[">", "<", ">=", "<=", "=", "!="]

_COMPARE = re.compile(r"^([A-Za-z][\w/%-]*)(>=|<=|!=|>|<|=)(.*)$", re.DOTALL)
_COLUMN = re.compile(r"^([A-Za-z][\w/%-]*):(.*)$", re.DOTALL)
_NUMBER = re.compile(r"^(-?\d+(?:[.,]\d+)?)\s*([A-Za-z%]*)$")
_DURATION = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_COUNT = {"": 1.0, "%": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "b": 1e9}


class BadFilterError(ValueError):
    """The filter text cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the filter sees it: its whole text, a column's text, a column's number (None where it
    has none).
    """

    text: str
    cell: Callable[[str], str]
    number: Callable[[str], float | None]


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `column` is empty for the whole row; `number` is set for comparisons."""

    column: str
    pattern: re.Pattern[str] | None
    negated: bool
    operator: Operator = "="
    number: float | None = None

    def accepts(self, row: Row) -> bool:
        """The row satisfies this one condition."""
        return self._matches(row) != self.negated

    def _matches(self, row: Row) -> bool:
        if self.number is not None:
            value = row.number(self.column)
            return value is not None and _compare(value, self.operator, self.number)
        text = row.cell(self.column) if self.column else row.text
        return self.pattern is not None and self.pattern.search(text) is not None


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms of a filter text; an empty one accepts everything."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    def accepts(self, row: Row) -> bool:
        """Every term holds for the row."""
        return all(term.accepts(row) for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)


def parse(text: str, columns: Collection[str] = (), durations: Collection[str] = ()) -> Filter:
    """Filter text -> Filter.

    columns: names that may stand before `:` and comparisons, in lower case; other `word:word` texts are plain words
    (ARNs, times). durations: those of them that count seconds, where `m` means minutes and not millions.
    Raises BadFilterError for a broken pattern, an unknown column in a comparison, or a number that is none.
    """
    terms = tuple(_term(word, columns, durations) for word in split(text))
    return Filter(text.strip(), terms)


def split(text: str) -> list[str]:
    """Words of a filter text: blanks separate, except inside `"..."` and between the slashes of `/.../`."""
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        begin = at
        word = ""
        slash = text.startswith("/", at) or text.startswith("!/", at)
        if slash:
            closing = _closing_slash(text, text.index("/", at) + 1)
            at = len(text) if closing is None else closing + 1
            words.append(text[begin:at])
            continue
        quoted = False
        while at < len(text) and (quoted or not text[at].isspace()):
            if text[at] == '"':
                quoted = not quoted
            elif (
                text[at] == "/"
                and word.endswith(":")
                and (closing := _closing_slash(text, at + 1)) is not None
            ):
                word += text[at : closing + 1]
                at = closing
            else:
                word += text[at]
            at += 1
        words.append(word)
    return words


def _closing_slash(text: str, at: int) -> int | None:
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "/" and (at + 1 == len(text) or text[at + 1].isspace()):
            return at
        at += 1
    return None


def _term(word: str, columns: Collection[str], durations: Collection[str]) -> Term:
    negated = word.startswith("!") and len(word) > 1
    if negated:
        word = word[1:]
    if word.startswith("/"):
        if len(word) < 3 or not word.endswith("/"):
            raise BadFilterError("close the pattern with /")
        return Term("", _pattern(word[1:-1]), negated)
    if columns:
        compared = _COMPARE.match(word)
        if compared and not _looks_like_text(word):
            return _comparison(compared, negated, columns, durations)
        named = _COLUMN.match(word)
        if named and (column := _known(named.group(1), columns)):
            value = named.group(2)
            if value.startswith("/") and len(value) > 2 and value.endswith("/"):
                return Term(column, _pattern(value[1:-1]), negated)
            return Term(column, _literal(value), negated)
    return Term("", _literal(word), negated)


def _looks_like_text(word: str) -> bool:
    return "=" in word and ":" in word.split("=", 1)[0]


def _comparison(
    found: re.Match[str], negated: bool, columns: Collection[str], durations: Collection[str]
) -> Term:
    name, operator, value = found.groups()
    column = _known(name, columns)
    if column is None:
        raise BadFilterError(f"no column {name} here; columns: {' '.join(sorted(columns))}")
    if not value:
        raise BadFilterError(
            f"{name}{operator} wants a value, like {name}{operator}{'30s' if column in durations else '100'}"
        )
    number = _NUMBER.match(value)
    if number is None:
        if operator in {"=", "!="}:
            exact = re.compile(f"^{re.escape(value)}$", 0 if _capital(value) else re.IGNORECASE)
            return Term(column, exact, negated != (operator == "!="))
        raise BadFilterError(f"{value} is no number")
    scale = _DURATION if column in durations else _COUNT
    unit = number.group(2)
    factor = scale.get(unit.lower()) if unit else 1.0
    if factor is None:
        factor = (_DURATION | _COUNT).get(unit.lower())
    if factor is None:
        raise BadFilterError(f"unit {unit} is not known; s m h d for times, k M G for counts")
    return Term(column, None, negated, _operator(operator), float(number.group(1).replace(",", ".")) * factor)


def _operator(text: str) -> Operator:
    for known in (">=", "<=", "!=", ">", "<", "="):
        if text == known:
            return known
    raise BadFilterError(f"{text} compares nothing")


def _known(name: str, columns: Collection[str]) -> str | None:
    low = name.lower()
    if low in columns:
        return low
    begun = [column for column in columns if column.startswith(low)]
    return begun[0] if len(begun) == 1 else None


def _literal(word: str) -> re.Pattern[str]:
    choices = [part for part in word.split("|") if part] or [""]
    return re.compile("|".join(re.escape(part) for part in choices), 0 if _capital(word) else re.IGNORECASE)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, 0 if _capital(text) else re.IGNORECASE)
    except re.error as problem:
        raise BadFilterError(f"pattern: {problem.msg}") from None


def _capital(text: str) -> bool:
    return any(char.isupper() for char in text)


def _compare(value: float, operator: Operator, other: float) -> bool:
    if operator == ">":
        return value > other
    if operator == "<":
        return value < other
    if operator == ">=":
        return value >= other
    if operator == "<=":
        return value <= other
    if operator == "!=":
        return value != other
    return value == other
