"""Opens the console; credentials are looked for before the terminal is taken, so that prompts can be read."""

from __future__ import annotations

import asyncio
import sys

import click

from dmstui.aws.options import ConnectionOptions, endpoint_of
from dmstui.cli import exits
from dmstui.cli.credentials import needs_prompt, quick_look, tried
from dmstui.model import AwsError


def open_console(options: ConnectionOptions) -> int:
    """The console on AWS; without credentials what was tried, and the sandbox as an offer."""
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        click.echo("dmstui: the console needs a terminal; for scripts see: dmstui --help", err=True)
        return exits.USAGE
    problem = check(options)
    if problem:
        click.echo(problem, err=True)
        return exits.FAILED
    from dmstui.console import run

    return run(options)


def check(options: ConnectionOptions) -> str | None:
    """What stands in the way of opening the console, as text; None when nothing does.

    Files and variables are looked at without AWS's modules, which take longer to load than the first frame.
    Only where they say nothing, or a prompt will come, are the credentials resolved in full here.
    """
    found = quick_look(options.profile)
    if found is None or needs_prompt(options.profile):
        try:
            found = asyncio.run(_resolve(options))
        except AwsError as error:
            return f"dmstui: {error.message}\n        {error.hint}"
    if found is None:
        return without_credentials(options)
    return None


async def _resolve(options: ConnectionOptions) -> str | None:
    from dmstui.aws import Connection

    async with Connection(options) as aws:
        return await aws.credentials_method(resolve=True)


def without_credentials(options: ConnectionOptions) -> str:
    """What was tried and what can be done."""
    lines = ["dmstui: no AWS credentials were found. Tried:"]
    lines += [f"  - {line}" for line in tried(options.profile)]
    url = endpoint_of(options)
    if url:
        lines.append(f"The endpoint in force is {url}.")
    lines += [
        "",
        "Give a profile (dmstui --profile NAME), run aws sso login,",
        "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        "To try it without an account, on this machine alone:  dmstui sandbox",
    ]
    return "\n".join(lines)
