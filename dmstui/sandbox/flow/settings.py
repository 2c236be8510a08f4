"""The task settings the flow obeys, with the service's defaults (reference dms.md 4). Pure; the worker reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmstui.mappings import LobSettings


@dataclass(frozen=True, slots=True)
class ErrorBehavior:
    """What is done about errors (dms.md 4.6). Intervals in seconds."""

    data: str = "LOG_ERROR"
    data_truncation: str = "LOG_ERROR"
    data_escalation: str = "SUSPEND_TABLE"
    data_escalation_count: int = 0
    table: str = "SUSPEND_TABLE"
    table_escalation: str = "STOP_TASK"
    table_escalation_count: int = 0
    recoverable_count: int = -1
    recoverable_interval: float = 5.0
    recoverable_throttling: bool = True
    recoverable_throttling_max: float = 1800.0
    recoverable_stop_at_max: bool = True
    fail_on_no_tables: bool = True

    def waits(self, attempt: int) -> float | None:
        """Seconds to wait before the n-th try after an error (from 1), None where no try is left."""
        if self.recoverable_count == 0 or (0 < self.recoverable_count < attempt):
            return None
        if not self.recoverable_throttling:
            return self.recoverable_interval
        # 2 ** 40 seconds is far beyond any maximum and no float grows too large
        wait = self.recoverable_interval * float(2 ** min(attempt - 1, 40))
        if wait < self.recoverable_throttling_max:
            return wait
        earlier = self.recoverable_interval * float(2 ** min(attempt - 2, 40)) if attempt > 1 else 0.0
        if self.recoverable_stop_at_max and earlier >= self.recoverable_throttling_max:
            return None
        return self.recoverable_throttling_max


@dataclass(frozen=True, slots=True)
class LobMode:
    """How LOB columns of one table travel: left out, whole, or cut at `limit` KB."""

    supported: bool
    limit: int | None
    full: bool = False
    """Full LOB mode was asked for; a target that lacks it uses `limit`."""


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """The members the flow reads."""

    target_schema: str = ""
    support_lobs: bool = True
    full_lob: bool = False
    lob_max_size: int = 32
    inline_lob: int = 0
    prep_mode: str = "DROP_AND_CREATE"
    stop_not_applied: bool = False
    stop_applied: bool = False
    subtasks: int = 8
    consistency_timeout: float = 600.0
    handle_truncate: bool = True
    handle_drop: bool = True
    handle_alter: bool = True
    memory_limit: int = 1024 * 1024 * 1024
    batch_apply: bool = False
    validation: bool = False
    errors: ErrorBehavior = ErrorBehavior()

    def lob_mode(self, table: LobSettings | None) -> LobMode:
        """The LOB mode of a table: its own setting where the mappings have one, else the task's."""
        if not self.support_lobs:
            return LobMode(False, None)
        if table is not None and table.mode == "none":
            return LobMode(False, None)
        if table is not None:
            size = table.bulk_max_size if table.bulk_max_size is not None else self.lob_max_size
            return LobMode(True, size or None, table.mode == "unlimited")
        return LobMode(True, self.lob_max_size or None, self.full_lob)


def task_settings(document: Mapping[str, Any]) -> TaskSettings:
    """Read a task-settings document; what it leaves out has the service's default."""

    def section(name: str) -> Mapping[str, Any]:
        return document.get(name) or {}

    def number(part: Mapping[str, Any], member: str, default: float) -> float:
        value = part.get(member)
        return default if value is None or value == "" else float(value)

    def flag(part: Mapping[str, Any], member: str, default: bool) -> bool:
        value = part.get(member)
        if value is None or value == "":
            return default
        return value if isinstance(value, bool) else str(value).lower() in {"true", "y", "1"}

    def word(part: Mapping[str, Any], member: str, default: str) -> str:
        return str(part.get(member) or default)

    metadata, load = section("TargetMetadata"), section("FullLoadSettings")
    tuning, ddl = section("ChangeProcessingTuning"), section("ChangeProcessingDdlHandlingPolicy")
    errors = section("ErrorBehavior")
    return TaskSettings(
        target_schema=word(metadata, "TargetSchema", ""),
        support_lobs=flag(metadata, "SupportLobs", True),
        full_lob=flag(metadata, "FullLobMode", False),
        lob_max_size=int(number(metadata, "LobMaxSize", 32)),
        inline_lob=int(number(metadata, "InlineLobMaxSize", 0)),
        prep_mode=word(load, "TargetTablePrepMode", "DROP_AND_CREATE"),
        stop_not_applied=flag(load, "StopTaskCachedChangesNotApplied", False),
        stop_applied=flag(load, "StopTaskCachedChangesApplied", False),
        subtasks=max(1, min(49, int(number(load, "MaxFullLoadSubTasks", 8)))),
        consistency_timeout=number(load, "TransactionConsistencyTimeout", 600),
        handle_truncate=flag(ddl, "HandleSourceTableTruncated", True),
        handle_drop=flag(ddl, "HandleSourceTableDropped", True),
        handle_alter=flag(ddl, "HandleSourceTableAltered", True),
        memory_limit=int(number(tuning, "MemoryLimitTotal", 1024)) * 1024 * 1024,
        batch_apply=flag(metadata, "BatchApplyEnabled", False),
        validation=flag(section("ValidationSettings"), "EnableValidation", False),
        errors=ErrorBehavior(
            data=word(errors, "DataErrorPolicy", "LOG_ERROR"),
            data_truncation=word(errors, "DataTruncationErrorPolicy", "LOG_ERROR"),
            data_escalation=word(errors, "DataErrorEscalationPolicy", "SUSPEND_TABLE"),
            data_escalation_count=int(number(errors, "DataErrorEscalationCount", 0)),
            table=word(errors, "TableErrorPolicy", "SUSPEND_TABLE"),
            table_escalation=word(errors, "TableErrorEscalationPolicy", "STOP_TASK"),
            table_escalation_count=int(number(errors, "TableErrorEscalationCount", 0)),
            recoverable_count=int(number(errors, "RecoverableErrorCount", -1)),
            recoverable_interval=number(errors, "RecoverableErrorInterval", 5),
            recoverable_throttling=flag(errors, "RecoverableErrorThrottling", True),
            recoverable_throttling_max=number(errors, "RecoverableErrorThrottlingMax", 1800),
            recoverable_stop_at_max=flag(errors, "RecoverableErrorStopRetryAfterThrottlingMax", True),
            fail_on_no_tables=flag(errors, "FailOnNoTablesCaptured", True),
        ),
    )
