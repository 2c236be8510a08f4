"""How keys are written on the screen. Pure; footer and help use it."""

from __future__ import annotations

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "asterisk": "*",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "grave_accent": "`",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}


def written(key: str) -> str:
    """`question_mark` -> `?`, `ctrl+r` -> `^r`, `escape` -> `esc`."""
    if key.startswith("ctrl+"):
        return f"^{key[5:]}"
    return _NAMES.get(key, key)


def written_all(keys: list[str]) -> str:
    """Several keys of one action: `j ↓`."""
    return " ".join(written(key) for key in keys)
