"""The pure parts: numbers and times as written, lines cut and compared, WHY, settings, mappings, markdown, stacks."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import console_samples as samples
import pytest

from dmstui.console import commands, header, life, palette, stack_progress, states, task_deeds, task_texts
from dmstui.console import format as fmt
from dmstui.console.markdown_lines import lay_out, share
from dmstui.console.paint import clean, cut, cut_line, difference, fit, justify, plain, wrap, wrap_line
from dmstui.console.symbols import UNICODE
from dmstui.console.widgets.columns import TableColumn, letters, ordered, widths
from dmstui.model import ReplicationTask


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0, "0s"),
        (0.4, "0.4s"),
        (8, "8s"),
        (59.6, "1m00s"),
        (252, "4m12s"),
        (3900, "1h05m"),
        (90000, "1d1h"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "—"), (0, "0"), (0.4, "0.4"), (310, "310"), (999.9, "1000"), (1200, "1.2k"), (9980, "10k"), (12_345, "12k"),
     (1_200_000, "1.2M"), (1.2e9, "1.2G")],
)  # fmt: skip
def test_count(number: float | None, text: str) -> None:
    assert fmt.count(number) == text


def test_age_moves_in_coarse_steps() -> None:
    shown = [fmt.age(seconds) for seconds in range(0, 4000)]
    assert sorted(set(shown), key=shown.index)[:9] == [
        "now",
        "5s",
        "10s",
        "15s",
        "20s",
        "25s",
        "30s",
        "1m",
        "2m",
    ]
    assert len(set(shown[300:3600])) == 11


def test_cutting_keeps_cells() -> None:
    assert cut("billing-cdc", 6) == "billi…"
    assert cut("データ移行", 5) == "デー…"
    assert fit("ab", 4, "right") == "  ab"
    assert fit("データ", 5) == "デー…"
    assert plain(cut_line((("abc", "x"), ("def", "y")), 5)) == "abcd…"
    assert plain(justify((("left", ""),), (("right", ""),), 12)) == "left   right"
    assert clean("a\x1b[31mb\u202ec") == "a·[31mb·c"
    assert clean("[red]x[/b]") == "[red]x[/b]"


def test_wrapping() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert all(len(piece) <= 10 for piece in wrap("x" * 35 + " y", 10))
    lines = wrap_line((("  label  ", "dim"), ("a value that is too long for it", "text")), 24)
    assert [plain(line) for line in lines] == ["  label  a value that is", "         too long for it"]


def test_only_changed_cells_are_found() -> None:
    old = ((" age 5s  14:02 ", "dim"),)
    assert difference(old, old, 20) is None
    assert difference(old, ((" age 9s  14:02 ", "dim"),), 20) == (5, 6)
    assert difference(old, ((" age 5s  14:02 ", "warn"),), 20) == (0, 15)


def test_column_widths_share_the_space() -> None:
    columns = [
        TableColumn("name", "Task", 12, str),
        TableColumn("lag", "Lag", 6, str, from_width=60),
        TableColumn("why", "Why", 10, str, flexible=True),
    ]
    natural = {"name": 20, "lag": 5, "why": 40}
    assert widths(columns, natural, 60) == {"name": 20, "lag": 5, "why": 33}
    assert widths(columns, natural, 30) == {"name": 13, "lag": 5, "why": 10}
    narrow = widths(columns, natural, 20)
    assert sum(narrow.values()) + sum(1 for size in narrow.values() if size) - 1 <= 20
    assert narrow["name"] >= 8


def test_letters_never_stand_beside_a_deed() -> None:
    made = letters(
        [TableColumn(name, name, 5, str, sort=str) for name in ("rows", "lag", "state", "table", "why")]
    )
    assert set(made.values()) == {"rows", "lag", "state", "table", "why"}
    assert not set(made) & set("SXRTYGLDNJ")


def test_records_without_a_value_sort_last_both_ways() -> None:
    column = TableColumn("n", "N", 3, str, sort=lambda pair: pair[1])
    rows = [("a", 2), ("b", None), ("c", 5)]
    assert [row[0] for row in ordered(rows, column, False)] == ["a", "c", "b"]
    assert [row[0] for row in ordered(rows, column, True)] == ["c", "a", "b"]


def named(name: str) -> ReplicationTask:
    return next(task for task in samples.tasks() if task.name == name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("orders-cdc", "Error executing source loop; Stream component failed at subtask 0"),
        ("billing-cdc", "target apply is the limit"),
        ("stock-cdc", "source read is the limit"),
        ("clicks-cdc", "applying changes"),
        ("dim-load", "5 of 8 tables loaded"),
        ("crm-load", "3 of 41 tables in error"),
        ("old-orders", "stopped by request"),
        ("lake-load", "full load finished, 9 tables"),
        ("new-load", "has not run yet"),
        ("geo-cdc", "connecting to source and target"),
    ],
)
def test_why(name: str, words: str) -> None:
    assert states.why(named(name), samples.snapshot()) == words


def test_trouble_stands_on_top() -> None:
    snapshot = samples.snapshot()
    order = sorted(samples.tasks(), key=lambda task: states.trouble_order(task, snapshot))
    assert [task.name for task in order][:5] == [
        "orders-cdc",
        "crm-load",
        "billing-cdc",
        "stock-cdc",
        "geo-cdc",
    ]


def test_old_points_are_not_now() -> None:
    later = samples.snapshot(at=samples.NOW + timedelta(minutes=30))
    assert states.rows_per_second(named("clicks-cdc"), later) is None
    assert states.rows_per_second(named("clicks-cdc"), samples.snapshot()) is not None


def test_mappings_in_words() -> None:
    text = "\n".join(plain(line) for line in task_texts.mapping_lines(json.dumps(samples.MAPPINGS)))
    assert "take          sales.%" in text
    assert "where id between 1 and 500000" in text
    assert "rename        schema sales  → lake" in text
    assert "= datetime()" in text


@pytest.mark.parametrize("text", ["", None, "no json", "[]", '{"rules": 3}', '{"rules": [{}, 4]}'])
def test_any_text_can_be_shown(text: str | None) -> None:
    task_texts.mapping_lines(text)
    task_texts.settings_lines(text)


def test_guide_is_laid_out() -> None:
    guide = """# Title

