"""The command line. `main` is the program's entry point; every group is loaded when it is called."""

from __future__ import annotations


def main() -> None:
    """Run the program; ends the process with the contract's exit codes."""
    from dmstui.cli.root import run

    run()
