"""`dmstui stack`: list, status, delete. NAME is a stack's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dmstui.cli import find
from dmstui.cli.common import command, confirm, json_option, timeout_option, told, wait_option, yes_option
from dmstui.cli.output import print_detail, print_json, print_kind
from dmstui.model import AwsError, Part, Snapshot

if TYPE_CHECKING:
    from dmstui.aws import Connection


@click.group(name="stack")
def group() -> None:
    """CloudFormation stacks."""


@json_option
async def stack_list(aws: Connection, *, as_json: bool) -> None:
    """List all stacks."""
    from dmstui.kinds import stack as kind

    picture = await find.snapshot(aws, "stacks")
    print_kind(kind.KIND, picture.stacks.value, picture, as_json=as_json)


command(group, "list")(stack_list)


@click.argument("name")
@json_option
async def status(aws: Connection, *, name: str, as_json: bool) -> None:
    """Show a stack, where each resource stands, and why it failed where it did."""
    from dmstui.kinds import stack as kind
    from dmstui.kinds import stack_resource
    from dmstui.operations.stacks import cause, of_last_operation

    record = await aws.cloudformation.stack(name)
    if record is None:
        raise AwsError("NotFound", f"there is no stack {name!r}")
    resources = await aws.cloudformation.resources(record.id)
    events = of_last_operation(await aws.cloudformation.events(record.id))
    first = cause(events) if record.failed else None
    picture = Snapshot(at=aws.now())
    if as_json:
        found = kind.KIND.as_json(record, picture)
        found["resources"] = [stack_resource.KIND.as_json(one, picture) for one in resources]
        found["cause"] = None if first is None else {"resource": first.logical_id, "reason": first.reason}
        print_json(found)
        return
    print_detail(kind.KIND.detail(record, picture))
    click.echo()
    print_kind(stack_resource.KIND, resources, picture)
    if first is not None:
        click.echo(f"\nIt began with {first.logical_id} ({first.type}): {first.reason}")


command(group, "status")(status)


@click.argument("name")
@yes_option
@wait_option
@timeout_option
@json_option
async def delete(
    aws: Connection, *, name: str, yes: bool, wait: bool, seconds: float | None, as_json: bool
) -> int:
    """Delete a stack and everything it made."""
    from dmstui.operations import delete_stack as verb

    record = await aws.cloudformation.stack(name)
    if record is None:
        raise AwsError("NotFound", f"there is no stack {name!r}")
    resources = await aws.cloudformation.resources(record.id)
    picture = Snapshot(at=aws.now(), stack_resources={record.name: Part(resources)})
    confirm(f"delete the stack {record.name}", verb.effect(record, picture), yes=yes, name=record.name)
    return await told(verb.run(aws, record, wait=wait, seconds=seconds), as_json=as_json)


command(group, "delete")(delete)
