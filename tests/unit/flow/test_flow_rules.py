"""The deciding functions of the worker, case by case."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmstui.mappings import DataType, LobSettings, MappingRunError, ParallelLoad
from dmstui.sandbox.engines.base import Kind
from dmstui.sandbox.flow import lobs
from dmstui.sandbox.flow.errors import NO_TABLES, TroubleError, failed, trouble
from dmstui.sandbox.flow.postgresql import log_position, parsed, seen
from dmstui.sandbox.flow.segments import segments
from dmstui.sandbox.flow.settings import LobMode, task_settings
from dmstui.sandbox.flow.statistics import State, TableRecord, recalled
from dmstui.sandbox.flow.text import normaliser
from dmstui.sandbox.flow.until import stop_position
from dmstui.sandbox.writers.base import TargetError


@pytest.mark.parametrize(
    ("errors", "waits"),
    [
        ({}, [5, 10, 20, 40]),
        ({"RecoverableErrorCount": 0}, [None]),
        ({"RecoverableErrorCount": 2}, [5, 10, None]),
        ({"RecoverableErrorThrottling": False}, [5, 5, 5]),
        ({"RecoverableErrorInterval": 10, "RecoverableErrorThrottlingMax": 30}, [10, 20, 30, None]),
        (
            {
                "RecoverableErrorInterval": 10,
                "RecoverableErrorThrottlingMax": 30,
                "RecoverableErrorStopRetryAfterThrottlingMax": False,
            },
            [10, 20, 30, 30, 30],
        ),
    ],
)
def test_waits_before_another_try(errors: dict[str, Any], waits: list[float | None]) -> None:
    behavior = task_settings({"ErrorBehavior": errors}).errors
    assert [behavior.waits(attempt) for attempt in range(1, len(waits) + 1)] == waits


@pytest.mark.parametrize(
    ("metadata", "table", "mode"),
    [
        ({}, None, LobMode(True, 32)),
        ({"LobMaxSize": 64}, None, LobMode(True, 64)),
        ({"SupportLobs": False}, LobSettings("limited", 9), LobMode(False, None)),
        ({}, LobSettings("none"), LobMode(False, None)),
        ({}, LobSettings("limited", 9), LobMode(True, 9)),
        ({"FullLobMode": True, "LobMaxSize": 0}, None, LobMode(True, None, True)),
        ({}, LobSettings("unlimited", 4), LobMode(True, 4, True)),
    ],
)
def test_lob_mode_of_a_table(metadata: dict[str, Any], table: LobSettings | None, mode: LobMode) -> None:
    assert task_settings({"TargetMetadata": metadata}).lob_mode(table) == mode


@pytest.mark.parametrize(
    ("kind", "kilobytes", "kept"),
    [("blob", 1, 1024), ("nclob", 1, 512), ("clob", 32, 16384), ("wstring", 1, None), ("nclob", None, None)],
)
def test_lob_limit(kind: str, kilobytes: int | None, kept: int | None) -> None:
    assert lobs.limit(DataType(kind), kilobytes) == kept


@given(st.lists(st.none() | st.text(max_size=40), max_size=8), st.integers(1, 20))
def test_texts_are_cut_to_double_byte_characters_and_stay_prefixes(
    texts: list[str | None], kept: int
) -> None:
    texts = [None if t is None else "".join(c for c in t if not 0xD800 <= ord(c) <= 0xDFFF) for t in texts]
    array, count = lobs.cut(pa.array(texts, pa.string()), DataType("nclob"), kept)
    long = 0
    for before, after in zip(texts, array.to_pylist(), strict=True):
        if before is None:
            assert after is None
            continue
        assert before.startswith(after)
        assert len(after.encode("utf-16-le")) <= kept * 2
        if after != before:
            long += 1
            # one character more would not have fitted
            assert len(before[: len(after) + 1].encode("utf-16-le")) > kept * 2
    assert long == count


@pytest.mark.parametrize(
    ("native", "text", "becomes"),
    [
        ("boolean", "t", "true"),
        ("boolean", "f", "false"),
        ("boolean[]", "{t}", "{t}"),
        ("money", "-$1,234.50", "-1234.50"),
        ("timestamp with time zone", "2024-01-01 00:00:00+00", "2024-01-01 00:00:00"),
        ("timestamp(3) with time zone", "0044-03-15 00:00:00.5+00 BC", "0044-03-15 00:00:00.5 BC"),
        ("timestamp with time zone", "infinity", "infinity"),
        ("time with time zone", "12:00:00.5-05:30", "12:00:00.5"),
        ("character(5)", "ab   ", "ab"),
        ("character varying(5)", "ab   ", "ab   "),
        ("text", "t", "t"),
    ],
)
def test_texts_become_what_dms_has(native: str, text: str, becomes: str) -> None:
    change = normaliser(native)
    array = pa.array([text, None], pa.string())
    assert (change(array) if change else array).to_pylist() == [becomes, None]


def test_padding_stays_where_the_endpoint_says_so() -> None:
    assert normaliser("character(5)", trim_char=False) is None


@pytest.mark.parametrize(
    ("snapshot", "transaction", "holds"),
    [
        ("100:110:103,105", 99, True),
        ("100:110:103,105", 103, False),
        ("100:110:103,105", 104, True),
        ("100:110:", 110, False),
        ("100:110:", 111, False),
        # ids of transactions wrap at 32 bits, those of snapshots do not
        ("4294967290:4294967300:", 4294967291, True),
        ("4294967290:4294967300:", 3, True),
        ("4294967290:4294967300:", 4, False),
        ("4294967290:4294967300:4294967298", 2, False),
    ],
)
def test_what_a_snapshot_holds(snapshot: str, transaction: int, holds: bool) -> None:
    assert seen(snapshot, transaction) is holds


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(max_size=6), st.none() | st.text(alphabet='a,"\n\r\\ .\ufeff', max_size=4)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_copy_rows_are_read_back(rows: list[tuple[str | None, str | None]]) -> None:
    def surrogate_free(text: str | None) -> str | None:
        return (
            None if text is None else "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF and c != "\0")
        )

    rows = [(surrogate_free(a), surrogate_free(b)) for a, b in rows]

    def field(text: str | None) -> str:  # every value quoted, as COPY may do
        return "" if text is None else '"' + text.replace('"', '""') + '"'

    piece = "".join(f"{field(a)},{field(b)}\n" for a, b in rows).encode()
    table = parsed(piece, ["a", "b"])
    assert list(zip(*table.to_pydict().values(), strict=True)) == rows


def test_null_rows_of_one_column_and_a_mark_at_the_beginning_are_rows() -> None:
    assert parsed(b'\n""\n\n', ["a"]).to_pydict() == {"a": [None, "", None]}
    assert parsed("\ufeffx,1\n".encode(), ["a", "b"]).to_pydict() == {"a": ["\ufeffx"], "b": ["1"]}
    wide = "x" * 3_000_000
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([wide, "1"])
    assert parsed(out.getvalue().encode(), ["a", "b"]).to_pydict() == {"a": [wide], "b": ["1"]}


def test_segments_of_ranges() -> None:
    def quote(name: str) -> str:
        return f'"{name}"'

    assert [each.where for each in segments(None, quote)] == [None]
    load = ParallelLoad("ranges", ("a", "b"), (("1", "x"), ("5", "it's")), ("low", "mid"))
    parts = segments(load, quote)
    assert [(each.number, each.name) for each in parts] == [(1, "low"), (2, "mid"), (3, "")]
    assert [each.where for each in parts] == [
        """("a", "b") < ('1', 'x')""",
        """("a", "b") >= ('1', 'x') AND ("a", "b") < ('5', 'it''s')""",
        """("a", "b") >= ('5', 'it''s')""",
    ]


def test_stop_position() -> None:
    assert stop_position(None) is None
    at = stop_position("commit_time:2018-02-09T12:12:12")
    assert at is not None
    assert (at.at, at.reason) == (1518178332.0, "STOPPED_AT_COMMIT_TIME")
    server = stop_position("server_time:2018-02-09T12:12:12")
    assert server is not None
    assert server.reason == "STOPPED_AT_SERVER_TIME"
    for wrong in ("2018-02-09T12:12:12", "commit_time:soon"):
        with pytest.raises(ValueError, match="CdcStopPosition"):
            stop_position(wrong)


def test_position_of_a_cdc_start() -> None:
    assert log_position(None) is None
    assert log_position("4AF/B00000D0") == "4AF/B00000D0"
    assert log_position("checkpoint:V1#27#4af/b00000d0#0#0#*#0#93") == "4AF/B00000D0"
    with pytest.raises(TroubleError):
        log_position("mysql-bin-changelog.000024:373")


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (ConnectionRefusedError("refused"), Kind.RECOVERABLE),
        (TargetError("full"), Kind.FATAL),
        (TargetError("slow", recoverable=True), Kind.RECOVERABLE),
        (TargetError("name", table=True), Kind.TABLE),
        (MappingRunError("expression"), Kind.TABLE),
        (ZeroDivisionError("ours"), Kind.FATAL),
    ],
)
def test_what_is_done_about_an_error(wrong: Exception, kind: Kind) -> None:
    assert trouble(wrong).kind is kind


def test_texts_of_a_failed_task() -> None:
    ending = failed(TroubleError(Kind.RECOVERABLE, "Failed to read.", "RetCode: X", "source", 1020912))
    assert ending.message is not None
    assert ending.message.startswith(
        "Last Error  Failed to read. Task error notification received from subtask 0"
    )
    assert "[1020912] RetCode: X" in ending.message
    assert ending.message.endswith("Stop Reason RECOVERABLE_ERROR Error Level RECOVERABLE")
    ending = failed(TroubleError(Kind.FATAL, NO_TABLES, code=0))
    assert ending.message == f"Last Error  {NO_TABLES} Stop Reason FATAL_ERROR Error Level FATAL"


def test_a_checkpoint_carries_only_the_changes_that_are_durable() -> None:
    record = TableRecord("s", "t", State.COMPLETED, full_load_rows=7)
    record.count("I", 5)
    record.count("I", 5, applied=True)
    record.settle()
    record.count("I", 3)
    back = recalled(json.loads(json.dumps(record.remembered())))
    assert (back.full_load_rows, back.inserts, back.applied_inserts, back.state) == (7, 5, 5, State.COMPLETED)
    record.revert()
    assert record.inserts == 5
    record.restart()
    assert (record.inserts, record.full_load_rows, record.remembered().get("inserts")) == (0, 0, None)
