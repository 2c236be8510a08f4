"""Keys that come in one go, pasted text, and the size of the terminal: nothing acts that was not meant to."""

from __future__ import annotations

from typing import Any

import console_samples as samples
import pytest
from conftest import NAMES
from textual import events

from dmstui.console.key_route import BURST_SECONDS, pasted


def burst(c: Any, text: str) -> None:
    """All keys at once, as one read of the terminal hands them over."""
    for char in text:
        key = {"\n": "enter"}.get(char, NAMES.get(char, char))
        c.app.post_message(events.Key(key, char if char != "\n" else None))


@pytest.mark.parametrize(
    ("key", "before", "gap", "expected"),
    [
        ("p", "e", 0.0, True),
        ("p", "e", BURST_SECONDS, False),
        ("p", "p", 0.0, False),
        ("j", "x", 0.0, False),
        ("2", "x", 0.0, False),
        ("q", "1", 0.001, True),
    ],
)
def test_what_follows_at_once_was_pasted(key: str, before: str, gap: float, expected: bool) -> None:
    assert pasted(key, before, gap) is expected


async def test_keys_typed_in_one_go_with_the_colon_are_the_prompts(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        burst(c, ":deploy postgresql-to-s3 KeepFresh=yes")
        await c.settle()
        assert c.app.line.text == "deploy postgresql-to-s3 KeepFresh=yes"
        assert not c.app.dialog.is_open
        assert c.app.front.NAME == "monitor"
        assert ("pause", True) not in c.monitor.asked


async def test_a_slash_and_its_words_in_one_go_filter(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        burst(c, "/billing\n")
        await c.settle()
        assert c.app.front.table.shown == 1
        assert not c.app.line.is_open


async def test_what_follows_a_prompt_in_the_same_paste_does_not_act(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        burst(c, ":tasks\npq")
        await c.until(lambda: c.app.front.NAME == "tasks")
        assert c.app.is_running
        assert ("pause", True) not in c.monitor.asked
        await c.until(lambda: c.says("too fast to be typed"))


async def test_a_pasted_name_on_the_screen_starts_nothing(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        c.app.post_message(events.Paste("spxq"))
        await c.settle()
        assert c.says("pasted text does nothing here")
        assert c.app.is_running
        assert not c.app.dialog.is_open
        burst(c, "jpqx")
        await c.settle()
        assert c.app.is_running
        assert ("pause", True) not in c.monitor.asked


async def test_every_size_has_its_own_layout_at_once(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        for size, boxes in (((140, 40), True), ((80, 24), False), ((40, 12), False), ((140, 40), True)):
            await c.pilot.resize_terminal(*size)
            await c.settle()
            assert c.app.screen.has_class("boxes") is boxes, size
            assert c.app.screen.has_class("narrow") is (size[0] < 60), size
            assert c.app.front.tasks.size.height > 0, size
            assert c.says("orders-cdc"), size


async def test_enter_in_a_typed_name_says_what_to_press(console: Any) -> None:
    stacks = samples.part(samples.stacks("CREATE_COMPLETE"))
    async with console(samples.snapshot(stacks=stacks)) as c:
        await c.keys("7", "x")
        name = c.app.dialog.ask.name
        await c.keys("enter")
        assert c.says("not the whole name yet")
        await c.type(f"{name}s")
        await c.keys("enter")
        assert c.says("does not match")
        await c.keys("backspace", "enter")
        assert c.says("now y to delete it now, or esc")
        assert not c.monitor.submitted
        await c.keys("escape")
        assert not c.app.dialog.is_open
        assert c.says("nothing done")


async def test_a_name_pasted_with_a_y_behind_it_does_nothing(console: Any) -> None:
    stacks = samples.part(samples.stacks("CREATE_COMPLETE"))
    async with console(samples.snapshot(stacks=stacks)) as c:
        await c.keys("7", "x")
        burst(c, f"{c.app.dialog.ask.name}yy")
        await c.settle()
        assert c.app.dialog.is_open
        assert not c.monitor.submitted
        c.clock.advance(1.0)
        await c.keys("y")
        assert len(c.monitor.submitted) == 1


async def test_what_stays_under_way_is_said_again_after_a_message(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        c.app.say("deploying it …", "busy")
        c.app.say("copied", "ok")
        c.clock.advance(60)
        c.app.tick()
        assert c.app.line.note.text == "deploying it …"
        c.app.line.rest()
        assert c.app.line.note is None


@pytest.mark.parametrize(
    ("words", "found"),
    [("verif", "run postgresql-to-s3 verify"), ("test both", "test both connections"), ("shell", "shell")],
)
async def test_the_palette_knows_steps_and_keys(console: Any, words: str, found: str) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("ctrl+p")
        await c.until(lambda: len(c.app.screen_stack) > 1)
        await c.type(words)
        await c.until(lambda: c.says(found))


async def test_a_palette_entry_does_what_its_key_does(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("ctrl+p")
        await c.until(lambda: len(c.app.screen_stack) > 1)
        await c.type("charts")
        await c.until(lambda: c.says("key c"))
        await c.keys("enter")
        await c.until(lambda: len(c.app.screen_stack) == 1 and c.app.front.NAME == "task")
