"""`dmstui endpoint`: list, show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dmstui.cli import find
from dmstui.cli.common import command, json_option
from dmstui.cli.output import print_detail, print_json, print_kind

if TYPE_CHECKING:
    from dmstui.aws import Connection


@click.group(name="endpoint")
def group() -> None:
    """Source and target endpoints. ENDPOINT is a name, an ARN or an ARN's last part."""


@json_option
async def endpoint_list(aws: Connection, as_json: bool) -> None:
    """List all endpoints with their last connection test."""
    from dmstui.kinds import endpoint as kind

    picture = await find.snapshot(aws, "endpoints", "connections")
    print_kind(kind.KIND, picture.endpoints.value, picture, as_json=as_json)


command(group, "list")(endpoint_list)


@click.argument("name", metavar="ENDPOINT")
@json_option
async def show(aws: Connection, name: str, as_json: bool) -> None:
    """Show one endpoint with its settings; passwords are never given back by AWS."""
    from dmstui.kinds import endpoint as kind

    picture = await find.snapshot(aws, "endpoints", "connections")
    record = find.match(picture.endpoints.value, name, "endpoint")
    if as_json:
        print_json(kind.KIND.as_json(record, picture))
    else:
        print_detail(kind.KIND.detail(record, picture))


command(group, "show")(show)
