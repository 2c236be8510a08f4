"""Of a changed part of a line only that part is sent; pins the function of Textual that is replaced for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import console_samples as samples
import pytest
from rich.console import Console
from rich.segment import Segment
from textual import _compositor
from textual.strip import Strip

from dmstui.console import partial_lines


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `console.run` does it, taken back after the test."""
    monkeypatch.setattr(_compositor.ChopsUpdate, "render_segments", _compositor.ChopsUpdate.render_segments)
    partial_lines.install()


@pytest.mark.parametrize(
    ("begin", "stop", "text"),
    [(0, 12, "abcdefghijkl"), (4, 5, "e"), (2, 8, "cdefgh"), (6, 12, "ghijkl"), (0, 1, "a")],
)
def test_a_part_is_cropped_at_both_ends(begin: int, stop: int, text: str) -> None:
    chops = [{0: Strip([Segment("abcdef")], 6), 6: Strip([Segment("ghijkl")], 6)}]
    update = _compositor.ChopsUpdate(chops, [(0, begin, stop)], [[6, 12]])
    sent = partial_lines.render_segments(update, Console())
    assert "".join(piece.split("H", 1)[1] for piece in sent.split("\x1b[")[1:]) == text
    assert sent.startswith(f"\x1b[1;{begin + 1}H")


def test_a_wide_character_cut_in_two_leaves_blanks() -> None:
    update = _compositor.ChopsUpdate([{0: Strip([Segment("a中b")], 4)}], [(0, 2, 4)], [[4]])
    assert partial_lines.render_segments(update, Console()).endswith("H b")


async def test_one_more_call_in_the_header_sends_few_bytes(
    console: Any, installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(samples.snapshot(), (140, 40)) as c:
        sent: list[str] = []
        monkeypatch.setattr(type(c.app._driver), "is_headless", False)
        monkeypatch.setattr(c.app._driver, "write", sent.append)
        await c.post(replace(c.app.snapshot, calls=c.app.snapshot.calls + 10))
        assert c.says("220 calls")
        monkeypatch.undo()
        assert 0 < len("".join(sent)) < 100
