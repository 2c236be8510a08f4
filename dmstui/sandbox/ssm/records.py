"""Commands and their invocations as SSM shows them, with the limits it has on output. No I/O."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

DOCUMENT = "AWS-RunShellScript"
PLUGIN = "aws:runShellScript"
# "Understanding command statuses" and the API reference of GetCommandInvocation and CommandPlugin.
STDOUT_LIMIT = 24_000
STDERR_LIMIT = 8_000
PLUGIN_LIMIT = 2_500
TRUNCATED = "\n---Output truncated---"
MAX_COMMANDS = 1_000

DETAILS = {"TimedOut": "Execution Timed Out"}
OPEN = frozenset({"Pending", "InProgress", "Cancelling"})


def cut(text: str, limit: int) -> str:
    """`text` as SSM returns it: whole, or cut to `limit` characters with its mark."""
    return text if len(text) <= limit else text[: limit - len(TRUNCATED)] + TRUNCATED


@dataclass(slots=True)
class Invocation:
    """One command on one instance."""

    instance_id: str
    instance_name: str
    requested: datetime
    status: str = "Pending"
    response_code: int = -1
    started: datetime | None = None
    ended: datetime | None = None
    stdout: str = ""
    stderr: str = ""
    work: asyncio.Task[Any] | None = None

    @property
    def details(self) -> str:
        return DETAILS.get(self.status, self.status)


@dataclass(slots=True)
class Command:
    """One SendCommand."""

    document: str
    parameters: dict[str, list[str]]
    comment: str
    timeout: int
    targets: list[dict[str, Any]]
    instance_ids: list[str]
    logs: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requested: datetime = field(default_factory=lambda: datetime.now(UTC))
    invocations: dict[str, Invocation] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The command's status out of its invocations'."""
        found = {invocation.status for invocation in self.invocations.values()}
        for status in ("InProgress", "Cancelling", "Pending", "Failed", "TimedOut", "Cancelled"):
            if status in found:
                return status
        return "Success"

    def shown(self) -> dict[str, Any]:
        """As `Command` of the API."""
        statuses = [invocation.status for invocation in self.invocations.values()]
        return {
            "CommandId": self.id,
            "DocumentName": self.document,
            "DocumentVersion": "$DEFAULT",
            "Comment": self.comment,
            "ExpiresAfter": self.requested + timedelta(seconds=self.timeout),
            "Parameters": self.parameters,
            "InstanceIds": self.instance_ids,
            "Targets": self.targets,
            "RequestedDateTime": self.requested,
            "Status": self.status,
            "StatusDetails": DETAILS.get(self.status, self.status),
            "OutputS3BucketName": "",
            "OutputS3KeyPrefix": "",
            "MaxConcurrency": "50",
            "MaxErrors": "0",
            "TargetCount": len(statuses),
            "CompletedCount": sum(status not in OPEN for status in statuses),
            "ErrorCount": sum(status in ("Failed", "TimedOut") for status in statuses),
            "DeliveryTimedOutCount": 0,
            "ServiceRole": "",
            "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
            "CloudWatchOutputConfig": self.logs
            or {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
            "TimeoutSeconds": self.timeout,
        }


def shown_invocation(command: Command, invocation: Invocation) -> dict[str, Any]:
    """As the answer of GetCommandInvocation."""
    stamp = "%Y-%m-%dT%H:%M:%S.%fZ"
    elapsed = ""
    if invocation.started and invocation.ended:
        elapsed = f"PT{(invocation.ended - invocation.started).total_seconds():.3f}S"
    return {
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": "$DEFAULT",
        "PluginName": PLUGIN,
        "ResponseCode": invocation.response_code,
        "ExecutionStartDateTime": invocation.started.strftime(stamp) if invocation.started else "",
        "ExecutionElapsedTime": elapsed,
        "ExecutionEndDateTime": invocation.ended.strftime(stamp) if invocation.ended else "",
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": cut(invocation.stdout, STDOUT_LIMIT),
        "StandardOutputUrl": "",
        "StandardErrorContent": cut(invocation.stderr, STDERR_LIMIT),
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": command.logs
        or {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
    }


def listed_invocation(command: Command, invocation: Invocation, *, details: bool) -> dict[str, Any]:
    """As one entry of ListCommandInvocations; its plugins only with `details`."""
    output = invocation.stdout
    if invocation.stderr:
        output += f"\n----------ERROR-------\n{invocation.stderr}"
    plugin = {
        "Name": PLUGIN,
        "Status": "InProgress" if invocation.status == "Cancelling" else invocation.status,
        "StatusDetails": invocation.details,
        "ResponseCode": invocation.response_code,
        "ResponseStartDateTime": invocation.started,
        "ResponseFinishDateTime": invocation.ended,
        "Output": cut(output, PLUGIN_LIMIT),
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    }
    return {
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "InstanceName": invocation.instance_name,
        "Comment": command.comment,
        "DocumentName": command.document,
        "DocumentVersion": "$DEFAULT",
        "RequestedDateTime": invocation.requested,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [plugin] if details else [],
        "ServiceRole": "",
    }
