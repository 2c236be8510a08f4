"""What a service of the sandbox is: operations by name, called by the front with parsed and validated parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Fault(Exception):  # noqa: N818 - AWS's own word for it
    """An error answer of a service; the front writes it in the protocol the client spoke.

    `code` is AWS's error code (``ResourceNotFoundFault``), `message` its sentence, `status` the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for what: one accepted, signed request."""

    service: str
    operation: str
    region: str
    account_id: str
    access_key: str
    request_id: str


Handler = Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any]]]


class Service(Protocol):
    """One AWS service as a room of the sandbox offers it; `name` is botocore's name for it."""

    @property
    def name(self) -> str: ...

    @property
    def operations(self) -> Mapping[str, Handler]: ...


@dataclass(frozen=True, slots=True)
class SimpleService:
    """A `Service` made of a name and its handlers."""

    name: str
    operations: Mapping[str, Handler]
