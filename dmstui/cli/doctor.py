"""`dmstui doctor`: what could stand in the way, one by one: terminal, proxy, credentials, clock, permissions."""

from __future__ import annotations

import asyncio
import locale
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click

from dmstui.aws.options import ConnectionOptions, endpoint_of, is_loopback
from dmstui.cli import exits
from dmstui.cli.common import global_options, json_option, options_of, remember
from dmstui.cli.credentials import quick_look, tried
from dmstui.cli.output import print_json
from dmstui.model import AwsError

if TYPE_CHECKING:
    from dmstui.aws import Connection

Verdict = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. hint: the next step where it is not ok."""

    check: str
    verdict: Verdict
    detail: str
    hint: str = ""


def terminal(environ: Mapping[str, str], size: tuple[int, int], *, tty: bool, encoding: str) -> Finding:
    """Whether the console can draw here."""
    columns, lines = size
    about = f"{environ.get('TERM', 'TERM not set')}, {columns}x{lines}, {encoding}"
    if not tty:
        return Finding(
            "terminal", "warn", "standard output is no terminal", "The console needs one; commands do not."
        )
    if environ.get("TERM") in {None, "", "dumb"}:
        return Finding("terminal", "fail", about, "Set TERM, e.g. to xterm-256color.")
    if "utf" not in encoding.lower():
        return Finding(
            "terminal", "warn", about, "Set LANG to a UTF-8 locale for charts, or use ASCII charts."
        )
    if columns < 80 or lines < 24:
        return Finding("terminal", "warn", about, "80x24 shows everything; below that columns are left out.")
    return Finding("terminal", "ok", about)


def proxies(environ: Mapping[str, str], url: str | None) -> Finding:
    """Which proxy the calls go through. Credentials in a proxy's URL are not shown."""
    proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
    if is_loopback(url):
        return Finding("proxy", "ok", "not used: the endpoint is on this machine")
    if not proxy:
        return Finding("proxy", "ok", "none")
    parts = urlsplit(proxy)
    shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    without = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    return Finding("proxy", "ok", f"{shown}; not for: {without or 'nothing'}")


def clock(offset_seconds: float) -> Finding:
    """Whether this machine's clock is near enough to AWS's for signatures."""
    off = abs(offset_seconds)
    if off < 2:
        return Finding("clock", "ok", "agrees with AWS within 2 s")
    side = "behind" if offset_seconds > 0 else "ahead"
    text = f"{off:.0f} s {side} AWS; ages on screen are AWS's"
    if off < 240:
        return Finding("clock", "warn", text, "Synchronise the clock (NTP).")
    return Finding("clock", "fail", text, "AWS refuses signatures more than 5 minutes off: set the clock.")


# What a reader needs: (service, operation, what for, required members).
_READS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("dms", "DescribeReplicationInstances", "instances", {"MaxRecords": 20}),
    ("dms", "DescribeReplicationTasks", "tasks", {"MaxRecords": 20, "WithoutSettings": True}),
    ("dms", "DescribeEndpoints", "endpoints", {"MaxRecords": 20}),
    ("dms", "DescribeConnections", "connection tests", {"MaxRecords": 20}),
    ("dms", "DescribeEvents", "events", {"MaxRecords": 20}),
    ("cloudwatch", "ListMetrics", "latency and throughput", {"Namespace": "AWS/DMS"}),
    ("logs", "DescribeLogGroups", "task logs", {"logGroupNamePrefix": "dms-tasks-"}),
    ("cloudformation", "DescribeStacks", "scenarios and stacks", {}),
    ("ssm", "DescribeInstanceInformation", "scenario scripts", {}),
)


async def permissions(aws: Connection) -> list[Finding]:
    """Each read the product makes, tried once."""

    async def ask(service: str, operation: str, purpose: str, members: dict[str, Any]) -> Finding:
        name = f"{service}:{operation}"
        try:
            await aws.call(service, operation, **members)
        except AwsError as error:
            if error.denied:
                return Finding(name, "warn", f"denied: no {purpose}", f"Ask for the permission {name}.")
            if error.throttled:
                return Finding(name, "warn", "throttled just now", "Other callers use the account's rate up.")
            return Finding(name, "warn", f"{error.code}: {' '.join(error.message.split())[:160]}", error.hint)
        return Finding(name, "ok", purpose)

    found = []
    for service, operation, purpose, members in _READS:
        # One after the other: nine calls at once could be the ones that use the rate up.
        found.append(await ask(service, operation, purpose, members))
    return found


