"""The front as stock clients meet it: signatures, protocols, S3 bodies, and whom it refuses."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

BAD_KEY = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "no"}

# What each service of each protocol says to a wrong secret and to an unknown key.
REFUSED = [
    ("s3", "list_buckets", {}, "SignatureDoesNotMatch", "InvalidAccessKeyId"),
    ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch", "InvalidClientTokenId"),
    ("rds", "describe_db_instances", {}, "SignatureDoesNotMatch", "InvalidClientTokenId"),
    ("ec2", "describe_vpcs", {}, "AuthFailure", "AuthFailure"),
    ("ssm", "describe_parameters", {}, "InvalidSignatureException", "UnrecognizedClientException"),
    ("logs", "describe_log_groups", {}, "InvalidSignatureException", "UnrecognizedClientException"),
    ("cloudwatch", "list_metrics", {}, "InvalidSignatureException", "UnrecognizedClientException"),
    ("secretsmanager", "list_secrets", {}, "InvalidSignatureException", "UnrecognizedClientException"),
]


@pytest.mark.parametrize(("service", "operation", "arguments", "mismatch", "unknown"), REFUSED)
def test_a_wrong_signature_is_refused_in_the_services_words(  # noqa: PLR0917
    sandbox: Any, service: str, operation: str, arguments: dict[str, Any], mismatch: str, unknown: str
) -> None:
    wrong = sandbox.new_client(service, aws_secret_access_key="wrong")
    with pytest.raises(ClientError) as caught:
        getattr(wrong, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == mismatch
    stranger = sandbox.new_client(service, **BAD_KEY)
    with pytest.raises(ClientError) as caught:
        getattr(stranger, operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == unknown


def ask(
    sandbox: Any, path: str = "/", headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.headers["Date"]
        assert answer.headers["x-amzn-requestid"]
        assert "access-control-allow-origin" not in {name.lower() for name in answer.headers}
        return answer.status, text
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "169.254.169.254"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Referer": "http://127.0.0.1/"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_browsers_and_foreign_hosts_are_turned_away(sandbox: Any, headers: dict[str, str]) -> None:
    status, _ = ask(sandbox, headers=headers)
    assert status == 403


@pytest.mark.parametrize("path", ["/moto-api/data.json", "/moto-api/", "/latest/meta-data/", "/bucket/key"])
def test_nothing_is_to_be_had_without_a_signature(sandbox: Any, path: str) -> None:
    status, text = ask(sandbox, path)
    assert status == 403
    assert "Traceback" not in text


def test_the_controls_ask_for_the_secret(sandbox: Any) -> None:
    assert ask(sandbox, "/_sandbox/databases")[0] == 403
    assert ask(sandbox, "/_sandbox/databases", {"Authorization": "Bearer nonsense"})[0] == 403
    good = {"Authorization": f"Bearer {sandbox.exports['AWS_SECRET_ACCESS_KEY']}"}
    assert ask(sandbox, "/_sandbox/databases", good)[0] == 200
    assert ask(sandbox, "/_sandbox/nothing", good)[0] == 404


def test_another_region_is_refused_with_the_reason(sandbox: Any) -> None:
    with pytest.raises(ClientError, match="us-east-1"):
        sandbox.new_client("rds", region_name="eu-west-1").describe_db_instances()


def test_what_nobody_has_is_named(sandbox: Any) -> None:
    with pytest.raises(ClientError, match="not in the sandbox") as caught:
        sandbox.client("logs").create_export_task(
            logGroupName="x", fromTime=0, to=1, destination="bucket-of-nobody"
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_parameters_are_checked_by_the_service(sandbox: Any) -> None:
    loose = sandbox.new_client(
        "logs", config=Config(parameter_validation=False, retries={"total_max_attempts": 1})
    )
    with pytest.raises(ClientError) as caught:
        loose.create_log_group()
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert "logGroupName" in str(caught.value)


def test_identity_and_assumed_roles(sandbox: Any) -> None:
    who = sandbox.aws("sts", "get-caller-identity")
    assert who["Account"] == "123456789012"
    assert who["Arn"] == "arn:aws:iam::123456789012:user/sandbox"
    allow = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    role = sandbox.client("iam").create_role(RoleName="front-role", AssumeRolePolicyDocument=trust)["Role"][
        "Arn"
    ]
    given = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="front-test")["Credentials"]
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    assert (
        ":assumed-role/front-role/front-test"
        in sandbox.new_client("sts", **keys).get_caller_identity()["Arn"]
    )
    with pytest.raises(ClientError) as caught:
        sandbox.new_client("sts", **keys | {"aws_session_token": "other"}).get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_objects_of_any_kind_come_back_as_they_went(sandbox: Any, tmp_path: Any) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="front-objects")
    key = "a b/ü+&=%20.txt"
    packed = gzip.compress(b"hello" * 100)
    s3.put_object(Bucket="front-objects", Key=key, Body=packed, ContentEncoding="gzip", Metadata={"k_x": "v"})
    got = s3.get_object(Bucket="front-objects", Key=key)
    assert got["Body"].read() == packed
    assert got["Metadata"] == {"k_x": "v"}
    assert s3.head_object(Bucket="front-objects", Key=key)["ContentLength"] == len(packed)
    part = s3.get_object(Bucket="front-objects", Key=key, Range="bytes=3-9")
    assert part["Body"].read() == packed[3:10]
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(20_000_000))
    sandbox.aws("s3", "cp", "--no-progress", str(big), "s3://front-objects/big.bin")
    parts = s3.head_object(Bucket="front-objects", Key="big.bin", PartNumber=1)
    assert parts["PartsCount"] > 1
    sandbox.aws("s3", "cp", "--no-progress", "s3://front-objects/big.bin", str(tmp_path / "back.bin"))
    assert (
        hashlib.sha256((tmp_path / "back.bin").read_bytes()).digest()
        == hashlib.sha256(big.read_bytes()).digest()
    )
    listed = sandbox.aws("s3", "ls", "--recursive", "s3://front-objects/")
    assert "big.bin" in listed
    assert key in listed


def test_presigned_urls_hold_until_they_are_touched(sandbox: Any) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="front-presigned")
    s3.put_object(Bucket="front-presigned", Key="k", Body=b"content")
    newer = sandbox.new_client("s3", config=Config(signature_version="s3v4"))
    for client in (s3, newer):
        url = client.generate_presigned_url("get_object", Params={"Bucket": "front-presigned", "Key": "k"})
        assert urllib.request.urlopen(url, timeout=10).read() == b"content"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.replace("/k?", "/other?"), timeout=10)
    put = newer.generate_presigned_url("put_object", Params={"Bucket": "front-presigned", "Key": "new"})
    urllib.request.urlopen(urllib.request.Request(put, b"sent", method="PUT"), timeout=10).close()
    assert s3.get_object(Bucket="front-presigned", Key="new")["Body"].read() == b"sent"


def test_an_expired_presigned_url_is_refused(sandbox: Any) -> None:
    credentials = Credentials(sandbox.exports["AWS_ACCESS_KEY_ID"], sandbox.exports["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("GET", f"{sandbox.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15")
    signer = SigV4QueryAuth(credentials, "sts", "us-east-1", expires=1)
    signer.add_auth(request)
    assert b"123456789012" in urllib.request.urlopen(request.url, timeout=10).read()
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    old = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    stale = request.url.replace(sandbox.endpoint, "")
    stale = "&".join(
        f"X-Amz-Date={old}" if part.startswith("X-Amz-Date=") else part for part in stale.split("&")
    )
    connection.request("GET", stale)
    assert connection.getresponse().status == 403


def test_a_body_that_is_not_the_signed_one_is_refused(sandbox: Any) -> None:
    client = sandbox.new_client("logs")

    def swap(request: Any, **_: Any) -> None:
        request.body = b'{"logGroupName": "smuggled"}'
        request.headers["Content-Length"] = str(len(request.body))

    client.meta.events.register_last("before-send.logs.CreateLogGroup", swap)
    with pytest.raises(ClientError) as caught:
        client.create_log_group(logGroupName="front-honest")
    assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"
    names = [group["logGroupName"] for group in sandbox.client("logs").describe_log_groups()["logGroups"]]
    assert "smuggled" not in names


def test_public_parameters_name_images(sandbox: Any) -> None:
    for kind in ("arm64", "x86_64"):
        name = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{kind}"
        assert sandbox.client("ssm").get_parameter(Name=name)["Parameter"]["Value"].startswith("ami-")


def test_an_instance_takes_its_time_to_run(sandbox: Any, eventually: Any) -> None:
    ec2 = sandbox.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro")["Instances"][0]

    def state() -> str:
        found = ec2.describe_instances(InstanceIds=[made["InstanceId"]])
        return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])

    assert made["State"]["Name"] == "pending"
    eventually(lambda: state() == "running")
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    assert state() == "shutting-down"
    ec2.get_waiter("instance_terminated").wait(
        InstanceIds=[made["InstanceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )


def test_a_deleted_vpc_endpoint_is_gone(sandbox: Any) -> None:
    ec2 = sandbox.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{ec2.meta.region_name}.s3")
    name = made["VpcEndpoint"]["VpcEndpointId"]
    [found] = ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
    assert found["VpcEndpointType"] == "Gateway"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[name])
    assert name not in {each["VpcEndpointId"] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]}
    ec2.delete_vpc(VpcId=vpc)
