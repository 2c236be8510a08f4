"""The faults DMS answers with, by code (botocore's model, and codes seen in practice); operation groups raise them."""

from __future__ import annotations

from dmstui.sandbox.service import Fault


def not_found(message: str) -> Fault:
    """A resource that is not there."""
    return Fault("ResourceNotFoundFault", message)


def invalid_state(message: str) -> Fault:
    """A resource in the wrong state for the call."""
    return Fault("InvalidResourceStateFault", message)


def exists(message: str) -> Fault:
    """An identifier that is taken."""
    return Fault("ResourceAlreadyExistsFault", message)


def quota(message: str) -> Fault:
    """More than the account may have."""
    return Fault("ResourceQuotaExceededFault", message)


def bad_value(message: str) -> Fault:
    """A value the service refuses; the code has no shape in the model, yet it is the daily one."""
    return Fault("InvalidParameterValueException", message)


def bad_combination(message: str) -> Fault:
    """Values that do not go together."""
    return Fault("InvalidParameterCombinationException", message)


def access_denied(message: str) -> Fault:
    """DMS itself lacks a permission (a role that is missing, young or does not trust it)."""
    return Fault("AccessDeniedFault", message)
