"""CloudWatch Logs: groups and streams."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    is_gone,
    pick,
)


class LogGroup(Provisioner):
    type = "AWS::Logs::LogGroup"
    fixed = "LogGroupName"
    mutable = "RetentionInDays Tags KmsKeyId LogGroupClass"
    absent = "DataProtectionPolicy FieldIndexPolicies ResourcePolicyDocument"
    attributes = "Arn"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("LogGroupName") or at.name(512)
        tags = {tag["Key"]: tag["Value"] for tag in at.tags(p)}
        await at.call(
            "logs",
            "CreateLogGroup",
            logGroupName=name,
            tags=tags or None,
            kmsKeyId=p.get("KmsKeyId"),
            logGroupClass=p.get("LogGroupClass"),
        )
        return str(name)

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._retention(at, physical_id, {}, p)
        await self.rest(at)

    async def _retention(self, at: Site, name: str, old: Properties, p: Properties) -> None:
        if old.get("RetentionInDays") == p.get("RetentionInDays"):
            return
        if "RetentionInDays" in p:
            await at.call(
                "logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=p["RetentionInDays"]
            )
        else:
            await at.call("logs", "DeleteRetentionPolicy", logGroupName=name)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        world = at.world
        return {
            "Arn": f"arn:{world.partition}:logs:{world.region}:{world.account_id}:log-group:{physical_id}:*"
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name in ("KmsKeyId", "LogGroupClass"):
            if old.get(name) != p.get(name):
                raise RefusalError(f"Update of property {name} of {self.type} is not in the sandbox.")
        await self._retention(at, physical_id, old, p)
        set_, removed = at.tag_changes(old, p)
        arn = (await self.read(at, physical_id, p))["Arn"].removesuffix(":*")
        if set_:
            tags = {tag["Key"]: tag["Value"] for tag in set_}
            await at.call("logs", "TagResource", resourceArn=arn, tags=tags)
        if removed:
            await at.call("logs", "UntagResource", resourceArn=arn, tagKeys=removed)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("logs", "DeleteLogGroup", logGroupName=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class LogStream(Provisioner):
    type = "AWS::Logs::LogStream"
    required = "LogGroupName"
    fixed = "LogGroupName LogStreamName"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("LogStreamName") or at.name(512)
        await at.call("logs", "CreateLogStream", logStreamName=name, **_group(p))
        return str(name)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("logs", "DeleteLogStream", logStreamName=physical_id, **_group(p))
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


def _group(p: Properties) -> dict[str, Any]:
    return {"logGroupName": pick(p, "LogGroupName")["LogGroupName"]}


TYPES = (LogGroup, LogStream)
