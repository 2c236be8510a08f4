"""`dmstui scenario`: list, show, deploy, run, status, delete. NAME is a scenario of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dmstui.cli import exits
from dmstui.cli.common import (
    command,
    confirm,
    json_option,
    timeout_option,
    told,
    wait_option,
    wrong_usage,
    yes_option,
)
from dmstui.cli.output import print_detail, print_json
from dmstui.model import Snapshot

if TYPE_CHECKING:
    from dmstui.aws import Connection
    from dmstui.catalog import Scenario

_stack_option = click.option("--stack-name", metavar="STACK", help="Another name than dmstui-NAME.")


@click.group(name="scenario")
def group() -> None:
    """Guided migrations, each with a stack of its own, a guide, data and checks."""


def _scenario(name: str) -> Scenario:
    from dmstui.catalog import CatalogError, scenario

    try:
        return scenario(name)
    except KeyError as error:
        wrong_usage(str(error.args[0]))
    except CatalogError as error:
        click.echo(f"dmstui: {error}", err=True)
        raise SystemExit(exits.FAILED) from error


def _as_json(one: Scenario) -> dict[str, Any]:
    from dmstui.catalog import prices
    from dmstui.kinds.kind import parsed, plain

    found = {
        name: plain(getattr(one, name))
        for name in (
            "name",
            "title",
            "use_case",
            "source",
            "target",
            "migration_type",
            "focus",
            "minutes",
            "stack_name",
            "resources",
            "parameters",
            "steps",
            "checks",
            "exam_topics",
        )
    }
    estimate = prices.estimate(one.costs)
    found["template"] = str(one.template_path)
    found["scripts"] = {step: {"kinds": list(script.kinds)} for step, script in one.scripts.items()}
    found["cost"] = {
        "usd_per_hour": round(estimate.per_hour, 4),
        "verified": estimate.verified,
        "lines": [
            {
                "what": line.price.text,
                "quantity": line.item.quantity,
                "usd": line.price.usd,
                "per": line.price.unit,
                "usd_per_hour": round(line.per_hour, 5),
                "source": line.price.source,
                "date": line.price.date,
                "note": line.item.note,
            }
            for line in estimate.lines
        ],
    }
    found["table_mappings"], found["task_settings"] = parsed(one.table_mappings), parsed(one.task_settings)
    return found


@json_option
def scenario_list(as_json: bool) -> int:
    """List the scenarios."""
    from dmstui.catalog import CatalogError, prices, scenarios

    try:
        found = scenarios()
    except CatalogError as error:
        click.echo(f"dmstui: {error}", err=True)
        return exits.FAILED
    if as_json:
        print_json([_as_json(one) for one in found])
        return exits.DONE
    for one in found:
        estimate = prices.estimate(one.costs)
        about = "" if estimate.verified else "about "
        click.echo(f"{one.name:24} {one.title}")
        click.echo(
            f"{'':24} {one.migration_type}, {one.minutes} min on AWS, {about}${estimate.per_hour:.2f}/h"
        )
    return exits.DONE


command(group, "list")(scenario_list)


@click.argument("name")
@click.option("--guide", is_flag=True, help="Print the whole guide (Markdown).")
@json_option
def show(name: str, guide: bool, as_json: bool) -> int:
    """Show a scenario: what it is for, its steps, its cost."""
    one = _scenario(name)
    if as_json:
        print_json(_as_json(one))
    elif guide:
        click.echo(one.guide)
    else:
        from datetime import UTC, datetime

        from dmstui.kinds import scenario as kind

        rows = [row for row in kind.detail(one, Snapshot(at=datetime.now(UTC))) if row[0] != "Stack"]
        print_detail(rows)
        _print_costs(one)
    return exits.DONE


command(group, "show")(show)


def _print_costs(one: Scenario) -> None:
    from dmstui.catalog import prices

    click.echo("\nWhile the stack stands (us-east-1):")
    for line in prices.estimate(one.costs).lines:
        about = "" if line.price.verified else "about "
        rate = (
            f"{about}${line.per_hour:.4f}/h"
            if line.per_hour
            else f"{about}${line.price.usd} per {line.price.unit}"
        )
        count = "" if line.item.quantity in {0, 1} else f"{line.item.quantity:g} x "
        note = f" ({line.item.note})" if line.item.note else ""
        click.echo(f"  {rate:20} {count}{line.price.text}{note}")


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for entry in given:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            wrong_usage(f"{entry!r} is not NAME=VALUE")
        found[key] = value
    return found


@click.argument("name")
@click.option(
    "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A template parameter; repeatable."
)
@_stack_option
@yes_option
@wait_option
@timeout_option
@json_option
async def deploy(
    aws: Connection,
    *,
    name: str,
    given: tuple[str, ...],
    stack_name: str | None,
    yes: bool,
    wait: bool,
    seconds: float | None,
    as_json: bool,
) -> int:
    """Create or update a scenario's stack. A deploy already under way is followed with --wait."""
    from dmstui.operations import deploy as verb

    one = _scenario(name)
    parameters = _parameters(given)
    verb.checked_parameters(one.template_text, parameters)
    await aws.client("cloudformation")
    confirm(f"deploy {one.name}", verb.effect(one, Snapshot(at=aws.now(), sandbox=aws.loopback)), yes=yes)
    steps = verb.run(aws, one, stack_name=stack_name, parameters=parameters, wait=wait, seconds=seconds)
    return await told(steps, as_json=as_json, describe=_stack_json)


