"""Model records to JSON and back by their type hints. Used by `record` alone; times are ISO 8601 in UTC."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Union, get_args, get_origin

from dmstui.model import Snapshot


def encode(value: Any) -> Any:
    """A record as JSON; members that have their default are left out."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        found = {}
        for item in fields(value):
            member = getattr(value, item.name)
            if item.default is not MISSING and member == item.default:
                continue
            if item.default_factory is not MISSING and member == item.default_factory():
                continue
            found[item.name] = encode(member)
        return found
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [encode(item) for item in value]
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def decode(hint: Any, value: Any) -> Any:
    """JSON -> what the type hint says. Unknown members of a record are ignored, missing ones get their default."""
    if value is None or hint is Any or hint is object:
        return value
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return decode(next(arg for arg in args if arg is not type(None)), value)
    if origin is tuple:
        return tuple(decode(args[0], item) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return {key: decode(args[1], item) for key, item in value.items()}
    target = origin or hint
    if is_dataclass(target):
        bound = dict(zip(getattr(target, "__parameters__", ()), args, strict=True)) if origin else {}
        hints = _hints(typing.cast(type, target))
        known = {item.name for item in fields(target)}
        members = {
            name: decode(bound.get(hints[name], hints[name]), item)
            for name, item in value.items()
            if name in known
        }
        return target(**members)  # type: ignore[operator]
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is float and isinstance(value, int):
        return float(value)
    return value


def decode_field(name: str, value: Any) -> Any:
    """A Snapshot's field, or one entry of a keyed one."""
    hint = _hints(Snapshot)[name]
    if get_origin(hint) is not None and get_origin(hint) is not tuple and _is_mapping(hint):
        hint = get_args(hint)[1]
    return decode(hint, value)


def _is_mapping(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)
