"""The filter language: what each text lets through, and what it says about texts it cannot read."""

from __future__ import annotations

import pytest

from dmstui.console.widgets.filter import BadFilterError, Row, parse, split

COLUMNS = {"task", "status", "lag", "rows", "why"}
DURATIONS = {"lag"}
RECORDS = {
    "orders-cdc": {"status": "failed", "lag": None, "rows": 5_000_000.0, "why": "binlog purged"},
    "billing-cdc": {"status": "running", "lag": 252.0, "rows": 1200.0, "why": "target apply is the limit"},
    "old-orders": {"status": "stopped", "lag": None, "rows": None, "why": "stopped by request at 12:57"},
    "arn:aws:dms": {"status": "running", "lag": 3.0, "rows": 88.0, "why": "[b]"},
}


def hits(text: str) -> list[str]:
    """Names of the records a filter text lets through."""
    wanted = parse(text, COLUMNS, DURATIONS)
    found = []
    for name, record in RECORDS.items():
        cells = {"task": name, **{key: "" if value is None else str(value) for key, value in record.items()}}
        numbers = {key: value for key, value in record.items() if isinstance(value, float)}
        if wanted.accepts(Row("  ".join(cells.values()), cells.__getitem__, numbers.get)):
            found.append(name)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", list(RECORDS)),
        ("orders", ["orders-cdc", "old-orders"]),
        ("orders fail", ["orders-cdc"]),
        ("ORDERS", []),
        ("!orders", ["billing-cdc", "arn:aws:dms"]),
        ("billing|old", ["billing-cdc", "old-orders"]),
        ("status:run", ["billing-cdc", "arn:aws:dms"]),
        ("stat:run", ["billing-cdc", "arn:aws:dms"]),
        ("!status:run|fail", ["old-orders"]),
        ("lag>30s", ["billing-cdc"]),
        ("lag>4m", ["billing-cdc"]),
        ("lag<=3", ["arn:aws:dms"]),
        ("!lag>1h", list(RECORDS)),
        ("rows>1m", ["orders-cdc"]),
        ("rows>=1.2k", ["orders-cdc", "billing-cdc"]),
        ("status=running", ["billing-cdc", "arn:aws:dms"]),
        ("status!=running", ["orders-cdc", "old-orders"]),
        ("/^(old|arn)/", ["old-orders", "arn:aws:dms"]),
        ("/o.ders/ !fail", ["old-orders"]),
        ('"apply is"', ["billing-cdc"]),
        ("arn:aws:dms", ["arn:aws:dms"]),
        ("12:57", ["old-orders"]),
        ("[b]", ["arn:aws:dms"]),
        ("why:/by req.*57$/", ["old-orders"]),
    ],
)
def test_lets_through(text: str, expected: list[str]) -> None:
    assert hits(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("/or", "close"),
        ("/(/", "pattern"),
        ("colour>3", "no column colour"),
        ("lag>", "wants a value"),
        ("lag>soon", "no number"),
        ("lag>3parsecs", "unit parsecs"),
    ],
)
def test_says_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(BadFilterError, match=word):
        parse(text, COLUMNS, DURATIONS)


def test_words_keep_quotes_and_patterns_whole() -> None:
    assert split('a  "b c" /d e/ !/f g/ h') == ["a", "b c", "/d e/", "!/f g/", "h"]
