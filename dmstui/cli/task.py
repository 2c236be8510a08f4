"""`dmstui task`: list, show, start, resume, reload, stop, tables, reload-tables, metrics, logs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from dmstui.cli import exits, find
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
from dmstui.cli.output import print_detail, print_json, print_kind
from dmstui.cli.times import since_option
from dmstui.model import AwsError, Part, ReplicationTask, Snapshot

if TYPE_CHECKING:
    from dmstui.aws import Connection
    from dmstui.model import MetricSeries

_LATENCIES = ("source_latency", "handling_latency", "target_latency")


@click.group(name="task")
def group() -> None:
    """Replication tasks. TASK is a name, an ARN or an ARN's last part."""


@click.option("--latency", is_flag=True, help="Ask CloudWatch for the latencies too (two metrics a task).")
@json_option
async def task_list(aws: Connection, *, latency: bool, as_json: bool) -> None:
    """List all tasks."""
    from dmstui.kinds import task as kind

    picture = await find.snapshot(aws, "tasks", "instances", "endpoints")
    if latency:
        picture = await _with_latency(aws, picture, picture.tasks.value)
    hide = () if latency else _LATENCIES
    records = sorted(picture.tasks.value, key=lambda one: one.name)
    print_kind(kind.KIND, records, picture, as_json=as_json, hide=hide)


command(group, "list")(task_list)


async def _with_latency(aws: Connection, picture: Snapshot, tasks: tuple[ReplicationTask, ...]) -> Snapshot:
    from dmstui.monitor import metrics

    queries = metrics.latency_queries(tasks, picture.instances.value, None)
    if not queries:
        return picture
    seconds, now = metrics.period(aws.sandbox), aws.now()
    found = await aws.cloudwatch.series(
        queries, now - metrics.recent(aws.sandbox), now + timedelta(seconds=seconds), seconds
    )
    return replace(picture, metrics={arn: Part(series, at=now) for arn, series in found.items()})


@click.argument("name", metavar="TASK")
@json_option
async def show(aws: Connection, *, name: str, as_json: bool) -> None:
    """Show one task, with its latency; --json also holds settings and mappings."""
    from dmstui.kinds import task as kind

    record = await find.task(aws, name, full=True)
    picture = await find.snapshot(aws, "instances", "endpoints")
    try:
        picture = await _with_latency(aws, picture, (record,))
    except AwsError as error:
        click.echo(f"no latency: {error.message}", err=True)
    if as_json:
        print_json(kind.full_json(record, picture))
    else:
        print_detail(kind.KIND.detail(record, picture))


command(group, "show")(show)


def _described(step: Any) -> dict[str, Any]:
    from dmstui.kinds import task as kind

    if isinstance(step.data, ReplicationTask):
        return {"task": kind.KIND.as_json(step.data, Snapshot(at=datetime.now(UTC)))}
    return {}


@click.argument("name", metavar="TASK")
@click.option(
    "--cdc-start-time", type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]), help="UTC."
)
@click.option("--cdc-start-position", help="LSN, binlog position, SCN, checkpoint.")
@click.option("--cdc-stop-position", help="server_time:... or commit_time:...")
@yes_option
@wait_option
@timeout_option
@json_option
async def start(
    aws: Connection,
    *,
    name: str,
    cdc_start_time: datetime | None,
    cdc_start_position: str | None,
    cdc_stop_position: str | None,
    yes: bool,  # nothing is asked; scripts may give it to every verb
    wait: bool,
    seconds: float | None,
    as_json: bool,
) -> int:
    """Start a task for the first time. --wait: a full load until it ends, any other until it runs."""
    from dmstui.operations import start as verb

    if cdc_start_time and cdc_start_position:
        wrong_usage("give a start time or a start position, not both")
    record = await find.task(aws, name)
    steps = verb.run(
        aws,
        record,
        cdc_start_time=cdc_start_time.replace(tzinfo=UTC) if cdc_start_time else None,
        cdc_start_position=cdc_start_position,
        cdc_stop_position=cdc_stop_position,
        wait=wait,
        seconds=seconds,
    )
    return await told(steps, as_json=as_json, describe=_described)


command(group, "start")(start)


@click.argument("name", metavar="TASK")
@yes_option
@wait_option
@timeout_option
@json_option
async def resume(
    aws: Connection, *, name: str, yes: bool, wait: bool, seconds: float | None, as_json: bool
) -> int:
    """Resume a stopped or failed task where it stopped."""
    from dmstui.operations import resume as verb

    record = await find.task(aws, name)
    return await told(verb.run(aws, record, wait=wait, seconds=seconds), as_json=as_json, describe=_described)


command(group, "resume")(resume)


@click.argument("name", metavar="TASK")
@yes_option
@wait_option
@timeout_option
@json_option
async def reload(
    aws: Connection, *, name: str, yes: bool, wait: bool, seconds: float | None, as_json: bool
) -> int:
    """Load a task's whole target afresh."""
    from dmstui.operations import reload as verb

    record = await find.task(aws, name, full=True)
    picture = Snapshot(at=aws.now(), settings={record.arn: Part(record)})
    confirm(f"reload the target of {record.name}", verb.effect(record, picture), yes=yes, name=record.name)
    return await told(verb.run(aws, record, wait=wait, seconds=seconds), as_json=as_json, describe=_described)


command(group, "reload")(reload)


