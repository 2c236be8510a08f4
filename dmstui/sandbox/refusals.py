"""Which requests the front lets in at all, and how a refused signature reads in each service's words. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from dmstui.sandbox.service import Fault
from dmstui.sandbox.signature import SignatureError

_GLOBAL = frozenset(
    {"iam", "sts", "s3", "route53", "cloudfront", "organizations", "budgets", "account", "pricing"}
)


def split_host(host: str) -> str:
    """The name in a Host header, without its port and brackets, in lower case."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def bucket_of(host: str) -> str | None:
    """The bucket of a virtual-host style request (``bucket.localhost``), or None."""
    name = split_host(host)
    if name.endswith(".s3.localhost"):
        return name.removesuffix(".s3.localhost")
    return name.removesuffix(".localhost") if name.endswith(".localhost") else None


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine's loopback. ``*.localhost`` is loopback by RFC 6761."""
    name = split_host(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refusal(headers: Mapping[str, str], path: str) -> str | None:
    """Why a request is turned away before its signature is looked at, or None.

    A browser page must not reach the sandbox: it always sends Origin or Referer, or a Host it was rebound from.
    """
    if not is_loopback(headers.get("host", "")):
        return "This server answers on loopback only: use the endpoint it printed."
    if "origin" in headers or "referer" in headers or "sec-fetch-site" in headers:
        return "Requests from browser pages are refused."
    if path.startswith(("/moto-api", "/latest/meta-data", "/latest/api", "/favicon.ico")):
        return "There is nothing here."
    return None


def wrong_region(service: str, region: str, ours: str) -> str | None:
    """Why a call to a regional service in another region is refused, or None."""
    if region == ours or service in _GLOBAL:
        return None
    return f"This sandbox is {ours}; nothing lives in {region}. Set AWS_REGION to {ours}."


def signature_fault(service: str, protocol: str, error: SignatureError) -> Fault:
    """The code, sentence and status AWS answers with when a request's signature does not hold."""
    code, status = _CODES[_family(service, protocol)][error.kind]
    message = error.message
    if error.kind == "key":
        message = _KEY_MESSAGES.get(_family(service, protocol), message)
    return Fault(code, message, status)


def _family(service: str, protocol: str) -> str:
    if service == "s3":
        return "s3"
    if protocol == "ec2":
        return "ec2"
    return "query" if protocol in ("query", "rest-xml") else "json"


_KEY_MESSAGES = {
    "s3": "The AWS Access Key Id you provided does not exist in our records.",
    "ec2": "AWS was not able to validate the provided access credentials",
    "query": "The security token included in the request is invalid.",
    "json": "The security token included in the request is invalid.",
}

_CODES: dict[str, dict[str, tuple[str, int]]] = {
    "s3": {
        "missing": ("AccessDenied", 403),
        "incomplete": ("AuthorizationHeaderMalformed", 400),
        "key": ("InvalidAccessKeyId", 403),
        "token": ("InvalidToken", 400),
        "mismatch": ("SignatureDoesNotMatch", 403),
        "skew": ("RequestTimeTooSkewed", 403),
        "expired": ("AccessDenied", 403),
        "payload": ("XAmzContentSHA256Mismatch", 400),
    },
    "ec2": {
        "missing": ("MissingAuthenticationToken", 403),
        "incomplete": ("IncompleteSignature", 400),
        "key": ("AuthFailure", 401),
        "token": ("AuthFailure", 401),
        "mismatch": ("AuthFailure", 401),
        "skew": ("RequestExpired", 400),
        "expired": ("RequestExpired", 400),
        "payload": ("AuthFailure", 401),
    },
    "query": {
        "missing": ("MissingAuthenticationToken", 403),
        "incomplete": ("IncompleteSignature", 400),
        "key": ("InvalidClientTokenId", 403),
        "token": ("InvalidClientTokenId", 403),
        "mismatch": ("SignatureDoesNotMatch", 403),
        "skew": ("SignatureDoesNotMatch", 403),
        "expired": ("ExpiredToken", 403),
        "payload": ("SignatureDoesNotMatch", 403),
    },
    "json": {
        "missing": ("MissingAuthenticationTokenException", 400),
        "incomplete": ("IncompleteSignatureException", 400),
        "key": ("UnrecognizedClientException", 400),
        "token": ("UnrecognizedClientException", 400),
        "mismatch": ("InvalidSignatureException", 400),
        "skew": ("InvalidSignatureException", 400),
        "expired": ("ExpiredTokenException", 400),
        "payload": ("InvalidSignatureException", 400),
    },
}
