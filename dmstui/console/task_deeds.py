"""The deeds on tasks, connections and stacks: who may, what is asked first, what runs. Screens and the `:`
prompt call it.

Which deed is possible is `operations`' to say; here it becomes a chooser, a confirmation or a typed name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dmstui.console import format as fmt
from dmstui.console import outage
from dmstui.console.deeds import sentence
from dmstui.console.widgets.ask import Choice, Choose, Confirm, TypeName
from dmstui.model import AwsError, Connection, ReplicationTask, Stack, TableStatistics, allowed, start_choices

if TYPE_CHECKING:
    from dmstui.catalog import Scenario
    from dmstui.console.app import ConsoleApp

_LETTER = {"start": "f", "resume": "e", "reload": "l"}
_LABEL = {"start": "First start", "resume": "Resume", "reload": "Reload target"}


def verb(name: str) -> ModuleType:
    """The module of an operation; loaded at its first use, so that the first frame does not wait for it."""
    import importlib

    return importlib.import_module(f"dmstui.operations.{name}")


def refusal(app: ConsoleApp, name: str, target: Any) -> str | None:
    """Why an operation is not possible on this target now."""
    if app.read_only and name != "test_connection":
        return "this session is read-only"
    of_stacks = name in {"deploy", "delete_stack", "run_script"}
    unknown = outage.refusal(app.known, app.known.stacks if of_stacks else app.known.tasks)
    if unknown:
        return unknown
    reason: str | None = verb(name).refusal(target, app.known)
    return reason


def can(app: ConsoleApp, name: str, targets: Sequence[Any]) -> bool:
    """The operation is possible on at least one of these."""
    return any(refusal(app, name, target) is None for target in targets)


def can_start(app: ConsoleApp, tasks: Sequence[ReplicationTask]) -> bool:
    """Any way of starting is possible on any of these."""
    return any(can(app, name, tasks) for name in ("start", "resume", "reload"))


# start, resume, reload


def choose_start(app: ConsoleApp, tasks: Sequence[ReplicationTask]) -> None:
    """The start chooser: the three ways, impossible ones with the reason."""
    if not tasks:
        app.say("no task under the cursor", "warn")
        return
    if len(tasks) > 1:
        _choose_for_many(app, tasks)
        return
    task = tasks[0]
    rows = []
    for choice in start_choices(task):
        reason = refusal(app, choice.verb, task)
        rows.append(
            Choice(
                _LETTER[choice.verb],
                _LABEL[choice.verb],
                choice.consequence,
                reason,
                "warn" if choice.destructive else "plain",
                choice.verb,
            )
        )
    if task.captures:
        reason = "this session is read-only" if app.read_only else allowed("start", task, position=True)
        rows.insert(
            2,
            Choice(
                "a", "Start at", "A time or position, asked for next; changes before it are left out.", reason
            ),
        )
    text: list[Any] = [((f"{task.migration_type}, {task.status}", "dim"),), ()]
    if task.checkpoint and task.captures:
        text.insert(1, (("checkpoint ", "dim"), (task.checkpoint, "dim")))

    def chosen(way: Any) -> None:
        if way == "a":
            hint = "UTC time like 2026-11-24 14:00, or a position of the source's log"
            app.prompt("start at ", hint, lambda answer: _start_at(app, task, answer))
        else:
            set_going(app, str(way), [task])

    app.ask(Choose(f"Start {task.name}", rows, text, width=76), chosen)


def start_point(text: str) -> tuple[datetime | None, str | None]:
    """A typed start: a time (taken as UTC) or, when it is none, a position of the source's log."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None, text.strip()
    return (at if at.tzinfo else at.replace(tzinfo=UTC)), None


def _start_at(app: ConsoleApp, task: ReplicationTask, text: str) -> None:
    at, position = start_point(text)
    app.outcomes.acted(task)
    app.do(
        f"starting {task.name} at {text}",
        task.arn,
        lambda connection: verb("start").run(
            connection, task, cdc_start_time=at, cdc_start_position=position
        ),
    )
    app.nudge_task(task.arn)


