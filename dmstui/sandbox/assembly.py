"""Puts one sandbox together: world, engines, stores, services and front. process.py runs it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from pathlib import Path

from dmstui.sandbox import ssm
from dmstui.sandbox.authority import Authority
from dmstui.sandbox.control import Control
from dmstui.sandbox.engines import binaries
from dmstui.sandbox.engines.room import EngineRoom
from dmstui.sandbox.front import Front
from dmstui.sandbox.gate import Gate
from dmstui.sandbox.journal import Journal
from dmstui.sandbox.observers.ec2 import Ec2Observer
from dmstui.sandbox.observers.iam import IamObserver
from dmstui.sandbox.observers.rds import RdsObserver
from dmstui.sandbox.pace import Pace
from dmstui.sandbox.service import Call
from dmstui.sandbox.stores import cloudwatch, cloudwatch_logs
from dmstui.sandbox.stores.logs import LogStore
from dmstui.sandbox.stores.metrics import MetricStore
from dmstui.sandbox.stores.spool import Spool
from dmstui.sandbox.world import World

log = logging.getLogger(__name__)

# Models that the first calls of any client need; read after the server answers.
_WARM = ("dms", "cloudformation", "cloudwatch", "logs", "ssm", "rds", "iam", "ec2")


class Assembly:
    """All parts of one sandbox, opened and closed in order."""

    def __init__(
        self, *, region: str, pace: Pace, work_dir: Path, state_dir: Path | None, run_template_code: bool
    ) -> None:
        self.world = World(
            region=region,
            pace=pace,
            work_dir=work_dir,
            state_dir=state_dir,
            run_template_code=run_template_code,
        )
        self._journal = Journal(state_dir)
        self.front = Front(self.world, self._journal)
        self._rds = RdsObserver(self.world)

    async def open(self, port: int) -> None:
        """Serve on `port`; OSError when it cannot be had. Returns when the front answers."""
        world = self.world
        if self._journal.active:
            world.moto.journal = self._journal
        await self.front.start(port)
        world.moto.begin()
        spools = world.state_dir
        world.metrics = MetricStore(Spool(spools / "metrics.jsonl" if spools else None))
        world.logs = LogStore(Spool(spools / "logs.jsonl" if spools else None))
        self.front.add(cloudwatch.service(world.metrics, self._is_internal))
        self.front.add(cloudwatch_logs.service(world.logs, world.partition))
        self.front.add(ssm.service(world))
        self._open_engines()
        for observer in (Ec2Observer(world), IamObserver(world), self._rds):
            self.front.observe(observer)
        if world.state_dir is not None:
            # Rooms take up their own state when they are made: moto and the databases must be there by then.
            await world.moto.ready()
            await self._rds.restore()
        self._open_rooms()
        self.front.control(Control(world).answer)
        world.spawn(self._warm(), "warm up")

    def _open_engines(self) -> None:
        world = self.world
        world.authority = Authority(world.region, world.state_dir)
        world.gate = Gate(world.authority)
        world.engines = EngineRoom(
            world.state_dir or world.work_dir, world.gate, keep=world.state_dir is not None
        )
        world.engines.crashed = self._rds.crashed

    def _open_rooms(self) -> None:
        from dmstui.sandbox import cloudformation, dms

        self.front.add(dms.service(self.world))
        self.front.add(cloudformation.service(self.world))

    def _is_internal(self, call: Call) -> bool:
        key = self.world.keys.find(call.access_key)
        return key is not None and key.purpose != "user"

    async def _warm(self) -> None:
        from dmstui.sandbox import wire

        for name in _WARM:
            await asyncio.to_thread(wire.model, name)
        await self.world.moto.ready()
        newest = binaries.available()
        if newest:
            await self.world.engines.prepare(newest[0].major)
        # Models and moto stay for good: a full collection need not walk them each time.
        gc.freeze()

    def exports(self) -> dict[str, str]:
        """The environment variables that point any AWS client at this sandbox."""
        key = self.world.keys.user
        return {
            "AWS_ENDPOINT_URL": self.world.endpoint_url,
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_SECRET_ACCESS_KEY": key.secret_key,
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
        }

    async def close(self) -> None:
        """Stop everything, the engines last; what fails is logged and does not keep the rest running."""
        world = self.world
        await self.front.close()
        await world.close()
        for part in ("engines", "gate"):
            found = getattr(world, part, None)
            if found is not None:
                with contextlib.suppress(Exception):
                    await found.close()
        for store in ("metrics", "logs"):
            if hasattr(world, store):
                getattr(world, store).close()
        self._journal.close()
