"""How long provisioning takes: AWS-like seconds per step, divided by the sandbox's speed. Every room waits through it.

Only waiting is shortened; rows, latencies and timestamps stay those of the wall clock. The figures are typical times of
the real services (a small RDS instance is up in five to ten minutes), not promises of AWS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

MIN_SPEED = 1.0
MAX_SPEED = 100_000.0
DEFAULT_SPEED = 60.0

# A paced step stays visible however fast the sandbox runs, so that pollers meet the states in between.
FLOOR = 0.02

SECONDS: Mapping[str, float] = {
    "rds.create": 300,
    "rds.backup": 60,
    "rds.modify": 60,
    "rds.stop": 120,
    "rds.start": 180,
    "rds.reboot": 45,
    "rds.delete": 180,
    "rds.password": 20,
    "rds.cluster.create": 60,
    "rds.cluster.delete": 30,
    "rds.restore": 420,
    "rds.subnet-group": 5,
    "ec2.instance.start": 20,
    "ec2.instance.stop": 20,
    "ec2.instance.terminate": 30,
    "ec2.vpc-endpoint": 20,
    "ec2.nat-gateway": 90,
    "iam.visible": 10,
    "dms.instance.create": 420,
    "dms.instance.modify": 120,
    "dms.instance.reboot": 90,
    "dms.instance.delete": 180,
    "dms.endpoint.create": 2,
    "dms.endpoint.modify": 2,
    "dms.endpoint.delete": 10,
    "dms.connection.test": 20,
    "dms.task.create": 20,
    "dms.task.start": 30,
    "dms.task.stop": 15,
    "dms.task.modify": 10,
    "dms.task.delete": 20,
    "dms.subnet-group": 5,
    "cloudformation.start": 3,
    "cloudformation.resource": 4,
    "cloudformation.poll": 5,
    "cloudformation.stack": 5,
    "cloudformation.change-set": 4,
    "ssm.agent": 30,
    "ssm.command": 1,
}
DEFAULT_SECONDS = 3.0


def nominal(step: str) -> float:
    """Seconds AWS takes for `step`; an unknown step takes its parent's (``rds.create.big`` → ``rds.create``)."""
    name = step
    while name:
        if name in SECONDS:
            return SECONDS[name]
        name = name.rpartition(".")[0]
    return DEFAULT_SECONDS


class Pace:
    """The sandbox's clock for provisioning: `speed` 60 makes a minute of AWS a second."""

    def __init__(self, speed: float = DEFAULT_SPEED) -> None:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise ValueError(f"speed must lie between {MIN_SPEED:g} and {MAX_SPEED:g}, not {speed:g}")
        self.speed = speed

    def scale(self, seconds: float) -> float:
        """Seconds of AWS → seconds here, never under the floor."""
        return max(FLOOR, seconds / self.speed)

    def seconds(self, step: str) -> float:
        """How long `step` takes here, in seconds."""
        return self.scale(nominal(step))

    async def wait(self, step: str) -> None:
        """Sleep as long as `step` takes."""
        await asyncio.sleep(self.seconds(step))