def _choose_for_many(app: ConsoleApp, tasks: Sequence[ReplicationTask]) -> None:
    rows: list[Choice] = []
    for name in ("start", "resume", "reload"):
        able = [task for task in tasks if refusal(app, name, task) is None]
        reason = None if able else f"possible for none of the {len(tasks)} marked tasks"
        note = f"{len(able)} of {len(tasks)}: {', '.join(task.name for task in able)}"
        rows.append(
            Choice(_LETTER[name], _LABEL[name], note, reason, "warn" if name == "reload" else "plain", name)
        )
    app.ask(
        Choose(f"Start {len(tasks)} marked tasks", rows, width=76),
        lambda way: set_going(app, str(way), tasks),
    )


def set_going(app: ConsoleApp, way: str, tasks: Sequence[ReplicationTask]) -> None:
    """Start, resume, or after the typed name reload."""
    able = [task for task in tasks if refusal(app, way, task) is None]
    if not able:
        app.say(f"{tasks[0].name}: {refusal(app, way, tasks[0])}", "warn")
        return
    if way != "reload":
        for task in able:
            _run_task(app, way, task, {"start": "starting", "resume": "resuming"}[way])
        return
    operation = verb("reload")
    text: list[Any] = []
    for task in able:
        text.append(((task.name, "bright+bold"),))
        text += operation.effect(task, app.known)
    left = len(tasks) - len(able)
    if left:
        text += [(), ((f"{fmt.plural(left, 'task')} cannot be reloaded now and is left out.", "warn"),)]
    name = able[0].name if len(able) == 1 else f"reload {len(able)}"
    title = f"Reload target: {able[0].name if len(able) == 1 else fmt.plural(len(able), 'task')}"

    def go(_: Any) -> None:
        for task in able:
            _run_task(app, "reload", task, "reloading")

    app.ask(TypeName(title, text, name, "reload now"), go)


def ask_stop(app: ConsoleApp, tasks: Sequence[ReplicationTask], hidden: int = 0) -> None:
    """Stop after a `y`; names the tasks and what a stop does to them."""
    able = [task for task in tasks if refusal(app, "stop", task) is None]
    if not able:
        app.say(
            f"{tasks[0].name}: {refusal(app, 'stop', tasks[0])}" if tasks else "no task under the cursor",
            "warn",
        )
        return
    text: list[Any] = [
        ((task.name, "bright+bold"), (f"  {task.migration_type}, {task.status}", "dim")) for task in able[:6]
    ]
    if len(able) > 6:
        text.append(f"and {len(able) - 6} more")
    text += ["", *dict.fromkeys(line for task in able for line in verb("stop").effect(task, app.known))]
    if hidden:
        text.append(((f"{fmt.plural(hidden, 'marked task')} hidden by the filter: left out", "warn"),))
    title = f"Stop {able[0].name}" if len(able) == 1 else f"Stop {len(able)} tasks"

    def go(_: Any) -> None:
        for task in able:
            _run_task(app, "stop", task, "stopping")

    app.ask(Confirm(title, text, "stop it" if len(able) == 1 else "stop them"), go)


def _run_task(app: ConsoleApp, name: str, task: ReplicationTask, doing: str) -> None:
    module = verb(name)

    def stream(connection: Any) -> AsyncIterator[Any]:
        found: AsyncIterator[Any] = module.run(connection, task, wait=name == "stop")
        return found

    app.outcomes.acted(task)
    app.do(f"{doing} {task.name}", task.arn, stream, lambda: app.nudge_task(task.arn))
    app.nudge_task(task.arn)


# tables


def ask_reload_tables(
    app: ConsoleApp, task: ReplicationTask, tables: Sequence[TableStatistics], hidden: int
) -> None:
    """Reload the named tables after a `y`."""
    reason = refusal(app, "reload_tables", task)
    if reason or not tables:
        app.say(f"{task.name}: {reason or 'no table under the cursor'}", "warn")
        return
    rows = sum(table.full_load_rows for table in tables)
    text: list[Any] = [", ".join(table.name for table in tables[:12])]
    if len(tables) > 12:
        text.append(f"and {len(tables) - 12} more")
    text += ["", *verb("reload_tables").effect(task, app.known), f"{rows:,} rows are loaded again."]
    if hidden:
        text.append(((f"{fmt.plural(hidden, 'marked table')} hidden by the filter: left out", "warn"),))
    pairs = [(table.schema, table.table) for table in tables]
    title = f"Reload {tables[0].name}" if len(tables) == 1 else f"Reload {len(tables)} tables of {task.name}"

    def go(_: Any) -> None:
        app.do(
            f"reloading {fmt.plural(len(pairs), 'table')} of {task.name}",
            task.arn,
            lambda connection: verb("reload_tables").run(connection, task, pairs),
        )

    app.ask(Confirm(title, text, "reload them" if len(pairs) > 1 else "reload it"), go)


