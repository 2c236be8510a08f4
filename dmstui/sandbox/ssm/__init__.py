"""SSM Run Command: carries the scenarios' scripts to their workbench and runs them; every other operation is moto's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmstui.sandbox.service import SimpleService

if TYPE_CHECKING:
    from dmstui.sandbox.world import World


def service(world: World) -> SimpleService:
    """The operations of ours; the front sends the rest to moto."""
    from dmstui.sandbox.ssm.run_command import RunCommand

    api = RunCommand(world)
    return SimpleService(
        "ssm",
        {
            "SendCommand": api.send_command,
            "GetCommandInvocation": api.get_command_invocation,
            "ListCommandInvocations": api.list_command_invocations,
            "ListCommands": api.list_commands,
            "CancelCommand": api.cancel_command,
            "DescribeInstanceInformation": api.describe_instance_information,
        },
    )
