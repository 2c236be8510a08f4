"""CloudFormation as the sandbox offers it: `service` makes the room that the front serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.sandbox.service import Service
    from dmstui.sandbox.world import World


def service(world: World) -> Service:
    """The CloudFormation service of `world`; operations that a former run left in the middle go on."""
    from dmstui.sandbox.cloudformation.operations import CloudFormation

    return CloudFormation(world)
