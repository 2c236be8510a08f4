"""A scenario's guide with its steps, parameters, costs and the output of its scripts; deploys, seeds,
verifies and deletes from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from dmstui.console import format as fmt
from dmstui.console import task_deeds, task_texts
from dmstui.console.header import crumbs
from dmstui.console.markdown_lines import lay_out
from dmstui.console.paint import Line, clean, fit, width
from dmstui.console.screens.tabs import TAB_KEYS, Tabs
from dmstui.console.screens.view import View
from dmstui.console.symbols import STYLE
from dmstui.console.widgets.bars import Bar
from dmstui.console.widgets.text_pane import TextPane
from dmstui.kinds import scenario as kind
from dmstui.model import Snapshot, Stack

if TYPE_CHECKING:
    from dmstui.catalog import Scenario

TABS = ("guide", "steps", "parameters", "costs", "mapping", "output")


class GuideView(View):
    """A scenario by name."""

    NAME, TITLE = "guide", "Guide"
    ABOUT = (
        "s offers what is possible now: deploy, seed, change, verify, delete. Output holds what the last"
        " script printed. enter opens the scenario's task, v its stack."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "steps", "steps: deploy, seed …", id="guide.steps"),
        Binding("enter", "task", "its task", id="guide.task"),
        Binding("v", "progress", "its stack", id="guide.progress"),
        *TAB_KEYS,
    ]

    def compose(self) -> ComposeResult:
        """Tabs of text."""
        self.name_ = ""
        self.scenario: Scenario | None = None
        self.bar = Bar(id="guide-tabs")
        self.note = Bar(id="guide-note")
        self.panes = {name: TextPane(id=f"guide-{name}", tail=name == "output") for name in TABS}
        self.tabs = Tabs(self.bar, [(name, name.capitalize(), pane) for name, pane in self.panes.items()])
        yield self.bar
        yield self.note
        yield from self.panes.values()

    def arrive(self, argument: str) -> None:
        """Another scenario."""
        from dmstui.catalog import scenario

        name, _, tab = argument.partition(" ")
        if name != self.name_:
            self.name_ = name
            self.scenario = scenario(name)
            guide = self.scenario.guide
            self.panes["guide"].show_made(lambda width: lay_out(guide, width))
            self.panes["mapping"].show(task_texts.mapping_lines(self.scenario.table_mappings))
            self.tabs.open(tab or "guide")
        elif tab:
            self.tabs.open(tab)
        self.tabs.open(self.tabs.current)

    def default_focus(self) -> Widget | None:
        """The text in front."""
        return self.tabs.widget

    @property
    def something(self) -> bool:
        """The scenario."""
        return self.scenario is not None

    @property
    def searched(self) -> TextPane | None:
        """The text in front."""
        widget = self.tabs.widget
        return widget if isinstance(widget, TextPane) else None

    def _stack(self) -> Stack | None:
        return kind.deployed(self.scenario, self.console.known) if self.scenario else None

    def crumbs(self) -> Line:
        """Which scenario, how its stack stands."""
        line = crumbs(("Scenarios", self.name_), self.console.drawn)
        stack = self._stack()
        if stack is None:
            return (*line, ("   not deployed", "dim"))
        state = "busy" if not stack.settled else "bad" if stack.failed else "ok"
        return (*line, ("   ", ""), (f"{self.console.drawn.of(state)} {stack.status}", STYLE[state]))

    def status(self) -> Line:
        """What it costs."""
        if self.scenario is None:
            return ()
        cost = kind.cost(self.scenario)
        room = self.console.size.width - width(self.crumbs()) - 1
        said = (
            (f"on AWS {cost}, free here ", f"on AWS {cost} ") if self.console.known.sandbox else (f"{cost} ",)
        )
        return next((((text, "dim"),) for text in said if len(text) <= room), ())

    def update(self, snapshot: Snapshot) -> None:
        """Steps with where things stand; the last script's output."""
        one = self.scenario
        if one is None:
            return
        self.panes["steps"].show(_steps(one))
        self.panes["parameters"].show(_parameters(one, self._stack()))
        self.panes["costs"].show(_costs(one, snapshot.sandbox))
        deed = self.console.deeds.last(f"script:{one.name}")
        lines: list[Line] = [(("  no script has run since dmstui was started", "dim"),)]
        if deed is not None:
            lines = [((f"  {clean(text)}", "bad" if "NOT OK" in text else "text"),) for text in deed.said]
            if deed.error:
                lines[-1] = ((f"  {clean(deed.error)}", "bad"),)
            elif not deed.ended:
                lines.append((("  …", "accent"),))
        self.panes["output"].show(lines)
        self.tabs.note("output", "…" if deed is not None and not deed.ended else "")
        self.tabs.draw()
        self.note.show(
            ((" ", ""), (f"{one.source.engine} → {one.target.engine}", "dim")),
            ((f"{one.migration_type}, about {one.minutes} min on AWS ", "dim"),),
        )

    def action_tab(self, by: int) -> None:
        """The next or previous tab."""
        self.tabs.step(by)
        self.tabs.widget.focus()
        self.console.look()

    def action_steps(self) -> None:
        """What can be done now."""
        if self.scenario is not None:
            task_deeds.choose_step(self.console, self.scenario)

    def action_progress(self) -> None:
        """The stack, resource by resource."""
        stack = self._stack()
        if stack is not None:
            self.console.go("progress", stack.name, below=True)

    def _task_arn(self) -> str:
        """The stack's task: from the stack's outputs or resources, else by its tag-made name."""
        stack = self._stack()
        if stack is None or self.scenario is None:
            return ""
        snapshot = self.console.known
        logical = self.scenario.resources.get("task", "")
        part = snapshot.stack_resources.get(stack.name)
        for resource in part.value if part else ():
            if resource.logical_id == logical and resource.physical_id:
                return resource.physical_id
        arns = {task.arn for task in snapshot.tasks.value}
        for output in stack.outputs:
            if output.value in arns:
                return output.value
        mine = [
            task.arn for task in snapshot.tasks.value if stack.name in task.name or self.name_ in task.name
        ]
        return mine[0] if len(mine) == 1 else ""

    def action_task(self) -> None:
        """The scenario's task."""
        arn = self._task_arn()
        if arn:
            self.console.go("task", arn, below=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What makes no sense now is hidden."""
        if action == "steps":
            return not self.console.read_only
        if action == "task":
            return bool(self._task_arn())
        if action == "progress":
            return self._stack() is not None
        return True

    def why_not(self, action: str) -> str:
        """Why a step, the task or the stack cannot be reached."""
        if action == "steps":
            return "this session is read-only"
        if action == "progress":
            return f"{self.name_} is not deployed; s deploys it"
        return "its stack has no task yet" if action == "task" else ""

    def detail(self) -> tuple[str, Sequence[tuple[str, str]]] | None:
        """The scenario as data."""
        if self.scenario is None:
            return None
        return self.scenario.name, kind.KIND.detail(self.scenario, self.console.known)

    def copies(self) -> Sequence[tuple[str, str, str]]:
        """Name, stack, template path."""
        one = self.scenario
        if one is None:
            return ()
        return (
            ("n", "name", one.name),
            ("s", "stack", one.stack_name),
            ("t", "template", str(one.template_path)),
        )


def _steps(one: Scenario) -> list[Line]:
    lines: list[Line] = []
    for number, step in enumerate(one.steps, 1):
        lines.append(
            (
                (f" {number:>2}  ", "accent"),
                (fit(step.title, 44), "bright+bold"),
                (f"{step.minutes} min on AWS" if step.minutes else "", "dim"),
            )
        )
        if step.text:
            lines.append((("     ", ""), (" ".join(step.text.split()), "text")))
        if step.key:
            lines.append((("     key ", "dim"), (step.key, "key+bold")))
        if step.command:
            lines.append((("     ", ""), (step.command, "key")))
        lines.append(())
    if one.checks:
        lines += [((" At the end", "title+bold"),), ()]
        for check in one.checks:
            lines.append(
                (
                    (" •   ", "accent"),
                    (check.title, "bright"),
                    (f"  {check.text}" if check.text else "", "dim"),
                )
            )
    return lines


def _parameters(one: Scenario, stack: Stack | None) -> list[Line]:
    lines: list[Line] = []
    for parameter in one.parameters:
        set_to = stack.parameters.get(parameter.name) if stack else None
        lines.append(
            (
                (f" {fit(parameter.name, 28)} ", "bright"),
                (parameter.default or "no default", "key"),
                (f"   this stack: {set_to}" if set_to and set_to != parameter.default else "", "accent"),
            )
        )
        lines.append((("   ", ""), (" ".join(parameter.why.split()), "dim")))
        lines.append(())
    return lines or [(("  the template has no parameters worth changing", "dim"),)]


def _costs(one: Scenario, sandbox: bool) -> list[Line]:
    from dmstui.catalog import prices

    estimate = prices.estimate(one.costs)
    about = "" if estimate.verified else "about "
    lines: list[Line] = []
    if sandbox:
        lines += [((" In the sandbox nothing is billed. On AWS:", "ok"),), ()]
    for item in estimate.lines:
        quantity = f"{item.item.quantity:g} × "
        lines.append(
            (
                (f" {fit(f'{quantity}{item.price.text}', 62)}", "text"),
                (
                    f"{'' if item.price.verified else '~'}${item.per_hour:.4f}/h"
                    if item.per_hour
                    else "by use",
                    "bright",
                ),
            )
        )
        if item.item.note:
            lines.append(((f"     {item.item.note}", "dim"),))
    total = (
        f"{about}{fmt.dollars(estimate.per_hour)} an hour, {about}{fmt.dollars(estimate.per_hour * 24)} a day"
    )
    lines += [(), ((f" {fit('Together', 62)}", "bright+bold"), (total, "bright+bold"))]
    lines += [
        (),
        ((" Figures of us-east-1; ~ marks those without a dated source. Nothing here is a bill.", "dim"),),
    ]
    return lines
