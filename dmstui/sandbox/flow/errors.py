"""What went wrong, sorted as DMS does (suspend the table, try again, fail), and the texts it becomes (dms.md 2.3)."""

from __future__ import annotations

from dataclasses import dataclass

from dmstui.mappings import MappingRunError
from dmstui.sandbox.engines.base import EngineFailureError, Kind
from dmstui.sandbox.writers.base import TargetError

NO_TABLES = (
    "No tables were found at task initialization. Either the selected table(s) or schemas(s) no longer exist or no"
    " match was found for the table selection pattern(s). If you would like to start a Task that does not initially"
    " capture any tables, set Task Setting FailOnNoTablesCaptured to false and restart task."
)


class TroubleError(Exception):
    """An error with what is to be done about it. `side` is source, target or task; `detail` the native text."""

    def __init__(
        self, kind: Kind, headline: str, detail: str = "", side: str = "task", code: int = 1020455
    ) -> None:
        super().__init__(f"{headline} {detail}".strip())
        self.kind = kind
        self.headline = headline
        self.detail = detail
        self.side = side
        self.code = code


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: what the `ended` event says."""

    status: str
    reason: str
    message: str | None = None
    level: str | None = None


def trouble(wrong: BaseException, doing: str = "") -> TroubleError:
    """Any exception of a run as trouble. `doing` says what was attempted, in the words of the log."""
    if isinstance(wrong, TroubleError):
        return wrong
    if isinstance(wrong, TargetError):
        kind = Kind.TABLE if wrong.table else Kind.RECOVERABLE if wrong.recoverable else Kind.FATAL
        return TroubleError(kind, doing or "Failed to write to the target", wrong.message, "target", 1001730)
    if isinstance(wrong, MappingRunError):
        return TroubleError(
            Kind.TABLE, doing or "Failed to apply the table mappings", str(wrong), "task", 1020401
        )
    if isinstance(wrong, EngineFailureError):
        error = wrong.error
    else:
        import asyncpg

        from dmstui.sandbox.engines.postgres import errors

        native = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, EOFError)
        if not isinstance(wrong, native):
            return TroubleError(Kind.FATAL, "Replication task failed", f"{type(wrong).__name__}: {wrong}")
        error = errors.classify(wrong)
    return TroubleError(
        error.kind, doing or "Failed to read from the source", error.dms_text, "source", 1020912
    )


def failed(wrong: TroubleError) -> Ending:
    """The end of a task that failed, in the one long text DMS puts into StopReason and LastFailureMessage."""
    word = "RECOVERABLE" if wrong.kind is Kind.RECOVERABLE else "FATAL"
    reason = f"{word}_ERROR"
    if wrong.code == 0:  # a refusal of the task itself, before any subtask ran
        text = f"Last Error  {wrong.headline}"
    else:
        subtask, component = ("0", "st_0") if wrong.side != "target" else ("1", "st_1")
        text = (
            f"Last Error  {wrong.headline} Task error notification received from subtask {subtask}, thread 0 "
            f"[reptask/replicationtask.c:2822] [{wrong.code}] {wrong.detail}; "
            f"Stream component failed at subtask {subtask}, component {component}"
        )
    return Ending("failed", reason, f"{text} Stop Reason {reason} Error Level {word}", word)


def stopped(reason: str) -> Ending:
    """The end of a task that stopped without an error."""
    return Ending("stopped", reason)
