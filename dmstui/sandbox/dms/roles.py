"""What DMS may do through IAM roles: does a role exist, is it visible, whom does it trust, what do its policies allow.

Reads moto's IAM. Conditions of policy statements are not evaluated. Called by subnet groups, instances, endpoints,
connection tests and task logs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from dmstui.sandbox.dms.faults import access_denied, bad_value
from dmstui.sandbox.world import World

VPC_ROLE = "dms-vpc-role"
LOGS_ROLE = "dms-cloudwatch-logs-role"
DMS = "dms.amazonaws.com"


def find(world: World, name: str) -> Any | None:
    """moto's role of that name, once DMS can see it."""
    for role in list(world.moto.backend("iam").roles.values()):
        if role.name == name:
            return role if world.role_visible(name) else None
    return None


def by_arn(world: World, arn: str) -> Any | None:
    """moto's role of that ARN, once DMS can see it."""
    role = find(world, arn.rpartition("/")[2])
    return role if role is not None and role.arn == arn else None


def account_role(world: World, name: str) -> bool:
    """Whether one of the account-wide DMS roles is there and trusts DMS."""
    role = find(world, name)
    return role is not None and trusts(_document(role.assume_role_policy_document), DMS)


def require_vpc_role(world: World) -> None:
    """Raise the fault of subnet groups and instances where dms-vpc-role is missing, young or trusts somebody else."""
    if not account_role(world, VPC_ROLE):
        arn = f"arn:{world.partition}:iam::{world.account_id}:role/{VPC_ROLE}"
        raise access_denied(f"The IAM Role {arn} is not configured properly.")


def require_service_role(world: World, arn: str) -> None:
    """Raise the fault of an S3 or Kinesis endpoint whose access role DMS cannot take."""
    role = by_arn(world, arn)
    if role is None or not trusts(_document(role.assume_role_policy_document), DMS):
        raise access_denied(f"The IAM Role {arn} is not configured properly.AccessDenied")


def require_role(world: World, arn: str) -> None:
    """Raise the fault for a secret's access role that does not exist; its trust counts when the secret is read."""
    if by_arn(world, arn) is None:
        raise bad_value(
            f"Unable to find the IAM role {arn}. The role may not exist or may not be visible to AWS DMS yet."
        )


def bucket_refusal(
    world: World, arn: str, bucket: str, folder: str = "", *, write: bool = True
) -> str | None:
    """Why DMS cannot work on a bucket through this role, or None."""
    role = by_arn(world, arn)
    if role is None:
        return f"The IAM Role {arn} is not configured properly."
    if not trusts(_document(role.assume_role_policy_document), DMS):
        return f"The IAM Role {arn} does not trust {DMS}."
    base = f"arn:{world.partition}:s3:::{bucket}"
    key = "/".join(part for part in (base, folder.strip("/"), "awsdms_test_object") if part)
    wanted = [("s3:ListBucket", base)]
    wanted += [("s3:PutObject", key), ("s3:DeleteObject", key)] if write else [("s3:GetObject", key)]
    for action, resource in wanted:
        if not allows(role, action, resource):
            return f"Access Denied: {arn} is not authorized to perform: {action} on resource: {resource}"
    return None


def secret_refusal(world: World, role_arn: str, secret_arn: str) -> str | None:
    """Why DMS may not read a secret through this role, or None."""
    role = by_arn(world, role_arn)
    if role is None:
        return f"the role {role_arn} does not exist"
    regional = f"dms.{world.region}.amazonaws.com"
    if not trusts(_document(role.assume_role_policy_document), regional):
        return f"{role_arn} does not trust {regional}"
    if not allows(role, "secretsmanager:GetSecretValue", secret_arn):
        return f"{role_arn} is not authorized to perform: secretsmanager:GetSecretValue on resource: {secret_arn}"
    return None


def trusts(document: Any, principal: str) -> bool:
    """Whether a trust policy lets the service `principal` assume the role."""
    for statement in _statements(document):
        who = statement.get("Principal")
        services = _list(who.get("Service")) if isinstance(who, dict) else []
        if (
            statement.get("Effect") == "Allow"
            and (principal in services or who == "*")
            and any(matches(a, "sts:AssumeRole", fold=True) for a in _list(statement.get("Action")))
        ):
            return True
    return False


def allows(role: Any, action: str, resource: str) -> bool:
    """Whether the role's inline and attached policies allow `action` on `resource`, a Deny winning."""
    documents = [_document(text) for text in list(role.policies.values())]
    for policy in list(role.managed_policies.values()):
        default = next((v for v in policy.versions if v.version_id == policy.default_version_id), None)
        if default is not None:
            documents.append(_document(default.document))
    return decide(documents, action, resource)


def decide(documents: Iterable[Any], action: str, resource: str) -> bool:
    """The answer of a set of policy documents: allowed by one statement and denied by none."""
    allowed = False
    for document in documents:
        for statement in _statements(document):
            if _applies(statement, action, resource):
                if statement.get("Effect") == "Deny":
                    return False
                allowed = True
    return allowed


def matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """IAM's wildcards: `*` any run, `?` one character; actions without regard to case."""
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.IGNORECASE if fold else 0) is not None


def _applies(statement: dict[str, Any], action: str, resource: str) -> bool:
    if "NotAction" in statement:
        acts = not any(matches(p, action, fold=True) for p in _list(statement["NotAction"]))
    else:
        acts = any(matches(p, action, fold=True) for p in _list(statement.get("Action")))
    if "NotResource" in statement:
        return acts and not any(matches(p, resource) for p in _list(statement["NotResource"]))
    return acts and any(matches(p, resource) for p in _list(statement.get("Resource")))


def _document(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(unquote(text) if text.lstrip().startswith("%7B") else text)
    except ValueError:
        return {}


def _statements(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        return []
    return [entry for entry in _list(document.get("Statement")) if isinstance(entry, dict)]


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
