"""Dynamic references ``{{resolve:…}}``, looked up in Secrets Manager and Parameter Store just before a use.

Called by work.py. The looked-up values are never kept: records and events hold the references.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dmstui.sandbox.cloudformation.types.base import RefusalError, Site

REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^}]*)\}\}")


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference: `service` (secretsmanager, ssm, ssm-secure), the thing's `name` and what of it is meant."""

    service: str
    name: str
    key: str = ""
    stage: str = ""
    version: str = ""


def parse(service: str, rest: str) -> Reference:
    """The parts of a reference; `RefusalError` where it has another form."""
    if service in {"ssm", "ssm-secure"}:
        name, _, version = (
            rest.rpartition(":") if ":" in rest and rest.rsplit(":", 1)[1].isdigit() else (rest, "", "")
        )
        return Reference(service, name, version=version)
    if service != "secretsmanager":
        raise RefusalError(
            f"Invalid dynamic reference: service {service} is not one of ssm, ssm-secure, secretsmanager"
        )
    parts = rest.split(":")
    # An ARN holds six colons of its own.
    size = 7 if parts[0] == "arn" else 1
    name, tail = ":".join(parts[:size]), [*parts[size:], "", "", "", ""]
    if tail[0] not in {"", "SecretString"}:
        raise RefusalError(
            f"Invalid dynamic reference: {tail[0]} of a secret cannot be referenced, only SecretString"
        )
    return Reference(service, name, tail[1], tail[2], tail[3])


def found_in(value: Any) -> Iterator[str]:
    """Every reference written anywhere in `value`."""
    if isinstance(value, str):
        yield from (match[0] for match in REFERENCE.finditer(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from found_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from found_in(item)


def replace(value: Any, values: Mapping[str, str]) -> Any:
    """`value` with every reference replaced by what `values` holds for it."""
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: values[match[0]], value)
    if isinstance(value, Mapping):
        return {key: replace(item, values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [replace(item, values) for item in value]
    return value


async def looked_up(at: Site, properties: dict[str, Any]) -> dict[str, Any]:
    """`properties` with the references' present values; `RefusalError` when one cannot be read."""
    values: dict[str, str] = {}
    for written in set(found_in(properties)):
        match = REFERENCE.fullmatch(written)
        assert match is not None
        values[written] = await _value(at, parse(match[1], match[2]))
    made: dict[str, Any] = replace(properties, values) if values else properties
    return made


async def _value(at: Site, reference: Reference) -> str:
    if reference.service != "secretsmanager":
        name = f"{reference.name}:{reference.version}" if reference.version else reference.name
        answer = await at.call(
            "ssm", "GetParameter", Name=name, WithDecryption=reference.service == "ssm-secure"
        )
        return str(answer["Parameter"]["Value"])
    answer = await at.call(
        "secretsmanager",
        "GetSecretValue",
        SecretId=reference.name,
        VersionStage=reference.stage or None,
        VersionId=reference.version or None,
    )
    secret = str(answer.get("SecretString", ""))
    if not reference.key:
        return secret
    try:
        found = json.loads(secret)[reference.key]
    except (ValueError, KeyError, TypeError):
        raise RefusalError(
            f"Could not find a value associated with JSONKey {reference.key} in SecretString"
        ) from None
    return found if isinstance(found, str) else json.dumps(found)
