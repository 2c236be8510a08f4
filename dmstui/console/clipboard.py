"""Copies text to the reader's clipboard: through tmux when inside it (its default drops OSC 52), else by OSC
52. Screens call `copy`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

LIMIT = 74_994  # bytes after which common terminals drop an OSC 52 payload


def copy(text: str, osc52: Callable[[str], None]) -> str:
    """Copy and say how: one sentence for the message line.

    osc52: writes the escape code to the terminal. tmux: `load-buffer -w` hands the text to the outer terminal.
    """
    data = text.encode()
    if len(data) > LIMIT:
        return f"{len(data):,} bytes are too long for a terminal's clipboard; nothing copied"
    shown = text if len(text) <= 60 and "\n" not in text else f"{len(text):,} characters"
    if os.environ.get("TMUX"):
        try:
            done = subprocess.run(
                ["tmux", "load-buffer", "-w", "-"], input=data, capture_output=True, timeout=2, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            done = None
        if done is not None and done.returncode == 0:
            return f"copied through tmux: {shown}"
    osc52(text)
    return f"copied: {shown}"
