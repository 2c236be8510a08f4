"""Identifiers, filters, pages, IAM decisions, maintenance windows, log lines, start points: the pure rules of DMS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dmstui.sandbox.dms import filters, identifiers, lines, paging, roles, windows, worker_spec
from dmstui.sandbox.dms.endpoints import parse_attributes
from dmstui.sandbox.service import Fault


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("My-Task1", True),
        ("1task", False),
        ("a--b", False),
        ("a-", False),
        ("a_b", False),
        ("größe", False),
        ("", False),
    ],
)
def test_names(name: str, good: bool) -> None:
    assert identifiers.valid_name(name) is good


def test_a_name_has_a_limit_and_its_refusal_names_the_member() -> None:
    assert not identifiers.valid_name("a" * 64, 63)
    with pytest.raises(Fault) as fault:
        identifiers.name("EndpointIdentifier", "a--b")
    assert fault.value.message.startswith(
        "The parameter EndpointIdentifier is not a valid identifier. Identifiers"
    )


def test_suffixes_are_the_callers_or_26_letters_and_digits() -> None:
    assert identifiers.new_suffix("mixedCase1") == "mixedCase1"
    made = identifiers.new_suffix(None)
    assert len(made) == 26
    assert made.isalnum()
    assert made == made.upper()
    with pytest.raises(Fault):
        identifiers.new_suffix("a" * 32)


def test_an_arn_of_another_kind_is_refused() -> None:
    arn = "arn:aws:dms:us-east-1:123456789012:task:ABC"
    assert identifiers.check_arn(arn, "task") == arn
    for text in ("fake-arn", arn.replace("task", "rep")):
        with pytest.raises(Fault) as fault:
            identifiers.check_arn(text, "task")
        assert fault.value.code == "InvalidParameterValueException"


READERS = {"id": lambda r: r[0], "kind": lambda r: r[1], "either": lambda r: r}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, ["a", "b", "c"]),
        ([{"Name": "kind", "Values": ["x"]}], ["a", "b"]),
        ([{"Name": "kind", "Values": ["x", "y"]}], ["a", "b", "c"]),
        ([{"Name": "kind", "Values": ["x"]}, {"Name": "id", "Values": ["B"]}], ["b"]),
        ([{"Name": "either", "Values": ["y"]}], ["c"]),
        ([{"Name": "id", "Values": ["z"]}], []),
    ],
)
def test_filters(given: Any, found: list[str]) -> None:
    rows = [("a", "x"), ("b", "x"), ("c", "y")]
    picked = filters.select(rows, given, READERS, folded=frozenset({"id"}))
    assert [row[0] for row in picked] == found


@pytest.mark.parametrize(
    "given",
    [{"Name": "nope", "Values": ["a"]}, {"Name": "id", "Values": []}, {"Name": "id", "Values": ["a--b"]}],
)
def test_filters_that_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Fault) as fault:
        filters.select([("a", "x")], [given], READERS, names=frozenset({"id"}))
    assert fault.value.code == "InvalidParameterValueException"


def test_pages_stay_right_when_records_come_and_go() -> None:
    records = list(range(0, 100, 2))
    first, marker = paging.page(records, {"MaxRecords": 20}, lambda n: n)
    assert first == records[:20]
    rest = [n for n in records if n not in (38, 40)]
    second, more = paging.page([*rest, 200], {"MaxRecords": 20, "Marker": marker}, lambda n: n)
    assert second == rest[19:39]
    third, end = paging.page([*rest, 200], {"MaxRecords": 20, "Marker": more}, lambda n: n)
    assert third == [*rest[39:], 200]
    assert end is None


@pytest.mark.parametrize("params", [{"MaxRecords": 19}, {"MaxRecords": 101}, {"Marker": "x"}])
def test_pages_that_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(Fault):
        paging.page([1], params)


def allow(action: Any, resource: Any = "*", effect: str = "Allow") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource}]}


BUCKET = "arn:aws:s3:::lake/a"


@pytest.mark.parametrize(
    ("documents", "allowed"),
    [
        ([], False),
        ([allow("s3:PutObject")], True),
        ([allow("S3:put*")], True),
        ([allow("*")], True),
        ([allow(["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"])], True),
        ([allow("s3:PutObject", "arn:aws:s3:::other/*")], False),
        ([allow("s3:*"), allow("s3:PutObject", effect="Deny")], False),
        ([{"Statement": {"Effect": "Allow", "NotAction": "s3:Get*", "NotResource": "arn:aws:s3:::x"}}], True),
    ],
)
def test_policies(documents: list[Any], allowed: bool) -> None:
    assert roles.decide(documents, "s3:PutObject", BUCKET) is allowed


def test_trust_names_the_service() -> None:
    document = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": ["dms.amazonaws.com"]}, "Action": "sts:AssumeRole"}
        ]
    }
    assert roles.trusts(document, "dms.amazonaws.com")
    assert not roles.trusts(document, "dms.us-east-1.amazonaws.com")


@pytest.mark.parametrize("text", ["sun:06:00-sun:06:29", "sun:6:00-sun:07:00", "so:06:00-so:07:00"])
def test_windows_that_are_refused(text: str) -> None:
    with pytest.raises(Fault):
        windows.check_window(text)


def test_a_window_may_cross_the_end_of_the_week() -> None:
    window = windows.check_window("Sun:23:30-Mon:00:30")
    sunday = datetime(2026, 11, 22, 23, 29, tzinfo=UTC)
    inside = [windows.in_window(window, sunday + timedelta(minutes=minute)) for minute in (0, 1, 60, 61)]
    assert inside == [False, True, True, False]


def test_a_log_line_has_dms_shape() -> None:
    line = lines.render(362696, 1677060569.5, "SOURCE_CAPTURE", "I", "text")
    assert line == "00362696: 2023-02-22T10:09:29:500000 [SOURCE_CAPTURE  ]I:  text"


@pytest.mark.parametrize(
    ("level", "letters"),
    [
        ("LOGGER_SEVERITY_ERROR", "E"),
        ("LOGGER_SEVERITY_WARNING", "EW"),
        ("LOGGER_SEVERITY_DEFAULT", "EWI"),
        ("LOGGER_SEVERITY_DEBUG", "EWITD"),
        ("LOGGER_SEVERITY_DETAILED_DEBUG", "EWITDV"),
    ],
)
def test_severities(level: str, letters: str) -> None:
    settings = {"LogComponents": [{"Id": "SORTER", "Severity": level}]}
    assert "".join(letter for letter in "EWITDV" if lines.shown(settings, "SORTER", letter)) == letters


@pytest.mark.parametrize(
    ("text", "point"),
    [
        (None, (None, None)),
        ("4AF/B00000D0", ("4AF/B00000D0", None)),
        ("2026-11-23T10:00:00", (None, "2026-11-23T10:00:00")),
        (worker_spec.checkpoint("0/1A2B3C", 4), ("0/1A2B3C", None)),
    ],
)
def test_start_points(text: str | None, point: tuple[str | None, str | None]) -> None:
    assert worker_spec.start_point(text) == point


def test_extra_connection_attributes() -> None:
    assert parse_attributes("bucketFolder=a/b;csvDelimiter=,;x=1=2;") == {
        "bucketFolder": "a/b",
        "csvDelimiter": ",",
        "x": "1=2",
    }
