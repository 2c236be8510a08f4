"""The handlers of Run Command: send, get, list, cancel, and which instances have an agent. Offered by `ssm.service`."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import time
from datetime import UTC, datetime
from typing import Any

from dmstui.catalog.commands import recognise
from dmstui.sandbox.service import Call, Fault
from dmstui.sandbox.ssm import script
from dmstui.sandbox.ssm.records import (
    DOCUMENT,
    MAX_COMMANDS,
    OPEN,
    PLUGIN,
    Command,
    Invocation,
    listed_invocation,
    shown_invocation,
)
from dmstui.sandbox.world import World

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT = 3600
_STACK_TAG = "aws:cloudformation:stack-name"
NOT_OURS = (
    "The sandbox runs only the scripts of its scenarios, letter by letter as the catalogue has them: "
    "dmstui scenario run NAME seed|change|verify sends one."
)


class RunCommand:
    """Commands of one sandbox, newest last."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[str, Command] = {}
        self._running_since: dict[str, float] = {}
        world.bus.subscribe("ec2.instance", self._instance_changed)

    async def _instance_changed(self, instance_id: str, state: str) -> None:
        if state == "running":
            self._running_since[instance_id] = time.monotonic()

    # -- instances -----------------------------------------------------------------------------------------------

    def _instances(self) -> dict[str, Any]:
        """moto's instances that run with an instance profile and whose agent has had time to report."""
        wait = self._world.pace.seconds("ssm.agent")
        found = {}
        for reservation in list(self._world.moto.backend("ec2").reservations.values()):
            for instance in reservation.instances:
                since = self._running_since.get(instance.id, float("-inf"))
                ready = time.monotonic() - since >= wait
                if instance._state.name == "running" and instance.iam_instance_profile and ready:
                    found[instance.id] = instance
        return found

    @staticmethod
    def _tags(instance: Any) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in instance.get_tags()}

    async def describe_instance_information(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        await self._world.moto.ready()
        wanted: dict[str, list[str]] = {}
        for entry in params.get("InstanceInformationFilterList", []):
            wanted[entry["key"]] = entry["valueSet"]
        for entry in params.get("Filters", []):
            wanted[entry["Key"]] = entry["Values"]
        shown = [
            self._information(instance)
            for instance in self._instances().values()
            if _fits(wanted, instance.id, self._tags(instance))
        ]
        page, token = _page(shown, params.get("MaxResults", 10), params.get("NextToken"))
        return {"InstanceInformationList": page, "NextToken": token}

    def _information(self, instance: Any) -> dict[str, Any]:
        return {
            "InstanceId": instance.id,
            "PingStatus": "Online",
            "LastPingDateTime": datetime.now(UTC),
            "AgentVersion": "3.3.1611.0",
            "IsLatestVersion": True,
            "PlatformType": "Linux",
            "PlatformName": "Amazon Linux",
            "PlatformVersion": "2023",
            "ResourceType": "EC2Instance",
            "IPAddress": instance.private_ip,
            "ComputerName": instance.private_dns_name,
            "SourceId": instance.id,
            "SourceType": "AWS::EC2::Instance",
        }

    def _chosen(self, params: dict[str, Any]) -> dict[str, Any]:
        """The instances a SendCommand names; Fault when one has no agent that answers."""
        managed = self._instances()
        ids = list(params.get("InstanceIds", []))
        for target in params.get("Targets", []):
            if target["Key"] == "InstanceIds":
                ids += target["Values"]
            elif target["Key"].startswith("tag:"):
                name = target["Key"][4:]
                ids += [
                    key
                    for key, instance in managed.items()
                    if self._tags(instance).get(name) in target["Values"]
                ]
        missing = [name for name in ids if name not in managed]
        if missing:
            raise Fault(
                "InvalidInstanceId",
                f"Instances [[{', '.join(missing)}]] not in a valid state for account {self._world.account_id}",
            )
        if not ids and not params.get("Targets"):
            raise Fault("ValidationException", "Either InstanceIds or Targets must be given.")
        return {name: managed[name] for name in dict.fromkeys(ids)}

    # -- commands ------------------------------------------------------------------------------------------------

    async def send_command(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        await self._world.moto.ready()
        document = params["DocumentName"].rpartition("/")[2]
        if document != DOCUMENT:
            raise Fault(
                "InvalidDocument",
                f"Document with name {params['DocumentName']} does not exist in the sandbox.",
            )
        parameters = params.get("Parameters", {})
        if not parameters.get("commands"):
            raise Fault("InvalidParameters", "Missing required parameter: commands")
        unknown = sorted(set(parameters) - {"commands", "workingDirectory", "executionTimeout"})
        if unknown:
            raise Fault("InvalidParameters", f"Unknown parameters: {', '.join(unknown)}")
        timeout = (parameters.get("executionTimeout") or [str(DEFAULT_TIMEOUT)])[0]
        if not re.fullmatch(r"[1-9]\d{0,5}", timeout):
            raise Fault(
                "InvalidParameters", f"executionTimeout must be from 1 to 172800 seconds, not {timeout}."
            )
        instances = self._chosen(params)
        command = Command(
            document,
            parameters,
            params.get("Comment", ""),
            params.get("TimeoutSeconds", DEFAULT_TIMEOUT),
            params.get("Targets", []),
            list(params.get("InstanceIds", [])),
            params.get("CloudWatchOutputConfig", {}),
        )
        for instance_id, instance in instances.items():
            tags = self._tags(instance)
            invocation = Invocation(instance_id, tags.get("Name", ""), command.requested)
            command.invocations[instance_id] = invocation
            work = self._run(command, invocation, tags.get(_STACK_TAG), float(timeout))
            invocation.work = self._world.spawn(work, f"command {command.id}")
        self._commands[command.id] = command
        while len(self._commands) > MAX_COMMANDS:
            self._commands.pop(next(iter(self._commands)))
        return {"Command": command.shown()}

    async def _run(self, command: Command, invocation: Invocation, stack: str | None, seconds: float) -> None:
        try:
            await self._world.pace.wait("ssm.command")
            invocation.status, invocation.started = "InProgress", datetime.now(UTC)
            lines = command.parameters["commands"]
            match = recognise(lines)
            if match is None:
                result = script.Result(1, "", NOT_OURS + "\n")
            else:
                result = await script.run(self._world, match, lines, stack, seconds)
            invocation.stdout, invocation.stderr = result.stdout, result.stderr
            invocation.response_code = result.code
            invocation.status = "TimedOut" if result.timed_out else "Failed" if result.code else "Success"
            if result.code and not result.timed_out:
                invocation.stderr = (
                    invocation.stderr.rstrip("\n") + f"\nfailed to run commands: exit status {result.code}"
                )
        except asyncio.CancelledError:
            invocation.status = "Cancelled"
            raise
        except Exception as error:
            log.exception("command %s failed", command.id)
            invocation.status, invocation.response_code = "Failed", 1
            invocation.stderr = f"The sandbox could not run the script: {error}"
        finally:
            invocation.ended = datetime.now(UTC)
            self._write_logs(command, invocation)

    def _write_logs(self, command: Command, invocation: Invocation) -> None:
        if not command.logs.get("CloudWatchOutputEnabled"):
            return
        group = command.logs.get("CloudWatchLogGroupName") or f"/aws/ssm/{command.document}"
        now = int(time.time() * 1000)
        for name, text in (("stdout", invocation.stdout), ("stderr", invocation.stderr)):
            if text:
                stream = f"{command.id}/{invocation.instance_id}/{PLUGIN.replace(':', '-')}/{name}"
                self._world.logs.put(group, stream, [(now, line) for line in text.splitlines() if line])

    def _command(self, command_id: str) -> Command:
        command = self._commands.get(command_id)
        if command is None:
            raise Fault("InvalidCommandId", f"Command {command_id} does not exist.")
        return command

    async def get_command_invocation(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        command = self._commands.get(params["CommandId"])
        invocation = command.invocations.get(params["InstanceId"]) if command else None
        if command is None or invocation is None:
            raise Fault("InvocationDoesNotExist", "")
        if params.get("PluginName", PLUGIN) not in (PLUGIN, "aws:RunShellScript", "runShellScript"):
            raise Fault("InvalidPluginName", f"{params['PluginName']} is no plugin of this command.")
        return shown_invocation(command, invocation)

    async def list_command_invocations(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        commands = [self._command(params["CommandId"])] if params.get("CommandId") else self._newest_first()
        wanted = {entry["key"]: entry["value"] for entry in params.get("Filters", [])}
        shown = [
            listed_invocation(command, invocation, details=params.get("Details", False))
            for command in commands
            for invocation in command.invocations.values()
            if params.get("InstanceId", invocation.instance_id) == invocation.instance_id
            and wanted.get("Status", invocation.status) == invocation.status
        ]
        page, token = _page(shown, params.get("MaxResults", 50), params.get("NextToken"))
        return {"CommandInvocations": page, "NextToken": token}

    async def list_commands(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        commands = [self._command(params["CommandId"])] if params.get("CommandId") else self._newest_first()
        wanted = {entry["key"]: entry["value"] for entry in params.get("Filters", [])}
        shown = [
            command.shown()
            for command in commands
            if (not params.get("InstanceId") or params["InstanceId"] in command.invocations)
            and wanted.get("Status", command.status) == command.status
        ]
        page, token = _page(shown, params.get("MaxResults", 50), params.get("NextToken"))
        return {"Commands": page, "NextToken": token}

    def _newest_first(self) -> list[Command]:
        return list(reversed(self._commands.values()))

    async def cancel_command(self, _call: Call, params: dict[str, Any]) -> dict[str, Any]:
        command = self._command(params["CommandId"])
        for instance_id in params.get("InstanceIds") or list(command.invocations):
            invocation = command.invocations.get(instance_id)
            if invocation is None:
                raise Fault("InvalidInstanceId", f"{instance_id} is no instance of this command.")
            if invocation.status in OPEN and invocation.work is not None:
                invocation.status = "Cancelling"
                invocation.work.cancel()
        return {}


def _fits(wanted: dict[str, list[str]], instance_id: str, tags: dict[str, str]) -> bool:
    """Whether an instance passes the filters of DescribeInstanceInformation; Fault for a key that is unknown."""
    for key, values in wanted.items():
        if key.startswith("tag:"):
            have = tags.get(key[4:])
        else:
            known = {"InstanceIds": instance_id, "PingStatus": "Online", "PlatformTypes": "Linux"}
            known["ResourceType"] = "EC2Instance"
            if key not in known:
                raise Fault("InvalidFilterKey", f"The filter key {key} is not in the sandbox.")
            have = known[key]
        if have not in values:
            return False
    return True


def _page(
    items: list[dict[str, Any]], limit: int, token: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    offset = 0
    if token:
        try:
            offset = int(base64.urlsafe_b64decode(token))
        except ValueError:
            raise Fault("InvalidNextToken", "The specified token is not valid.") from None
    more = (
        base64.urlsafe_b64encode(str(offset + limit).encode()).decode()
        if offset + limit < len(items)
        else None
    )
    return items[offset : offset + limit], more
