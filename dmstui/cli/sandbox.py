"""`dmstui sandbox`: the console on a local AWS, the server alone (--serve), and its engines and databases.

Without --serve the server runs as a child whose standard input is its life line: it ends when this process does.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dmstui.cli.common import options_of

if TYPE_CHECKING:
    from dmstui.aws.options import ConnectionOptions
    from dmstui.sandbox.process import Options

INSTALL = "pip install 'dmstui[sandbox]'"
_NEEDED = ("aiohttp", "moto", "flask", "flask_cors", "asyncpg", "pyarrow", "cryptography")
_EXPORT = re.compile(r"export (\w+)=(\S+)")
_EXPORTS = (
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
_START_SECONDS = 60.0


def missing() -> str | None:
    """The sentence for somebody without the sandbox's libraries, or None."""
    if all(importlib.util.find_spec(name) is not None for name in _NEEDED):
        return None
    return f"The sandbox needs its own libraries: {INSTALL}"


def _fail(message: str, code: int = 1) -> NoReturn:
    click.echo(f"dmstui sandbox: {message}", err=True)
    raise SystemExit(code)


@click.group(invoke_without_command=True)
@click.option(
    "--serve", is_flag=True, help="Run the server alone and print the lines that point AWS clients at it."
)
@click.option("--port", type=int, default=0, metavar="N", help="Port on 127.0.0.1; without it a free one.")
@click.option(
    "--speed", type=float, default=60.0, show_default=True, help="How many times faster waiting passes."
)
@click.option(
    "--state",
    metavar="DIR",
    callback=lambda _context, _option, value: _folder(value),
    help="Folder that keeps it between runs.",
)
@click.option(
    "--run-template-code", is_flag=True, help="Run inline code of templates that are not the catalogue's."
)
@click.pass_context
def sandbox(  # noqa: PLR0917
    context: click.Context, serve: bool, port: int, speed: float, state: Path | None, run_template_code: bool
) -> None:
    """The console on a local AWS, in which data really moves between real database engines."""
    if context.invoked_subcommand is not None:
        return
    lacking = missing()
    if lacking is not None:
        _fail(lacking)
    from dmstui.sandbox.process import Options, run

    given = options_of(context)
    options = Options(port, speed, state, run_template_code=run_template_code)
    options = replace(options, region=given.region or options.region)
    if serve:
        raise SystemExit(run(options))
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        _fail("the console needs a terminal; the server alone: dmstui sandbox --serve", 2)
    raise SystemExit(_console(given, options))


def _folder(value: str | None) -> Path | None:
    """The state folder. An empty name (an unset variable of a shell) is not taken for the current one."""
    if value == "":
        raise click.BadParameter("the name is empty")
    return None if value is None else Path(value)


def _console(given: ConnectionOptions, options: Options) -> int:
    """Start the server as a child, run the console on it, end the child."""
    from dmstui.sandbox.process import problem

    wrong = problem(options)
    if wrong is not None:
        _fail(wrong, 2)
    line = [sys.executable, "-m", "dmstui.sandbox", "--lifeline", "--region", options.region]
    line += ["--port", str(options.port), "--speed", str(options.speed)]
    if options.state is not None:
        line += ["--state", str(options.state)]
    if options.run_template_code:
        line.append("--run-template-code")
    child = subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Ctrl-C belongs to the console; the child ends when its standard input closes.
        start_new_session=True,
    )
    try:
        assert child.stderr is not None
        exports = _read_exports(child)
        if exports is None:
            sys.stderr.write(child.stderr.read())
            return child.wait(10) or 1
        # From here on the child writes to a log of its own.
        child.stderr.close()
        return _run_console(given, exports)
    finally:
        _end(child)


def _read_exports(child: subprocess.Popen[str]) -> dict[str, str] | None:
    """The variables the child prints once it answers; None when it ended first."""
    assert child.stdout is not None
    found: dict[str, str] = {}
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and not all(name in found for name in _EXPORTS):
        text = child.stdout.readline()
        if not text:
            return None
        match = _EXPORT.match(text)
        if match:
            found[match[1]] = match[2]
    return found


