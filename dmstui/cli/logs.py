"""Prints log lines as text or one JSON object a line. Called by `task logs`."""

from __future__ import annotations

import json

import click

from dmstui.kinds.text import iso, when
from dmstui.model import LogLine


def print_line(line: LogLine, *, as_json: bool) -> None:
    """One line."""
    if as_json:
        fields = {
            "at": iso(line.at),
            "severity": line.severity,
            "component": line.component,
            "message": line.message,
        }
        click.echo(json.dumps(fields, ensure_ascii=False))
    else:
        click.echo(f"{when(line.at)} {line.severity or ' '} {line.component:16} {line.message}")
