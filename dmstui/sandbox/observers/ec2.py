"""EC2 instances take their time: pending to running, stopping to stopped, shutting-down to terminated, by the pace.

A deleted VPC endpoint is gone; moto would list it as deleted for ever. A rule of a security group is revoked whatever
its description says; moto would look for one with the same.
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


_REVOKES = frozenset({"RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"})


class Ec2Observer:
    service = "ec2"
    operations = frozenset({*_MOVES, "CreateVpcEndpoint", "DeleteVpcEndpoints", *_REVOKES})

    def __init__(self, world: World) -> None:
        self._world = world

    async def before(self, call: Call, params: dict[str, Any]) -> None:
        """Nothing is refused."""
        if call.operation in _REVOKES and not params.get("DryRun"):
            self._describe_alike(params, egress=call.operation == "RevokeSecurityGroupEgress")

    async def after(self, call: Call, params: dict[str, Any], answer: MotoAnswer) -> MotoAnswer:
        if params.get("DryRun"):
            return answer
        if call.operation in _REVOKES:
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

    def _describe_alike(self, params: dict[str, Any], *, egress: bool) -> None:
        """Give the rules about to be revoked the request's descriptions: moto compares them, EC2 does not."""
        named = params.get("GroupId") or params.get("GroupName")
        group = self._world.moto.backend("ec2").get_security_group_by_name_or_id(named) if named else None
        if group is None:
            return
        asked = {
            (str(permission.get("IpProtocol")), pair.get("GroupId")): pair.get("Description")
            for permission in params.get("IpPermissions", ())
            for pair in permission.get("UserIdGroupPairs", ())
        }
        for rule in group.egress_rules if egress else group.ingress_rules:
            key = (str(rule.ip_protocol), rule.source_group.get("GroupId"))
            if key in asked:
                rule.source_group.pop("Description", None)
                if asked[key] is not None:
                    rule.source_group["Description"] = asked[key]

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
