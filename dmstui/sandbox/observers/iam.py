"""Notes when IAM roles are made: services such as DMS see a new role only after a while (`World.role_visible`)."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.moto_app import MotoAnswer
from dmstui.sandbox.service import Call
from dmstui.sandbox.world import World


class IamObserver:
    service = "iam"
    operations = frozenset({"CreateRole"})

    def __init__(self, world: World) -> None:
        self._world = world

    async def before(self, call: Call, params: dict[str, Any]) -> None:
        """Nothing is refused."""

    async def after(self, _call: Call, params: dict[str, Any], answer: MotoAnswer) -> MotoAnswer:
        self._world.role_created(params["RoleName"])
        return answer
