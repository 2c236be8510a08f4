"""Runs a scenario's scripts (seed, change, verify): what is asked first, what each kind does, and the output
brought to the front. The guide's chooser and `:run` call it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from dmstui.console import task_deeds
from dmstui.console.widgets.ask import Choice, Choose, Confirm

if TYPE_CHECKING:
    from dmstui.catalog import Scenario
    from dmstui.console.app import ConsoleApp

# What the kinds do that the scenarios' scripts share; a scenario may have others, which then stand by their name.
KINDS: dict[tuple[str, str], str] = {
    ("change", "steady"): "a small transaction a second for half a minute",
    ("change", "burst"): "thousands of changed rows in one transaction",
    ("change", "hold"): "a transaction that stays open half a minute before it commits: latency grows",
    ("change", "drop"): "drops a table of the source, to see a task break; only seed brings it back",
    ("verify", "load"): "the files of the full load alone against the source",
    ("verify", "current"): "full load and changes together against the source as it is now",
}
DESTROYS = frozenset({("change", "drop")})


def ask_script(app: ConsoleApp, scenario: Scenario, step: str, kind: str | None = None) -> None:
    """Run seed, change or verify on the workbench; asked about unless it only reads or its kind was given. A
    kind that destroys is asked about in any case.
    """
    reason = task_deeds.refusal(app, "run_script", scenario)
    if reason:
        app.say(f"{scenario.name}: {reason}", "warn")
        return
    script = scenario.scripts[step]
    effect = task_deeds.verb("run_script").effect(scenario, app.known)
    title = f"{step.capitalize()} {scenario.name}"

    def chosen(kind: str) -> None:
        if (step, kind) in DESTROYS:
            text = [f"{KINDS[step, kind].capitalize()}.", *effect]
            app.ask(
                Confirm(f"{title}: {kind}", text, f"run {step} {kind}", look="bad"),
                lambda _: run(app, scenario, step, kind),
            )
        else:
            run(app, scenario, step, kind)

    if kind is not None and kind not in script.kinds:
        known = ", ".join(script.kinds) or "none"
        app.say(f"{scenario.name} {step} has no kind {kind}; it has {known}", "warn")
    elif kind is not None:
        chosen(kind)
    elif script.kinds:
        rows = [
            Choice(
                str(number),
                one,
                KINDS.get((step, one), ""),
                look="bad" if (step, one) in DESTROYS else "plain",
                value=one,
            )
            for number, one in enumerate(script.kinds, 1)
        ]
        app.ask(Choose(title, rows, effect, enter_picks=True, width=76), lambda kind: chosen(str(kind)))
    elif step == "verify":
        run(app, scenario, step, None)
    else:
        app.ask(Confirm(title, effect, f"run {step}"), lambda _: run(app, scenario, step, None))


def run(app: ConsoleApp, scenario: Scenario, step: str, kind: str | None) -> None:
    """Begin the script and show its output; the message at its end is the script's last line."""

    async def stream(connection: Any) -> AsyncIterator[Any]:
        last = ""
        module = task_deeds.verb("run_script")
        async for progress in module.run(connection, scenario, step, kind=kind):
            if progress.done and progress.error is None and last:
                yield dataclasses.replace(progress, text=f"{progress.text}: {last}")
            else:
                yield progress
            # what the script printed, not what was said about sending it
            last = progress.text if getattr(progress.data, "text", "") == progress.text else last

    if app.do(step, f"script:{scenario.name}", stream) is not None:
        output = ("guide", f"{scenario.name} output")
        app.show_place([*app.trail[:-1], output] if app.front.NAME == "guide" else [*app.trail, output])
