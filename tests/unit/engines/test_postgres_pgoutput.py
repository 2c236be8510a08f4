"""The decoder on messages put together by hand, after the protocol's description."""

from __future__ import annotations

import struct

import pytest

from dmstui.sandbox.engines.postgres import changes, lsn
from dmstui.sandbox.engines.postgres.pgoutput import Begin, Commit, Decoder, Message, RowChange


def relation(oid: int = 7, identity: str = "d", schema: str = "public") -> bytes:
    head = (
        b"R"
        + struct.pack("!I", oid)
        + schema.encode()
        + b"\0orders\0"
        + identity.encode()
        + struct.pack("!H", 3)
    )
    columns = ((1, b"id"), (0, b"note"), (0, b"body"))
    return head + b"".join(
        bytes([flag]) + name + b"\0" + struct.pack("!Ii", 25, -1) for flag, name in columns
    )


def row(*values: str | None) -> bytes:
    """A tuple; '…' stands for a large value left out."""
    parts = [struct.pack("!H", len(values))]
    for value in values:
        if value is None:
            parts.append(b"n")
        elif value == "…":
            parts.append(b"u")
        else:
            parts.append(b"t" + struct.pack("!I", len(value.encode())) + value.encode())
    return b"".join(parts)


def decoder(identity: str = "d") -> Decoder:
    made = Decoder()
    assert made.decode(relation(identity=identity)) == ()
    return made


OID = struct.pack("!I", 7)
NAMES = ("id", "note", "body")


@pytest.mark.parametrize(
    ("data", "operation", "new", "old", "unchanged"),
    [
        (b"I" + OID + b"N" + row("1", "é", None), "I", {"id": "1", "note": "é", "body": None}, {}, set()),
        (b"U" + OID + b"N" + row("1", "", "…"), "U", {"id": "1", "note": ""}, {}, {"body"}),
        (
            b"U" + OID + b"K" + row("1", None, None) + b"N" + row("2", "a", "…"),
            "U",
            {"id": "2", "note": "a"},
            {"id": "1"},
            {"body"},
        ),
        (
            b"U" + OID + b"O" + row("1", "x", "large") + b"N" + row("1", "y", "…"),
            "U",
            {"id": "1", "note": "y", "body": "large"},
            {"id": "1", "note": "x", "body": "large"},
            set(),
        ),
        (b"D" + OID + b"K" + row("1", None, None), "D", {}, {"id": "1"}, set()),
        (b"D" + OID + b"O" + row("1", None, "b"), "D", {}, {"id": "1", "note": None, "body": "b"}, set()),
    ],
)
def test_rows(
    data: bytes, operation: str, new: dict[str, str | None], old: dict[str, str | None], unchanged: set[str]
) -> None:
    (change,) = decoder().decode(data)
    assert change == RowChange(operation, "public", "orders", new, old, frozenset(unchanged), NAMES)


def test_transaction_frame() -> None:
    micros = 1_000_000
    assert Decoder().decode(b"B" + struct.pack("!QqI", 0x10, micros, 5)) == (Begin(0x10, 946_684_801.0, 5),)
    assert Decoder().decode(b"C" + struct.pack("!BQQq", 0, 0x10, 0x20, micros)) == (
        Commit(0x10, 0x20, 946_684_801.0),
    )


def test_truncate_names_each_table() -> None:
    made = decoder()
    made.decode(relation(oid=8, schema="other"))
    found = made.decode(b"T" + struct.pack("!IBII", 2, 3, 7, 8))
    assert [(each.operation, each.schema) for each in found if isinstance(each, RowChange)] == [
        ("T", "public"),
        ("T", "other"),
    ]


def test_a_new_description_replaces_the_old() -> None:
    made = decoder()
    later = b"R" + OID + b"public\0orders\0d" + struct.pack("!H", 1) + b"\1key\0" + struct.pack("!Ii", 25, -1)
    made.decode(later)
    (change,) = made.decode(b"I" + OID + b"N" + row("9"))
    assert isinstance(change, RowChange) and change.columns == ("key",) and change.new == {"key": "9"}


def test_other_messages() -> None:
    data = b"M" + struct.pack("!BQ", 1, 0x30) + b"beat\0" + struct.pack("!I", 2) + b"hi"
    assert Decoder().decode(data) == (Message(True, 0x30, "beat", b"hi"),)
    assert Decoder().decode(b"Y" + OID + b"public\0mood\0") == ()
    assert Decoder().decode(b"O" + struct.pack("!Q", 1) + b"x\0") == ()
    with pytest.raises(ValueError, match="unknown pgoutput message"):
        Decoder().decode(b"S....")


@pytest.mark.parametrize(
    ("text", "number"), [("0/0", 0), ("4AF/B00000D0", 0x4AF_B00000D0), ("FFFFFFFF/FFFFFFFF", 2**64 - 1)]
)
def test_positions(text: str, number: int) -> None:
    assert lsn.parse(text) == number and lsn.spell(number) == text


@pytest.mark.parametrize("text", ["", "12", "x/1", "1/2/3", "123456789/0"])
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match="is not a log sequence number"):
        lsn.parse(text)


def test_slot_names_are_allowed_and_stable() -> None:
    for task in ("ABC1DEF2", "arn:aws:dms:eu-central-1:1:task:É" * 9, ""):
        name = changes.slot_name(task, "shop")
        assert name == changes.slot_name(task, "shop") != changes.slot_name(task, "other")
        assert len(name) <= 63 and all(each in "abcdefghijklmnopqrstuvwxyz0123456789_" for each in name)
