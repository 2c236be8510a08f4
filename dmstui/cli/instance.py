"""`dmstui instance`: list, show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dmstui.cli import find
from dmstui.cli.common import command, json_option
from dmstui.cli.output import print_detail, print_json, print_kind

if TYPE_CHECKING:
    from dmstui.aws import Connection


@click.group(name="instance")
def group() -> None:
    """Replication instances. INSTANCE is a name, an ARN or an ARN's last part."""


@json_option
async def instance_list(aws: Connection, as_json: bool) -> None:
    """List all replication instances."""
    from dmstui.kinds import instance as kind

    picture = await find.snapshot(aws, "instances", "tasks")
    print_kind(kind.KIND, picture.instances.value, picture, as_json=as_json, hide=("cpu", "free_memory"))


command(group, "list")(instance_list)


@click.argument("name", metavar="INSTANCE")
@json_option
async def show(aws: Connection, name: str, as_json: bool) -> None:
    """Show one replication instance."""
    from dmstui.kinds import instance as kind

    picture = await find.snapshot(aws, "instances", "tasks")
    record = find.match(picture.instances.value, name, "replication instance")
    if as_json:
        print_json(kind.KIND.as_json(record, picture))
    else:
        print_detail(kind.KIND.detail(record, picture))


command(group, "show")(show)
