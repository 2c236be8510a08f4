"""The console's colours by meaning, for dark and light backgrounds; every widget that paints lines reads it.

A style is a name like `warn` or several joined by `+` (`warn+bold`). No meaning is carried by colour alone:
states have a shape and a word beside it. Colours are Okabe and Ito's, which colour-blind eyes tell apart.
"""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style

_DARK = {
    "text": "#d7dade",
    "bright": "#ffffff",
    "dim": "#8b939e",
    "faint": "#566070",
    "accent": "#56b4e9",
    "ok": "#2fbf8f",
    "warn": "#e6a23c",
    "bad": "#ff6b4a",
    "mark": "#f0e442",
    "title": "#e8ecf1",
    "key": "#7cc5f0",
    "sky": "#56b4e9",
    "orange": "#e69f00",
    "green": "#1fae82",
    "purple": "#cc79a7",
}
_LIGHT = {
    "text": "#24292f",
    "bright": "#000000",
    "dim": "#59636e",
    "faint": "#9aa4af",
    "accent": "#0072b2",
    "ok": "#00734f",
    "warn": "#8a5a00",
    "bad": "#b53d00",
    "mark": "#6f6600",
    "title": "#101418",
    "key": "#005a8e",
    "sky": "#0072b2",
    "orange": "#b34a00",
    "green": "#00734f",
    "purple": "#96457a",
}
_BACKGROUNDS = {
    True: {
        "cursor": "#203548",
        "cursor-idle": "#1d232b",
        "bar": "#1b2129",
        "badge": "#7a2d14",
        "input": "#222a33",
    },
    False: {
        "cursor": "#cfe3f3",
        "cursor-idle": "#e6eaee",
        "bar": "#e4e8ec",
        "badge": "#f3c9b8",
        "input": "#dfe6ec",
    },
}
_EFFECTS = {
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "underline": Style(underline=True),
    "reverse": Style(reverse=True),
    "strike": Style(strike=True),
}


@lru_cache(maxsize=1024)
def style(name: str, dark: bool = True) -> Style:
    """The rich style of a name or of names joined by `+`; `on-bar` sets a background. Unknown names raise
    KeyError.
    """
    result = Style()
    colours = _DARK if dark else _LIGHT
    for part in name.split("+"):
        if part in _EFFECTS:
            result += _EFFECTS[part]
        elif part.startswith("on-"):
            result += Style(bgcolor=_BACKGROUNDS[dark][part[3:]])
        elif part:
            result += Style(color=colours[part])
    return result


def contrast(name: str, background: str, dark: bool) -> float:
    """WCAG contrast ratio of a foreground name on a background like `#12161c`."""
    return _ratio((_DARK if dark else _LIGHT)[name], background)


def names() -> tuple[str, ...]:
    """All foreground names."""
    return tuple(_DARK)


def _ratio(one: str, other: str) -> float:
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
