"""PostgreSQL's log positions as numbers and as text. The readers, the flow and DMS's checkpoints use it. Pure."""

from __future__ import annotations

import re

_FORM = re.compile(r"^([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})$")


def parse(text: str) -> int:
    """`4AF/B00000D0` as a number that grows. Raises ValueError for anything else."""
    match = _FORM.match(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a log sequence number such as 4AF/B00000D0")
    return int(match[1], 16) << 32 | int(match[2], 16)


def spell(position: int) -> str:
    """A position as PostgreSQL and DMS show it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
