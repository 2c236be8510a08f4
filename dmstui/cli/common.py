"""What all commands share: global options before or after the verb, the connection, errors as text and exit code."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from dmstui.aws.options import ConnectionOptions
from dmstui.cli import exits
from dmstui.cli.output import print_json
from dmstui.model import AwsError

if TYPE_CHECKING:
    from dmstui.aws import Connection
    from dmstui.operations import Progress

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_GLOBALS = ("profile", "region", "endpoint_url", "read_only", "refresh")


def global_options(function: F) -> F:
    """Options that may stand before or after the verb; the later one wins. They end in `options_of`."""
    decorators = (
        click.option("--profile", metavar="P", help="Profile of ~/.aws/config."),
        click.option("--region", metavar="R", help="AWS region."),
        click.option("--endpoint-url", metavar="U", help="Speak to this URL instead of AWS."),
        click.option(
            "--read-only", is_flag=True, default=None, help="Refuse everything that changes something."
        ),
        click.option("--refresh", type=float, metavar="S", help="Seconds between two polls.", hidden=True),
    )
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def remember(ctx: click.Context, given: dict[str, Any]) -> None:
    """Lay the options given at one level over those of the level above."""
    known = ctx.ensure_object(dict)
    known.update({name: given[name] for name in _GLOBALS if given.get(name) is not None})


def options_of(ctx: click.Context) -> ConnectionOptions:
    """The connection's options as given on the command line."""
    known = ctx.ensure_object(dict)
    return ConnectionOptions(
        profile=known.get("profile"),
        region=known.get("region"),
        endpoint_url=known.get("endpoint_url"),
        read_only=bool(known.get("read_only")),
        refresh=known.get("refresh"),
    )


def command(group: click.Group, name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Register `async def body(aws, ...)` or `def body(...)` as a command with the global options.

    An async body gets an open connection; AwsError ends the process with its sentence and code.
    """

    def decorate(body: Callable[..., Any]) -> click.Command:
        @click.pass_context
        @functools.wraps(body)
        def invoke(ctx: click.Context, /, **given: Any) -> None:
            remember(ctx, given)
            for option in _GLOBALS:
                given.pop(option, None)
            if asyncio.iscoroutinefunction(body):
                code = with_connection(options_of(ctx), lambda aws: body(aws, **given))
            else:
                code = body(**given)
            ctx.exit(code or 0)

        return group.command(name, **settings)(global_options(invoke))

    return decorate


def with_connection(options: ConnectionOptions, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function with an open connection; AwsError ends the process."""

    async def run() -> T:
        from dmstui.aws import Connection

        async with Connection(options) as aws:
            return await work(aws)

    try:
        return asyncio.run(run())
    except AwsError as error:
        fail(error)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)


def fail(error: AwsError) -> NoReturn:
    """Say what went wrong and the next step on standard error, then end with the error's code."""
    say(error)
    sys.exit(exits.code_for(error))


def say(error: AwsError) -> None:
    """An error as people read it."""
    where = f"{error.operation}: " if error.operation else ""
    code = "" if error.code in {"Refused", "TimedOut"} else f"{error.code}: "
    click.echo(f"dmstui: {where}{code}{' '.join(error.message.split())}", err=True)
    if error.hint:
        click.echo(f"        {error.hint}", err=True)


def wrong_usage(message: str) -> NoReturn:
    """End with code 2, as click does for wrong options."""
    click.echo(f"dmstui: {message}", err=True)
    sys.exit(exits.USAGE)


def confirm(question: str, effects: list[str], *, yes: bool, name: str | None = None) -> None:
    """Ask before something is destroyed or costs money; ends with code 3 when it may not.

    name: must be typed to agree; otherwise `yes` is.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        click.echo(f"dmstui: {question} needs confirmation: give --yes", err=True)
        sys.exit(exits.REFUSED)
    for sentence in effects:
        click.echo(f"  {sentence}", err=True)
    wanted = name or "yes"
    answer = click.prompt(f"{question}? Type {wanted!r} to go on", default="", show_default=False, err=True)
    if answer.strip() != wanted:
        click.echo("nothing done", err=True)
        sys.exit(exits.REFUSED)


async def told(
    steps: AsyncIterator[Progress], *, as_json: bool, describe: Callable[[Progress], Any] | None = None
) -> int:
    """Print a run's progress on standard error and its end on standard output; the exit code.

    as_json: the end as one JSON object. describe: what that object holds beside `ok` and `message`.
    """
    last: Progress | None = None
    async for step in steps:
        last = step
        if not step.done:
            click.echo(step.text, err=True)
    if last is None:
        return exits.FAILED
    if last.error is not None:
        say(last.error)
        if as_json:
            print_json({"ok": False, "code": last.error.code, "message": last.error.message})
        return exits.code_for(last.error)
    if as_json:
        extra = describe(last) if describe else {}
        print_json({"ok": True, "message": last.text, **(extra or {})})
    else:
        click.echo(last.text)
    return exits.DONE


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
wait_option = click.option("--wait", is_flag=True, help="Wait until it is through.")
timeout_option = click.option(
    "--timeout", "seconds", type=float, metavar="S", help="Wait at most S seconds (exit 4)."
)