command(group, "deploy")(deploy)


def _stack_json(step: Any) -> dict[str, Any]:
    from datetime import UTC, datetime

    from dmstui.kinds import stack
    from dmstui.model import Stack

    if isinstance(step.data, Stack):
        return {"stack": stack.KIND.as_json(step.data, Snapshot(at=datetime.now(UTC)))}
    return {}


@click.argument("name")
@click.argument("step", type=click.Choice(["seed", "change", "verify"]))
@click.option(
    "--scale", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many times the data."
)
@click.option(
    "--seed", "number", type=click.IntRange(0), default=42, show_default=True, help="Seed of the data."
)
@click.option("--kind", metavar="K", help="Which change; see the guide.")
@_stack_option
@timeout_option
@json_option
async def run(
    aws: Connection,
    *,
    name: str,
    step: str,
    scale: int,
    number: int,
    kind: str | None,
    stack_name: str | None,
    seconds: float | None,
    as_json: bool,
) -> int:
    """Run one of the scenario's scripts on its workbench host and wait for its end."""
    from dmstui.kinds.kind import plain
    from dmstui.operations import run_script as verb

    one = _scenario(name)

    def described(last: Any) -> dict[str, Any]:
        return {"lines": plain(last.data.lines), "exit_code": last.data.code} if last.data else {}

    steps = verb.run(
        aws, one, step, scale=scale, seed=number, kind=kind, stack_name=stack_name, seconds=seconds
    )
    return await told(steps, as_json=as_json, describe=described)


command(group, "run")(run)


@click.argument("name")
@_stack_option
@json_option
async def status(aws: Connection, *, name: str, stack_name: str | None, as_json: bool) -> int:
    """Show where a scenario stands and the next step."""
    from dmstui.kinds import task as task_kind
    from dmstui.kinds.kind import plain
    from dmstui.operations.status import scenario_status

    found = await scenario_status(aws, _scenario(name), stack_name)
    if as_json:
        print_json(plain(found))
        return exits.DONE
    picture = Snapshot(at=aws.now())
    rows = [("Scenario", found.scenario), ("Stack", found.stack.name if found.stack else "not deployed")]
    if found.stack:
        rows.append(("Status", found.stack.status))
    if found.instance:
        rows.append(("Instance", f"{found.instance.name}: {found.instance.status}"))
    rows += [(f"Test of {row.endpoint_name}", row.failure or row.status) for row in found.connections]
    if found.task:
        why = task_kind.reason(found.task)
        rows.append(("Task", f"{found.task.name}: {found.task.status}" + (f" ({why})" if why else "")))
        done = task_kind.progress(found.task)
        if done is not None:
            rows.append(("Full load", f"{done} %"))
        rows += [
            (label, value) for label, value in task_kind.detail(found.task, picture) if label == "Tables"
        ]
    if found.stack:
        rows += [(f"Output {output.key}", output.value) for output in found.stack.outputs]
    if found.next_step:
        rows.append(("Next", found.next_step))
    print_detail(rows)
    return exits.DONE


command(group, "status")(status)


@click.argument("name")
@_stack_option
@yes_option
@wait_option
@timeout_option
@json_option
async def delete(
    aws: Connection,
    *,
    name: str,
    stack_name: str | None,
    yes: bool,
    wait: bool,
    seconds: float | None,
    as_json: bool,
) -> int:
    """Delete a scenario's stack and everything in it; the account-wide DMS roles stay."""
    from dmstui.operations import delete_stack as verb
    from dmstui.operations.status import stack_of

    one = _scenario(name)
    stack = await stack_of(aws, one, stack_name)
    if stack is None:
        click.echo(f"{one.name} is not deployed")
        return exits.DONE
    confirm(f"delete {stack.name}", verb.effect(stack, Snapshot(at=aws.now())), yes=yes, name=stack.name)
    return await told(verb.run(aws, stack, wait=wait, seconds=seconds), as_json=as_json)


command(group, "delete")(delete)
