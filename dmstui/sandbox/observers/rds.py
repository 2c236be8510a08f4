"""RDS brought about: a real server for each PostgreSQL instance or Aurora cluster, whose states follow the pace.

moto keeps the records and answers; this observer refuses what no engine here can do, runs the engines, and corrects the
status, endpoint and parameter group state in the answers.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any

from dmstui.sandbox import wire
from dmstui.sandbox.engines import binaries
from dmstui.sandbox.engines.base import LaunchError, Server, ServerSpec
from dmstui.sandbox.moto_app import MotoAnswer
from dmstui.sandbox.observers import rds_rules as rules
from dmstui.sandbox.observers.rds_rules import Shown
from dmstui.sandbox.service import Call, Fault
from dmstui.sandbox.world import World

log = logging.getLogger(__name__)

_INSTANCE_CALLS = frozenset(
    {
        "CreateDBInstance",
        "ModifyDBInstance",
        "RebootDBInstance",
        "StopDBInstance",
        "StartDBInstance",
        "DeleteDBInstance",
    }
)
_CLUSTER_CALLS = frozenset(
    {"CreateDBCluster", "ModifyDBCluster", "StopDBCluster", "StartDBCluster", "DeleteDBCluster"}
)
_GROUP_CALLS = frozenset({"ModifyDBParameterGroup", "ResetDBParameterGroup"})
_READS = frozenset({"DescribeDBInstances", "DescribeDBClusters"})
_ROOM = "rds"
# A database in one of these states is expected to run: its crash is a failure, not a step of its life.
_ATTENDED = frozenset({"available", "backing-up", "modifying", "resetting-master-credentials"})


class RdsObserver:
    """Follows moto's RDS with servers of the engine room."""

    service = "rds"
    operations = _INSTANCE_CALLS | _CLUSTER_CALLS | _GROUP_CALLS | _READS | rules.NOT_HERE

    def __init__(self, world: World) -> None:
        self._world = world
        self._mark = rules.account_mark(world.account_id, world.region)
        self._shown: dict[str, Shown] = {}
        self._clusters: dict[str, Shown] = {}
        self._bringing: dict[str, asyncio.Lock] = {}
        self._work: dict[str, asyncio.Task[Any]] = {}
        self._leaving: dict[
            str, Any
        ] = {}  # moto's records of databases being deleted, shown until they are gone

    @property
    def _moto(self) -> Any:
        return self._world.moto.backend("rds")

    # -- before moto ---------------------------------------------------------------------------------------------

    async def before(self, call: Call, params: dict[str, Any]) -> None:
        operation = call.operation
        if operation in rules.NOT_HERE:
            raise Fault("NotImplemented", f"{operation} is not in the sandbox.", 501)
        if operation in ("CreateDBInstance", "CreateDBCluster"):
            rules.check_create(
                operation, params, [found.major for found in binaries.available()], self._clusters
            )
        elif operation in _INSTANCE_CALLS:
            shown = self._shown.get(params["DBInstanceIdentifier"].lower())
            if shown is not None:
                rules.check_state(operation, shown.name, shown.status)
            database = self._moto.databases.get(params["DBInstanceIdentifier"])
            if operation == "ModifyDBInstance" and database is not None:
                rules.check_modify(params, str(database.engine_version))
            if operation == "DeleteDBInstance" and database is not None:
                rules.check_delete(params, in_cluster=database.db_cluster_identifier is not None)
                self._leaving[params["DBInstanceIdentifier"].lower()] = database
        elif operation in _CLUSTER_CALLS:
            shown = self._clusters.get(params["DBClusterIdentifier"].lower())
            if shown is not None:
                rules.check_state(operation, shown.name, shown.status)
                if operation == "DeleteDBCluster" and self._moto.clusters[shown.name].members:
                    raise Fault(
                        "InvalidDBClusterStateFault",
                        "Cluster cannot be deleted, it still contains DB instances.",
                    )

    # -- after moto ----------------------------------------------------------------------------------------------

    async def after(self, call: Call, params: dict[str, Any], answer: MotoAnswer) -> MotoAnswer:
        operation = call.operation
        if operation in _GROUP_CALLS:
            await self._group_changed(params["DBParameterGroupName"].lower())
            return answer
        if operation in _INSTANCE_CALLS:
            self._act(operation, params)
        elif operation in _CLUSTER_CALLS:
            self._act_cluster(operation, params)
        self._remember()
        return self._corrected(call, answer)

    def _corrected(self, call: Call, answer: MotoAnswer) -> MotoAnswer:
        """moto's answer with our knowledge of each database in it."""
        operation = wire.model("rds").operation_model(call.operation)
        document = wire.read_answer(operation, answer.status, answer.body)
        for entry in [*document.get("DBInstances", []), *filter(None, [document.get("DBInstance")])]:
            shown = self._shown.get(entry["DBInstanceIdentifier"])
            if shown is not None:
                rules.show_instance(entry, shown, self._mark)
        for entry in [*document.get("DBClusters", []), *filter(None, [document.get("DBCluster")])]:
            shown = self._clusters.get(entry["DBClusterIdentifier"])
            if shown is not None:
                rules.show_cluster(entry, shown, self._mark)
        written = wire.serialize("query", operation, document, call.request_id)
        return MotoAnswer(answer.status, list(written.headers.items()), written.body)

    def _act(self, operation: str, params: dict[str, Any]) -> None:
        name = params["DBInstanceIdentifier"].lower()
        if operation == "CreateDBInstance":
            self._created(name, params)
            return
        shown = self._shown.get(name)
        if shown is None:
            return
        if operation == "DeleteDBInstance":
            record = self._leaving.pop(name)
            # moto has forgotten it already; AWS shows it as long as it is being deleted.
            self._moto.databases[name] = record
            self._set(shown, "deleting")
            self._begin(name, self._delete(shown, record), at_once=True)
        elif operation == "StopDBInstance":
            self._set(shown, "stopping")
            self._begin(name, self._stop(shown))
        elif operation == "StartDBInstance":
            self._set(shown, "starting")
            self._begin(name, self._start(shown))
        elif operation == "RebootDBInstance":
            self._set(shown, "rebooting")
            self._begin(name, self._reboot(shown))
        elif operation == "ModifyDBInstance":
            before = shown.status
            self._set(
                shown, "resetting-master-credentials" if params.get("MasterUserPassword") else "modifying"
            )
            self._begin(name, self._modify(shown, params, before))

    def _created(self, name: str, params: dict[str, Any]) -> None:
        database = self._moto.databases[name]
        seed = f"{self._world.account_id}/{self._world.region}/{database.created}"
        shown = self._shown[name] = Shown(name, "creating", rules.resource_id(name, seed))
        if database.db_cluster_identifier is None:
            shown.version = self._version(params.get("EngineVersion"))
            self._correct_version(database, shown)
        self._set(shown, "creating")
        self._begin(name, self._create(shown, params))

    @staticmethod
    def _correct_version(record: Any, shown: Shown) -> None:
        """Give moto's record the version shown, and the default option group that goes with it."""
        if not shown.version:
            return
        record.engine_version = shown.version
        if str(getattr(record, "option_group_name", "")).startswith("default:"):
            record.option_group_name = f"default:{record.engine}-{shown.version.split('.', maxsplit=1)[0]}"

    @staticmethod
    def _version(wanted: str | None) -> str:
        """The version shown: as asked for with its minor, else what the server really is."""
        if wanted and "." in wanted:
            return wanted
        found = binaries.postgres(wanted) if wanted else binaries.available()[0]
        return found.version

    # -- the life of one database --------------------------------------------------------------------------------

    def _begin(self, name: str, work: Coroutine[Any, Any, None], *, at_once: bool = False) -> None:
        """Run the next piece of a database's life: after the one before, or in its place."""
        running = self._work.get(name)

        async def follow() -> None:
            if running is not None and not running.done():
                if at_once:
                    running.cancel()
                await asyncio.wait([running])
            await work

        self._work[name] = self._world.spawn(follow(), f"rds {name}")

    def _set(self, shown: Shown, status: str) -> None:
        shown.status = status
        database = self._moto.databases.get(shown.name)
        if database is not None:
            database.status = status
        self._world.bus.publish("rds.instance", name=shown.name, status=status)
        self._remember()

    def _server(self, name: str) -> Server | None:
        database = self._moto.databases.get(name)
        cluster = getattr(database, "db_cluster_identifier", None)
        return self._world.engines.get(cluster or name)

    async def _create(self, shown: Shown, params: dict[str, Any]) -> None:
        made, _ = await asyncio.gather(
            self._bring_up(shown.name), self._world.pace.wait("rds.create"), return_exceptions=True
        )
        if isinstance(made, BaseException):
            log.error("rds: %s could not be created: %s", shown.name, made)
            self._set(shown, "failed")
            return
        shown.reachable = True
        if params.get("BackupRetentionPeriod", 1) and not params.get("DBClusterIdentifier"):
            self._set(shown, "backing-up")
            await self._world.pace.wait("rds.backup")
        self._set(shown, "available")

    async def _bring_up(self, name: str) -> None:
        """The server of an instance; an Aurora cluster has one for all its instances."""
        spec = self.spec(name)
        async with self._bringing.setdefault(spec.name, asyncio.Lock()):
            if self._world.engines.get(spec.name) is None:
                await self._world.engines.create(spec)

    def spec(self, name: str) -> ServerSpec:
        """What the engine room is asked for, from moto's record of an instance."""
        database = self._moto.databases[name]
        cluster = (
            self._moto.clusters.get(database.db_cluster_identifier)
            if database.db_cluster_identifier
            else None
        )
        owner = cluster if cluster is not None else database
        parameters = self._parameters(database, cluster)
        host = cluster.endpoint if cluster is not None else database.address
        version = owner.engine_version
        return ServerSpec(
            name=cluster.db_cluster_identifier if cluster is not None else name,
            engine=database.engine,
            version=version.split(".")[0],
            user=owner.master_username,
            password=self._password(owner),
            database=(cluster.database_name if cluster is not None else database.db_name) or "postgres",
            parameters=parameters,
            host=rules.endpoint(host, self._mark),
            port=int(owner.port),
        )

    def _parameters(self, database: Any, cluster: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        if cluster is not None:
            group = self._moto.db_cluster_parameter_groups.get(cluster.parameter_group)
            found |= rules.values(group.parameters) if group is not None else {}
        for group in database.db_parameter_groups():
            found |= rules.values(group.parameters)
        return found

    def _password(self, owner: Any) -> str:
        if getattr(owner, "manage_master_user_password", False):
            secret = self._world.moto.backend("secretsmanager").get_secret_value(
                owner.master_user_secret.secret_arn, "", "AWSCURRENT"
            )
            return str(json.loads(secret["SecretString"])["password"])
        return str(getattr(owner, "_master_user_password", None) or owner.master_user_password)

    async def _stop(self, shown: Shown) -> None:
        server = self._server(shown.name)
        if server is not None:
            await server.stop()
        await self._world.pace.wait("rds.stop")
        self._set(shown, "stopped")

    async def _start(self, shown: Shown) -> None:
        await self._world.pace.wait("rds.start")
        server = self._server(shown.name)
        if server is not None:
            await self._configure(shown, server)
            await server.start()
        shown.apply_status = "in-sync"
        self._set(shown, "available")

    async def _reboot(self, shown: Shown) -> None:
        server = self._server(shown.name)
        if server is not None:
            await self._configure(shown, server)
            await server.reboot()
        await self._world.pace.wait("rds.reboot")
        shown.apply_status = "in-sync"
        self._set(shown, "available")

    def crashed(self, name: str) -> None:
        """The server `name` died by itself: RDS starts a crashed engine again."""
        members = [
            shown
            for shown in self._shown.values()
            if self._world.engines.get(name) is self._server(shown.name)
        ]
        if members and all(shown.status in _ATTENDED for shown in members):
            self._begin(members[0].name, self._recover(name, members))

    async def _recover(self, name: str, members: list[Shown]) -> None:
        """`rebooting` while the engine recovers; what AWS shows in these seconds is not documented."""
        for shown in members:
            self._set(shown, "rebooting")
        await self._world.pace.wait("rds.reboot")
        server = self._world.engines.get(name)
        status = "available"
        try:
            if server is not None:
                await server.start()
        except LaunchError as error:
            log.error("rds: %s does not recover: %s", name, error)
            status = "failed"
        for shown in members:
            self._set(shown, status)

    async def _configure(self, shown: Shown, server: Server) -> list[str]:
        """Give the server its parameter group; the answer names what waits for a reboot."""
        database = self._moto.databases[shown.name]
        cluster = (
            self._moto.clusters.get(database.db_cluster_identifier)
            if database.db_cluster_identifier
            else None
        )
        result = await server.configure(self._parameters(database, cluster))
        for name, reason in result.refused.items():
            log.warning("rds: %s does not take %s: %s", shown.name, name, reason)
        return list(result.pending_reboot)

    async def _modify(self, shown: Shown, params: dict[str, Any], before: str) -> None:
        server = self._server(shown.name)
        password = params.get("MasterUserPassword")
        if params.get("DBParameterGroupName"):
            # A newly associated group takes effect with the next reboot, its dynamic parameters too.
            shown.apply_status = "pending-reboot"
        if password and server is not None:
            shown.pending["MasterUserPassword"] = "****"
            await self._world.pace.wait("rds.password")
            if before != "stopped":
                await server.set_password(server.spec.user, password)
            shown.pending.clear()
        else:
            await self._world.pace.wait("rds.modify")
        version = self._moto.databases[shown.name].engine_version
        shown.version = version if shown.version else ""
        self._set(shown, before)

    async def _delete(self, shown: Shown, record: Any) -> None:
        name = shown.name
        cluster = record.db_cluster_identifier
        others = [
            other
            for other in self._moto.databases.values()
            if other.db_cluster_identifier == cluster and other is not record
        ]
        if cluster is None or not others:
            await self._world.engines.delete(cluster or name)
        await self._world.pace.wait("rds.delete")
        if self._moto.databases.get(name) is record:
            del self._moto.databases[name]
        self._shown.pop(name, None)
        self._remember()
        await self._world.bus.publish("rds.instance", name=name, status="deleted")

    async def _group_changed(self, group: str) -> None:
        """A parameter group was changed: dynamic values act at once, static ones wait for a reboot."""
        for shown in list(self._shown.values()):
            database = self._moto.databases.get(shown.name)
            server = self._server(shown.name)
            if database is None or server is None or shown.status != "available":
                continue
            if all(found.name != group for found in database.db_parameter_groups()):
                continue
            # A group that itself waits for a reboot (newly associated) changes nothing yet.
            if shown.apply_status == "in-sync" and await self._configure(shown, server):
                shown.apply_status = "pending-reboot"
        self._remember()

    # -- Aurora clusters -----------------------------------------------------------------------------------------

    def _act_cluster(self, operation: str, params: dict[str, Any]) -> None:
        name = params["DBClusterIdentifier"].lower()
        if operation == "CreateDBCluster":
            cluster = self._moto.clusters[name]
            seed = f"{self._world.account_id}/{self._world.region}/{cluster.created}"
            shown = Shown(name, "creating", rules.resource_id(name, seed, "cluster-"), reachable=True)
            shown.version = self._version(params.get("EngineVersion"))
            self._correct_version(cluster, shown)
            self._clusters[name] = shown
            self._begin(f"cluster {name}", self._pass_through(name, "rds.cluster.create", "available"))
        elif name in self._clusters:
            shown = self._clusters[name]
            if operation == "DeleteDBCluster":
                shown.status = "deleting"
                self._clusters.pop(name)
            elif operation == "ModifyDBCluster" and params.get("MasterUserPassword"):
                self._begin(f"cluster {name}", self._cluster_password(name, params["MasterUserPassword"]))
            elif operation == "StopDBCluster":
                self._begin(f"cluster {name}", self._stop_cluster(shown))
            elif operation == "StartDBCluster":
                self._begin(f"cluster {name}", self._start_cluster(shown))

    async def _pass_through(self, name: str, step: str, status: str) -> None:
        await self._world.pace.wait(step)
        if name in self._clusters:
            self._clusters[name].status = status
            self._remember()

    async def _cluster_password(self, name: str, password: str) -> None:
        server = self._world.engines.get(name)
        if server is not None:
            await server.set_password(server.spec.user, password)

    async def _stop_cluster(self, shown: Shown) -> None:
        members = [self._shown[m.db_instance_identifier] for m in self._moto.clusters[shown.name].members]
        shown.status = "stopping"
        for member in members:
            self._set(member, "stopping")
        server = self._world.engines.get(shown.name)
        if server is not None:
            await server.stop()
        await self._world.pace.wait("rds.stop")
        shown.status = "stopped"
        for member in members:
            self._set(member, "stopped")

    async def _start_cluster(self, shown: Shown) -> None:
        members = [self._shown[m.db_instance_identifier] for m in self._moto.clusters[shown.name].members]
        shown.status = "starting"
        for member in members:
            self._set(member, "starting")
        await self._world.pace.wait("rds.start")
        server = self._world.engines.get(shown.name)
        if server is not None:
            await server.start()
        shown.status = "available"
        for member in members:
            self._set(member, "available")

    # -- between runs --------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        self._world.remember(
            _ROOM,
            {
                "instances": [_kept(shown) for shown in self._shown.values()],
                "clusters": [_kept(shown) for shown in self._clusters.values()],
            },
        )

    async def restore(self) -> None:
        """Take up the databases of an earlier run: servers started again, states that were on the way ended."""
        document = self._world.recall(_ROOM)
        if document is None:
            return
        for entry in document["clusters"]:
            if entry["name"] in self._moto.clusters:
                cluster = self._clusters[entry["name"]] = Shown(**entry)
                self._correct_version(self._moto.clusters[cluster.name], cluster)
        for entry in document["instances"]:
            shown = Shown(**entry)
            if shown.name not in self._moto.databases:
                continue
            self._shown[shown.name] = shown
            self._correct_version(self._moto.databases[shown.name], shown)
            stopped = shown.status in ("stopped", "stopping")
            shown.reachable = True
            shown.pending.clear()
            try:
                await self._bring_up(shown.name)
                server = self._server(shown.name)
                if stopped and server is not None:
                    await server.stop()
                self._set(shown, "stopped" if stopped else "available")
            except Exception:
                log.exception("rds: %s could not be taken up again", shown.name)
                self._set(shown, "failed")


def _kept(shown: Shown) -> dict[str, Any]:
    return {
        "name": shown.name,
        "status": shown.status,
        "resource_id": shown.resource_id,
        "reachable": shown.reachable,
        "apply_status": shown.apply_status,
        "version": shown.version,
        "pending": {},
    }
