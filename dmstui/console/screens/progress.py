"""A stack resource by resource while it comes up or goes: groups with bars, resources, events; what
CloudFormation says, nothing remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from dmstui.console import format as fmt
from dmstui.console import stack_progress, task_deeds
from dmstui.console.header import crumbs
from dmstui.console.paint import Line, clean, cut, fit, wrap
from dmstui.console.screens.tables import fill, kind_table
from dmstui.console.screens.view import View
from dmstui.console.stack_progress import Group, Step
from dmstui.console.symbols import STYLE, bar
from dmstui.console.widgets.columns import TableColumn
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.lines import LineWidget
from dmstui.console.widgets.pane import Pane
from dmstui.kinds import stack as stack_kind
from dmstui.kinds import stack_event
from dmstui.model import Part, Snapshot, Stack

PINNED = 4  # lines that the cause of a failure may take


class GroupBars(LineWidget):
    """One line a group; the first failure is pinned above them."""

    def __init__(self, symbols: Any, **options: Any) -> None:
        super().__init__(**options)
        self.symbols = symbols
        self._lines: list[Line] = []
        self._tall = -1

    def show(self, lines: Sequence[Line]) -> None:
        """The lines; the height follows their number."""
        self._lines = list(lines)
        if len(self._lines) != self._tall:
            self._tall = len(self._lines)
            self.styles.height = max(1, self._tall)
        self.redraw()

    def line(self, y: int, width: int) -> Line:
        """One group."""
        return self._lines[y] if y < len(self._lines) else ()


def group_line(group: Group, width: int, symbols: Any) -> Line:
    """`databases  ━━━━┄┄┄┄  1/2  3m40s  SourceDatabase CREATE_IN_PROGRESS`."""
    cells = max(8, min(30, width - 60))
    full, rest = bar(group.done / group.total, cells, symbols)
    look = "bad" if group.failed else "ok" if group.done == group.total else "accent"
    words: tuple[str, str]
    if group.failed:
        words = (f"{group.failed} failed", "bad")
    elif group.running:
        first = group.running[0]
        more = f" and {len(group.running) - 1} more" if len(group.running) > 1 else ""
        words = (f"{first.logical_id} {first.status.removesuffix('_IN_PROGRESS').lower()}{more}", "text")
    elif group.done == group.total:
        words = ("", "dim")
    else:
        words = ("waits for others" if group.seconds is None else "", "dim")
    return (
        (f" {fit(group.name, 10)} ", "bright" if group.running else "dim"),
        (full, look),
        (rest, "faint"),
        (f" {group.done:>3}/{group.total:<3}", "text"),
        (f"{fmt.duration(group.seconds) if group.seconds is not None else '':>7}  ", "dim"),
        (cut(words[0], max(0, width - cells - 32)), words[1]),
    )


class ProgressView(View):
    """A stack by name. It belongs to CloudFormation: leaving the screen, or dmstui, stops nothing."""

    NAME, TITLE = "progress", "Progress"
    ABOUT = (
        "What CloudFormation does with the stack, from its own events: leaving this screen or dmstui "
        "stops nothing, and coming back shows it where it stands. On a failure the first cause is pinned"
        " on top."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "guide", "guide", show=False, id="progress.guide"),
        Binding("b", "background", "background (safe to leave)", id="progress.background"),
        Binding("x", "delete", "delete", id="progress.delete"),
    ]

    def compose(self) -> ComposeResult:
        """Bars, resources, events."""
        app = self.console
        self.stack_name = ""
        self._watched = ""
        self._seen: Stack | None = None  # the stack as it stood last
        self._gone = False  # it was there and is not any more
        self._planned: dict[str, str] = {}
        self.bars = GroupBars(app.symbols)
        self.steps = LineTable(
            self._columns(),
            lambda step: str(step.logical_id),
            state=_state,
            default_order=lambda step: self._rank.get(step.logical_id, 0),
            live=True,
            now=app.clock.monotonic,
            symbols=app.symbols,
            id="progress-steps",
        )
        self._rank: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self.events = kind_table(
            self,
            stack_event.KIND,
            only=("at", "logical_id", "status", "reason"),
            changes={
                "at": {"width": 8, "cell": lambda one: fmt.clock(one.at)},
                "logical_id": {"width": 22},
                "reason": {"look": lambda one: "bad" if one.status.endswith("_FAILED") else "dim"},
            },
            order=lambda one: self._newest.get(one.id, 0),
            live=True,
            name="progress-events",
        )
        self.steps_pane = Pane("Resources", self.steps, id="progress-steps-pane")
        self.events_pane = Pane("Events", self.events, id="progress-events-pane")
        yield self.bars
        yield Horizontal(self.steps_pane, self.events_pane, id="progress-panes")

    def _columns(self) -> tuple[TableColumn, ...]:
        def look(step: Step) -> str:
            return STYLE[_state(step)].removesuffix("+bold") if not step.done else "dim"

        return (
            TableColumn("resource", "Resource", 24, lambda s: s.logical_id, sort=lambda s: s.logical_id),
            TableColumn(
                "type",
                "Type",
                30,
                lambda s: s.type.removeprefix("AWS::"),
                sort=lambda s: s.type,
                from_width=70,
            ),
            TableColumn(
                "status", "Status", 18, lambda s: s.status or "waiting", sort=lambda s: s.status, look=look
            ),
            TableColumn(
                "took",
                "Took",
                6,
                lambda s: fmt.duration(s.seconds) if s.seconds is not None else "",
                "right",
                lambda s: s.seconds,
                duration=True,
                descending=True,
            ),
            TableColumn("reason", "Reason", 20, lambda s: clean(s.reason), flexible=True, from_width=150),
        )

    def arrive(self, argument: str) -> None:
        """Watch this stack."""
        if argument != self.stack_name:
            self.stack_name = argument
            self._seen, self._gone = None, False
            self._planned = _planned(argument)
        self._watch()

    def leave(self) -> None:
        """Watch it no more."""
        if self.console.monitor is not None:
            self.console.monitor.watch_stack(None)
        self._watched = ""

    def _watch(self) -> None:
        if self.console.monitor is not None and self._watched != self.stack_name:
            self.console.monitor.watch_stack(self.stack_name)
            self._watched = self.stack_name

    def default_focus(self) -> Widget | None:
        """The resources."""
        return self.steps

    def _stack(self) -> Stack | None:
        return self.console.known.stack(self.stack_name)

    def _events(self) -> Part[tuple[Any, ...]]:
        return self.console.known.stack_events.get(self.stack_name, Part((), loading=True))

    def crumbs(self) -> Line:
        """Which stack, how it stands, for how long."""
        stack = self._stack()
        line = crumbs(("Scenarios", self.stack_name), self.console.drawn)
        if self._gone:
            return (*line, ("   ", ""), (f"{self.console.drawn.ok} deleted", STYLE["ok"]))
        if stack is None:
            deed = self.console.deeds.about(self.stack_name)
            words = (
                deed.text
                if deed and not deed.ended
                else "…"
                if self.console.known.stacks.loading
                else "not there"
            )
            return (*line, ("   ", ""), (words, "dim"))
        state = stack_kind.state(stack, self.console.known)
        return (*line, ("   ", ""), (f"{self.console.drawn.of(state)} {stack.status}", STYLE[state]))

    def status(self) -> Line:
        """Elapsed and share done."""
        stack = self._stack()
        events = self._current(stack)
        if not events:
            return ()
        if self._gone:
            return ((f"took {fmt.duration((events[-1].at - events[0].at).total_seconds())} ", "bright"),)
        end = self.console.known.at if stack is not None and not stack.settled else events[-1].at
        return ((f"{fmt.duration((end - events[0].at).total_seconds())} ", "bright"),)

    def update(self, snapshot: Snapshot) -> None:
        """Bars, resources and events as CloudFormation has them."""
        self._watch()
        part = self._events()
        stack = self._stack()
        self._follow(stack, snapshot)
        events = self._current(stack)
        resources = snapshot.stack_resources.get(self.stack_name, Part(()))
        # what is to come is known only of a create: an update and a delete concern what is there
        planned = self._planned if stack is None or stack.status == "CREATE_IN_PROGRESS" else {}
        deleting = self._gone or (stack is not None and stack.status.startswith("DELETE_"))
        made = stack_progress.steps(
            events, resources.value, {} if deleting else planned, snapshot.at, deleting=deleting
        )
        if self._gone:
            made = stack_progress.ended(made)
        self._newest = {event.id: number for number, event in enumerate(part.value)}
        self._rank = {step.logical_id: number for number, step in enumerate(made)}
        self.bars.show(self._lines(made, events, snapshot.at))
        whole = Part(made, part.at, part.error, part.loading, part.every)
        fill(self, self.steps, whole, "resources of this stack")
        fill(self, self.events, part, "events of this stack")
        self.steps_pane.label("Resources", f"{sum(step.done for step in made)} of {len(made)} done")
        self.events_pane.label("Events", f"{len(part.value)}")

    def _follow(self, stack: Stack | None, snapshot: Snapshot) -> None:
        """Notice that the stack is gone: it was being deleted, and a picture of all stacks lacks it."""
        deed = self.console.deeds.last(self.stack_name)
        deleting = deed is not None and deed.label.startswith("deleting ")
        if stack is not None:
            self._seen, self._gone = stack, False
        elif deed is not None and not deed.ended and not deleting:
            self._seen, self._gone = None, False  # it is made anew
        elif self._seen is not None and (deleting or self._seen.status.startswith("DELETE_")):
            self._gone = self._gone or snapshot.stacks.error is None

    def _current(self, stack: Stack | None) -> tuple[Any, ...]:
        """The events of the operation under way. The stack may tell of a new one before its first event came."""
        events = stack_progress.current(self._events().value)
        status = stack.status if stack is not None else ""
        operation = "DELETE" if self._gone else status.split("_", 1)[0]
        begun = events[0].status.split("_", 1)[0] if events else ""
        return () if operation == "DELETE" != begun and begun else events

    def _lines(self, made: Sequence[Step], events: Sequence[Any], now: datetime) -> list[Line]:
        width = self.console.size.width
        lines: list[Line] = []
        first = stack_progress.cause(events)
        if first is not None:
            sign = self.console.drawn.bad
            text = f"{first.logical_id} ({first.type}): {clean(first.reason)}"
            pieces = wrap(text, max(20, width - 5))
            if len(pieces) > PINNED:
                pieces = [*pieces[: PINNED - 1], cut(" ".join(pieces[PINNED - 1 :]), width - 5)]
            lines += [
                ((f" {sign} " if not number else "   ", "bad+bold"), (piece, "bad"))
                for number, piece in enumerate(pieces)
            ]
        groups = stack_progress.groups(made)
        height = self.console.size.height
        # on a small terminal the cause is worth more than the bars
        if height >= 32 or (height >= 20 and first is None):
            lines += [group_line(group, width, self.console.symbols) for group in groups]
        return lines or [(("  reading the stack's events …", "dim"),)]

    def action_guide(self) -> None:
        """The guide of the scenario this stack belongs to."""
        name = _scenario_name(self.stack_name, self._stack())
        if name:
            self.console.go("guide", name, below=True)

    def action_background(self) -> None:
        """Leave it to itself."""
        self.console.action_leave()

    def action_delete(self) -> None:
        """Delete the stack; its name is typed."""
        stack = self._stack()
        if stack is not None:
            task_deeds.ask_delete(self.console, stack)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Delete where it is possible, guide where there is one."""
        stack = self._stack()
        if action == "delete":
            return (
                stack is not None
                and not self.console.read_only
                and task_deeds.refusal(self.console, "delete_stack", stack) is None
            )
        if action == "background":
            return stack is not None and not stack.settled
        if action == "guide":
            return bool(_scenario_name(self.stack_name, stack))
        return True

    def why_not(self, action: str) -> str:
        """Why the stack cannot be deleted."""
        stack = self._stack()
        if action != "delete":
            return ""
        if stack is None:
            return "there is no stack to delete"
        return f"{stack.name}: {task_deeds.refusal(self.console, 'delete_stack', stack)}"

    def detail(self) -> Any:
        """Of the event or resource under the cursor."""
        snapshot = self.console.known
        record: Any = self.events.cursor_record if self.events.has_focus else None
        if record is not None:
            return stack_event.KIND.title(record), stack_event.KIND.detail(record, snapshot)
        step: Any = self.steps.cursor_record
        if step is None:
            stack = self._stack()
            return (stack.name, stack_kind.KIND.detail(stack, snapshot)) if stack else None
        rows = [
            ("Resource", step.logical_id),
            ("Type", step.type),
            ("Status", step.status or "waiting"),
            ("Took", fmt.duration(step.seconds)),
            ("Reason", step.reason or fmt.NOT_APPLICABLE),
        ]
        parts = snapshot.stack_resources.get(self.stack_name, Part(()))
        rows += [("Physical id", one.physical_id) for one in parts.value if one.logical_id == step.logical_id]
        return step.logical_id, rows

    def on_line_table_moved(self, _: LineTable.Moved) -> None:
        """Other keys may act now."""
        self.console.look()

    def on_line_table_entered(self, _: LineTable.Entered) -> None:
        """Enter shows the detail."""
        self.console.action_describe()


def _state(step: Step) -> str:
    if step.failed:
        return "bad"
    if step.running:
        return "busy"
    return "ok" if step.done else "idle"


def _planned(stack_name: str) -> dict[str, str]:
    """What the template of the scenario that has this stack's name makes in any case; what hangs on a condition
    counts from its first event.
    """
    from dmstui.catalog import scenarios
    from dmstui.catalog.template import template_conditional_ids, template_resource_types

    for one in scenarios():
        if one.stack_name == stack_name:
            optional = template_conditional_ids(one.template_text)
            types = template_resource_types(one.template_text)
            return {name: kind for name, kind in types.items() if name not in optional}
    return {}


def _scenario_name(stack_name: str, stack: Stack | None) -> str:
    from dmstui.catalog import scenarios

    if stack is not None and stack.scenario:
        return stack.scenario
    return next((one.name for one in scenarios() if one.stack_name == stack_name), "")
