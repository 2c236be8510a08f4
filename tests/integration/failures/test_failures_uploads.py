"""Uploads that wait to be told to go on, as boto3's puts do, and those refused before they are sent."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def test_a_put_is_told_to_go_on(sandbox: Any) -> None:
    s3 = sandbox.client("s3")
    bucket = f"uploads-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="warm", Body=b"x")
    began = time.monotonic()
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x" * 1000)
    # without the answer the client waits one second at each of them
    assert time.monotonic() - began < 4
    assert s3.head_object(Bucket=bucket, Key="k4")["ContentLength"] == 1000


def test_a_refused_put_does_not_spoil_the_next_call(sandbox: Any) -> None:
    """The body of a refused put never comes: what follows on the connection is the next request."""
    bucket = f"uploads-{uuid.uuid4().hex[:8]}"
    sandbox.client("s3").create_bucket(Bucket=bucket)
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=1)
    stranger = sandbox.new_client("s3", aws_secret_access_key="x" * 40, config=config)
    for _ in range(3):
        with pytest.raises(ClientError) as caught:
            stranger.put_object(Bucket=bucket, Key="k", Body=b"x" * 1000)
        assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