# connections


def test(app: ConsoleApp, pairs: Sequence[Connection]) -> None:
    """Test pairs of instance and endpoint at once, told in one sentence; a test changes nothing and is not asked
    about.
    """
    if not pairs:
        app.say("nothing to test: no replication instance, or no endpoint under the cursor", "warn")
        return
    able: dict[str, Connection] = {}
    refused: dict[str, str] = {}
    kinds = {endpoint.arn: endpoint.kind for endpoint in app.known.endpoints.value}
    sides = [kinds.get(pair.endpoint_arn, "") for pair in pairs]
    apart = len(pairs) > 1 and len(set(sides)) == len(pairs) and all(sides)
    for pair, side in zip(pairs, sides, strict=True):
        reason = refusal(app, "test_connection", pair)
        name = pair.endpoint_name or pair.endpoint_arn.rsplit(":", 1)[-1]
        if reason:
            refused[side if apart else name] = reason
        else:
            able[side if apart else name] = pair

    def stream(connection: Any) -> AsyncIterator[Any]:
        module = verb("test_connection")
        return together({name: module.run(connection, pair) for name, pair in able.items()}, refused)

    if not able:
        app.say(", ".join(f"{name}: {reason}" for name, reason in refused.items()), "warn")
    else:
        app.do(f"testing {' and '.join(able)}", " ".join(pair.key for pair in able.values()), stream)


async def together(
    streams: Mapping[str, AsyncIterator[Any]], refused: Mapping[str, str]
) -> AsyncIterator[Any]:
    """Run tests side by side; at the end one progress that says how each ended, an error when any failed.
    refused: the tests that could not be begun, and why.
    """
    import asyncio

    from dmstui.operations import Progress

    ends: dict[str, AwsError | None] = {
        name: AwsError("Refused", reason, "TestConnection") for name, reason in refused.items()
    }

    async def follow(name: str, stream: AsyncIterator[Any]) -> None:
        async for progress in stream:
            if progress.done:
                ends[name] = progress.error

    yield Progress(f"testing {' and '.join(streams)} …")
    await asyncio.gather(*(follow(name, stream) for name, stream in streams.items()))
    failed = [error for error in ends.values() if error is not None]
    words = ", ".join(
        f"{name} {'successful' if error is None else f'failed: {error.message}'}"
        for name, error in ends.items()
    )
    if len(ends) == 1 and failed:
        words = failed[0].message
    problem = AwsError("", words, "", failed[0].hint) if failed else None
    yield Progress(words, done=True, error=problem)


def pairs_of_task(app: ConsoleApp, task: ReplicationTask) -> list[Connection]:
    """A task's instance with its source and with its target."""
    return list(verb("test_connection").pairs(task, app.known))


def pairs_of_endpoint(app: ConsoleApp, endpoint_arn: str) -> list[Connection]:
    """An endpoint with the instances that its tasks use, else with every available one."""
    snapshot = app.known
    used = {
        task.instance_arn
        for task in snapshot.tasks.value
        if endpoint_arn in {task.source_arn, task.target_arn}
    }
    instances = [one for one in snapshot.instances.value if one.arn in used] or [
        one for one in snapshot.instances.value if one.status == "available"
    ]
    return [verb("test_connection").pair(one.arn, endpoint_arn, snapshot) for one in instances]


# scenarios and stacks


def choose_step(app: ConsoleApp, scenario: Scenario) -> None:
    """What can be done with a scenario now; impossible steps with the reason."""
    deploy_reason = refusal(app, "deploy", scenario)
    run_reason = refusal(app, "run_script", scenario)
    stack = stack_of(app, scenario)
    rows = [
        Choice(
            "p",
            "Update" if stack else "Deploy",
            f"the stack {scenario.stack_name}",
            deploy_reason,
            value="deploy",
        )
    ]
    scripts = (
        ("e", "seed", "make and fill the source tables"),
        ("c", "change", "change rows in the source"),
        ("v", "verify", "compare the target with the source"),
    )
    rows += [
        Choice(press, step.capitalize(), text, run_reason, value=step)
        for press, step, text in scripts
        if step in scenario.scripts
    ]
    delete_reason = "it is not deployed" if stack is None else refusal(app, "delete_stack", stack)
    rows.append(Choice("x", "Delete", "asks for the name next", delete_reason, "bad", "delete"))
    app.ask(
        Choose(f"{scenario.name}: what next", rows, width=72), lambda step: do_step(app, scenario, str(step))
    )


