"""The default task-settings document: members, order, values and what each member may hold (AWS DMS user guide and a
document a new task returned). Data only; `settings.py` merges and checks with it.

A `Rule` is the type of a member: bool, int (with a range), str, one of a set of words, or a section of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POLICY = ("IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK")
SEVERITIES = (
    "LOGGER_SEVERITY_ERROR",
    "LOGGER_SEVERITY_WARNING",
    "LOGGER_SEVERITY_INFO",
    "LOGGER_SEVERITY_DEFAULT",
    "LOGGER_SEVERITY_DEBUG",
    "LOGGER_SEVERITY_DETAILED_DEBUG",
)
# The order in which a new task lists them; VALIDATOR appears once it is given.
COMPONENTS = (
    "TRANSFORMATION",
    "SOURCE_UNLOAD",
    "IO",
    "TARGET_LOAD",
    "PERFORMANCE",
    "SOURCE_CAPTURE",
    "SORTER",
    "REST_SERVER",
    "VALIDATOR_EXT",
    "TARGET_APPLY",
    "TASK_MANAGER",
    "TABLES_MANAGER",
    "METADATA_MANAGER",
    "FILE_FACTORY",
    "COMMON",
    "ADDONS",
    "DATA_STRUCTURE",
    "COMMUNICATION",
    "FILE_TRANSFER",
)
ALL_COMPONENTS = (*COMPONENTS, "VALIDATOR")


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    default: bool | None


@dataclass(frozen=True, slots=True)
class Number:
    """An integer of a range."""

    default: int | None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A string; `words` are the ones allowed, none = any."""

    default: str | None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anything:
    """A member whose inside is not checked (null, object or list)."""

    default: Any = None


Rule = Flag | Number | Word | Anything
Section = Mapping[str, Rule]

LOGGING: Section = {
    "EnableLogging": Flag(False),
    "EnableLogContext": Flag(False),
    "LogComponents": Anything(),
    "CloudWatchLogGroup": Word(None),
    "CloudWatchLogStream": Word(None),
    "DeleteTaskLogs": Flag(None),
}

