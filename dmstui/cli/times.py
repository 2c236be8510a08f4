"""Durations as options: `30m`, `6h`, `2d`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A number and s, m, h or d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """`90m` -> timedelta; a usage error otherwise."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value).strip())
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is no duration such as 30m, 6h or 2d", param, ctx)
        return timedelta(**{_UNITS[found[2]]: float(found[1])})


def since_option(default: str) -> Callable[[Any], Any]:
    """--since DURATION."""
    return click.option("--since", type=Duration(), default=default, show_default=True, help="How far back.")
