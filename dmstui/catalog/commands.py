"""The text that Run Command carries for a scenario's script, and its recognition; used by operations and the sandbox.

What is sent to a workbench on AWS and what the sandbox runs is one text, so it is made in one place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dmstui.catalog.files import scenarios
from dmstui.catalog.scenario import Scenario, Script

_END = "DMSTUI_END_OF_SCRIPT"
_HEAD = ("#!/bin/sh", "[ -r /opt/dmstui/env ] && . /opt/dmstui/env")
_EXPORT = re.compile(
    r"export DMSTUI_SCALE=(\d{1,4}) DMSTUI_SEED=(\d{1,9}) DMSTUI_KIND=([a-z][a-z0-9-]*)?"
    r"(?: AWS_REGION=([a-z0-9-]+))?"
)


@dataclass(frozen=True, slots=True)
class CommandMatch:
    """A command that is the catalogue's own, letter by letter."""

    scenario: Scenario
    step: str
    scale: int
    seed: int
    kind: str | None


def render(
    scenario: Scenario,
    step: str,
    *,
    scale: int = 1,
    seed: int = 42,
    kind: str | None = None,
    region: str | None = None,
) -> list[str]:
    """The `commands` of AWS-RunShellScript for one script; ValueError names what the scenario lacks."""
    script = scenario.scripts.get(step)
    if script is None:
        known = ", ".join(scenario.scripts) or "none"
        raise ValueError(f"{scenario.name} has no script {step!r}; it has {known}")
    if not 1 <= scale <= 1000:
        raise ValueError(f"the scale is {scale}; it must be from 1 to 1000")
    if not 0 <= seed < 10**9:
        raise ValueError(f"the seed is {seed}; it must be from 0 to 999999999")
    if kind is not None and kind not in script.kinds:
        known = f"has {', '.join(script.kinds)}" if script.kinds else "has no kinds"
        raise ValueError(f"{scenario.name} {step} {known}, not {kind!r}")
    export = f"export DMSTUI_SCALE={scale} DMSTUI_SEED={seed} DMSTUI_KIND={kind or ''}"
    if region:
        export += f" AWS_REGION={region}"
    return [*_HEAD, export, *_body(script)]


def _body(script: Script) -> list[str]:
    lines = script.text.rstrip("\n").split("\n")
    if not script.python:
        return lines
    return [f"python3 - <<'{_END}'", *lines, _END]


def recognise(lines: Sequence[str]) -> CommandMatch | None:
    """The catalogue's script that these lines are, or None: one letter more and they are not ours."""
    text = "\n".join(lines).replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(text) <= len(_HEAD):
        return None
    export = _EXPORT.fullmatch(text[len(_HEAD)])
    if export is None:
        return None
    scale, seed, kind, region = int(export[1]), int(export[2]), export[3] or None, export[4]
    for scenario in scenarios():
        for step in scenario.scripts:
            try:
                wanted = render(scenario, step, scale=scale, seed=seed, kind=kind, region=region)
            except ValueError:
                continue
            if wanted == text:
                return CommandMatch(scenario, step, scale, seed, kind)
    return None
