"""`dmstui record FILE` writes what the console would see; `dmstui replay FILE` opens the console on it."""

from __future__ import annotations

import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from dmstui.cli import exits
from dmstui.cli.common import global_options, options_of, remember
from dmstui.cli.times import Duration


@click.command(name="record")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--for", "span", type=Duration(), metavar="D", help="End after this time; without it at Ctrl-C."
)
@click.option(
    "--task", "tasks", multiple=True, metavar="TASK", help="Record its tables, log and metrics too."
)
@global_options
@click.pass_context
def record(
    ctx: click.Context, /, *, file: Path, span: timedelta | None, tasks: tuple[str, ...], **given: Any
) -> None:
    """Write what the console would see to FILE (JSON lines, gzipped)."""
    from dmstui.model import Snapshot
    from dmstui.monitor import Monitor
    from dmstui.monitor.record import Recorder

    remember(ctx, given)
    try:
        recorder = Recorder(file)
    except OSError as error:
        click.echo(f"dmstui: {file}: {error.strerror}", err=True)
        ctx.exit(exits.FAILED)
    monitor = Monitor(options_of(ctx))
    opened: set[str] = set()
    wrong: list[str] = []
    end = threading.Event()

    def take(snapshot: Snapshot) -> None:
        recorder.write(snapshot)
        failed = snapshot.tasks.error
        if failed is not None and snapshot.tasks.at is None and not failed.throttled:
            wrong.append(str(failed))
            end.set()
        for task in snapshot.tasks.value:
            if task.arn not in opened and {task.arn, task.name, task.suffix} & set(tasks):
                opened.add(task.arn)
                monitor.open_task(task.arn)
                monitor.focus(task.arn)

    monitor.start(take)
    try:
        end.wait(span.total_seconds() if span else None)
    except KeyboardInterrupt:
        click.echo("", err=True)
    finally:
        monitor.stop()
        recorder.close()
    if wrong:
        click.echo(f"dmstui: {wrong[0]}", err=True)
        ctx.exit(exits.FAILED)
    click.echo(f"{recorder.written} snapshots in {file}")


@click.command(name="replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--speed", type=click.FloatRange(0.1, 1000), default=1.0, show_default=True, help="Times as fast."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print each line's fields instead of opening the console."
)
@click.pass_context
def replay(ctx: click.Context, file: Path, speed: float, as_json: bool) -> None:
    """Open the console on a recording."""
    from dmstui.monitor.record import BadRecordingError, read

    try:
        count = 0
        for seconds, snapshot in read(file):
            count += 1
            if as_json:
                from dmstui.cli.output import print_json
                from dmstui.kinds.kind import plain

                print_json({"t": seconds, **plain(snapshot)})
            else:
                break
    except BadRecordingError as error:
        click.echo(f"dmstui: {error}", err=True)
        ctx.exit(exits.FAILED)
    if as_json:
        return
    if not count:
        click.echo(f"dmstui: {file} holds no snapshot", err=True)
        ctx.exit(exits.FAILED)
    if not sys.stdout.isatty():
        click.echo("dmstui: the console needs a terminal; for scripts: dmstui replay --json FILE", err=True)
        ctx.exit(exits.USAGE)
    from dmstui.aws import ConnectionOptions
    from dmstui.console import run

    ctx.exit(run(ConnectionOptions(read_only=True, recording=str(file), recording_speed=speed)))
