"""What a pane says while it has no rows: loading, why it failed and what to do, or why it is empty. Pure."""

from __future__ import annotations

from typing import Any

from dmstui.console.deeds import sentence
from dmstui.console.paint import Line
from dmstui.model import Part, Snapshot


def lines(part: Part[Any], what: str, snapshot: Snapshot, monitor_error: str, empty: str) -> tuple[Line, ...]:
    """Placeholder lines for a pane of `what` (plural). empty: the next step when there is none of it."""
    if monitor_error:
        offer = "" if snapshot.sandbox else "Without an account: leave and start dmstui sandbox, a local AWS."
        return (((monitor_error, "bad"),), *((((offer, "dim"),),) if offer else ()))
    if part.error is not None:
        denied = (((f"{part.error.operation or what}: the credentials lack this permission.", "warn"),),)
        return (((sentence(part.error), "bad"),), *(denied if part.error.denied else ()))
    if part.loading or part.at is None:
        return (((f"loading {what} …", "dim"),),)
    where = f" in {snapshot.region}" if snapshot.region else ""
    return (((f"no {what}{where}", "text"),), *((((empty, "dim"),),) if empty else ()))


def notice(part: Part[Any]) -> Line:
    """One line below rows that are still shown though the last poll failed."""
    return ((f" {sentence(part.error)}", "bad"),) if part.error is not None and part.value else ()


def stale(part: Part[Any], snapshot: Snapshot) -> bool:
    """The rows are old: the last poll failed, or two were missed."""
    if part.at is None:
        return False
    old = (snapshot.at - part.at).total_seconds()
    return part.error is not None or (part.every > 0 and old > part.every * 3 + 30)
