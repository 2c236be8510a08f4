"""Secrets Manager: secrets, given or generated, what they are attached to, and their policies."""

from __future__ import annotations

import json
from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    document,
    is_gone,
    pick,
)

GENERATOR = (
    "ExcludeCharacters ExcludeLowercase ExcludeNumbers ExcludePunctuation ExcludeUppercase IncludeSpace "
    "PasswordLength RequireEachIncludedType"
)
GENERATED = set(GENERATOR.split()) | {"SecretStringTemplate", "GenerateStringKey"}


class Secret(Provisioner):
    type = "AWS::SecretsManager::Secret"
    fixed = "Name"
    mutable = "Description GenerateSecretString KmsKeyId SecretString Tags"
    absent = "ReplicaRegions Type"
    attributes = "Id"

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "secretsmanager",
            "CreateSecret",
            Name=p.get("Name") or f"{at.logical_id}-{at.unique()}",
            SecretString=await self._value(at, p),
            Tags=(at.tags(p) + [{"Key": key, "Value": value} for key, value in at.system_tags().items()]),
            **pick(p, "Description KmsKeyId"),
        )
        return str(answer["ARN"])

    async def _value(self, at: Site, p: Properties) -> str:
        if "GenerateSecretString" not in p:
            return str(p.get("SecretString", "{}"))
        if "SecretString" in p:
            raise RefusalError("You must specify only one of SecretString and GenerateSecretString.")
        asked = p["GenerateSecretString"]
        for name in asked:
            if name not in GENERATED:
                raise RefusalError(f"#/GenerateSecretString: extraneous key [{name}] is not permitted")
        made = await at.call("secretsmanager", "GetRandomPassword", **pick(asked, GENERATOR))
        password = str(made["RandomPassword"])
        key = asked.get("GenerateStringKey")
        if key is None:
            return password
        try:
            body = json.loads(asked.get("SecretStringTemplate", "{}"))
        except ValueError:
            raise RefusalError("SecretStringTemplate is not valid JSON.") from None
        return json.dumps({**body, key: password})

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        value = None
        if any(old.get(name) != p.get(name) for name in ("GenerateSecretString", "SecretString")):
            value = await self._value(at, p)
        await at.call(
            "secretsmanager",
            "UpdateSecret",
            SecretId=physical_id,
            SecretString=value,
            **pick(p, "Description KmsKeyId"),
        )
        set_, removed = at.tag_changes(old, p)
        if set_:
            await at.call("secretsmanager", "TagResource", SecretId=physical_id, Tags=set_)
        if removed:
            await at.call("secretsmanager", "UntagResource", SecretId=physical_id, TagKeys=removed)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call(
                "secretsmanager", "DeleteSecret", SecretId=physical_id, ForceDeleteWithoutRecovery=True
            )
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class SecretTargetAttachment(Provisioner):
    """Writes engine, host, port and database of a database into its secret."""

    type = "AWS::SecretsManager::SecretTargetAttachment"
    required = "SecretId TargetId TargetType"
    fixed = "SecretId"
    mutable = "TargetId TargetType"
    attributes = "Id"

    async def create(self, at: Site, p: Properties) -> str:
        await self.update(at, p["SecretId"], {}, p)
        return str(p["SecretId"])

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        found = await at.call("secretsmanager", "GetSecretValue", SecretId=p["SecretId"])
        try:
            body = json.loads(found["SecretString"])
        except (ValueError, KeyError):
            raise RefusalError("The secret's value is not JSON: nothing can be attached to it.") from None
        body.update(await self._target(at, p))
        await at.call(
            "secretsmanager", "PutSecretValue", SecretId=p["SecretId"], SecretString=json.dumps(body)
        )

    async def _target(self, at: Site, p: Properties) -> dict[str, Any]:
        name = str(p["TargetId"])
        match p["TargetType"]:
            case "AWS::RDS::DBInstance":
                found = await at.call("rds", "DescribeDBInstances", DBInstanceIdentifier=name)
                server = found["DBInstances"][0]
                made = {
                    "engine": server["Engine"],
                    "host": server["Endpoint"]["Address"],
                    "port": server["Endpoint"]["Port"],
                    "dbname": server.get("DBName"),
                    "dbInstanceIdentifier": server["DBInstanceIdentifier"],
                }
            case "AWS::RDS::DBCluster":
                found = await at.call("rds", "DescribeDBClusters", DBClusterIdentifier=name)
                cluster = found["DBClusters"][0]
                made = {
                    "engine": cluster["Engine"],
                    "host": cluster["Endpoint"],
                    "port": cluster["Port"],
                    "dbname": cluster.get("DatabaseName"),
                    "dbClusterIdentifier": cluster["DBClusterIdentifier"],
                }
            case other:
                raise RefusalError(f"TargetType {other} of {self.type} is not in the sandbox.")
        return {key: value for key, value in made.items() if value is not None}

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            found = await at.call("secretsmanager", "GetSecretValue", SecretId=p["SecretId"])
            body = json.loads(found["SecretString"])
        except (RefusalError, ValueError, KeyError):
            return
        for name in ("engine", "host", "port", "dbname", "dbInstanceIdentifier", "dbClusterIdentifier"):
            body.pop(name, None)
        await at.call(
            "secretsmanager", "PutSecretValue", SecretId=p["SecretId"], SecretString=json.dumps(body)
        )


class ResourcePolicy(Provisioner):
    type = "AWS::SecretsManager::ResourcePolicy"
    required = "ResourcePolicy SecretId"
    fixed = "SecretId"
    mutable = "BlockPublicPolicy ResourcePolicy"
    attributes = "Id"

    async def create(self, at: Site, p: Properties) -> str:
        await self.update(at, p["SecretId"], {}, p)
        return str(p["SecretId"])

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call(
            "secretsmanager",
            "PutResourcePolicy",
            SecretId=p["SecretId"],
            ResourcePolicy=document(p["ResourcePolicy"]),
            BlockPublicPolicy=p.get("BlockPublicPolicy"),
        )

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("secretsmanager", "DeleteResourcePolicy", SecretId=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Secret, SecretTargetAttachment, ResourcePolicy)
