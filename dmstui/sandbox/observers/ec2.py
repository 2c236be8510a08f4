"""EC2 instances take their time: pending to running, stopping to stopped, shutting-down to terminated, by the pace.

And a deleted VPC endpoint is gone; moto would list it as deleted for ever.
"""

from __future__ import annotations

from typing import Any

from dmstui.sandbox import wire
from dmstui.sandbox.moto_app import MotoAnswer
from dmstui.sandbox.service import Call
from dmstui.sandbox.world import World

# operation: (member of the answer, state on the way with its code, state in the end with its code, step of the pace)
_MOVES = {
    "RunInstances": ("Instances", ("pending", 0), ("running", 16), "ec2.instance.start"),
    "StartInstances": ("StartingInstances", ("pending", 0), ("running", 16), "ec2.instance.start"),
    "StopInstances": ("StoppingInstances", ("stopping", 64), ("stopped", 80), "ec2.instance.stop"),
    "TerminateInstances": (
        "TerminatingInstances",
        ("shutting-down", 32),
        ("terminated", 48),
        "ec2.instance.terminate",
    ),
}


class Ec2Observer:
    service = "ec2"
    operations = frozenset({*_MOVES, "CreateVpcEndpoint", "DeleteVpcEndpoints"})

    def __init__(self, world: World) -> None:
        self._world = world

    async def before(self, call: Call, params: dict[str, Any]) -> None:
        """Nothing is refused."""

    async def after(self, call: Call, params: dict[str, Any], answer: MotoAnswer) -> MotoAnswer:
        if params.get("DryRun"):
            return answer
        endpoints = self._world.moto.backend("ec2").vpc_end_points
        if call.operation == "DeleteVpcEndpoints":
            for endpoint_id in params.get("VpcEndpointIds", ()):
                endpoints.pop(endpoint_id, None)
            return answer
        operation = wire.model("ec2").operation_model(call.operation)
        document = wire.read_answer(operation, answer.status, answer.body)
        if call.operation == "CreateVpcEndpoint":
            made = endpoints.get(document.get("VpcEndpoint", {}).get("VpcEndpointId"))
            if made is not None and made.vpc_endpoint_type is None:
                # EC2's default; without it moto cannot delete what it made.
                made.vpc_endpoint_type = "Gateway"
            return answer
        member, between, end, step = _MOVES[call.operation]
        for entry in document.get(member, []):
            instance = self._find(entry["InstanceId"])
            if instance is None:
                continue
            self._set(instance, between)
            self._world.spawn(self._finish(instance, between, end, step), f"ec2 {instance.id} {end[0]}")
        return answer

    def _find(self, instance_id: str) -> Any:
        for reservation in list(self._world.moto.backend("ec2").reservations.values()):
            for instance in reservation.instances:
                if instance.id == instance_id:
                    return instance
        return None

    @staticmethod
    def _set(instance: Any, state: tuple[str, int]) -> None:
        instance._state.name, instance._state.code = state

    async def _finish(self, instance: Any, between: tuple[str, int], end: tuple[str, int], step: str) -> None:
        await self._world.pace.wait(step)
        # Another call may have sent it elsewhere meanwhile (terminated while pending).
        if instance._state.name == between[0]:
            self._set(instance, end)
            await self._world.bus.publish("ec2.instance", instance_id=instance.id, state=end[0])
