"""CloudFormation's own types: custom resources, wait conditions and handles, and the metadata that CDK adds."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

from dmstui.sandbox.cloudformation.intrinsics import text
from dmstui.sandbox.cloudformation.types.base import Properties, Provisioner, RefusalError, Site, invalid

DEFAULT_SERVICE_TIMEOUT = 3600
POLL_SECONDS = 0.2


def as_text(value: Any) -> Any:
    """Properties as a custom resource's function gets them: every scalar is a string. Pure."""
    if isinstance(value, Mapping):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_text(item) for item in value]
    return text(value)


class CustomResource(Provisioner):
    type = "AWS::CloudFormation::CustomResource"
    required = "ServiceToken"
    fixed = "ServiceToken"
    attributes = "*"
    open_properties = True

    def check(self, p: Properties, logical_id: str) -> None:
        if not p.get("ServiceToken"):
            raise invalid(logical_id, "#: required key [ServiceToken] not found")
        try:
            good = 1 <= int(p.get("ServiceTimeout", 1)) <= DEFAULT_SERVICE_TIMEOUT
        except (TypeError, ValueError):
            good = False
        if not good:
            raise RefusalError(f"ServiceTimeout of {logical_id} must be a number of seconds from 1 to 3600.")

    async def _ask(self, at: Site, kind: str, p: Properties, **more: Any) -> dict[str, Any]:
        event = {
            "RequestType": kind,
            "ServiceToken": p["ServiceToken"],
            "StackId": at.stack_id,
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": at.logical_id,
            "ResourceType": at.type,
            "ResourceProperties": as_text(p),
            **more,
        }
        answer = await at.code.custom(
            str(p["ServiceToken"]), event, float(p.get("ServiceTimeout", DEFAULT_SERVICE_TIMEOUT))
        )
        data = answer.get("Data")
        at.code.data[at.stack_id, at.logical_id, at.generation] = (
            dict(data) if isinstance(data, Mapping) else {}
        )
        return answer

    async def create(self, at: Site, p: Properties) -> str:
        # Refused before there is anything: a rollback would ask the same code to delete it, and stick there.
        at.code.runnable(str(p["ServiceToken"]))
        # The function decides the id; until it answers the resource has the one CloudFormation would make up.
        return at.name(128)

    async def settle(self, at: Site, physical_id: str, p: Properties) -> str:
        answer = await self._ask(at, "Create", p)
        return str(answer["PhysicalResourceId"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return at.code.data.pop((at.stack_id, at.logical_id, at.generation), {})

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> str:
        answer = await self._ask(
            at, "Update", p, PhysicalResourceId=physical_id, OldResourceProperties=as_text(old)
        )
        return str(answer["PhysicalResourceId"])

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._ask(at, "Delete", p, PhysicalResourceId=physical_id)
        at.code.data.pop((at.stack_id, at.logical_id, at.generation), None)


class WaitConditionHandle(Provisioner):
    type = "AWS::CloudFormation::WaitConditionHandle"

    async def create(self, at: Site, p: Properties) -> str:
        return await at.code.new_handle()

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        at.code.drop_handle(physical_id)


class WaitCondition(Provisioner):
    type = "AWS::CloudFormation::WaitCondition"
    mutable = "Count Handle Timeout"
    attributes = "Data"

    async def create(self, at: Site, p: Properties) -> str:
        world = at.world
        account = f"{world.region}:{world.account_id}"
        return f"arn:{world.partition}:cloudformation:{account}:stack/{at.stack_name}/{at.unique()}/{at.logical_id}"

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        if "Handle" not in p:
            # Without a handle it waits for the signals of its CreationPolicy, as work.py does for every type.
            return
        handle = at.code.handles.get(str(p["Handle"]))
        if handle is None:
            raise RefusalError(
                "WaitCondition received failed message: its handle is not known to this sandbox any more"
            )
        count, seconds = int(p.get("Count", 1)), float(p.get("Timeout", 0) or 0)
        end = asyncio.get_running_loop().time() + seconds
        while True:
            failed = next((item for item in handle.signals.items() if item[1]["Status"] == "FAILURE"), None)
            if failed is not None:
                raise RefusalError(
                    f"WaitCondition received failed message: '{failed[1]['Reason']}' for uniqueId: {failed[0]}"
                )
            if sum(item["Status"] == "SUCCESS" for item in handle.signals.values()) >= count:
                return
            if asyncio.get_running_loop().time() > end:
                raise RefusalError(
                    f"WaitCondition timed out. Received {len(handle.signals)} conditions when expecting {count}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        handle = at.code.handles.get(str(p.get("Handle")))
        data = {key: item["Data"] for key, item in handle.signals.items()} if handle else {}
        return {"Data": json.dumps(data)}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        raise RefusalError("Update to resource type AWS::CloudFormation::WaitCondition is not supported.")


class CdkMetadata(Provisioner):
    """What CDK writes into every template for its own statistics: nothing to make."""

    type = "AWS::CDK::Metadata"
    mutable = "Analytics Modules"

    async def create(self, at: Site, p: Properties) -> str:
        return at.unique(8).lower()

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        return None

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        return None


TYPES = (CustomResource, WaitConditionHandle, WaitCondition, CdkMetadata)
