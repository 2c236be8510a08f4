"""The verbs of the `:` prompt that act on a named task, scenario or stack; `actions` hands them over with
what was typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmstui.console import script_deeds, task_deeds
from dmstui.model import ReplicationTask

if TYPE_CHECKING:
    from dmstui.catalog import Scenario
    from dmstui.console.app import ConsoleApp


def run(app: ConsoleApp, name: str, rest: str) -> None:
    """Do it, or say what is missing."""
    if name in {"task", "charts", "logs", "start", "resume", "reload", "stop"}:
        task = _task(app, rest)
        if task is not None:
            _on_task(app, name, task)
    elif name in {"scenario", "deploy", "run"}:
        _on_scenario(app, name, rest)
    elif name in {"delete", "progress"}:
        _on_stack(app, name, rest)


def _on_scenario(app: ConsoleApp, name: str, rest: str) -> None:
    first, _, more = rest.partition(" ")
    scenario = _scenario(app, first)
    if scenario is None:
        return
    if name == "scenario":
        app.go("guide", scenario.name, below=True)
    elif name == "deploy":
        task_deeds.deploy_with(app, scenario, more)
    else:
        step, _, kind = more.strip().partition(" ")
        if step in scenario.scripts:
            script_deeds.ask_script(app, scenario, step, kind.strip() or None)
        else:
            app.say(f"run which script of {scenario.name}? {', '.join(scenario.scripts)}", "warn")


def _on_task(app: ConsoleApp, name: str, task: ReplicationTask) -> None:
    if name in {"task", "charts", "logs"}:
        app.go("task", f"{task.arn} {name if name != 'task' else ''}".strip(), below=True)
    elif name == "stop":
        task_deeds.ask_stop(app, [task])
    else:
        reason = task_deeds.refusal(app, name, task)
        if reason:
            app.say(f"{task.name}: {reason}", "warn")
        else:
            task_deeds.set_going(app, name, [task])


def _task(app: ConsoleApp, text: str) -> ReplicationTask | None:
    if not text:
        found = app.front.subject()
        if found is None:
            app.say("which task? tab completes names", "warn")
        return found
    tasks = app.known.tasks.value
    exact = [task for task in tasks if task.name.lower() == text.lower()]
    some = exact or [task for task in tasks if text.lower() in task.name.lower()]
    if len(some) == 1:
        return some[0]
    app.say(f"{len(some)} tasks fit {text}" if some else f"there is no task {text}", "warn")
    return None


def _scenario(app: ConsoleApp, text: str) -> Scenario | None:
    from dmstui.catalog import scenarios

    found = [one for one in scenarios() if text and text.lower() in one.name]
    exact = [one for one in found if one.name == text.lower()] or found
    if len(exact) == 1:
        return exact[0]
    app.say(f"which scenario? {', '.join(one.name for one in found or scenarios())}", "warn")
    return None


def _on_stack(app: ConsoleApp, name: str, text: str) -> None:
    from dmstui.catalog import scenarios

    wanted = next((one.stack_name for one in scenarios() if one.name == text), text)
    stack = app.known.stack(wanted)
    if stack is None:
        app.say(f"there is no stack {text}" if text else "which stack? tab completes names", "warn")
    elif name == "progress":
        app.go("progress", stack.name, below=True)
    else:
        task_deeds.ask_delete(app, stack)
