"""`run(options)` opens the console on a terminal and returns the process's exit code; `dmstui.console` calls
it for cli.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from dmstui.console import life, memory
from dmstui.console.symbols import SYMBOL_SETS, SymbolSet

if TYPE_CHECKING:
    from dmstui.aws.options import ConnectionOptions

WRONG_USAGE = 2


def run(options: ConnectionOptions, *, mouse: bool = False) -> int:
    """Open the console. 0 left by the reader, 2 no terminal to draw on, 1 an unexpected error, 128+n a signal."""
    refusal = life.here()
    if refusal is not None:
        print(f"dmstui: {refusal}", file=sys.stderr)
        return WRONG_USAGE
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    os.environ["DMSTUI_TTY"] = "1"
    memory.before_first_frame()
    from dmstui.console import partial_lines

    life.guard_decoder()
    partial_lines.install()

    from dmstui.console.app import ConsoleApp

    app = ConsoleApp(options, make_monitor, symbols=symbols(), look=os.environ.get("DMSTUI_THEME", "dark"))
    app.run(mouse=mouse)
    return int(app.return_code or 0)


def make_monitor(options: ConnectionOptions) -> Any:
    """The real monitor; called in a thread, since its modules take longer to import than the first frame to
    draw.
    """
    from dmstui.monitor import Monitor

    return Monitor(options)


def symbols() -> SymbolSet:
    """The chart symbols this terminal can draw: DMSTUI_SYMBOLS if set, block on a Linux console, ascii
    without UTF-8.
    """
    wanted = os.environ.get("DMSTUI_SYMBOLS", "")
    for known in SYMBOL_SETS:
        if wanted == known:
            return known
    if os.environ.get("TERM") == "linux":
        return "block"
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    return "ascii" if locale in {"C", "POSIX"} else "braille"