SECTIONS: Mapping[str, Section | Rule] = {
    "Logging": LOGGING,
    "StreamBufferSettings": {
        "StreamBufferCount": Number(3, 1),
        "CtrlStreamBufferSizeInMB": Number(5, 1, 8),
        "StreamBufferSizeInMB": Number(8, 1),
    },
    "ErrorBehavior": {
        "FailOnNoTablesCaptured": Flag(True),
        "ApplyErrorUpdatePolicy": Word("LOG_ERROR", (*POLICY, "UPDATE_RECORD")),
        "FailOnTransactionConsistencyBreached": Flag(False),
        "RecoverableErrorThrottlingMax": Number(1800, 0),
        "DataErrorEscalationPolicy": Word("SUSPEND_TABLE", ("SUSPEND_TABLE", "STOP_TASK")),
        "ApplyErrorEscalationCount": Number(0, 0),
        "RecoverableErrorStopRetryAfterThrottlingMax": Flag(True),
        "RecoverableErrorThrottling": Flag(True),
        "ApplyErrorFailOnTruncationDdl": Flag(False),
        "DataMaskingErrorPolicy": Word("STOP_TASK", POLICY),
        "DataTruncationErrorPolicy": Word("LOG_ERROR", POLICY),
        "ApplyErrorInsertPolicy": Word("LOG_ERROR", (*POLICY, "INSERT_RECORD")),
        "EventErrorPolicy": Word("IGNORE", ("IGNORE", "STOP_TASK")),
        "ApplyErrorEscalationPolicy": Word("LOG_ERROR", ("LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK")),
        "RecoverableErrorCount": Number(-1, -1),
        "DataErrorEscalationCount": Number(0, 0),
        "TableErrorEscalationPolicy": Word("STOP_TASK", ("STOP_TASK",)),
        "RecoverableErrorInterval": Number(5, 0),
        "ApplyErrorDeletePolicy": Word("IGNORE_RECORD", POLICY),
        "TableErrorEscalationCount": Number(0, 0),
        "FullLoadIgnoreConflicts": Flag(True),
        "DataErrorPolicy": Word("LOG_ERROR", POLICY),
        "TableErrorPolicy": Word("SUSPEND_TABLE", ("SUSPEND_TABLE", "STOP_TASK")),
    },
    "TTSettings": {
        "TTS3Settings": Anything(),
        "TTRecordSettings": Anything(),
        "EnableTT": Flag(False),
    },
    "FullLoadSettings": {
        "CommitRate": Number(10000, 1, 50000),
        "StopTaskCachedChangesApplied": Flag(False),
        "StopTaskCachedChangesNotApplied": Flag(False),
        "MaxFullLoadSubTasks": Number(8, 1, 49),
        "TransactionConsistencyTimeout": Number(600, 0),
        "CreatePkAfterFullLoad": Flag(False),
        "TargetTablePrepMode": Word("DROP_AND_CREATE", ("DO_NOTHING", "DROP_AND_CREATE", "TRUNCATE_BEFORE_LOAD")),
    },
    "TargetMetadata": {
        "ParallelApplyBufferSize": Number(0, 0, 1000),
        "ParallelApplyQueuesPerThread": Number(0, 0, 512),
        "ParallelApplyThreads": Number(0, 0, 32),
        "TargetSchema": Word(""),
        "InlineLobMaxSize": Number(0, 0, 102400),
        "ParallelLoadQueuesPerThread": Number(0, 0, 512),
        "SupportLobs": Flag(True),
        "LobChunkSize": Number(64, 0),
        "TaskRecoveryTableEnabled": Flag(False),
        "ParallelLoadThreads": Number(0, 0, 200),
        "LobMaxSize": Number(32, 0, 102400),
        "BatchApplyEnabled": Flag(False),
        "FullLobMode": Flag(False),
        "LimitedSizeLobMode": Flag(True),
        "LoadMaxFileSize": Number(0, 0, 100000),
        "ParallelLoadBufferSize": Number(0, 0, 1000),
    },
    "BeforeImageSettings": {
        "EnableBeforeImage": Flag(False),
        "ColumnFilter": Word("pk-only", ("pk-only", "non-lob", "all")),
        "FieldName": Word(""),
    },
    "ControlTablesSettings": {
        "historyTimeslotInMinutes": Number(5, 1),
        "HistoryTimeslotInMinutes": Number(5, 1),
        "StatusTableEnabled": Flag(False),
        "SuspendedTablesTableEnabled": Flag(False),
        "HistoryTableEnabled": Flag(False),
        "ControlSchema": Word(""),
        "FullLoadExceptionTableEnabled": Flag(False),
    },
    "LoopbackPreventionSettings": {
        "EnableLoopbackPrevention": Flag(False),
        "SourceSchema": Word(""),
        "TargetSchema": Word(""),
    },
    "CharacterSetSettings": {
        "CharacterReplacements": Anything(),
        "CharacterSetSupport": Anything(),
    },
    "FailTaskWhenCleanTaskResourceFailed": Flag(False),
    "ChangeProcessingTuning": {
        "StatementCacheSize": Number(50, 0, 200),
        "CommitTimeout": Number(1, 1),
        "RecoveryTimeout": Number(-1, -1),
        "BatchApplyPreserveTransaction": Flag(True),
        "BatchApplyTimeoutMin": Number(1, 0),
        "BatchSplitSize": Number(0, 0),
        "BatchApplyTimeoutMax": Number(30, 0),
        "MinTransactionSize": Number(1000, 0),
        "MemoryKeepTime": Number(60, 0),
        "BatchApplyMemoryLimit": Number(500, 0),
        "MemoryLimitTotal": Number(1024, 0),
    },
    "ChangeProcessingDdlHandlingPolicy": {
        "HandleSourceTableDropped": Flag(True),
        "HandleSourceTableTruncated": Flag(True),
        "HandleSourceTableAltered": Flag(True),
    },
    "PostProcessingRules": Anything(),
    "ValidationSettings": {
        "ValidationPartialLobSize": Number(0, 0),
        "PartitionSize": Number(10000, 1),
        "RecordFailureDelayLimitInMinutes": Number(0, 0),
        "SkipLobColumns": Flag(False),
        "FailureMaxCount": Number(10000, 0),
        "HandleCollationDiff": Flag(False),
        "ValidationQueryCdcDelaySeconds": Number(0, 0),
        "ValidationMode": Word("ROW_LEVEL", ("ROW_LEVEL", "GROUP_LEVEL")),
        "TableFailureMaxCount": Number(1000, 0),
        "RecordFailureDelayInMinutes": Number(5, 0),
        "MaxKeyColumnSize": Number(8096, 1),
        "EnableValidation": Flag(False),
        "ThreadCount": Number(5, 1),
        "RecordSuspendDelayInMinutes": Number(30, 0),
        "ValidationOnly": Flag(False),
        "ValidationS3Time": Number(0, 0),
        "ValidationS3Mask": Word(""),
    },
    "ResyncSettings": {
        "EnableResync": Flag(False),
        "ResyncSchedule": Word(None),
        "MaxResyncTime": Number(None, 0),
        "ValidationTaskId": Word(None),
    },
}  # fmt: skip

# Sections that are null until somebody fills them, and those a document has only when given.
NULL_SECTIONS = frozenset({"BeforeImageSettings", "LoopbackPreventionSettings", "CharacterSetSettings"})
OPTIONAL_SECTIONS = frozenset({"ValidationSettings", "ResyncSettings"})
# Members that a document shows only when somebody set them.
QUIET = frozenset(
    {
        "DeleteTaskLogs",
        "ValidationS3Time",
        "ValidationS3Mask",
        "MaxResyncTime",
        "ValidationTaskId",
        "ResyncSchedule",
    }
)