@click.argument("name", metavar="TASK")
@wait_option
@timeout_option
@json_option
async def stop(aws: Connection, *, name: str, wait: bool, seconds: float | None, as_json: bool) -> int:
    """Stop a running task."""
    from dmstui.operations import stop as verb

    record = await find.task(aws, name)
    return await told(verb.run(aws, record, wait=wait, seconds=seconds), as_json=as_json, describe=_described)


command(group, "stop")(stop)


@click.argument("name", metavar="TASK")
@click.option("--state", help="Only tables in this state, e.g. 'Table error'.")
@json_option
async def tables(aws: Connection, *, name: str, state: str | None, as_json: bool) -> None:
    """List a task's tables with their counters."""
    from dmstui.kinds import table as kind

    record = await find.task(aws, name)
    rows = await aws.dms.all_table_statistics(record.arn, state=state)
    ordered = sorted(rows, key=lambda row: (row.schema, row.table))
    print_kind(kind.KIND, ordered, Snapshot(at=aws.now()), as_json=as_json)


command(group, "tables")(tables)


@click.argument("name", metavar="TASK")
@click.argument("names", metavar="SCHEMA.TABLE...", nargs=-1, required=True)
@click.option("--validate-only", is_flag=True, help="Validate again instead of loading again.")
@yes_option
@json_option
async def reload_tables(
    aws: Connection, *, name: str, names: tuple[str, ...], validate_only: bool, yes: bool, as_json: bool
) -> int:
    """Load single tables of a running task again, ten a call."""
    from dmstui.operations import reload_tables as verb

    record = await find.task(aws, name)
    known = {row.name: (row.schema, row.table) for row in await aws.dms.all_table_statistics(record.arn)}
    unknown = [one for one in names if one not in known]
    if unknown and known:
        wrong_usage(f"{record.name} has no table {', '.join(unknown)}")
    wanted = [known.get(one) or _split(one) for one in names]
    confirm(
        f"reload {len(wanted)} table{'s' if len(wanted) > 1 else ''} of {record.name}",
        verb.effect(record, Snapshot(at=aws.now())),
        yes=yes,
    )
    return await told(verb.run(aws, record, wanted, validate_only=validate_only), as_json=as_json)


command(group, "reload-tables")(reload_tables)


def _split(name: str) -> tuple[str, str]:
    schema, dot, table = name.partition(".")
    if not dot or not schema or not table:
        wrong_usage(f"{name!r} is not SCHEMA.TABLE")
    return schema, table


@click.argument("name", metavar="TASK")
@click.option("--metric", "wanted", multiple=True, metavar="NAME", help="Only this metric; may be repeated.")
@since_option("1h")
@click.option("--plot", is_flag=True, help="Draw latency and throughput.")
@json_option
async def metrics(
    aws: Connection, *, name: str, wanted: tuple[str, ...], since: timedelta, plot: bool, as_json: bool
) -> int:
    """Latency, throughput and waiting changes of a task from CloudWatch."""
    from dmstui.cli.metrics import print_points, print_summary
    from dmstui.model.metrics import FOCUS
    from dmstui.monitor import metrics as choose

    record = await find.task(aws, name)
    instances = await aws.dms.instances(record.instance_arn)
    queries = choose.task_queries(record, instances, wanted or FOCUS)
    seconds, now = choose.period(aws.sandbox), aws.now()
    found = await aws.cloudwatch.series(
        queries, choose.floor(now - since, seconds), now + timedelta(seconds=seconds), seconds
    )
    series: dict[str, MetricSeries] = found.get(record.arn, {})
    if as_json:
        print_points(series)
    elif plot:
        from dmstui.cli.plot import draw

        click.echo(draw(record.name, series, now - since, now))
    else:
        print_summary(series)
    if not any(one.points for one in series.values()):
        pair = queries[0].dimensions if queries else ()
        asked = ", ".join(f"{key}={value}" for key, value in pair)
        click.echo(f"no points since {since}; asked for {asked} in AWS/DMS", err=True)
        click.echo(
            "a stopped task has none, and CDC latency appears only while changes are captured", err=True
        )
    return exits.DONE


command(group, "metrics")(metrics)


@click.argument("name", metavar="TASK")
@click.option(
    "-n", "--lines", "count", type=click.IntRange(1, 10_000), default=200, help="The newest N lines."
)
@click.option(
    "--severity", type=click.Choice(["E", "W", "I", "T", "D", "V"]), multiple=True, help="Only these."
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@json_option
async def logs(
    aws: Connection, *, name: str, count: int, severity: tuple[str, ...], follow: bool, as_json: bool
) -> int:
    """The newest lines of a task's log. With --json one object a line."""
    from dmstui.aws.logs import task_stream
    from dmstui.cli.logs import print_line

    record = await find.task(aws, name)
    instances = await aws.dms.instances(record.instance_arn)
    if not instances:
        raise AwsError("NotFound", "the task's replication instance is gone")
    log_group, stream = task_stream(instances[0].name, record.suffix)
    lines, token = await aws.logs.tail(log_group, stream, limit=count)
    if not lines and not follow:
        click.echo(f"nothing in {log_group} / {stream}: the task never ran, or its logging is off", err=True)
    while True:
        for line in lines:
            if not severity or line.severity in severity:
                print_line(line, as_json=as_json)
        if not follow:
            return exits.DONE
        await asyncio.sleep(1.0 if aws.loopback else 5.0)
        lines, token = await aws.logs.tail(log_group, stream, limit=count, token=token)


command(group, "logs")(logs)