async def versions(aws: Connection) -> Finding:
    """The DMS engine versions the region offers."""
    try:
        offered = await aws.dms.engine_versions()
    except AwsError as error:
        return Finding("versions", "warn", f"{error.code}: {error.message}", error.hint)
    if not offered:
        return Finding("versions", "warn", "the region offers no DMS engine version")
    names = [
        str(entry.get("Version")) + (" (default)" if entry.get("Lifecycle") == "DEFAULT_VERSION" else "")
        for entry in offered
        if entry.get("Lifecycle") != "DEPRECATED"
    ]
    return Finding("versions", "ok", "DMS " + ", ".join(names))


def reach(url: str, timeout: float = 5.0) -> Finding:
    """Whether the endpoint's host takes a connection (through no proxy)."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout):
            return Finding("reach", "ok", f"{host}:{port} takes connections")
    except OSError as error:
        return Finding(
            "reach", "fail", f"{host}:{port}: {error}", "Check DNS, route, firewall and AWS_ENDPOINT_URL."
        )


async def examine(options: ConnectionOptions) -> list[Finding]:
    """All checks; those that need what failed before are skipped."""
    size = shutil.get_terminal_size()
    endpoint = endpoint_of(options)
    encoding = (sys.stdout.encoding or locale.getpreferredencoding()).upper()
    found = [
        terminal(os.environ, (size.columns, size.lines), tty=sys.stdout.isatty(), encoding=encoding),
        proxies(os.environ, endpoint),
    ]
    from dmstui.aws import Connection

    try:
        async with Connection(options) as aws:
            await _with_connection(aws, options, found)
    except AwsError as error:
        found.append(Finding("credentials", "fail", error.message, error.hint))
    return found


async def _with_connection(aws: Connection, options: ConnectionOptions, found: list[Finding]) -> None:
    method = await aws.credentials_method(resolve=True)
    if method is None:
        found.append(
            Finding("credentials", "fail", "; ".join(tried(options.profile)), "Or try: dmstui sandbox")
        )
        return
    found.append(Finding("credentials", "ok", quick_look(options.profile) or method))
    try:
        found.append(Finding("region", "ok", aws.region))
    except AwsError as error:
        found.append(Finding("region", "fail", error.message, error.hint))
        return
    client = await aws.client("dms")
    url = str(client.meta.endpoint_url)
    if is_loopback(url) or not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        reached = await asyncio.to_thread(reach, url)
        found.append(reached)
        if reached.verdict == "fail":
            return
    else:
        found.append(Finding("reach", "skip", f"{url} goes through the proxy"))
    try:
        who = await aws.sts.identity()
        found.append(Finding("identity", "ok", f"account {who.account}, {who.arn}"))
    except AwsError as error:
        found.append(Finding("identity", "fail", f"{error.code}: {error.message}", error.hint))
        return
    found += await permissions(aws)
    found.append(clock(aws.ledger.clock_offset.total_seconds()))
    found.append(await versions(aws))
    if aws.sandbox:
        found.append(Finding("sandbox", "ok", "the other side is a sandbox: nothing here reaches AWS"))


_SIGNS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL", "skip": "-   "}


@click.command(name="doctor")
@json_option
@global_options
@click.pass_context
def doctor(ctx: click.Context, /, *, as_json: bool, **given: Any) -> None:
    """Check credentials, permissions, terminal, clock, proxies, reachability and versions on offer."""
    remember(ctx, given)
    found = asyncio.run(examine(options_of(ctx)))
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        longest = max(len(finding.check) for finding in found)
        for finding in found:
            click.echo(f"{_SIGNS[finding.verdict]}  {finding.check.ljust(longest)}  {finding.detail}")
            if finding.hint and finding.verdict != "ok":
                click.echo(f"      {' ' * longest}  {finding.hint}")
    ctx.exit(exits.FAILED if any(finding.verdict == "fail" for finding in found) else exits.DONE)