Some **bold** words and `code` in a paragraph that is long enough to be broken over lines.

1. first
   - inner [link](https://example.com/x)
2. second

```sh
aws dms describe-replication-tasks
```

| a | b |
|---|---|
| 1 | a long cell that must be wrapped within its column |

> quoted
"""
    for width in (30, 60, 140):
        lines = [plain(line) for line in lay_out(guide, width)]
        assert all(len(line) <= width for line in lines), width
    text = "\n".join(lines)
    assert "━━━━━" in text
    assert " 1. first" in text
    assert "    • inner link (https://example.com/x)" in text
    assert "┃ aws dms describe-replication-tasks" in text
    assert "│ quoted" in text
    assert share([5, 100], 40) == [5, 35]


def test_stack_progress_from_events_alone() -> None:
    events = stack_progress.current(samples.stack_events())
    made = stack_progress.steps(
        events, (), {"Vpc": "AWS::EC2::VPC", "Task": "AWS::DMS::ReplicationTask"}, samples.NOW
    )
    by_name = {step.logical_id: step for step in made}
    assert [step.logical_id for step in made][:2] == ["SourceDatabase", "ReplicationInstance"], (
        "under way first"
    )
    assert by_name["Task"].waiting
    assert by_name["Vpc"].done
    assert by_name["Vpc"].seconds == 12
    assert by_name["SourceDatabase"].seconds == 114
    network = stack_progress.groups(made)[0]
    assert (network.name, network.done, network.total) == ("network", 4, 4)
    assert stack_progress.cause(events) is None


def test_an_update_leaves_the_rest_as_it_stands() -> None:
    begin = samples.StackEvent(
        "u", samples.ago(5), samples.STACK, "s", "AWS::CloudFormation::Stack", "UPDATE_IN_PROGRESS", "", "s"
    )
    task = samples.StackEvent(
        "t", samples.ago(3), "ChangesTask", "", "AWS::DMS::ReplicationTask", "CREATE_IN_PROGRESS"
    )
    stood = samples.StackResource("Vpc", "vpc-1", "AWS::EC2::VPC", "CREATE_COMPLETE")
    made = {step.logical_id: step for step in stack_progress.steps((begin, task), (stood,), {}, samples.NOW)}
    assert made["Vpc"].done
    assert made["ChangesTask"].running
    gone = stack_progress.steps(
        (dataclasses.replace(begin, status="DELETE_IN_PROGRESS"),), (stood,), {}, samples.NOW
    )
    assert gone[0].waiting


def test_first_cause_of_a_failure() -> None:
    events = stack_progress.current(samples.stack_events(failing=True))
    cause = stack_progress.cause(events)
    assert cause is not None
    assert cause.logical_id == "SourceDatabase"
    made = stack_progress.steps(events, (), {}, samples.NOW)
    assert made[0].failed


def test_commands_complete_and_forgive() -> None:
    assert commands.completions("en", lambda _: []) == ["endpoints"]
    assert commands.completions("stop bil", lambda _: ["billing-cdc", "old-billing"]) == [
        "stop billing-cdc",
        "stop old-billing",
    ]
    assert commands.normalised("scenario deploy x --parameter A=1 --yes") == "deploy x --parameter A=1"
    assert commands.normalised(":task stop billing --wait") == "stop billing"
    assert commands.normalised("task billing") == "task billing"
    assert commands.find("q") is not None
    assert commands.find("zzz") is None
    assert commands.nearest("taks") == "tasks"
    readers = commands.completions("", lambda _: [], lambda verb: not verb.changes)
    assert not {"stop", "start", "reload", "delete", "deploy"} & set(readers)


def test_header_says_when_polls_were_missed() -> None:
    snapshot = samples.snapshot()
    assert header.age_of(snapshot, 0) == (12.0, False)
    assert header.age_of(snapshot, 40) == (52.0, True)
    words = plain(header.freshness(snapshot, 40, 80, samples.NOW))
    assert "210 calls" in words
    assert "age 30s" in words
    assert "no data yet" in plain(header.freshness(samples.loading(), 0, 80, samples.NOW))


def test_navigation_fits() -> None:
    views = [
        (n, name.lower(), name) for n, name in enumerate(("Monitor", "Tasks", "Instances", "Endpoints"), 1)
    ]
    assert "Instances" in plain(header.navigation(views, "tasks", 80))
    assert len(plain(header.navigation(views, "tasks", 30))) <= 30
    assert "● 3 running" in plain(header.tally({"ok": 3}, UNICODE, short=False))


def test_start_point_is_a_time_or_a_position() -> None:
    at, position = task_deeds.start_point("2026-11-24 14:00")
    assert at is not None
    assert at.isoformat() == "2026-11-24T14:00:00+00:00"
    assert position is None
    assert task_deeds.start_point(" 0/1A2B3C ") == (None, "0/1A2B3C")


@pytest.mark.parametrize("dark", [True, False])
def test_colours_can_be_read(dark: bool) -> None:
    background = "#11151a" if dark else "#ffffff"
    weak = {name for name in palette.names() if palette.contrast(name, background, dark) < 4.5}
    assert weak <= {"faint", "purple", "orange", "sky", "green", "mark"} if not dark else weak <= {"faint"}


@pytest.mark.parametrize(
    ("term", "stdin", "screen", "word"),
    [("xterm", True, True, None), ("xterm", False, True, "terminal"), ("xterm", True, False, "terminal"),
     ("dumb", True, True, "dumb"), (None, True, True, "dumb")],
)  # fmt: skip
def test_refuses_what_cannot_show_it(term: str | None, stdin: bool, screen: bool, word: str | None) -> None:
    found = life.refusal(term, stdin, screen)
    assert (found is None) == (word is None)
    assert word is None or word in (found or "")


def test_crash_report_has_no_locals(tmp_path: object) -> None:
    from pathlib import Path

    def breaks() -> None:
        secret = "hunter" + "2-secret"  # noqa: F841
        raise RuntimeError("boom")

    try:
        breaks()
    except RuntimeError:
        path = life.crash_report(["14:02 said"], Path(str(tmp_path)))
    text = path.read_text()
    assert "boom" in text
    assert "14:02 said" in text
    assert "hunter2-secret" not in text
    assert path.stat().st_mode & 0o077 == 0


def test_decoder_guard_survives_noise() -> None:
    pytest.importorskip("termios")
    life.guard_decoder()
    from textual.drivers import linux_driver

    decode = linux_driver.getincrementaldecoder("utf-8")().decode
    assert decode(b"a\xff\xfeb") == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"mode": "limited", "bulk-max-size": "8"}, "limited LOBs up to 8 KB"),
        ({"mode": "unlimited", "bulk-max-size": "0"}, "full LOBs"),
        ({"mode": "unlimited", "bulk-max-size": "64"}, "full LOBs, those up to 64 KB at once"),
        ({"mode": "none"}, "LOBs are left out"),
    ],
)
def test_lob_settings_in_words(settings: dict[str, str], expected: str) -> None:
    assert task_texts.lob_words(settings) == expected


def test_a_rule_says_its_target_once_and_keeps_its_blanks() -> None:
    where = {"schema-name": "shop", "table-name": "customers", "column-name": "email"}
    rule = {"rule-type": "transformation", "rule-id": "3", "rule-target": "column", "object-locator": where}
    text = plain(task_texts.rule_lines(rule | {"rule-action": "remove-column"})[0])
    assert "remove column shop.customers.email" in text
    text = plain(task_texts.rule_lines(rule | {"rule-action": "data-masking-digits-randomize"})[0])
    assert "data masking digits randomize column shop.customers.email" in text


def test_settings_begin_with_what_matters() -> None:
    document = {
        "TTSettings": None,
        "StreamBufferSettings": {"StreamBufferCount": 3},
        "Logging": {"EnableLogging": True},
        "TargetMetadata": {"SupportLobs": True},
    }
    lines = [plain(line) for line in task_texts.settings_lines(json.dumps(document))]
    assert [line.strip() for line in lines if line[:2] != "  " and line.strip()] == [
        "TargetMetadata",
        "Logging",
        "StreamBufferSettings",
        "Not set  TTSettings",
    ]


@pytest.mark.parametrize("name", ["text", "dim", "ok", "warn", "bad", "accent", "key"])
def test_words_can_be_read_on_a_dark_ground(name: str) -> None:
    assert palette.contrast(name, "#121212", True) >= 4.5
