"""Takes DMS's failure texts apart: stop reason, headline, codes. Called by kinds and screens."""

from __future__ import annotations

import re
from dataclasses import dataclass

_STOP = re.compile(r"Stop Reason\s+([A-Z_]+)")
_LEVEL = re.compile(r"Error Level\s+([A-Z_]+)")
_HEADLINE = re.compile(r"Last Error\s+(.*?)(?=\s+Stop Reason\b|$)", re.DOTALL)
_CODE = re.compile(r"\[(\d{6,7})\]")
_SQL = re.compile(r"SqlState:\s*(\S+)\s+NativeError:\s*(-?\d+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure text taken apart. Absent parts are None; `text` is always the whole."""

    text: str
    headline: str
    reason: str | None
    level: str | None
    codes: tuple[str, ...]
    sqlstate: str | None
    native_error: str | None


def stop_reason(text: str | None) -> str | None:
    """`Stop Reason FULL_LOAD_ONLY_FINISHED` -> `FULL_LOAD_ONLY_FINISHED`, wherever in the text it stands."""
    found = _STOP.search(text or "")
    return found.group(1) if found else None


def parse_failure(text: str | None) -> Failure | None:
    """Take StopReason or LastFailureMessage apart; None for an empty text."""
    if not text or not text.strip():
        return None
    headline = _HEADLINE.search(text)
    level = _LEVEL.search(text)
    sql = _SQL.search(text)
    return Failure(
        text=text,
        headline=(headline.group(1) if headline else text).strip(),
        reason=stop_reason(text),
        level=level.group(1) if level else None,
        codes=tuple(_CODE.findall(text)),
        sqlstate=sql.group(1) if sql else None,
        native_error=sql.group(2) if sql else None,
    )
