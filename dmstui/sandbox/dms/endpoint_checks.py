"""What CreateEndpoint and ModifyEndpoint refuse before they answer, in DMS's order; called by endpoints.py."""

from __future__ import annotations

import json
from typing import Any

from dmstui.sandbox.dms import identifiers, roles
from dmstui.sandbox.dms.engines import ENGINES, Engine
from dmstui.sandbox.dms.faults import bad_combination, bad_value, not_found
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.dms.store import Endpoint

SSL_MODES = ("none", "require", "verify-ca", "verify-full")
VERIFYING = ("verify-ca", "verify-full")
SECRET_ROLE, SECRET_ID = "SecretsManagerAccessRoleArn", "SecretsManagerSecretId"
KINESIS_FORMATS = ("json", "json-unformatted")


def engine_of(name: str) -> Engine:
    """The engine of that EngineName, or the fault for an unknown one."""
    engine = ENGINES.get(name)
    if engine is None:
        raise bad_value(f"Invalid EngineName: {name}")
    return engine


def check(room: Room, endpoint: Endpoint) -> None:
    """Raise the fault DMS refuses this endpoint with; the record holds what was asked for, not yet stored."""
    identifiers.name("EndpointIdentifier", endpoint.identifier)
    if endpoint.type not in ("source", "target"):
        raise bad_value(f"Invalid EndpointType: {endpoint.type}. Valid values are source and target.")
    engine = engine_of(endpoint.engine)
    if not engine.offers(endpoint.type):
        raise bad_value(f"The engine {endpoint.engine} cannot be used as {endpoint.type}.")
    if endpoint.ssl_mode not in SSL_MODES:
        raise bad_value(f"Invalid SslMode: {endpoint.ssl_mode}. Valid values are {', '.join(SSL_MODES)}.")
    _check_login(room, engine, endpoint)
    _check_target_block(endpoint)
    service_role = role_of(endpoint)
    if endpoint.engine in ("s3", "kinesis", "dynamodb") and service_role:
        roles.require_service_role(room.world, service_role)
    _check_certificate(room, endpoint)


def role_of(endpoint: Endpoint) -> str | None:
    """The role an S3, Kinesis or DynamoDB endpoint works with: its block's, else the one at the top."""
    return endpoint.settings.get("ServiceAccessRoleArn") or endpoint.role_arn


def secret_of(endpoint: Endpoint) -> tuple[str, str] | None:
    """(access role, secret) of an endpoint that takes its login from Secrets Manager."""
    role, secret = endpoint.settings.get(SECRET_ROLE), endpoint.settings.get(SECRET_ID)
    return (role, secret) if role and secret else None


def find_secret(room: Room, identifier: str) -> Any | None:
    """moto's secret by name or ARN, or None."""
    secrets = room.world.moto.backend("secretsmanager").secrets
    found = secrets.get(identifier)
    if found is not None:
        return found
    return next((s for s in list(secrets.values()) if identifier in (s.arn, s.name)), None)


def _check_login(room: Room, engine: Engine, endpoint: Endpoint) -> None:
    role, secret = endpoint.settings.get(SECRET_ROLE), endpoint.settings.get(SECRET_ID)
    if role or secret:
        if endpoint.password or endpoint.username or endpoint.server_name or endpoint.port:
            raise bad_combination(
                "Illegal combination of parameters: an endpoint takes either clear text credentials "
                "(Username, Password, ServerName, Port) or a Secrets Manager secret, not both."
            )
        if not role or not secret:
            missing = SECRET_ROLE if not role else SECRET_ID
            raise bad_value(f"The parameter {missing} must be provided and must not be blank")
        roles.require_role(room.world, role)
        if find_secret(room, secret) is None:
            raise bad_value(f"Unable to find Secrets Manager secret, Arn:'{secret}'")
        return
    if not engine.login:
        return
    by_iam = str(endpoint.settings.get("AuthenticationMethod", "")).lower() == "iam"
    required = (
        ("Password", endpoint.password or by_iam),
        ("Username", endpoint.username),
        ("ServerName", endpoint.server_name),
        ("Port", endpoint.port is not None),
    )
    for member, given in required:
        if not given:
            raise bad_value(f"The parameter {member} must be provided and must not be blank")
    if not 0 < (endpoint.port or 0) <= 65535:
        raise bad_value(f"Invalid value {endpoint.port} for the parameter Port.")


def _check_target_block(endpoint: Endpoint) -> None:
    """What the engines without a login need in their block."""
    block = endpoint.settings
    required: list[tuple[str, Any]] = []
    if endpoint.engine == "s3":
        definition = block.get("ExternalTableDefinition") or endpoint.table_definition
        required = [("BucketName", block.get("BucketName"))]
        if endpoint.type == "source":
            required.append(("ExternalTableDefinition", definition))
        required.append(("ServiceAccessRoleArn", role_of(endpoint)))
    elif endpoint.engine == "dynamodb":
        required = [("ServiceAccessRoleArn", role_of(endpoint))]
    elif endpoint.engine == "kinesis":
        if endpoint.password:
            raise bad_combination("The parameter Password cannot be used with the engine kinesis.")
        required = [
            ("StreamArn", block.get("StreamArn")),
            ("MessageFormat", block.get("MessageFormat")),
            ("ServiceAccessRoleArn", role_of(endpoint)),
        ]
    for member, given in required:
        if not given:
            raise bad_value(f"The parameter {member} must be provided and must not be blank")
    if endpoint.engine == "s3" and endpoint.type == "source":
        try:
            json.loads(block.get("ExternalTableDefinition") or endpoint.table_definition or "")
        except ValueError:
            raise bad_value("The parameter ExternalTableDefinition is not valid JSON.") from None
    if endpoint.engine == "s3" and endpoint.type == "source" and block.get("GlueCatalogGeneration"):
        raise bad_combination("GlueCatalogGeneration feature is not available for S3 source endpoint")
    if endpoint.engine == "kinesis" and str(block["MessageFormat"]).lower() not in KINESIS_FORMATS:
        raise bad_value(f"Invalid MessageFormat: {block['MessageFormat']}")


def _check_certificate(room: Room, endpoint: Endpoint) -> None:
    if endpoint.certificate_arn:
        if endpoint.certificate_arn not in room.store.certificates:
            raise not_found(f"Certificate not found: {endpoint.certificate_arn}")
    elif endpoint.ssl_mode in VERIFYING:
        raise bad_combination(f"SslMode {endpoint.ssl_mode} requires a CertificateArn.")
