"""Failure texts and log lines taken apart."""

from __future__ import annotations

from datetime import UTC, datetime

from dmstui.model import parse_failure, parse_line, stop_reason

AT = datetime(2026, 11, 24, tzinfo=UTC)
FATAL = (
    "Last Error  Failed to connect. Task error notification received from subtask 0, thread 0 "
    "[reptask/replicationtask.c:2822] [1020455] ODBC general error. RetCode: SQL_ERROR SqlState: 08001 "
    "NativeError: 101 Message: [unixODBC]timeout expired Stop Reason FATAL_ERROR Error Level FATAL"
)


def test_a_fatal_failure_is_taken_apart() -> None:
    found = parse_failure(FATAL)
    assert found is not None
    assert (found.reason, found.level, found.codes) == ("FATAL_ERROR", "FATAL", ("1020455",))
    assert (found.sqlstate, found.native_error) == ("08001", "101")
    assert found.headline.startswith("Failed to connect.")
    assert "Stop Reason" not in found.headline


def test_a_plain_stop_reason_is_found_and_an_empty_text_is_nothing() -> None:
    assert stop_reason("Stop Reason FULL_LOAD_ONLY_FINISHED") == "FULL_LOAD_ONLY_FINISHED"
    assert stop_reason(None) is None
    assert parse_failure("") is None


def test_a_log_line_of_dms_is_parsed() -> None:
    line = parse_line(
        AT, "00362696: 2023-02-22T10:09:29 [SOURCE_CAPTURE  ]W:  slot is behind  (postgres.c:1234)"
    )
    assert (line.component, line.severity, line.message) == ("SOURCE_CAPTURE", "W", "slot is behind")


def test_a_line_of_another_shape_is_kept_whole() -> None:
    line = parse_line(AT, "second line of a message\n")
    assert (line.component, line.severity, line.message) == ("", "", "second line of a message")
