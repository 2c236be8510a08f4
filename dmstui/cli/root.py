"""The root command: global options, lazily loaded groups, and the console when no verb is given."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

import click

from dmstui import __version__

# Group -> its module, the name in it, and the line --help prints. Nothing of them is imported before it is called.
_GROUPS: dict[str, tuple[str, str, str]] = {
    "scenario": (
        "dmstui.cli.scenario",
        "group",
        "Guided migrations: list, show, deploy, run, status, delete.",
    ),
    "task": (
        "dmstui.cli.task",
        "group",
        "Replication tasks: list, show, start, stop, tables, logs, metrics.",
    ),
    "instance": ("dmstui.cli.instance", "group", "Replication instances: list, show."),
    "endpoint": ("dmstui.cli.endpoint", "group", "Endpoints: list, show."),
    "connection": ("dmstui.cli.connection", "group", "Connection tests: list, test."),
    "event": ("dmstui.cli.event", "group", "DMS events: list."),
    "stack": ("dmstui.cli.stack", "group", "CloudFormation stacks: list, status, delete."),
    "sandbox": ("dmstui.cli.sandbox", "group", "A local AWS on this machine, with real databases behind it."),
    "doctor": ("dmstui.cli.doctor", "doctor", "Check credentials, permissions, clock, terminal, network."),
    "record": ("dmstui.cli.record", "record", "Write what the console would see to a file."),
    "replay": ("dmstui.cli.record", "replay", "Open the console on a recording."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when called; --help imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in their order."""
        return [name for name, (module, _, _) in _GROUPS.items() if _there(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in _GROUPS or not _there(_GROUPS[cmd_name][0]):
            return None
        module, attribute, _ = _GROUPS[cmd_name]
        found = importlib.import_module(module)
        made = getattr(found, attribute, None) or getattr(found, cmd_name)
        assert isinstance(made, click.Command)
        return made

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table above, nothing imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _GROUPS[name][2]) for name in self.list_commands(ctx)])


def _there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def command_line() -> click.Group:
    """The whole command line; building it imports no command."""
    from dmstui.cli.common import global_options, options_of, remember

    @click.group(
        cls=LazyGroup,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    @global_options
    @click.version_option(__version__, prog_name="dmstui")
    @click.pass_context
    def dmstui(ctx: click.Context, /, **given: Any) -> None:
        """A console for AWS Database Migration Service.

        Without a command it opens on the terminal. `dmstui sandbox` opens it on a local AWS instead: no account
        is needed.
        """
        remember(ctx, given)
        if ctx.invoked_subcommand is None:
            from dmstui.cli.console import open_console

            ctx.exit(open_console(options_of(ctx)))

    for option in dmstui.params:
        if option.name == "refresh":  # below the console it means nothing
            option.hidden = False  # type: ignore[attr-defined]
    return dmstui


def run() -> None:
    """Run the command line; click's own errors end with code 2."""
    root = command_line()
    try:
        root(prog_name="dmstui")
    except BrokenPipeError:
        # A reader such as `head` went away: nothing to complain about.
        sys.stderr.close()
        sys.exit(0)
