"""Translates what botocore raises into AwsError with the next step to take; called by `connection` for each call."""

from __future__ import annotations

from typing import Any

from dmstui.model import AwsError

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN_KEY = {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure"}
_BAD_SIGNATURE = {"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature"}

_HINTS: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset(_EXPIRED),
        "The session has expired: log in again (aws sso login, or renew the temporary keys).",
    ),
    (
        frozenset(_UNKNOWN_KEY),
        "AWS does not know these credentials: check AWS_ACCESS_KEY_ID or the profile, and the region.",
    ),
    (
        frozenset(_BAD_SIGNATURE),
        "The signature does not fit: check the secret key and this machine's clock.",
    ),
    (
        frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}),
        "The account's call rate is used up; it refills by itself, try again in a few seconds.",
    ),
    (
        frozenset({"OptInRequired", "SubscriptionRequiredException"}),
        "Switch the service or region on for this account.",
    ),
)


def from_response(response: dict[str, Any], operation: str) -> AwsError:
    """An error answer of a service -> AwsError."""
    error = response.get("Error", {})
    code = str(error.get("Code", "Unknown"))
    message = str(error.get("Message") or error.get("message") or "the service gave no message")
    return AwsError(code, message, operation, hint_for(code, message, operation))


def hint_for(code: str, message: str, operation: str) -> str:
    """The next step for an error code, empty when there is none better than the message."""
    for codes, hint in _HINTS:
        if code in codes:
            return hint
    if code in {"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "UnauthorizedOperation"}:
        if "not configured properly" in message:
            return "Check the role's trust policy; a role made seconds ago is not visible to DMS yet."
        return f"Ask for the permission to call {operation}, or use another profile." if operation else ""
    if code == "InvalidParameterCombinationException" and "START_REPLICATION" in message:
        return "Resume the task or reload its target instead."
    if code == "InvalidResourceStateFault":
        return "Look at its status, wait until it settles, then try again."
    if "Test connection" in message and "should be successful" in message:
        return "Test the connections of both endpoints first."
    return ""


def from_exception(error: BaseException, operation: str, *, mutation: bool) -> AwsError:
    """Whatever a call raised -> AwsError. A mutation that lost its answer becomes code `Unclear`."""
    if isinstance(error, AwsError):
        return error
    import botocore.exceptions as bc

    if isinstance(error, bc.ClientError):
        return from_response(error.response, operation)
    if isinstance(error, bc.NoCredentialsError | bc.PartialCredentialsError):
        return AwsError(
            "NoCredentials", str(error), operation, "Set a profile or keys, or try: dmstui sandbox"
        )
    if isinstance(error, bc.NoRegionError):
        return AwsError("NoRegion", "no region is set", operation, "Give --region or set AWS_REGION.")
    if isinstance(error, bc.ProfileNotFound):
        return AwsError(
            "NoProfile", str(error), operation, "List the profiles there are: aws configure list-profiles"
        )
    if isinstance(error, bc.ProxyConnectionError):
        return AwsError("Unreachable", str(error), operation, "Check HTTPS_PROXY and NO_PROXY.")
    if isinstance(error, bc.SSLError):
        return AwsError(
            "Unreachable", str(error), operation, "Check AWS_CA_BUNDLE and any proxy that opens TLS."
        )
    sign_in = _sign_in(error, operation)
    if sign_in is not None:
        return sign_in
    if isinstance(error, bc.EndpointConnectionError | bc.ConnectTimeoutError):
        return AwsError(
            "Unreachable", str(error), operation, "Check the network, the region and AWS_ENDPOINT_URL."
        )
    if isinstance(error, bc.ReadTimeoutError | bc.ConnectionClosedError | bc.HTTPClientError | TimeoutError):
        if mutation:
            return AwsError(
                "Unclear",
                f"no answer came back: {error or type(error).__name__}",
                operation,
                "It may or may not have been done: look at the resource before you repeat it.",
            )
        return AwsError(
            "Unreachable", str(error) or "the call timed out", operation, "It is tried again by itself."
        )
    if type(error).__name__ == "ResponseParserError":
        code = "Unclear" if mutation else "Unreadable"
        text = " ".join(str(error).split())[:200]
        return AwsError(code, text, operation, "Something between here and AWS answered in its place.")
    if isinstance(error, bc.ParamValidationError):
        return AwsError("InvalidParameter", _first_line(error), operation)
    if isinstance(error, bc.BotoCoreError | OSError | ValueError):
        return AwsError(type(error).__name__, str(error), operation)
    raise error


def _sign_in(error: BaseException, operation: str) -> AwsError | None:
    """Errors on the way to credentials: SSO, role chains, credential_process, instance metadata."""
    import botocore.exceptions as bc

    names = (
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "SSOError",
        "LoginError",
    )
    sso = tuple(getattr(bc, name) for name in names if hasattr(bc, name))
    if sso and isinstance(error, sso):
        return AwsError("Expired", str(error), operation, "Log in again: aws sso login")
    if isinstance(error, bc.CredentialRetrievalError):
        return AwsError(
            "NoCredentials", str(error), operation, "Run the profile's credential command by hand to see why."
        )
    if isinstance(error, bc.InfiniteLoopConfigError | bc.InvalidConfigError | bc.ConfigParseError):
        return AwsError("BadConfig", str(error), operation, "Correct the file ~/.aws/config.")
    return None


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])
