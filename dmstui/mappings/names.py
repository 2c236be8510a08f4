"""How object locators match names: DMS's wildcards, case-sensitive as the source spells them."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def pattern(text: str) -> re.Pattern[str]:
    """The regular expression of a locator: `%` any run, `_` one character, `[_]` or `[a-d]` one of a set."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        end = text.find("]", at + 1) if character == "[" else -1
        if character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif end > at + 1:
            parts.append(_character_set(text[at + 1 : end]))
            at = end
        else:
            parts.append(re.escape(character))
        at += 1
    return re.compile("".join(parts), re.DOTALL)


def _character_set(inside: str) -> str:
    """A bracket expression as a character class; only a `-` between two characters means a range."""
    escaped = re.sub(r"([\\\]\[^&~|])", r"\\\1", inside)
    return f"[{escaped}]"


def matches(locator: str, name: str) -> bool:
    """Whether `name` is one that the wildcard pattern `locator` names."""
    return pattern(locator).fullmatch(name) is not None


def has_wildcard(locator: str) -> bool:
    """Whether a locator stands for more than one name for certain; `_` alone is too common in names to count."""
    return "%" in locator
