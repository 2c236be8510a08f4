"""The Textual console. `run(options)` opens it; cli calls that lazily, so that commands without a screen
load no Textual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.aws.options import ConnectionOptions


def run(options: ConnectionOptions) -> int:
    """Open the console and return the process's exit code. See `console.run.run`."""
    from dmstui.console.run import run as open_console

    return open_console(options)


__all__ = ["run"]