def _run_console(given: ConnectionOptions, exports: Mapping[str, str]) -> int:
    from dmstui.console import run

    # What the console starts itself (aws, psql, a shell) finds the sandbox too, and nothing of a real account.
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(exports)
    return int(
        run(
            replace(
                given,
                profile=None,
                region=exports["AWS_REGION"],
                endpoint_url=exports["AWS_ENDPOINT_URL"],
                sandbox=True,
                access_key=exports["AWS_ACCESS_KEY_ID"],
                secret_key=exports["AWS_SECRET_ACCESS_KEY"],
            )
        )
    )


def _end(child: subprocess.Popen[str]) -> None:
    """Close the life line and wait; a child that does not end is killed (its engines have watchdogs of their own)."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(15)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(5)


# -- asking a running sandbox ---------------------------------------------------------------------------------------


def ask(path: str, environment: Mapping[str, str] = os.environ) -> Any:
    """The document a running sandbox gives under `/_sandbox/`; exits with a sentence when there is none."""
    endpoint, secret = environment.get("AWS_ENDPOINT_URL"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not endpoint or not secret:
        _fail("no sandbox is set: give this shell the export lines that 'dmstui sandbox --serve' printed.")
    request = urllib.request.Request(
        f"{endpoint}/_sandbox/{path}", headers={"Authorization": f"Bearer {secret}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError):
            _fail(json.load(error)["error"])
        _fail(f"{endpoint} is no sandbox: it answered {error.code}.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        _fail(f"the sandbox at {endpoint} does not answer: {reason}.")


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def engines(as_json: bool) -> None:
    """The database engines this machine can run."""
    lacking = missing()
    if lacking is not None:
        _fail(lacking)
    from dmstui.sandbox.engines import binaries

    found = [
        {
            "engine": "postgres",
            "major": one.major,
            "version": one.version,
            "source": one.source,
            "path": str(one.bin),
        }
        for one in binaries.available()
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        rows = [["ENGINE", "VERSION", "FROM", "PROGRAMS"]]
        rows += [[one["engine"], one["version"], one["source"], one["path"]] for one in found]
        click.echo(_table(rows))
    else:
        _fail(f"no PostgreSQL is installed: {INSTALL}")


@sandbox.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def databases(as_json: bool) -> None:
    """The real servers behind the stacks' databases, with their logins."""
    found = ask("databases")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("No database yet: deploy a scenario or create an RDS instance.")
        return
    rows = [["NAME", "ENGINE", "VERSION", "ADDRESS", "USER", "PASSWORD", "DATABASE"]]
    rows += [
        [
            one["name"],
            one["engine"],
            one["version"],
            f"{one['host']}:{one['port']}",
            one["user"],
            one["password"],
            one["database"],
        ]
        for one in found
    ]
    click.echo(_table(rows))


@sandbox.command()
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def connect(name: str, arguments: tuple[str, ...]) -> None:
    """Open the engine's own client on the database NAME; what follows -- goes to the client."""
    found = ask("databases?all=1")
    chosen = next((one for one in found if one["name"] == name), None)
    if chosen is None:
        known = ", ".join(one["name"] for one in found) or "none yet"
        _fail(f"there is no database {name}; there is: {known}.")
    from dmstui.sandbox.engines import binaries
    from dmstui.sandbox.engines.base import EngineUnavailableError

    try:
        program = binaries.postgres(chosen["version"]).program("psql")
    except EngineUnavailableError as error:
        _fail(str(error))
    environment = dict(os.environ) | {
        # The wheel's psql speaks no TLS, which the database may insist on; its socket asks for the password only.
        "PGHOST": chosen["socket"],
        "PGPORT": str(chosen["socket_port"]),
        "PGUSER": chosen["user"],
        "PGPASSWORD": chosen["password"],
        "PGDATABASE": chosen["database"],
    }
    os.execve(program, [program, *arguments], environment)
