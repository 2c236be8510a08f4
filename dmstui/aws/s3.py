"""Amazon S3, as little as the product needs: what lies under a prefix. Called as `connection.s3`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object of a listing; size in bytes."""

    key: str
    size: int
    modified: datetime


class S3:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Connection) -> None:
        self._aws = aws

    async def objects(self, bucket: str, prefix: str = "", limit: int = 10_000) -> tuple[S3Object, ...]:
        """The objects under a prefix, by key, at most `limit`."""
        found: list[S3Object] = []
        token: str | None = None
        while len(found) < limit:
            answer = await self._aws.call(
                "s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix, ContinuationToken=token
            )
            found.extend(
                S3Object(entry["Key"], entry["Size"], entry["LastModified"])
                for entry in answer.get("Contents", [])
            )
            token = answer.get("NextContinuationToken") or None
            if token is None:
                break
        return tuple(found[:limit])