def do_step(app: ConsoleApp, scenario: Scenario, step: str) -> None:
    """One step of a scenario, asked about where it costs or destroys."""
    if step == "deploy":
        ask_deploy(app, scenario)
    elif step == "delete":
        stack = stack_of(app, scenario)
        if stack is None:
            app.say(f"{scenario.name} is not deployed", "warn")
        else:
            ask_delete(app, stack)
    else:
        from dmstui.console import script_deeds

        script_deeds.ask_script(app, scenario, step)


def stack_of(app: ConsoleApp, scenario: Scenario) -> Stack | None:
    """The scenario's stack."""
    from dmstui.kinds.scenario import deployed

    return deployed(scenario, app.known)


def ask_deploy(app: ConsoleApp, scenario: Scenario, parameters: Mapping[str, str] | None = None) -> None:
    """Deploy or update after a `y`; names the stack, the cost and the parameters, `e` asks for other ones first."""
    reason = refusal(app, "deploy", scenario)
    if reason:
        app.say(f"{scenario.name}: {reason}", "warn")
        return
    module = verb("deploy")
    values = dict(parameters or {})
    try:
        module.checked_parameters(scenario.template_text, values)
    except AwsError as problem:
        app.say(sentence(problem), "bad")
        return
    stack = stack_of(app, scenario)
    word = "update" if stack is not None else "deploy"
    text: list[Any] = [
        (("stack    ", "dim"), (scenario.stack_name, "bright+bold")),
        (("where    ", "dim"), (f"{'sandbox, ' if app.known.sandbox else ''}{app.known.region}", "text")),
    ]
    text += [(("with     ", "dim"), (f"{name} = {value}", "accent")) for name, value in values.items()]
    if stack is not None:
        text.append((("now      ", "dim"), (stack.status, "text")))
    text += ["", *module.effect(scenario, app.known)]

    def go(answer: Any) -> None:
        if answer == "e":
            _ask_parameters(app, scenario)
            return
        app.do(
            f"{'updating' if stack else 'deploying'} {scenario.name}",
            scenario.stack_name,
            lambda connection: module.run(connection, scenario, parameters=values),
        )
        app.go("progress", scenario.stack_name, below=True)

    title = f"{word.capitalize()} {scenario.name}"
    app.ask(Confirm(title, text, f"{word} it", other=("e", "other parameters")), go)


def _ask_parameters(app: ConsoleApp, scenario: Scenario) -> None:
    from dmstui.catalog import template_parameters

    names = [parameter.name for parameter in template_parameters(scenario.template_text)]

    def complete(text: str) -> list[str]:
        head, blank, last = text.rpartition(" ")
        return [
            f"{head}{blank}{name}="
            for name in names
            if "=" not in last and name.lower().startswith(last.lower())
        ]

    app.prompt(
        "parameters ",
        "NAME=VALUE …, tab completes names",
        lambda answer: deploy_with(app, scenario, answer),
        complete,
    )


def deploy_with(app: ConsoleApp, scenario: Scenario, text: str) -> None:
    """Ask about a deploy with parameters as typed: `NAME=VALUE …`, each with or without `--parameter` before it."""
    words = [word for word in text.split() if word not in {"--parameter", "--yes", "--wait"}]
    wrong = [word for word in words if "=" not in word]
    if wrong:
        app.say(f"{wrong[0]} is no parameter; write NAME=VALUE", "warn")
        return
    ask_deploy(app, scenario, dict(word.split("=", 1) for word in words))


def ask_delete(app: ConsoleApp, stack: Stack, after: Callable[[], None] | None = None) -> None:
    """Delete a stack after its name was typed; then the progress screen."""
    module = verb("delete_stack")
    reason = refusal(app, "delete_stack", stack)
    if reason:
        app.say(f"{stack.name}: {reason}", "warn")
        return

    def go(_: Any) -> None:
        app.do(f"deleting {stack.name}", stack.name, lambda connection: module.run(connection, stack), after)
        app.go("progress", stack.name, below=True)

    app.ask(
        TypeName(
            f"Delete the stack {stack.name}", module.effect(stack, app.known), stack.name, "delete it now"
        ),
        go,
    )
