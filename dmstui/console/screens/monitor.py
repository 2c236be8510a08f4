"""Screen 1: instances, events, tasks in order of trouble, and the charts of the task under the cursor."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget

from dmstui.console import charts, states
from dmstui.console import format as fmt
from dmstui.console.header import tally
from dmstui.console.paint import Line
from dmstui.console.screens.tables import fill, kind_table, title
from dmstui.console.screens.task_keys import TaskView
from dmstui.console.symbols import STYLE, sparkline
from dmstui.console.widgets.bars import Bar
from dmstui.console.widgets.chart import Chart
from dmstui.console.widgets.columns import TableColumn
from dmstui.console.widgets.kind_columns import by_state, from_kind
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.pane import Pane
from dmstui.kinds import event, instance, task
from dmstui.model import ReplicationInstance, ReplicationTask, Snapshot

SETTLE_SECONDS = 0.25
EMPTY = "6 opens the scenarios: deploy one to have something to watch.   :region goes elsewhere."


class MonitorView(TaskView):
    """The first screen."""

    NAME, TITLE, NUMBER = "monitor", "Monitor", 1
    ABOUT = (
        "What is broken stands on top: failed tasks, then late ones, then those that change, run, and "
        "rest. WHY says what the service says about it. The charts follow the cursor. Late means a "
        "target latency of a minute or more."
    )

    def compose(self) -> ComposeResult:
        """Instances and events above, tasks, charts below."""
        app = self.console
        self._timer: Timer | None = None
        self._focused = ""
        self._top_height = 0
        self.summary = Bar(id="monitor-summary")
        self.instances = kind_table(
            self,
            instance.KIND,
            only=("name", "status", "tasks", "cpu", "free_memory", "class"),
            changes={
                "name": {"flexible": False},
                "free_memory": {"from_width": 60, "width": 7},
                "class": {"from_width": 70},
            },
            order=self._instance_order,
            idle_cursor=False,
        )
        self.events = kind_table(
            self,
            event.KIND,
            only=("at", "source", "message"),
            changes={
                "at": {"width": 12, "cell": lambda one: fmt.when(one.at, self.console.known.at)},
                "source": {"width": 18},
            },
            order=lambda one: -one.at.timestamp(),
            live=True,
            idle_cursor=False,
        )
        self.tasks = LineTable(
            self._task_columns(),
            task.KIND.key,
            state=lambda one: task.state(one, app.known),
            default_order=lambda one: states.trouble_order(one, app.known),
            markable=True,
            now=app.clock.monotonic,
            symbols=app.symbols,
            id="monitor-tasks",
        )
        self.latency = Chart(app.symbols, side=True)
        self.rates = Chart(app.symbols)
        self.instances_pane = Pane("Instances", self.instances, bare=True, id="monitor-instances-pane")
        self.events_pane = Pane("Events", self.events, bare=True, id="monitor-events-pane")
        self.tasks_pane = Pane("Tasks", self.tasks, bare=True, id="monitor-tasks-pane")
        self.latency_pane = Pane("latency", self.latency, id="monitor-latency-pane")
        self.rates_pane = Pane("rows/s", self.rates, id="monitor-rates-pane")
        yield self.summary
        yield Horizontal(self.instances_pane, self.events_pane, id="monitor-top")
        yield self.tasks_pane
        yield Horizontal(self.latency_pane, self.rates_pane, id="monitor-charts")

    def _task_columns(self) -> tuple[TableColumn, ...]:
        app = self.console
        kind = task.KIND

        def rates(one: ReplicationTask) -> str:
            values = states.recent_rates(one, app.known, 8)
            return sparkline(values, 8, app.symbols) if any(value is not None for value in values) else ""

        def lag_look(one: ReplicationTask) -> str:
            behind = task.lag(one, app.known)
            return "warn+bold" if behind is not None and behind >= task.LATE else ""

        def kind_of(one: ReplicationTask) -> str:
            return {"full-load": "load", "cdc": "cdc", "full-load-and-cdc": "load+cdc"}.get(
                one.migration_type, one.migration_type
            )

        def lag_text(one: ReplicationTask) -> str:
            if states.loading(one) and one.stats is not None:
                return f"{one.stats.progress}%"
            behind = task.lag(one, app.known)
            return fmt.duration(behind) if behind is not None else fmt.NOT_APPLICABLE

        own = from_kind(
            kind,
            lambda: app.known,
            ("name", "status", "source_latency", "target_latency", "instance"),
            name={"flexible": False, "width": 24},
            source_latency={"from_width": 120},
            target_latency={"from_width": 120},
            instance={"from_width": 130},
        )
        name, status, source, target, where = own
        return (
            name,
            status,
            TableColumn("type", "Type", 8, kind_of, sort=kind_of, from_width=110),
            TableColumn(
                "lag",
                "Lag",
                6,
                lag_text,
                "right",
                lambda one: task.lag(one, app.known),
                lag_look,
                duration=True,
                descending=True,
            ),
            source,
            target,
            TableColumn(
                "rows",
                "Rows/s",
                6,
                lambda one: fmt.count(states.rows_per_second(one, app.known)),
                "right",
                lambda one: states.rows_per_second(one, app.known),
                descending=True,
                from_width=70,
            ),
            TableColumn("recent", "15 min", 8, rates, look=lambda _: "sky", from_width=100),
            where,
            TableColumn(
                "why",
                "Why",
                24,
                lambda one: states.why(one, app.known),
                sort=lambda one: states.why(one, app.known) or None,
                look=by_state(kind, lambda: app.known),
                flexible=True,
            ),
        )

    def _instance_order(self, one: ReplicationInstance) -> tuple[int, str]:
        return states.ORDER[instance.state(one, self.console.known)], one.name

    # what the app asks

    def default_focus(self) -> Widget | None:
        """The tasks."""
        return self.tasks

    def subject(self) -> ReplicationTask | None:
        """The task under the cursor."""
        record = self.tasks.cursor_record
        return record if isinstance(record, ReplicationTask) else None

    def chosen_tasks(self) -> list[ReplicationTask]:
        """Marked tasks, else the one under the cursor."""
        return self.tasks.chosen()

    def hidden_marks(self) -> int:
        """Marked tasks that the filter hides."""
        return self.tasks.hidden_marks

    def detail(self) -> Any:
        """Of the row under the cursor of the pane with the keys."""
        for table, kind in ((self.instances, instance.KIND), (self.events, event.KIND)):
            if table.has_focus and table.cursor_record is not None:
                record: Any = table.cursor_record
                return kind.title(record), kind.detail(record, self.console.known)
        return super().detail()

    def status(self) -> Line:
        """The tally, beside the navigation where there is room."""
        snapshot = self.snapshot
        if snapshot is None or self.console.size.width < 120:
            return ()
        drawn, cells = self.console.drawn, self.console.size.width
        busy = [(f"{drawn.busy} {stack.scenario}   ", "accent") for stack in states.under_way(snapshot)]
        return (*busy, *tally(dict(states.counts(snapshot)), drawn, short=cells < 150), (" ", ""))

    def arrive(self, argument: str) -> None:
        """Metrics of the task under the cursor are asked for."""
        self._focused = ""
        self._follow()

    def leave(self) -> None:
        """Nothing under a cursor now."""
        if self.console.monitor is not None:
            self.console.monitor.focus(None)
        self._focused = ""

    def update(self, snapshot: Snapshot) -> None:
        """Everything that changed."""
        fill(self, self.instances, snapshot.instances, "replication instances")
        fill(self, self.events, snapshot.events, "events")
        fill(self, self.tasks, snapshot.tasks, "tasks", EMPTY)
        title(self.instances_pane, "Instances", self.instances)
        title(self.events_pane, "Events", self.events)
        title(self.tasks_pane, "Tasks", self.tasks)
        self._heights()
        self._sum_up(snapshot)
        self._charts(snapshot)
        self._follow()

    def on_resize(self) -> None:
        """A new size arranges the panes anew."""
        self._heights()
        self._charts(self.console.known)

    def _heights(self) -> None:
        boxes = self.screen.has_class("boxes")
        self.instances.headings = self.events.headings = boxes
        rows = 0 if boxes else max(1, min(2, self.instances.total))
        height = 8 if boxes else rows
        top = self.query_one("#monitor-top")
        if height != self._top_height:
            # what CSS says of an automatic height reads as 1, so the last height set is remembered here
            self._top_height = height
            top.styles.height = height

    def _sum_up(self, snapshot: Snapshot) -> None:
        drawn = self.console.drawn
        found = snapshot.instances.value
        tight = [one for one in found if instance.state(one, snapshot) == "bad"]
        words = f"instances {len(found)}" if found or not snapshot.instances.loading else "instances …"
        right: list[tuple[str, str]] = [(words, "text")]
        if tight:
            right.append((f", {drawn.bad} {len(tight)} in trouble", STYLE["bad"]))
        left = (("  ", ""), *tally(dict(states.counts(snapshot)), drawn, short=self.console.size.width < 100))
        extra = (
            self.tasks.summary() if self.tasks.filter or self.tasks.marks or self.tasks.only_trouble else ""
        )
        for stack in states.under_way(snapshot):
            right = [(f"{drawn.busy} {stack.scenario}   ", "accent"), *right]
        if extra:
            right = [(f"{extra}   ", "warn"), *right]
        self.summary.show(left, (*right, (" ", "")))

    # the task under the cursor

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        """The charts follow, the metrics a moment later: running over rows asks for nothing."""
        if message.table is self.tasks:
            if message.vanished:
                self.console.say("the row under the cursor is gone; the cursor stands on the next one")
            self._charts(self.console.known)
            if self._timer is not None:
                self._timer.stop()
            self._timer = self.set_timer(SETTLE_SECONDS, self._follow)
        self.console.look()

    def on_line_table_changed(self, message: LineTable.Changed) -> None:
        """Titles say filter and marks."""
        self.update(self.console.known)
        self.console.look()

    def on_line_table_entered(self, message: LineTable.Entered) -> None:
        """Enter opens a task, or what an instance or event is about."""
        if isinstance(message.record, ReplicationTask):
            self.console.go("task", message.record.arn, below=True)
        else:
            self.console.action_describe()

    def _follow(self) -> None:
        record = self.subject()
        arn = record.arn if record is not None else ""
        if arn != self._focused and self.console.monitor is not None and self.console.front is self:
            self._focused = arn
            self.console.monitor.focus(arn or None)

    def _charts(self, snapshot: Snapshot) -> None:
        record = self.subject()
        boxes = self.screen.has_class("boxes")
        if record is None:
            self.latency_pane.label("Charts" if not boxes else "Latency")
            self.rates_pane.label("Throughput")
            self.latency.show(None, "no task under the cursor")
            self.rates.show(None, "no task under the cursor")
            return
        if boxes:
            self._show(self.latency_pane, self.latency, record, snapshot, "latency")
            self._show(self.rates_pane, self.rates, record, snapshot, "throughput")
        else:
            what = "throughput" if states.loading(record) or not record.captures else "latency"
            self._show(self.latency_pane, self.latency, record, snapshot, what)

    def _show(self, pane: Pane, chart: Chart, record: ReplicationTask, snapshot: Snapshot, what: str) -> None:
        plot = charts.latency(record, snapshot) if what == "latency" else charts.throughput(record, snapshot)
        span = next(
            (name for seconds, name in charts.WINDOWS if abs(seconds - (plot.end - plot.start)) < 1), ""
        )
        words = "latency" if what == "latency" else "rows a second"
        pane.label(f"{record.name}: {words}", f"last {span}" if span else "")
        part = snapshot.metrics.get(record.arn)
        error = str(part.error) if part is not None and part.error is not None else ""
        side = not self.screen.has_class("boxes")
        chart.show(
            None if plot.empty else plot, error or charts.nothing(record, what, snapshot.at), side=side
        )
