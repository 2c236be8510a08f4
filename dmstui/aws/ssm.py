"""AWS Systems Manager Run Command: send a script to the workbench host and read how it went. `connection.ssm`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection

ENDED = frozenset({"Success", "Failed", "Cancelled", "TimedOut", "Undeliverable", "Terminated"})
OUTPUT_LIMIT = 24_000  # characters GetCommandInvocation gives back


@dataclass(frozen=True, slots=True)
class Invocation:
    """Where one command on one host stands. `code` is the script's exit code, -1 while it runs."""

    command_id: str
    status: str
    code: int
    output: str
    errors: str
    detail: str = ""

    @property
    def ended(self) -> bool:
        """It will not change any more."""
        return self.status in ENDED


class Ssm:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Connection) -> None:
        self._aws = aws

    async def send(
        self, instance_id: str, commands: Sequence[str], *, comment: str, seconds: int = 3600
    ) -> str:
        """SendCommand of AWS-RunShellScript to one host; returns the command's id."""
        answer = await self._aws.call(
            "ssm",
            "SendCommand",
            DocumentName="AWS-RunShellScript",
            InstanceIds=[instance_id],
            Comment=comment[:100],
            Parameters={"commands": list(commands), "executionTimeout": [str(seconds)]},
        )
        return str(answer["Command"]["CommandId"])

    async def invocation(self, command_id: str, instance_id: str) -> Invocation:
        """GetCommandInvocation; AwsError `InvocationDoesNotExist` in the first moments."""
        answer = await self._aws.call(
            "ssm", "GetCommandInvocation", CommandId=command_id, InstanceId=instance_id
        )
        return Invocation(
            command_id,
            answer.get("Status", ""),
            int(answer.get("ResponseCode", -1)),
            answer.get("StandardOutputContent", ""),
            answer.get("StandardErrorContent", ""),
            answer.get("StatusDetails", ""),
        )
