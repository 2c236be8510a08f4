"""`make docs`: writes docs/commands.md from the command line's own help, so that the page cannot say anything else.

`python tests/docs/commands.py [--check]`; with --check it changes nothing and exits 1 when the page is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from dmstui.cli.root import command_line

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """# Commands

Made by `make docs` from the commands' own help. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused or needs
confirmation (`--yes`), 4 timed out. Everything obeys the AWS environment variables, `AWS_ENDPOINT_URL` included.
"""


def pages(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help of a command and of everything below it."""
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                with click.Context(below, info_name=name, parent=context, max_content_width=100) as inner:
                    yield from pages(below, inner)


def text() -> str:
    """The whole page."""
    root = command_line()
    with click.Context(root, info_name="dmstui", max_content_width=100, terminal_width=100) as context:
        return HEAD + "\n" + "\n".join(pages(root, context))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(
            0
            if PAGE.read_text(encoding="utf-8") == text()
            else "docs/commands.md is out of date: run make docs"
        )
    PAGE.write_text(text(), encoding="utf-8")
