"""The console by keys on a made-up account: what each key shows, starts, asks and refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import console_samples as samples
import pytest

from dmstui.console.widgets.ask import Confirm, Reading, TypeName
from dmstui.console.widgets.line_table import LineTable
from dmstui.model import AwsError
from dmstui.operations import Progress
from dmstui.operations.run_script import ScriptLine

BILLING = samples.arn("task", "billing-cdc")
SIZES = [(80, 24), (140, 40)]


def table(c: Any, name: str) -> LineTable:
    return c.app.query_one(f"#{name}", LineTable)  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", SIZES)
async def test_monitor_names_its_panes(console: Any, size: tuple[int, int]) -> None:
    async with console(samples.snapshot(), size) as c:
        assert c.says(
            "nstances", "TASK", "WHY", "orders-cdc", "billing-cdc", "prod-eu", "eu-west-1", "123456789012"
        )
        assert c.app.screen.focused is table(c, "monitor-tasks")
        assert table(c, "monitor-tasks").cursor_record.name == "orders-cdc"


@pytest.mark.parametrize("size", [(40, 12), (20, 6), (10, 3), (80, 24), (250, 70)])
async def test_every_screen_at_every_size(console: Any, size: tuple[int, int]) -> None:
    async with console(samples.snapshot(), size) as c:
        for key in ("2", "3", "4", "5", "6", "7", "1"):
            await c.keys(key)
        await c.keys(
            "enter",
            "]",
            "]",
            "]",
            "]",
            "]",
            "]",
            "escape",
            "6",
            "enter",
            "]",
            "]",
            "]",
            "escape",
            "7",
            "enter",
        )
        assert c.app.front.NAME == "progress"


async def test_charts_follow_the_cursor_and_metrics_are_asked_for_once(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j")
        assert c.says("billing-cdc: latency", "handling", "4m12s")
        await c.until(lambda: ("focus", BILLING) in c.monitor.asked)
        assert [name for name, _ in c.monitor.asked].count("focus") <= 3


async def test_cursor_stays_on_its_task_when_the_order_changes(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j", "j")
        assert table(c, "monitor-tasks").cursor_record.name == "stock-cdc"
        more = (samples.task("aaa-broken", "failed", failure=samples.FAILURE), *samples.tasks())
        await c.post(samples.snapshot(tasks=samples.part(more)))
        assert table(c, "monitor-tasks").cursor_record.name == "stock-cdc"
        gone = tuple(one for one in more if one.name != "stock-cdc")
        await c.post(samples.snapshot(tasks=samples.part(gone)))
        assert table(c, "monitor-tasks").cursor_record.name == "geo-cdc"
        await c.until(lambda: c.says("the row under the cursor is gone"))


async def test_filter_is_live_keeps_the_last_good_one_and_peels(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("/")
        await c.type("lag>30s")
        assert c.says("2 of 11", "/lag>30s")
        await c.type(" /(/")
        assert c.says("pattern:")
        assert table(c, "monitor-tasks").shown == 2
        await c.keys("escape")
        assert c.app.screen.focused is table(c, "monitor-tasks")
        await c.keys("escape")
        assert table(c, "monitor-tasks").shown == 11


async def test_no_hit_says_how_to_clear(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("/")
        await c.type("zzz")
        await c.keys("enter")
        assert c.says("0 of 11 fit /zzz", "esc clears")


async def test_sort_by_letter_menu_and_again(console: Any) -> None:
    async with console(samples.snapshot(), (140, 40)) as c:
        tasks = table(c, "monitor-tasks")
        await c.keys("o")
        assert c.says("Order by", "Task", "Lag")
        await c.keys("enter")
        assert tasks.sort_column == "name"
        first = tasks.rows.shown[0]
        tasks.sort_by("name")
        assert tasks.rows.shown[-1] == first


async def test_marks_survive_and_deeds_say_what_is_hidden(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j", "space", "space", "/")
        await c.type("billing")
        await c.keys("enter")
        assert c.says("2 marked, 1 hidden")
        await c.keys("x")
        assert c.says("Stop billing-cdc", "1 marked task hidden by the filter")
        await c.keys("escape", "escape")
        assert not table(c, "monitor-tasks").marks


async def test_range_and_all(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("v", "j", "j", "v")
        assert len(table(c, "monitor-tasks").marks) == 3
        await c.keys("*")
        assert len(table(c, "monitor-tasks").marks) == 11
        await c.keys("!")
        assert c.says("only trouble")
        assert table(c, "monitor-tasks").shown == 4


async def test_keys_act_only_where_the_state_allows(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        assert c.says("s start")
        assert not c.says("x stop")
        await c.keys("x")
        assert not c.app.dialog.is_open
        await c.keys("j", "j")
        assert c.says("x stop")
        assert not c.says("s start")


async def test_read_only_hides_and_refuses(console: Any) -> None:
    async with console(samples.snapshot(read_only=True), read_only=True) as c:
        await c.keys("j", "j")
        assert c.says("read-only")
        assert not c.says("x stop")
        await c.keys("x", "s", "r")
        assert not c.app.dialog.is_open
        await c.keys(":")
        await c.type("stop billing-cdc")
        await c.keys("enter")
        assert c.says("stop: this session is read-only")
        await c.keys("6", "s")
        assert not c.app.dialog.is_open
        assert c.monitor.submitted == []


class Connection:
    """Stands where operations get the connection; `run` of the tested operation is replaced, so nothing is called."""


def fake_run(monkeypatch: pytest.MonkeyPatch, verb: str, *steps: Progress) -> list[tuple[Any, ...]]:
    """Replace an operation's run by one that reports these steps; returns what it was called with."""
    import importlib

    module = importlib.import_module(f"dmstui.operations.{verb}")
    called: list[tuple[Any, ...]] = []

    async def run(*args: Any, **more: Any) -> AsyncIterator[Progress]:
        called.append((*args[1:], more))
        for step in steps:
            yield step

    monkeypatch.setattr(module, "run", run)
    return called


