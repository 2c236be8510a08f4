"""`dmstui connection`: list, test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dmstui.cli import exits, find
from dmstui.cli.common import command, json_option, say, timeout_option
from dmstui.cli.output import print_json, print_kind
from dmstui.model import AwsError, Connection, Snapshot

if TYPE_CHECKING:
    from dmstui.aws import Connection as Aws


@click.group(name="connection")
def group() -> None:
    """Connection tests between replication instances and endpoints."""


@json_option
async def connection_list(aws: Aws, as_json: bool) -> None:
    """List the last known result of every test."""
    from dmstui.kinds import connection as kind

    picture = await find.snapshot(aws, "connections")
    print_kind(kind.KIND, picture.connections.value, picture, as_json=as_json)


command(group, "list")(connection_list)


@click.argument("names", metavar="TASK|ENDPOINT...", nargs=-1, required=True)
@click.option("--instance", "instance_name", metavar="INSTANCE", help="Test endpoints from this instance.")
@timeout_option
@json_option
async def test(
    aws: Aws, names: tuple[str, ...], instance_name: str | None, seconds: float | None, as_json: bool
) -> int:
    """Test the connections of a task (its source and its target) or of endpoints, and wait for the results."""
    from dmstui.operations import test_connection as verb

    picture = await find.snapshot(aws, "tasks", "endpoints", "instances", "connections")
    results = []
    code = exits.DONE
    for pair in _pairs(picture, names, instance_name):
        endpoint = picture.endpoint(pair.endpoint_arn)
        label = endpoint.name if endpoint else pair.endpoint_arn
        reason = verb.refusal(pair, picture)
        if reason:
            error: AwsError | None = AwsError("Refused", f"{label}: {reason}")
        else:
            error = None
            async for step in verb.run(aws, pair, seconds=seconds):
                error = step.error
                if not as_json and not step.error:
                    click.echo(step.text, err=not step.done)
        if error is not None:
            say(error)
            code = max(code, exits.code_for(error))
        results.append(
            {
                "endpoint": label,
                "endpoint_arn": pair.endpoint_arn,
                "instance_arn": pair.instance_arn,
                "ok": error is None,
                "message": error.message if error else "successful",
            }
        )
    if as_json:
        print_json(results)
    return code


command(group, "test")(test)


def _pairs(picture: Snapshot, names: tuple[str, ...], instance_name: str | None) -> list[Connection]:
    """The pairs to test, each once."""
    from dmstui.operations.test_connection import pair, pairs

    found: dict[str, Connection] = {}
    for name in names:
        try:
            task = find.match(picture.tasks.value, name, "task")
        except AwsError:
            endpoint = find.match(picture.endpoints.value, name, "endpoint")
            for arn in _instances_for(picture, endpoint.arn, instance_name):
                one = pair(arn, endpoint.arn, picture)
                found[one.key] = one
        else:
            for one in pairs(task, picture):
                found[one.key] = one
    return list(found.values())


def _instances_for(picture: Snapshot, endpoint_arn: str, instance_name: str | None) -> list[str]:
    if instance_name:
        return [find.match(picture.instances.value, instance_name, "replication instance").arn]
    used = {
        task.instance_arn
        for task in picture.tasks.value
        if endpoint_arn in {task.source_arn, task.target_arn}
    }
    if used:
        return sorted(used)
    if len(picture.instances.value) == 1:
        return [picture.instances.value[0].arn]
    raise AwsError(
        "Refused", "no task uses this endpoint and there is more than one instance: give --instance"
    )
