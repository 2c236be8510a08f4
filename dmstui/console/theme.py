"""The themes the app registers: a dark one, a light one; `ansi` uses the terminal's own sixteen colours and
background.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="dmstui-dark",
    primary="#56b4e9",
    accent="#56b4e9",
    warning="#e6a23c",
    error="#ff6b4a",
    success="#2fbf8f",
    foreground="#d7dade",
    background="#11151a",
    surface="#161b22",
    panel="#2b333d",
    dark=True,
)
LIGHT = Theme(
    name="dmstui-light",
    primary="#0072b2",
    accent="#0072b2",
    warning="#8a5a00",
    error="#b53d00",
    success="#00734f",
    foreground="#24292f",
    background="#ffffff",
    surface="#f3f5f7",
    panel="#ccd3da",
    dark=False,
)
THEMES = {"dark": DARK.name, "light": LIGHT.name, "ansi": "ansi-dark"}