async def test_stop_asks_and_only_y_stops(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(
        monkeypatch,
        "stop",
        Progress("billing-cdc is stopping"),
        Progress("billing-cdc is stopped", done=True),
    )
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j", "x")
        assert isinstance(c.app.dialog.ask, Confirm)
        assert c.says("Stop billing-cdc", "Cancel", "y stop it", "Changes wait in the source's log")
        await c.keys("x")
        assert c.app.dialog.is_open, "the opening key never confirms"
        await c.keys("enter")
        assert not c.app.dialog.is_open
        assert called == [], "enter presses Cancel"
        await c.keys("x", "y")
        await c.until(lambda: c.says("billing-cdc is stopped"))
        assert len(called) == 1
        assert called[0][0].arn == BILLING
        assert ("nudge", BILLING) in c.monitor.asked


async def test_type_ahead_does_not_confirm(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "stop", Progress("done", done=True))
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j")
        from textual import events

        c.app.post_message(events.Key("x", "x"))
        c.app.post_message(events.Key("y", "y"))
        await c.settle()
        assert c.app.dialog.is_open
        c.clock.advance(0.2)
        c.app.post_message(events.Key("y", "y"))
        await c.settle()
        assert c.app.dialog.is_open, "still within 300 ms"
        assert called == []


async def test_start_chooser_names_what_is_impossible(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "resume", Progress("old-orders is starting", done=True))
    async with console(samples.snapshot()) as c:
        await c.keys("G", "s")
        assert c.says("Start old-orders", "e Resume", "Reload target: a cdc task has no full load")
        await c.keys("e")
        await c.until(lambda: c.says("old-orders is starting"))
        assert called[0][0].name == "old-orders"


async def test_start_at_a_position(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "start", Progress("old-orders is starting", done=True))
    async with console(samples.snapshot()) as c:
        await c.keys("G", "s", "a")
        assert c.app.line.is_open
        await c.type("0/1A2B3C")
        await c.keys("enter")
        await c.until(lambda: bool(called))
        assert called[0][-1] == {"cdc_start_time": None, "cdc_start_position": "0/1A2B3C"}


async def test_reload_asks_for_the_name(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "reload", Progress("lake-load is starting", done=True))
    async with console(samples.snapshot()) as c:
        await c.keys("/")
        await c.type("lake-load")
        await c.keys("enter", "s", "l")
        assert isinstance(c.app.dialog.ask, TypeName)
        assert c.says("Type lake-load to go on")
        await c.keys("escape")
        assert not c.app.dialog.is_open
        await c.keys("s", "l")
        await c.type("lake-loady")
        await c.until(lambda: bool(called))
        assert called[0][0].name == "lake-load"


async def test_wrong_name_does_nothing(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "reload")
    async with console(samples.snapshot()) as c:
        await c.keys("/")
        await c.type("lake-load")
        await c.keys("enter", "s", "l")
        await c.type("lakey")
        assert c.says("does not match")
        await c.keys("escape")
        assert called == []


async def test_an_error_is_one_sentence_with_the_next_step(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = AwsError(
        "InvalidResourceStateFault",
        "Replication task is busy [b]",
        "StopReplicationTask",
        "Try again in a minute.",
    )
    fake_run(monkeypatch, "stop", Progress("no", done=True, error=error))
    async with console(samples.snapshot(), (140, 40)) as c:
        await c.keys("j", "j", "x", "y")
        await c.until(
            lambda: c.says(
                "StopReplicationTask: InvalidResourceStateFault: Replication task is busy [b]. Try again in a minute."
            )
        )
        await c.keys(":")
        await c.type("messages")
        await c.keys("enter")
        assert isinstance(c.app.dialog.ask, Reading)
        assert c.says("Replication task is busy [b]")


async def test_task_screen_tabs_and_reload_of_marked_tables(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = fake_run(monkeypatch, "reload_tables", Progress("2 tables will be loaded again", done=True))
    async with console(samples.snapshot(), (140, 40)) as c:
        await c.keys("j", "j", "enter")
        assert ("open_task", BILLING) in c.monitor.asked
        assert c.says("Monitor › billing-cdc", "sales.address", "Table error", "9 tables", "2 in error")
        await c.keys("space", "space", "r")
        assert c.says(
            "Reload 2 tables of billing-cdc", "sales.address", "sales.stock", "rows are loaded again"
        )
        await c.keys("r")
        assert c.app.dialog.is_open
        await c.keys("y")
        await c.until(lambda: c.says("2 tables will be loaded again"))
        assert called[0][1] == [("sales", "address"), ("sales", "stock")]
        await c.keys("]")
        assert c.says("CDC latency", "Rows a second", "highest")
        await c.keys("]")
        assert c.says("What the rules say", "where id between 1 and 500000")
        await c.keys("]")
        assert c.says("FullLoadSettings", "TargetTablePrepMode  DROP_AND_CREATE")
        await c.keys("]", "]")
        assert c.says("ERROR TARGET_APPLY", "truncated to 32768 bytes in 2 rows [b]")
        await c.keys("escape")
        assert c.app.front.NAME == "monitor"
        assert ("close_task", BILLING) in c.monitor.asked


async def test_charts_zoom_shift_and_read(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j", "c")
        await c.until(lambda: c.says("CDC latency"))
        await c.keys("left", "left")
        assert c.says("14:00:00", "handling", "cdc applied")
        await c.keys("-", "<")
        assert c.says("back")
        assert any(name == "focus" for name, _ in c.monitor.asked)
        await c.keys("escape")


async def test_logs_search(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j", "l")
        await c.until(lambda: c.app.front.NAME == "task" and c.says("TARGET_APPLY"))
        await c.keys("/")
        await c.type("truncated")
        await c.keys("enter", "n")
        assert c.says("truncated", "n next match")


async def test_test_of_connections(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    error = AwsError(
        "TestFailed", "crm-target: SqlState: 08001", "TestConnection", "Check the security groups."
    )
    called = fake_run(
        monkeypatch, "test_connection", Progress("testing"), Progress("failed", done=True, error=error)
    )
    async with console(samples.snapshot(), (140, 40)) as c:
        await c.keys("4", "j", "t")
        await c.until(lambda: c.says("crm-target: SqlState: 08001. Check the security groups."))
        assert {pair[0].endpoint_arn for pair in called} == {samples.arn("endpoint", "crm-target")}


async def test_deploy_is_followed_and_goes_on_without_its_screen(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = fake_run(
        monkeypatch, "deploy", Progress("CREATE_IN_PROGRESS Vpc"), Progress("it stands", done=True)
    )
    nothing = samples.part(())
    async with console(samples.snapshot(stacks=nothing, stack_events={}, stack_resources={})) as c:
        await c.keys("6", "s")
        assert c.says("what next", "p Deploy", "Seed: postgresql-to-s3 is not deployed")
        await c.keys("p")
        assert c.says("Deploy postgresql-to-s3", samples.STACK, "an hour", "y deploy it")
        await c.keys("p")
        assert called == []
        await c.keys("y")
        await c.until(lambda: c.app.front.NAME == "progress")
        assert ("watch_stack", samples.STACK) in c.monitor.asked
        await c.post(samples.snapshot())
        assert c.says("CREATE_IN_PROGRESS", "SourceDatabase", "databases", "2m20s")
        await c.keys("b")
        assert c.app.front.NAME != "progress"
        assert len(called) == 1


async def test_parameters_of_a_deploy(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "deploy", Progress("it stands", done=True))
    async with console(samples.snapshot(stacks=samples.part(samples.stacks("CREATE_COMPLETE")))) as c:
        await c.keys("6", "s", "p", "e")
        await c.type("keep")
        await c.keys("tab")
        await c.type("yes")
        await c.keys("enter")
        assert c.says("Update postgresql-to-s3", "KeepFresh = yes")
        await c.keys("y")
        await c.until(lambda: bool(called))
        assert called[0][-1]["parameters"] == {"KeepFresh": "yes"}
        await c.keys(":")
        await c.type("deploy postgresql-to-s3 Nonsense=1")
        await c.keys("enter")
        await c.until(lambda: c.says("there is no parameter Nonsense"))


async def test_a_deploy_in_progress_is_shown_where_it_stands(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        assert c.says("◐ postgresql-to-s3", "create of postgresql-to-s3 is under way")
        await c.keys("7", "enter")
        await c.until(lambda: c.says("SourceDatabase", "CREATE_IN_PROGRESS"))


async def test_first_cause_is_pinned(console: Any) -> None:
    failing = samples.snapshot(
        stacks=samples.part(samples.stacks("ROLLBACK_IN_PROGRESS")),
        stack_events={samples.STACK: samples.part(samples.stack_events(failing=True))},
    )
    async with console(failing, (140, 40)) as c:
        await c.keys("7", "enter")
        await c.until(lambda: c.says("SourceDatabase (AWS::RDS::DBInstance): No available versions"))


async def test_delete_asks_for_the_stack_name(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called = fake_run(monkeypatch, "delete_stack", Progress("gone", done=True))
    async with console(samples.snapshot(stacks=samples.part(samples.stacks("CREATE_COMPLETE")))) as c:
        await c.keys("7", "x")
        assert c.says("Delete the stack", "Type dmstui-postgresql-to-s3 to go on")
        await c.type(samples.STACK)
        assert called == []
        await c.keys("y")
        await c.until(lambda: bool(called))


async def test_guide_and_script_output(console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ScriptLine(table="shop.orders", rows=40000)
    fake_run(
        monkeypatch, "run_script", Progress(row.text, data=row), Progress("verify done", done=True, data=None)
    )
    async with console(samples.snapshot(stacks=samples.part(samples.stacks("CREATE_COMPLETE")))) as c:
        await c.keys("6", "enter")
        await c.until(lambda: c.says("Guide", "Steps", "Parameters", "Costs"))
        await c.keys("s", "v", "1")
        await c.until(lambda: c.says("verify done: shop.orders, 40,000 rows"))
        assert c.app.front.tabs.current == "output"
        await c.keys("escape")
        assert c.app.front.NAME == "scenarios"


async def test_a_kind_that_drops_a_table_is_asked_about(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = fake_run(monkeypatch, "run_script", Progress("change done", done=True))
    async with console(samples.snapshot(stacks=samples.part(samples.stacks("CREATE_COMPLETE")))) as c:
        await c.keys("6", "enter", "s", "c")
        assert c.says("1 2 3 4 or enter chooses", "a small transaction a second")
        await c.keys("4")
        assert c.says("Drops a table of the source", "y run change drop")
        await c.keys("enter")
        assert not called
        assert c.says("nothing done")
        await c.keys("s", "c", "4", "y")
        await c.until(lambda: len(called) == 1)


async def test_both_tests_of_a_task_are_told_in_one_sentence(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_run(monkeypatch, "test_connection", Progress("testing"), Progress("x: successful", done=True))
    async with console(samples.snapshot(connections=samples.part(()))) as c:
        await c.keys("j", "j", "j", "j", "j", "t")
        await c.until(lambda: c.says("source successful, target successful"))


async def test_help_is_of_this_screen(console: Any) -> None:
    async with console(samples.snapshot(), (140, 40)) as c:
        await c.keys("?")
        assert c.says("Help: Monitor", "Keys that act now on this screen", "charts", "Keys everywhere")
        await c.keys("escape", "4", "?")
        assert c.says("Help: Endpoints", "test")
        await c.keys("q")
        assert not c.app.dialog.is_open
        assert c.app.front.NAME == "endpoints"


async def test_prompt_goes_anywhere(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys(":")
        await c.type("tasks /target_latency>30s")
        await c.keys("enter")
        await c.until(lambda: c.app.front.NAME == "tasks" and c.says("of 11"))
        await c.keys(":")
        await c.type("task bill")
        await c.keys("tab", "enter")
        await c.until(lambda: c.says("› billing-cdc"))
        await c.keys(":")
        await c.type("taks")
        await c.keys("enter")
        assert c.says("did you mean tasks")
        await c.keys("`")
        await c.until(lambda: c.app.front.NAME == "tasks")


async def test_palette_runs_the_same_verbs(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.pilot.press("ctrl+p")
        await c.pilot.press(*"instances")
        await c.until(lambda: "replication instances" in c.text())
        await c.pilot.press("enter")
        await c.until(lambda: c.app.front.NAME == "instances")


async def test_q_quits_at_the_root_and_asks_while_a_deed_runs(
    console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from dmstui.operations import stop

    gate = asyncio.Event()

    async def run(*_: Any, **__: Any) -> AsyncIterator[Progress]:
        yield Progress("still stopping")
        await gate.wait()

    monkeypatch.setattr(stop, "run", run)
    async with console(samples.snapshot()) as c:
        await c.keys("j", "j", "enter", "q")
        assert c.app.front.NAME == "monitor"
        await c.keys("x", "y")
        await c.until(lambda: c.says("still stopping"))
        await c.keys("q")
        assert c.says("Leave while this is under way?", "still stopping")
        await c.keys("q")
        assert c.app.is_running
        await c.keys("q", "y")
        await c.until(lambda: c.app.return_code == 0)


@pytest.mark.parametrize("size", SIZES)
async def test_states(console: Any, size: tuple[int, int]) -> None:
    async with console(samples.loading(), size) as c:
        assert c.says("loading tasks")
    async with console(samples.empty(), size) as c:
        assert c.says("no tasks in eu-west-1", "6 opens the scenarios")
    async with console(samples.denied(), size) as c:
        assert c.says("DescribeReplicationTasks: AccessDeniedException", "lack this permission", "dms-a02")
    async with console(None, size) as c:
        assert c.says("connecting", "loading tasks")


async def test_failed_poll_keeps_the_rows_and_says_why(console: Any) -> None:
    error = AwsError("ThrottlingException", "Rate exceeded", "DescribeReplicationTasks", "")
    broken = samples.snapshot(tasks=dataclasses.replace(samples.part(samples.tasks()), error=error))
    async with console(broken) as c:
        assert c.says("billing-cdc", "ThrottlingException: Rate exceeded")


async def test_no_credentials_offers_the_sandbox(console: Any) -> None:
    async with console(None) as c:
        from dmstui.console.messages import MonitorFailed

        c.app.post_message(MonitorFailed("NoCredentials: none were found"))
        await c.until(lambda: c.says("NoCredentials", "dmstui sandbox"))


async def test_pause_and_refresh(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys("p", "ctrl+r")
        assert ("pause", True) in c.monitor.asked
        assert ("refresh", None) in c.monitor.asked


async def test_region_makes_a_new_monitor(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        await c.keys(":")
        await c.type("region us-east-1")
        await c.keys("enter")
        await c.until(lambda: c.app.options.region == "us-east-1")
        assert ("stop", None) in c.monitor.asked


async def test_markup_from_aws_stays_text(console: Any) -> None:
    odd = samples.task(
        "[red]odd[/b]", "failed", failure="Last Error [bold]x[/bold] \x1b[2J Stop Reason FATAL_ERROR"
    )
    async with console(samples.snapshot(tasks=samples.part((odd,)))) as c:
        assert c.says("[red]odd[/b]", "[bold]x[/bold]")
        assert "\x1b" not in c.text()


async def test_ascii_and_light(console: Any) -> None:
    async with console(samples.snapshot(), symbols="ascii", look="light") as c:
        await c.keys("j", "j")
        assert c.text().isascii()
        await c.keys("x")
        assert c.text().isascii()


async def test_full_pane_and_wide(console: Any) -> None:
    async with console(samples.snapshot(), (140, 40)) as c:
        await c.keys("f")
        await c.settle()
        assert not c.says("Instances ─")
        await c.keys("f", "w", "right")
        await c.settle()
        assert c.says("Instances ─")


async def test_thousands_of_rows_draw_only_the_visible(console: Any) -> None:
    async with console(samples.fleet(3000), (140, 40)) as c:
        tasks = table(c, "monitor-tasks")
        drawn: list[str] = []
        plain_row = tasks._row
        tasks._row = lambda key, layout: (drawn.append(key), plain_row(key, layout))[1]  # type: ignore[method-assign]
        await c.keys("j")
        assert len(drawn) <= 4
        drawn.clear()
        await c.keys("G")
        assert tasks.position == 2999
        assert len(drawn) <= 3 * tasks.window


async def test_cursor_leaving_the_window_scrolls_half_of_it(console: Any) -> None:
    async with console(samples.fleet(200)) as c:
        tasks = table(c, "monitor-tasks")
        for _ in range(tasks.window):
            await c.keys("j")
        assert tasks.position == tasks.window
        assert tasks._top == tasks.position - tasks.window // 2


async def test_live_values_do_not_move_rows_under_the_hands(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        tasks = table(c, "monitor-tasks")
        before = list(tasks.rows.shown)
        c.clock.advance(60)
        await c.keys("j")
        calm = {BILLING: samples.metrics()[samples.arn("task", "clicks-cdc")]}
        await c.post(samples.snapshot(metrics=samples.metrics() | calm))
        assert tasks.rows.shown == before, "not within three seconds of a key"
        c.clock.advance(60)
        await c.post(samples.snapshot(metrics=samples.metrics() | calm))
        assert tasks.rows.shown != before


async def test_idle_sends_nothing_new(console: Any) -> None:
    async with console(samples.snapshot()) as c:
        from dmstui.console.widgets.lines import LineWidget

        refreshed: list[str] = []
        for widget in c.app.query(LineWidget):
            if widget.display:
                widget.refresh = lambda *_, w=widget, **__: refreshed.append(str(w.id))
        await c.post(dataclasses.replace(c.app.snapshot))
        assert refreshed == []
