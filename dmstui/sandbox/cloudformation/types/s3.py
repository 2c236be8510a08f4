"""S3: buckets with their configurations, and bucket policies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dmstui.sandbox.cloudformation.types.base import (
    SYSTEM_TAG,
    Properties,
    Provisioner,
    RefusalError,
    Site,
    as_list,
    document,
    flag,
    is_gone,
)

if TYPE_CHECKING:
    from dmstui.sandbox.world import World


def mark_bucket(world: World, bucket: str, stack_name: str, stack_id: str, logical_id: str) -> None:
    """Put CloudFormation's own tags on a bucket: the API refuses names that begin with ``aws:`` from everyone else."""
    tags = {
        f"{SYSTEM_TAG}stack-name": stack_name,
        f"{SYSTEM_TAG}stack-id": stack_id,
        f"{SYSTEM_TAG}logical-id": logical_id,
    }
    backend = world.moto.backend("s3")
    with contextlib.suppress(KeyError, AttributeError):
        arn = backend.buckets[bucket].arn
        backend.tagger.tag_resource(arn, [{"Key": key, "Value": value} for key, value in tags.items()])


def _versioning(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"VersioningConfiguration": value}


def _encryption(value: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in as_list(value["ServerSideEncryptionConfiguration"]):
        made = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
        if "BucketKeyEnabled" in rule:
            made["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
        rules.append(made)
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def lifecycle(value: Mapping[str, Any]) -> dict[str, Any]:
    """LifecycleConfiguration as a template writes it → the API's member. Pure."""
    rules = []
    for rule in as_list(value["Rules"]):
        made: dict[str, Any] = {"Status": rule["Status"]}
        filters: list[dict[str, Any]] = []
        if "Prefix" in rule:
            filters.append({"Prefix": rule["Prefix"]})
        filters += [{"Tag": tag} for tag in as_list(rule.get("TagFilters"))]
        if len(filters) > 1:
            both: dict[str, Any] = {"Tags": [item["Tag"] for item in filters if "Tag" in item]}
            if "Prefix" in rule:
                both["Prefix"] = rule["Prefix"]
            made["Filter"] = {"And": both}
        else:
            made["Filter"] = filters[0] if filters else {"Prefix": ""}
        for name, item in rule.items():
            match name:
                case "Status" | "Prefix" | "TagFilters":
                    continue
                case "Id":
                    made["ID"] = item
                case "ExpirationInDays":
                    made["Expiration"] = {"Days": int(item)}
                case "ExpirationDate":
                    made["Expiration"] = {"Date": item}
                case "ExpiredObjectDeleteMarker":
                    made["Expiration"] = {"ExpiredObjectDeleteMarker": flag(item)}
                case "NoncurrentVersionExpirationInDays":
                    made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(item)}
                case "NoncurrentVersionExpiration":
                    made[name] = {key: int(days) for key, days in item.items()}
                case "AbortIncompleteMultipartUpload":
                    made[name] = {"DaysAfterInitiation": int(item["DaysAfterInitiation"])}
                case "Transitions" | "Transition":
                    made["Transitions"] = [
                        {
                            "StorageClass": each["StorageClass"],
                            **({"Days": int(each["TransitionInDays"])} if "TransitionInDays" in each else {}),
                            **({"Date": each["TransitionDate"]} if "TransitionDate" in each else {}),
                        }
                        for each in as_list(item)
                    ]
                case _:
                    raise RefusalError(
                        f"Property LifecycleConfiguration.Rules.{name} of AWS::S3::Bucket is not in the sandbox."
                    )
        rules.append(made)
    return {"LifecycleConfiguration": {"Rules": rules}}


def _cors(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds", "Id": "ID"}
    rules = [
        {names.get(key, key): item for key, item in rule.items()} for rule in as_list(value["CorsRules"])
    ]
    return {"CORSConfiguration": {"CORSRules": rules}}


# Property → (operation, its parameters from the value, operation that takes it away).
CONFIGURATIONS: Mapping[str, tuple[str, Callable[[Any], dict[str, Any]], str | None]] = {
    "BucketEncryption": ("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
    "CorsConfiguration": ("PutBucketCors", _cors, "DeleteBucketCors"),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", lifecycle, "DeleteBucketLifecycle"),
    "OwnershipControls": (
        "PutBucketOwnershipControls",
        lambda value: {"OwnershipControls": value},
        "DeleteBucketOwnershipControls",
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock",
        lambda value: {"PublicAccessBlockConfiguration": value},
        "DeletePublicAccessBlock",
    ),
    "VersioningConfiguration": ("PutBucketVersioning", _versioning, None),
}


class Bucket(Provisioner):
    type = "AWS::S3::Bucket"
    fixed = "BucketName"
    mutable = (
        "BucketEncryption CorsConfiguration LifecycleConfiguration OwnershipControls "
        "PublicAccessBlockConfiguration Tags VersioningConfiguration AccessControl"
    )
    absent = (
        "AbacStatus AccelerateConfiguration AnalyticsConfigurations IntelligentTieringConfigurations "
        "InventoryConfigurations LoggingConfiguration MetadataConfiguration MetadataTableConfiguration "
        "MetricsConfigurations NotificationConfiguration ObjectLockConfiguration ObjectLockEnabled "
        "ReplicationConfiguration WebsiteConfiguration"
    )
    seconds = 15
    attributes = "Arn DomainName DualStackDomainName RegionalDomainName WebsiteURL"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("BucketName") or at.name(63, lower=True)
        region = at.world.region
        place = None if region == "us-east-1" else {"LocationConstraint": region}
        await at.call("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration=place)
        return str(name)

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self.update(at, physical_id, {}, p)
        await self.rest(at)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        suffix, region = "amazonaws.com", at.world.region
        return {
            "Arn": f"arn:{at.world.partition}:s3:::{physical_id}",
            "DomainName": f"{physical_id}.s3.{suffix}",
            "DualStackDomainName": f"{physical_id}.s3.dualstack.{region}.{suffix}",
            "RegionalDomainName": f"{physical_id}.s3.{region}.{suffix}",
            "WebsiteURL": f"http://{physical_id}.s3-website-{region}.{suffix}",
        }

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name, (put, shaped, remove) in CONFIGURATIONS.items():
            if old.get(name) == p.get(name):
                continue
            if name in p:
                await at.call("s3", put, Bucket=physical_id, **shaped(p[name]))
            elif remove is not None:
                await at.call("s3", remove, Bucket=physical_id)
        if old.get("AccessControl") != p.get("AccessControl") and "AccessControl" in p:
            words = "".join(
                f"-{letter.lower()}" if letter.isupper() else letter for letter in p["AccessControl"]
            )
            await at.call("s3", "PutBucketAcl", Bucket=physical_id, ACL=words.lstrip("-"))
        tags = at.tags(p)
        if tags:
            await at.call("s3", "PutBucketTagging", Bucket=physical_id, Tagging={"TagSet": tags})
        elif old.get("Tags"):
            await at.call("s3", "DeleteBucketTagging", Bucket=physical_id)
        mark_bucket(at.world, physical_id, at.stack_name, at.stack_id, at.logical_id)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("s3", "DeleteBucket", Bucket=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class BucketPolicy(Provisioner):
    type = "AWS::S3::BucketPolicy"
    required = "Bucket PolicyDocument"
    fixed = "Bucket"
    mutable = "PolicyDocument"

    async def create(self, at: Site, p: Properties) -> str:
        await self.update(at, p["Bucket"], {}, p)
        return str(p["Bucket"])

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call("s3", "PutBucketPolicy", Bucket=p["Bucket"], Policy=document(p["PolicyDocument"]))

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("s3", "DeleteBucketPolicy", Bucket=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Bucket, BucketPolicy)
