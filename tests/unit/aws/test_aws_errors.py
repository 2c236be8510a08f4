"""What botocore raises becomes a code, the service's words and a next step; and what read-only lets through."""

from __future__ import annotations

import botocore.exceptions as bc
import pytest

from dmstui.aws.calls import reads_only
from dmstui.aws.errors import from_exception, from_response
from dmstui.model import AwsError


def client_error(code: str, message: str = "no") -> bc.ClientError:
    return bc.ClientError({"Error": {"Code": code, "Message": message}}, "StartReplicationTask")


@pytest.mark.parametrize(
    ("raised", "mutation", "code", "hint"),
    [
        (client_error("AccessDeniedException"), True, "AccessDeniedException", "permission to call"),
        (
            client_error("AccessDeniedFault", "The IAM Role x is not configured properly."),
            True,
            "AccessDeniedFault",
            "trust",
        ),
        (client_error("ExpiredTokenException"), False, "ExpiredTokenException", "log in again"),
        (client_error("UnrecognizedClientException"), False, "UnrecognizedClientException", "profile"),
        (client_error("ThrottlingException"), False, "ThrottlingException", "refills"),
        (client_error("InvalidResourceStateFault"), True, "InvalidResourceStateFault", "settles"),
        (bc.NoCredentialsError(), False, "NoCredentials", "dmstui sandbox"),
        (bc.NoRegionError(), False, "NoRegion", "AWS_REGION"),
        (bc.ProfileNotFound(profile="x"), False, "NoProfile", "list-profiles"),
        (bc.EndpointConnectionError(endpoint_url="http://x"), True, "Unreachable", "network"),
        (bc.ConnectTimeoutError(endpoint_url="http://x"), True, "Unreachable", "network"),
        (bc.ReadTimeoutError(endpoint_url="http://x"), False, "Unreachable", "tried again"),
        (bc.ReadTimeoutError(endpoint_url="http://x"), True, "Unclear", "before you repeat"),
        (bc.ConnectionClosedError(endpoint_url="http://x"), True, "Unclear", "before you repeat"),
        (bc.UnauthorizedSSOTokenError(), False, "Expired", "aws sso login"),
        (bc.CredentialRetrievalError(provider="p", error_msg="e"), False, "NoCredentials", "by hand"),
        (bc.ProxyConnectionError(proxy_url="http://p"), False, "Unreachable", "HTTPS_PROXY"),
        (bc.SSLError(endpoint_url="https://x", error="e"), False, "Unreachable", "AWS_CA_BUNDLE"),
    ],
)
def test_translation(raised: Exception, mutation: bool, code: str, hint: str) -> None:
    found = from_exception(raised, "StartReplicationTask", mutation=mutation)
    assert found.code == code
    assert hint in found.hint


def test_a_defect_of_our_own_is_not_dressed_up_as_an_aws_error() -> None:
    with pytest.raises(ZeroDivisionError):
        from_exception(ZeroDivisionError(), "X", mutation=False)


def test_a_message_is_never_missing() -> None:
    assert from_response({"Error": {"Code": "X"}}, "Y").message


@pytest.mark.parametrize(
    ("code", "message", "missing"),
    [
        ("ResourceNotFoundFault", "", True),
        ("ValidationError", "Stack with id x does not exist", True),
        ("ValidationError", "Template format error", False),
    ],
)
def test_missing(code: str, message: str, missing: bool) -> None:
    assert AwsError(code, message).missing is missing


@pytest.mark.parametrize(
    ("service", "operation", "read"),
    [
        ("dms", "DescribeReplicationTasks", True),
        ("dms", "TestConnection", True),
        ("dms", "StartReplicationTask", False),
        ("dms", "ReloadTables", False),
        ("dms", "DeleteConnection", False),
        ("dms", "RefreshSchemas", False),
        ("cloudformation", "CreateStack", False),
        ("cloudwatch", "GetMetricData", True),
        ("logs", "FilterLogEvents", True),
        ("logs", "PutLogEvents", False),
        ("ssm", "SendCommand", False),
        ("ssm", "GetCommandInvocation", True),
        ("iam", "SimulatePrincipalPolicy", True),
        ("s3", "ListObjectsV2", True),
        ("sts", "AssumeRole", True),
    ],
)
def test_what_read_only_lets_through(service: str, operation: str, read: bool) -> None:
    assert reads_only(service, operation) is read
