"""`dmstui event`: list."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from dmstui.cli.common import command, json_option
from dmstui.cli.output import print_kind
from dmstui.cli.times import since_option
from dmstui.model import Snapshot

if TYPE_CHECKING:
    from dmstui.aws import Connection


@click.group(name="event")
def group() -> None:
    """What DMS says happened to instances and tasks."""


@since_option("1d")
@json_option
async def event_list(aws: Connection, since: timedelta, as_json: bool) -> None:
    """List events, oldest first."""
    from dmstui.kinds import event as kind

    events = await aws.dms.events(minutes=max(1, int(since.total_seconds() // 60)))
    print_kind(kind.KIND, tuple(reversed(events)), Snapshot(at=aws.now()), as_json=as_json)


command(group, "list")(event_list)
