"""One task: its tables, charts, mapping, settings, events and log, a tab each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from dmstui.console import charts, placeholders, states, task_deeds, task_texts
from dmstui.console import format as fmt
from dmstui.console.header import crumbs
from dmstui.console.paint import Line
from dmstui.console.screens.tables import fill, kind_table
from dmstui.console.screens.tabs import TAB_KEYS, Tabs
from dmstui.console.screens.task_keys import TaskView
from dmstui.console.symbols import STYLE
from dmstui.console.widgets.bars import Bar
from dmstui.console.widgets.chart import Chart
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.plot import Plot, summary
from dmstui.console.widgets.text_pane import TextPane
from dmstui.kinds import event, table, task
from dmstui.model import Part, ReplicationTask, Snapshot, TableStatistics, stop_reason

READING_STEPS = 60  # places of the reading cursor in a window
TABS = ("tables", "charts", "mapping", "settings", "events", "logs")


class ChartsTab(Vertical, can_focus=True):
    """Latency over throughput on one time axis, with a reading cursor."""

    def __init__(self, symbols: Any) -> None:
        super().__init__(id="task-charts")
        self.latency_title, self.rates_title = Bar(), Bar()
        self.latency, self.rates = Chart(symbols), Chart(symbols)
        self.told = Bar()

    def compose(self) -> ComposeResult:
        """Title, chart, title, chart, the pictures in words."""
        yield self.latency_title
        yield self.latency
        yield self.rates_title
        yield self.rates
        yield self.told


class TaskScreen(TaskView):
    """A task by ARN; the argument is `ARN` or `ARN tab`."""

    NAME, TITLE = "task", "Task"
    ABOUT = (
        "Tables: state and counters as DescribeTableStatistics gives them; r reloads the marked ones. "
        "Charts: source latency filled, handling inside DMS over it, the top edge is target latency. "
        "Logs need the task's logging setting on."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload_tables", "reload tables", id="task.reload_tables"),
        Binding("left", "cursor(-1)", "cursor left", show=False, id="charts.left"),
        Binding("right", "cursor(1)", "cursor right", show=False, id="charts.right"),
        Binding("plus", "zoom(-1)", "zoom", key_display="+ -", id="charts.in"),
        Binding("minus", "zoom(1)", "zoom out", show=False, id="charts.out"),
        Binding("less_than_sign", "shift(1)", "earlier", show=False, id="charts.earlier"),
        Binding("greater_than_sign", "shift(-1)", "later", show=False, id="charts.later"),
        *TAB_KEYS,
    ]

    def compose(self) -> ComposeResult:
        """Tabs and their widgets."""
        app = self.console
        self.arn = ""
        self.window: int | None = None
        self.shifted = 0.0
        self.reading: int | None = None
        self._opened = ""
        self._settings_of: ReplicationTask | None = None
        self.bar = Bar(id="task-tabs")
        self.note = Bar(id="task-note")
        self.rows = kind_table(
            self,
            table.KIND,
            markable=True,
            order=lambda one: states.table_order(one, app.known),
            changes={"table": {"flexible": True}, "state": {"width": 20}},
            looks={"full_load_error_rows": lambda one: "bad+bold" if one.full_load_error_rows else ""},
            name="task-tables",
        )
        self.charts = ChartsTab(app.symbols)
        self.mapping = TextPane(id="task-mapping")
        self.settings = TextPane(id="task-settings")
        self.events = kind_table(
            self,
            event.KIND,
            only=("at", "categories", "message"),
            order=lambda one: -one.at.timestamp(),
            live=True,
            name="task-events",
        )
        self.logs = TextPane(tail=True, id="task-logs")
        widgets = (self.rows, self.charts, self.mapping, self.settings, self.events, self.logs)
        self.tabs = Tabs(
            self.bar, [(name, name.capitalize(), one) for name, one in zip(TABS, widgets, strict=True)]
        )
        yield self.bar
        yield self.note
        yield from widgets

    # coming and going

    def arrive(self, argument: str) -> None:
        """Another task or tab; what is shown is asked for."""
        arn, _, tab = argument.partition(" ")
        monitor = self.console.monitor
        if arn != self._opened:
            if self._opened and monitor is not None:
                monitor.close_task(self._opened)
            self.arn, self._settings_of = arn, None
            self.rows.marks.clear()
            self.rows.narrow("")
            self.window, self.shifted, self.reading = None, 0.0, None
            self._opened = ""
        self.tabs.open(tab or ("tables" if not self._opened else self.tabs.current))
        if monitor is not None and not self._opened:
            monitor.open_task(arn)
            monitor.focus(arn)
            self._opened = arn

    def leave(self) -> None:
        """Its tables, settings and log are asked for no more."""
        if self._opened and self.console.monitor is not None:
            self.console.monitor.close_task(self._opened)
            self.console.monitor.focus(None)
        self._opened = ""

    def default_focus(self) -> Widget | None:
        """The tab in front."""
        return self.tabs.widget

    def subject(self) -> ReplicationTask | None:
        """The task of this screen."""
        return self.console.known.task(self.arn)

    @property
    def table(self) -> LineTable | None:
        """The table in front, if the tab is one."""
        return self.tabs.widget if isinstance(self.tabs.widget, LineTable) else None

    @property
    def something(self) -> bool:
        """The task itself, at least."""
        return True

    @property
    def searched(self) -> TextPane | None:
        """The text in front, if the tab is one."""
        return self.tabs.widget if isinstance(self.tabs.widget, TextPane) else None

    def crumbs(self) -> Line:
        """Where this is, and how the task stands."""
        one = self.subject()
        line = crumbs(
            (self.console.root_title, one.name if one else self.arn.rsplit(":", 1)[-1]), self.console.drawn
        )
        if one is None:
            return line
        snapshot = self.console.known
        state = task.state(one, snapshot)
        return (
            *line,
            ("   ", ""),
            (f"{self.console.drawn.of(state)} {one.status}", STYLE[state]),
            (f"  {one.migration_type}", "dim"),
        )

    def status(self) -> Line:
        """Progress or lag."""
        one = self.subject()
        if one is None:
            return ()
        snapshot = self.console.known
        if states.loading(one) and one.stats is not None:
            return ((f"full load {one.stats.progress}% ", "accent"),)
        reason = stop_reason(one.stop_reason) if one.status == "stopped" else None
        if reason:
            roomy = self.console.size.width - len(one.name) >= 64
            done = f" {one.stats.progress}%" if one.stats is not None and one.loads and roomy else ""
            return ((f"{reason}{done} ", "dim"),)
        behind = task.lag(one, snapshot)
        if behind is None:
            return ()
        return ((f"lag {fmt.duration(behind)} ", "warn+bold" if behind >= task.LATE else "ok"),)

    # painting

    def update(self, snapshot: Snapshot) -> None:
        """All tabs' counts, and what is in front."""
        one = self.subject()
        if one is not None and not self._opened and self.console.monitor is not None:
            self.arrive(f"{self.arn} {self.tabs.current}")
        tables: Part[tuple[TableStatistics, ...]] = snapshot.tables.get(self.arn, Part((), loading=True))
        fill(self, self.rows, tables, "tables", self._no_tables(one))
        self.tabs.note("tables", f"{len(tables.value):,}" if tables.value else "")
        mine = self._events(snapshot)
        fill(
            self,
            self.events,
            mine,
            "events of this task",
            "Events appear when it is started, stopped or fails.",
        )
        self.tabs.note("events", f"{len(mine.value)}" if mine.value else "")
        self._texts(snapshot)
        self._logs(snapshot, one)
        self._charts(snapshot, one)
        self.tabs.draw()
        self._note(snapshot, one, tables)

    def _no_tables(self, one: ReplicationTask | None) -> str:
        if one is None:
            return "The task is gone."
        return (
            "It has not run yet: s starts it." if not one.has_run else "Its mappings select no table so far."
        )

    def _events(self, snapshot: Snapshot) -> Part[tuple[Any, ...]]:
        one = self.subject()
        names = {one.name, one.suffix} if one else set()
        part = snapshot.events
        return Part(
            tuple(e for e in part.value if e.source in names), part.at, part.error, part.loading, part.every
        )

    def _note(self, snapshot: Snapshot, one: ReplicationTask | None, tables: Part[Any]) -> None:
        if self.tabs.current == "tables" and self.rows.total:
            left = self.rows.summary() if self.rows.shown != self.rows.total or self.rows.marks else ""
            words = task_texts.counts_line(tables.value)
            self.note.show(((" ", ""), (words, "dim")), ((f"{left} ", "warn"),) if left else ())
            return
        if self.tabs.current == "charts":
            seconds = charts.WINDOWS[self._window(snapshot, one)][0] if one else 0
            spans: list[tuple[str, str]] = [(" ", "")]
            for size, name in charts.WINDOWS:
                here = size == seconds
                spans += [(f" {name} ", "bright+bold+on-cursor" if here else "dim"), (" ", "")]
            shifted = f"{fmt.duration(self.shifted)} back " if self.shifted else ""
            self.note.show(
                spans, ((shifted, "warn"),) if shifted else (("+ - zoom  < > shift  ← → read ", "dim"),)
            )
            return
        why = states.why(one, snapshot) if one else "this task is not there any more"
        state = task.state(one, snapshot) if one else "bad"
        self.note.show(((" ", ""), (why, "dim" if state in {"ok", "idle", "busy"} else STYLE[state])))

    def _texts(self, snapshot: Snapshot) -> None:
        part = snapshot.settings.get(self.arn)
        full = part.value if part else None
        if part is not None and part.error is not None and full is None:
            told = placeholders.lines(part, "settings", snapshot, "", "")
            self.settings.show(told)
            self.mapping.show(told)
        elif full is None:
            self.settings.show((((" loading settings …", "dim"),),))
            self.mapping.show((((" loading mappings …", "dim"),),))
        elif full != self._settings_of:
            self._settings_of = full
            self.settings.show(task_texts.settings_lines(full.settings))
            self.mapping.show(task_texts.mapping_lines(full.mappings))

    def _logs(self, snapshot: Snapshot, one: ReplicationTask | None) -> None:
        part = snapshot.logs.get(self.arn, Part((), loading=True))
        lines: Sequence[Line] = task_texts.log_lines(part.value)
        if not lines:
            hint = (
                "It has not run yet."
                if one and not one.has_run
                else "Logging.EnableLogging in its settings must be on."
            )
            lines = [
                ((" ", ""), *line)
                for line in placeholders.lines(part, "log lines of this task", snapshot, "", hint)
            ]
        elif part.error is not None:
            lines = [*lines, placeholders.notice(part)]
        self.logs.show(lines)
        wrong = sum(1 for line in part.value if line.severity == "E")
        self.tabs.note("logs", f"{self.console.drawn.bad}{wrong}" if wrong else "")

    # charts

    def _window(self, snapshot: Snapshot, one: ReplicationTask | None) -> int:
        if self.window is not None or one is None:
            return self.window if self.window is not None else charts.AUTO_LIMIT
        part = snapshot.metrics.get(self.arn)
        return charts.window_for(part.value.values() if part else (), snapshot.at.timestamp())

    def _charts(self, snapshot: Snapshot, one: ReplicationTask | None) -> None:
        if one is None or self.tabs.current != "charts":
            return
        window = self._window(snapshot, one)
        late = charts.latency(one, snapshot, window, self.shifted)
        rates = charts.throughput(one, snapshot, window, self.shifted)
        tab = self.charts
        tab.latency.display = tab.latency_title.display = one.captures
        self._one(
            tab.latency_title, tab.latency, late, "CDC latency", charts.nothing(one, "latency", snapshot.at)
        )
        self._one(
            tab.rates_title, tab.rates, rates, "Rows a second", charts.nothing(one, "throughput", snapshot.at)
        )
        words = [summary(plot) for plot in ((late, rates) if one.captures else (rates,)) if not plot.empty]
        tab.told.show(((" ", ""), (" · ".join(words), "dim")))

    def _one(self, heading: Bar, chart: Chart, plot: Plot, words: str, nothing: str) -> None:
        rule = self.console.drawn.rule
        heading.filling = (rule, "faint")
        heading.show(((f"{rule} ", "faint"), (words, "title+bold"), (" ", "")))
        chart.show(None if plot.empty else plot, nothing)
        chart.point(None if self.reading is None else self._reading_at(plot))

    def _reading_at(self, plot: Plot) -> float:
        assert self.reading is not None
        return plot.start + (plot.end - plot.start) * self.reading / READING_STEPS

    def action_cursor(self, by: int) -> None:
        """Move the reading cursor; it comes where the newest data is."""
        if self.reading is None:
            snapshot, one = self.console.known, self.subject()
            start, end = charts.span(snapshot.at.timestamp(), self._window(snapshot, one), self.shifted)
            newest = READING_STEPS * (min(end, snapshot.at.timestamp()) - start) / (end - start)
            self.reading = max(0, int(newest) - 1)
        else:
            self.reading = max(0, min(READING_STEPS, self.reading + by))
        self._charts(self.console.known, self.subject())

    def action_zoom(self, by: int) -> None:
        """A narrower or wider window."""
        now = self._window(self.console.known, self.subject())
        self.window = max(0, min(len(charts.WINDOWS) - 1, now + by))
        self._reach()

    def action_shift(self, by: int) -> None:
        """Half a window earlier or later."""
        now = self._window(self.console.known, self.subject())
        self.window = now
        self.shifted = max(0.0, self.shifted + by * charts.WINDOWS[now][0] / 2)
        self._reach()

    def _reach(self) -> None:
        monitor = self.console.monitor
        if monitor is not None and self.window is not None:
            monitor.focus(self.arn, timedelta(seconds=charts.WINDOWS[self.window][0] + self.shifted))
        self.update(self.console.known)

    # keys

    def action_tab(self, by: int) -> None:
        """The next or previous tab."""
        self.tabs.step(by)
        self._switched()

    def action_open_tab(self, tab: str) -> None:
        """A tab by name."""
        self.tabs.open(tab)
        self._switched()

    def _switched(self) -> None:
        self.update(self.console.known)
        self.tabs.widget.focus()
        self.console.look()

    def action_reload_tables(self) -> None:
        """Reload the marked tables, or the one under the cursor."""
        one = self.subject()
        if one is not None:
            task_deeds.ask_reload_tables(self.console, one, self.rows.chosen(), self.rows.hidden_marks)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Chart keys on the charts, reload where tables can be reloaded."""
        if action in {"cursor", "zoom", "shift"}:
            return self.tabs.current == "charts"
        if action == "reload_tables":
            one = self.subject()
            return (
                self.tabs.current == "tables"
                and one is not None
                and not self.console.read_only
                and bool(self.rows.shown)
                and task_deeds.refusal(self.console, "reload_tables", one) is None
            )
        if action == "open_tab" and parameters and parameters[0] == self.tabs.current:
            return False
        return super().check_action(action, parameters)

    def why_not(self, action: str) -> str:
        """Why a key of the task or of its tables does nothing."""
        if action != "reload_tables":
            return super().why_not(action)
        one = self.subject()
        if one is None:
            return "this task is not there any more"
        if self.tabs.current != "tables":
            return "tables are reloaded on the tab Tables"
        reason = task_deeds.refusal(self.console, "reload_tables", one)
        return f"{one.name}: {reason}" if reason else "no table under the cursor"

    def detail(self) -> Any:
        """Of the table or event under the cursor, else of the task."""
        snapshot = self.console.known
        for name, rows, kind in (("tables", self.rows, table.KIND), ("events", self.events, event.KIND)):
            record: Any = rows.cursor_record
            if self.tabs.current == name and record is not None:
                return kind.title(record), kind.detail(record, snapshot)
        return super().detail()

    def copies(self) -> Sequence[tuple[str, str, str]]:
        """The table's name first on the tables tab."""
        record = self.rows.cursor_record
        offers = super().copies()
        if self.tabs.current == "tables" and isinstance(record, TableStatistics):
            return (("t", "table", record.name), *offers)
        return offers

    def on_line_table_moved(self, _: LineTable.Moved) -> None:
        """Other keys may act now."""
        self.console.look()

    def on_line_table_changed(self, _: LineTable.Changed) -> None:
        """The note says filter and marks."""
        snapshot = self.console.known
        self._note(snapshot, self.subject(), snapshot.tables.get(self.arn, Part(())))
        self.console.look()

    def on_line_table_entered(self, _: LineTable.Entered) -> None:
        """Enter shows the detail."""
        self.console.action_describe()
