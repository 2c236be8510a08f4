"""EventBridge: rules with their targets."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    as_list,
    document,
    is_gone,
    pick,
)


class Rule(Provisioner):
    type = "AWS::Events::Rule"
    fixed = "EventBusName Name"
    mutable = "Description EventPattern RoleArn ScheduleExpression State Tags Targets"
    attributes = "Arn"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("Name") or at.name(64)
        await self._put(at, name, p)
        return str(name)

    async def _put(self, at: Site, name: str, p: Properties) -> None:
        await at.call(
            "events",
            "PutRule",
            Name=name,
            EventPattern=document(p.get("EventPattern")),
            **pick(p, "Description EventBusName RoleArn ScheduleExpression State"),
        )

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._targets(at, physical_id, {}, p)
        await self.rest(at)

    async def _targets(self, at: Site, name: str, old: Properties, p: Properties) -> None:
        before, after = as_list(old.get("Targets")), as_list(p.get("Targets"))
        gone = [item["Id"] for item in before if item["Id"] not in {each["Id"] for each in after}]
        if gone:
            await at.call("events", "RemoveTargets", Rule=name, Ids=gone, **pick(p, "EventBusName"))
        if after and after != before:
            await at.call("events", "PutTargets", Rule=name, Targets=after, **pick(p, "EventBusName"))

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await at.call("events", "DescribeRule", Name=physical_id, **pick(p, "EventBusName"))
        return {"Arn": found["Arn"]}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await self._put(at, physical_id, p)
        await self._targets(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await self._targets(at, physical_id, p, pick(p, "EventBusName"))
            await at.call("events", "DeleteRule", Name=physical_id, **pick(p, "EventBusName"))
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Rule,)
