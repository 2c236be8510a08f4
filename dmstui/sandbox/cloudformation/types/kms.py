"""KMS: keys and their aliases."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    document,
    flag,
    is_gone,
    pick,
)


class Key(Provisioner):
    type = "AWS::KMS::Key"
    fixed = "KeySpec KeyUsage MultiRegion Origin"
    mutable = "Description EnableKeyRotation Enabled KeyPolicy PendingWindowInDays Tags"
    absent = "BypassPolicyLockoutSafetyCheck RotationPeriodInDays"
    seconds = 30
    attributes = "Arn KeyId"

    async def create(self, at: Site, p: Properties) -> str:
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in at.tags(p)]
        answer = await at.call(
            "kms",
            "CreateKey",
            Policy=document(p.get("KeyPolicy")),
            Tags=tags or None,
            **pick(p, "Description KeySpec KeyUsage MultiRegion Origin"),
        )
        return str(answer["KeyMetadata"]["KeyId"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._switches(at, physical_id, {}, p)
        await self.rest(at)

    async def _switches(self, at: Site, key: str, old: Properties, p: Properties) -> None:
        if flag(old.get("EnableKeyRotation")) != flag(p.get("EnableKeyRotation")):
            on = flag(p.get("EnableKeyRotation"))
            await at.call("kms", "EnableKeyRotation" if on else "DisableKeyRotation", KeyId=key)
        if flag(old.get("Enabled", True)) != flag(p.get("Enabled", True)):
            on = flag(p.get("Enabled", True))
            await at.call("kms", "EnableKey" if on else "DisableKey", KeyId=key)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = (await at.call("kms", "DescribeKey", KeyId=physical_id))["KeyMetadata"]
        return {"Arn": found["Arn"], "KeyId": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await self._switches(at, physical_id, old, p)
        if old.get("Description") != p.get("Description"):
            await at.call(
                "kms", "UpdateKeyDescription", KeyId=physical_id, Description=p.get("Description", "")
            )
        if old.get("KeyPolicy") != p.get("KeyPolicy") and "KeyPolicy" in p:
            await at.call(
                "kms",
                "PutKeyPolicy",
                KeyId=physical_id,
                PolicyName="default",
                Policy=document(p["KeyPolicy"]),
            )
        set_, removed = at.tag_changes(old, p)
        if set_:
            tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in set_]
            await at.call("kms", "TagResource", KeyId=physical_id, Tags=tags)
        if removed:
            await at.call("kms", "UntagResource", KeyId=physical_id, TagKeys=removed)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call(
                "kms",
                "ScheduleKeyDeletion",
                KeyId=physical_id,
                PendingWindowInDays=p.get("PendingWindowInDays"),
            )
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class Alias(Provisioner):
    type = "AWS::KMS::Alias"
    required = "AliasName TargetKeyId"
    fixed = "AliasName"
    mutable = "TargetKeyId"

    async def create(self, at: Site, p: Properties) -> str:
        await at.call("kms", "CreateAlias", **pick(p, "AliasName TargetKeyId"))
        return str(p["AliasName"])

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call("kms", "UpdateAlias", **pick(p, "AliasName TargetKeyId"))

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("kms", "DeleteAlias", AliasName=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Key, Alias)
