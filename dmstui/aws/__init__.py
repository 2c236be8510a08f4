"""Everything that speaks to AWS: connection, services, error translation. The only room that knows aiobotocore.

Importing it is cheap: aiobotocore is loaded when a connection opens, and the connection's own files when it is
asked for, since every start of the program reads `options`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dmstui.aws.options import ConnectionOptions

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection

__all__ = ["Connection", "ConnectionOptions"]


def __getattr__(name: str) -> Any:
    if name == "Connection":
        from dmstui.aws.connection import Connection

        return Connection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
