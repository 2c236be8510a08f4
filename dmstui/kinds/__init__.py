"""One file a resource kind: columns, sort keys, detail as data, which operations. Read by console and cli.

`KINDS` has them all by name; it is made when first asked for, since the first frame needs three of them.
"""

from __future__ import annotations

import importlib
from typing import Any

from dmstui.kinds.kind import Column, Kind, State

_MODULES = (
    "instance",
    "task",
    "table",
    "endpoint",
    "connection",
    "event",
    "stack",
    "stack_event",
    "stack_resource",
    "scenario",
    "log",
)
KINDS: dict[str, Kind[Any]]

__all__ = ["KINDS", "Column", "Kind", "State"]


def __getattr__(name: str) -> Any:
    if name != "KINDS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kinds = [importlib.import_module(f"{__name__}.{module}").KIND for module in _MODULES]
    return globals().setdefault("KINDS", {kind.name: kind for kind in kinds})
