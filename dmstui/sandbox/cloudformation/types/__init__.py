"""The resource types of the sandbox's CloudFormation, one file a service. plan.py and work.py look types up here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from dmstui.sandbox.cloudformation.types.base import Provisioner, document

if TYPE_CHECKING:
    from dmstui.sandbox.cloudformation.stack import Stack
    from dmstui.sandbox.world import World

__all__ = ["Provisioner", "document", "find", "mark_again", "names", "takes_tags"]


@lru_cache(maxsize=1)
def _all() -> dict[str, Provisioner]:
    from dmstui.sandbox.cloudformation.types import (
        awslambda,
        cloudformation,
        cloudwatch,
        dms,
        ec2,
        ec2_instance,
        ec2_security,
        events,
        iam,
        kms,
        logs,
        rds,
        rds_cluster,
        s3,
        secretsmanager,
        sns,
        ssm,
    )

    rooms = (
        awslambda,
        cloudformation,
        cloudwatch,
        dms,
        ec2,
        ec2_instance,
        ec2_security,
        events,
        iam,
        kms,
        logs,
        rds,
        rds_cluster,
        s3,
        secretsmanager,
        sns,
        ssm,
    )
    return {kind.type: kind() for room in rooms for kind in room.TYPES}


def find(kind: str) -> Provisioner | None:
    """The provisioner of a resource type, or None when the sandbox has none."""
    if kind.startswith("Custom::"):
        kind = "AWS::CloudFormation::CustomResource"
    return _all().get(kind)


def names() -> list[str]:
    """Every type the sandbox can make, sorted (besides ``Custom::…``)."""
    return sorted(_all())


def takes_tags(kind: str) -> bool:
    """Whether the stack's tags are put on resources of this type."""
    found = find(kind)
    return found is not None and "Tags" in {*found.mutable.split(), *found.fixed.split()}


async def mark_again(world: World, stacks: Iterable[Stack]) -> None:
    """Put CloudFormation's own tags back where only moto's memory held them (after the sandbox was started again)."""
    from dmstui.sandbox.cloudformation.types.s3 import mark_bucket

    for stack in stacks:
        for state in stack.resources.values():
            if state.type == "AWS::S3::Bucket" and state.exists and state.physical_id:
                mark_bucket(world, state.physical_id, stack.name, stack.id, state.logical_id)
