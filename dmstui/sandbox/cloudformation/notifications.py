"""Events of a stack told to the SNS topics in its NotificationARNs. The book calls it after every change."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dmstui.sandbox.cloudformation.stack import Stack, StackEvent

if TYPE_CHECKING:
    from dmstui.sandbox.world import World

log = logging.getLogger(__name__)

SUBJECT = "AWS CloudFormation Notification"


def message(stack: Stack, event: StackEvent, account_id: str) -> str:
    """The text of one notification, in the form CloudFormation writes it. Pure."""
    members = {
        "StackId": stack.id,
        "Timestamp": event.at,
        "EventId": event.event_id,
        "LogicalResourceId": event.logical_id,
        "Namespace": account_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or "",
        "ResourceType": event.type,
        "StackName": stack.name,
        "ClientRequestToken": event.token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())


class Notifications:
    """Remembers how far each stack's events have been told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: dict[str, str] = {}

    def loaded(self, stack: Stack) -> None:
        """What a former run recorded has been told already."""
        if stack.events:
            self._told[stack.id] = stack.events[-1].event_id

    def tell(self, stack: Stack) -> None:
        """Send what is new, in the background."""
        if not stack.inputs.notification_arns or not stack.events:
            return
        last = self._told.get(stack.id)
        fresh: list[StackEvent] = []
        for event in reversed(stack.events):
            if event.event_id == last:
                break
            fresh.insert(0, event)
        if fresh:
            self._told[stack.id] = fresh[-1].event_id
            self._world.spawn(self._send(stack, fresh), f"notifications of {stack.name}")

    async def _send(self, stack: Stack, events: list[StackEvent]) -> None:
        async with self._world.client("sns") as sns:
            for event in events:
                text = message(stack, event, self._world.account_id)
                for topic in stack.inputs.notification_arns:
                    try:
                        await sns.publish(TopicArn=topic, Subject=SUBJECT, Message=text)
                    except Exception as error:
                        # As on AWS: a topic that is gone does not hold the stack up.
                        log.info("no notification to %s: %s", topic, error)
