"""The bucket: puts, lists and deletes objects through boto3 and says what went wrong as DMS would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any
from urllib.parse import urlencode

from dmstui.sandbox.writers.base import TargetError
from dmstui.sandbox.writers.s3.settings import S3Settings

DENIED = frozenset({"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
MISSING = frozenset({"NoSuchBucket", "404", "NotFound"})


class Bucket:
    """One bucket through one client. Methods block; boto3 clients may be shared by threads."""

    def __init__(self, settings: S3Settings, aws: dict[str, str]) -> None:
        """`aws`: endpoint_url, access_key, secret_key, region."""
        import boto3
        from botocore.config import Config

        self._settings = settings
        session = boto3.session.Session()  # of our own: nothing of the user's profiles or variables
        self._client: Any = session.client(
            "s3",
            endpoint_url=aws["endpoint_url"],
            aws_access_key_id=aws["access_key"],
            aws_secret_access_key=aws["secret_key"],
            region_name=aws["region"],
            config=Config(
                retries={"max_attempts": 3, "mode": "standard"},
                connect_timeout=5,
                read_timeout=60,
                s3={"addressing_style": "path"},
                max_pool_connections=64,
                proxies={},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

        # an `Expect: 100-continue` costs a round trip a file, or a second where it is not answered
        self._client.meta.events.register("before-send.s3", _without_expect)

    def _owner(self) -> dict[str, str]:
        owner = self._settings.expected_owner
        return {"ExpectedBucketOwner": owner} if owner else {}

    def check(self) -> None:
        """Whether the bucket is there and may be listed."""
        self._call("list_objects_v2", MaxKeys=1, **self._owner())

    def put(self, key: str, body: IO[bytes], tags: dict[str, str] | None = None) -> None:
        """Put one object; it appears whole or not at all."""
        extra: dict[str, Any] = dict(self._owner())
        if self._settings.encryption in {"sse-kms", "aws:kms"}:
            extra["ServerSideEncryption"] = "aws:kms"
            if self._settings.kms_key:
                extra["SSEKMSKeyId"] = self._settings.kms_key
        else:
            extra["ServerSideEncryption"] = "AES256"
        if self._settings.canned_acl != "none":
            extra["ACL"] = self._settings.canned_acl
        if tags:
            extra["Tagging"] = urlencode(tags)
        self._call("put_object", Key=key, Body=body, **extra)

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys under a prefix."""
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=prefix, **token, **self._owner())
            yield from (each["Key"] for each in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are not there are no error."""
        for start in range(0, len(keys), 1000):
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            answer = self._call("delete_objects", Delete={"Objects": objects, "Quiet": True}, **self._owner())
            for wrong in answer.get("Errors", ()):
                raise TargetError(
                    f"Failed to delete object '{wrong.get('Key')}' of bucket '{self._settings.bucket}': "
                    f"{wrong.get('Code')} {wrong.get('Message')}"
                )

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = getattr(self._client, operation)(Bucket=self._settings.bucket, **parameters)
            return dict(answer)
        except ClientError as wrong:
            raise translated(operation, self._settings.bucket, wrong.response) from wrong
        except BotoCoreError as wrong:
            raise TargetError(
                f"Failed to reach bucket '{self._settings.bucket}': {wrong}", recoverable=True
            ) from wrong


def _without_expect(request: Any, **_: Any) -> None:
    if "Expect" in request.headers:
        del request.headers["Expect"]


def translated(operation: str, bucket: str, response: dict[str, Any]) -> TargetError:
    """The service's refusal as a target error: a missing or closed bucket is final, an overloaded service is not."""
    error = response.get("Error", {})
    code, text = str(error.get("Code", "")), str(error.get("Message", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    call = "".join(part.capitalize() for part in operation.split("_"))
    if code in MISSING:
        return TargetError(f"Failed to access bucket '{bucket}': {code} {text} [{call}]".replace("  ", " "))
    if code in DENIED:
        return TargetError(
            f"Access to bucket '{bucket}' was denied: {code} {text} [{call}]".replace("  ", " ")
        )
    recoverable = status >= 500 or code in {"SlowDown", "RequestTimeout", "Throttling"}
    return TargetError(f"{call} on bucket '{bucket}' failed: {code} {text}", recoverable=recoverable)
