"""Lambda: functions and permissions. Their records are moto's; custom.py runs the code of custom resources."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    is_gone,
    pick,
)

INLINE_LIMIT = 4 << 20
CODE_MEMBERS = {"ZipFile", "S3Bucket", "S3Key", "S3ObjectVersion"}


def package(code: Mapping[str, Any], runtime: str) -> dict[str, Any]:
    """Code as a template gives it → the API's: inline text becomes an archive with index.py or index.js. Pure."""
    for name in code:
        if name not in CODE_MEMBERS:
            raise RefusalError(f"Property Code.{name} of AWS::Lambda::Function is not in the sandbox.")
    if "ZipFile" not in code:
        return dict(code)
    source = str(code["ZipFile"])
    if len(source.encode()) > INLINE_LIMIT:
        raise RefusalError("Inline code is larger than 4 MB.")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        # One date for all, so that the same text gives the same archive.
        archive.writestr(zipfile.ZipInfo("index.js" if runtime.startswith("nodejs") else "index.py"), source)
    return {"ZipFile": out.getvalue()}


class Function(Provisioner):
    type = "AWS::Lambda::Function"
    required = "Code Role"
    fixed = "FunctionName PackageType"
    mutable = (
        "Architectures Code DeadLetterConfig Description Environment EphemeralStorage Handler Layers LoggingConfig "
        "MemorySize ReservedConcurrentExecutions Role Runtime Tags Timeout TracingConfig VpcConfig KmsKeyArn"
    )
    absent = (
        "CapacityProviderConfig CodeSigningConfigArn DurableConfig FileSystemConfigs FunctionScalingConfig "
        "ImageConfig PublishToLatestPublished RecursiveLoop RuntimeManagementConfig SnapStart TenancyConfig"
    )
    seconds = 8
    attributes = "Arn"
    configuration = (
        "DeadLetterConfig Description Environment EphemeralStorage Handler Layers LoggingConfig MemorySize Role "
        "Runtime Timeout TracingConfig VpcConfig KmsKeyArn"
    )

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("FunctionName") or at.name(64)
        tags = {tag["Key"]: tag["Value"] for tag in at.tags(p)} | at.system_tags()
        await at.call(
            "lambda",
            "CreateFunction",
            FunctionName=name,
            Code=package(p["Code"], str(p.get("Runtime", ""))),
            Tags=tags,
            **pick(p, f"{self.configuration} Architectures PackageType"),
        )
        return str(name)

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        if "ReservedConcurrentExecutions" in p:
            await at.call(
                "lambda",
                "PutFunctionConcurrency",
                FunctionName=physical_id,
                **pick(p, "ReservedConcurrentExecutions"),
            )
        await self.rest(at)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        world = at.world
        return {
            "Arn": f"arn:{world.partition}:lambda:{world.region}:{world.account_id}:function:{physical_id}"
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        if old["Code"] != p["Code"] or old.get("Architectures") != p.get("Architectures"):
            code = package(p["Code"], str(p.get("Runtime", "")))
            await at.call(
                "lambda", "UpdateFunctionCode", FunctionName=physical_id, **code, **pick(p, "Architectures")
            )
        names = self.configuration.split()
        if any(old.get(name) != p.get(name) for name in names):
            await at.call(
                "lambda",
                "UpdateFunctionConfiguration",
                FunctionName=physical_id,
                **pick(p, self.configuration),
            )
        if old.get("ReservedConcurrentExecutions") != p.get("ReservedConcurrentExecutions"):
            if "ReservedConcurrentExecutions" in p:
                await self.settle(at, physical_id, p)
            else:
                await at.call("lambda", "DeleteFunctionConcurrency", FunctionName=physical_id)
        set_, removed = at.tag_changes(old, p)
        arn = (await self.read(at, physical_id, p))["Arn"]
        if set_:
            await at.call(
                "lambda", "TagResource", Resource=arn, Tags={tag["Key"]: tag["Value"] for tag in set_}
            )
        if removed:
            await at.call("lambda", "UntagResource", Resource=arn, TagKeys=removed)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("lambda", "DeleteFunction", FunctionName=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class Permission(Provisioner):
    type = "AWS::Lambda::Permission"
    required = "Action FunctionName Principal"
    fixed = "Action EventSourceToken FunctionName FunctionUrlAuthType Principal PrincipalOrgID SourceAccount SourceArn"
    absent = "InvokedViaFunctionUrl"
    attributes = "Id"

    async def create(self, at: Site, p: Properties) -> str:
        statement = at.name(100)
        await at.call("lambda", "AddPermission", StatementId=statement, **p)
        return statement

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call(
                "lambda", "RemovePermission", FunctionName=p["FunctionName"], StatementId=physical_id
            )
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Function, Permission)
