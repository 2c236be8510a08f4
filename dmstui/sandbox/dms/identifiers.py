"""Names and ARNs of DMS: the rules they obey, how they are made and read. Pure; called by every operation group."""

from __future__ import annotations

import re
import secrets
import string
from typing import Any

from dmstui.sandbox.dms.faults import bad_value

NAME_RULE = (
    "Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; "
    "and must not end with a hyphen or contain two consecutive hyphens."
)
_NAME = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
_SUBNET_GROUP = re.compile(r"[A-Za-z0-9 ._-]{1,255}")
_ARN = re.compile(r"arn:[^:]+:dms:[^:]*:[^:]*:(?P<kind>[a-z-]+):(?P<suffix>[A-Za-z0-9._-]+)")
_ID_LETTERS = string.ascii_uppercase + "234567"
ID_LENGTH = 26
RESOURCE_IDENTIFIER_LENGTH = 31

# What an ARN's kind is called in the members of requests and in messages.
KINDS = {
    "rep": "replication instance",
    "endpoint": "endpoint",
    "task": "replication task",
    "subgrp": "replication subnet group",
    "cert": "certificate",
    "es": "event subscription",
}


def valid_name(text: str, limit: int = 255) -> bool:
    """Whether `text` is an identifier as DMS wants them, of at most `limit` characters."""
    return len(text) <= limit and _NAME.fullmatch(text) is not None


def name(member: str, text: str, limit: int = 255) -> str:
    """`text` as identifier `member`; raises the fault DMS refuses a malformed one with."""
    if not valid_name(text, limit):
        raise bad_value(f"The parameter {member} is not a valid identifier. {NAME_RULE}")
    return text


def subnet_group_name(text: str) -> str:
    """The stored form (lower case) of a subnet group's identifier; `default` is reserved."""
    if not _SUBNET_GROUP.fullmatch(text) or text.lower() == "default":
        raise bad_value(
            "The parameter ReplicationSubnetGroupIdentifier must contain no more than 255 alphanumeric characters, "
            'periods, spaces, underscores, or hyphens, and must not be "default".'
        )
    return text.lower()


def suffix(arn: str) -> str:
    """The last part of an ARN: what CloudWatch dimensions, log streams and slots carry."""
    return arn.rpartition(":")[2]


def new_suffix(given: str | None) -> str:
    """The caller's ResourceIdentifier, checked, or a random id of 26 letters and digits."""
    if given:
        return name("ResourceIdentifier", given, RESOURCE_IDENTIFIER_LENGTH)
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(ID_LENGTH))


def is_arn(text: str, kind: str) -> bool:
    """Whether `text` has the form of an ARN of `kind` (``rep``, ``endpoint``, ``task``, …)."""
    match = _ARN.fullmatch(text)
    return match is not None and match["kind"] == kind


def check_arn(text: str, kind: str) -> str:
    """`text` if it is an ARN of that kind; otherwise the fault for a member that holds none."""
    if not is_arn(text, kind):
        raise bad_value(f"Invalid {KINDS.get(kind, kind)} ARN:  {text}")
    return text


def check_tags(tags: list[dict[str, Any]]) -> dict[str, str]:
    """Tags as a mapping; refuses reserved prefixes and sizes DMS does not take."""
    found: dict[str, str] = {}
    for tag in tags:
        key, value = str(tag.get("Key", "")), str(tag.get("Value", ""))
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise bad_value(f"The tag '{key[:140]}' is longer than DMS allows (key 1-128, value 0-256).")
        if key.lower().startswith(("aws:", "dms:")):
            raise bad_value(f"The tag key '{key}' must not begin with 'aws:' or 'dms:'.")
        found[key] = value
    return found
