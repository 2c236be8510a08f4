"""Replication tasks: create, describe, start, stop, modify, move, delete. The runner moves data, states.py decides."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from dmstui.mappings import MappingError, parse
from dmstui.sandbox.dms import connections, events, filters, identifiers, paging, runner, settings, states
from dmstui.sandbox.dms.classes import newer
from dmstui.sandbox.dms.engines import ENGINES
from dmstui.sandbox.dms.faults import bad_combination, bad_value, exists, invalid_state, not_found, quota
from dmstui.sandbox.dms.room import Room, moment, present
from dmstui.sandbox.dms.store import Endpoint, Task
from dmstui.sandbox.service import Call, Handler

MAX_TASKS = 600
MIGRATION_TYPES = ("full-load", "cdc", "full-load-and-cdc")
UNTESTED = (
    "Test connection for replication instance and endpoint should be successful "
    "for starting the replication task"
)


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""
    store = room.store

    async def create(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = _new(room, params)
        room.put_tags(task.arn, identifiers.check_tags(params.get("Tags") or []))
        store.tasks[task.arn] = task
        events.tell(room, 74, task.identifier, "Replication task has been created.")
        room.spawn(_prepare(room, task), f"create task {task.identifier}")
        return {"ReplicationTask": answer(task)}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        found = filters.select(
            store.tasks.values(),
            params.get("Filters"),
            {
                "replication-task-arn": lambda t: t.arn,
                "replication-task-id": lambda t: t.identifier,
                "migration-type": lambda t: t.migration_type,
                "endpoint-arn": lambda t: (t.source_arn, t.target_arn),
                "replication-instance-arn": lambda t: t.instance_arn,
            },
            names=frozenset({"replication-task-id"}),
            folded=frozenset({"replication-task-id"}),
        )
        if params.get("Filters") and not found:
            raise not_found("No Tasks found matching provided filters")
        shown, marker = paging.page(found, params, lambda t: t.serial)
        whole = not params.get("WithoutSettings", False)
        return paging.answer("ReplicationTasks", [answer(task, whole=whole) for task in shown], marker)

    async def start(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = store.task(params["ReplicationTaskArn"])
        position = _position(params)
        kind = params["StartReplicationTaskType"]
        refusal = states.start_refusal(
            task.status, task.ran, task.migration_type, kind, positioned=position is not None
        )
        if refusal is not None:
            raise refusal
        instance = store.instances[task.instance_arn]
        if instance.status != "available":
            raise invalid_state(f"Replication Instance {instance.arn} is {instance.status}, not available.")
        for endpoint_arn in (task.source_arn, task.target_arn):
            if not connections.tested(room, instance.arn, endpoint_arn):
                raise invalid_state(UNTESTED)
        if position is not None:
            task.cdc_start_position = position
        if params.get("CdcStopPosition"):
            task.cdc_stop_position = params["CdcStopPosition"]
        runner.start(room, task, kind)
        return {"ReplicationTask": answer(task)}

    async def stop(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = store.task(params["ReplicationTaskArn"])
        refusal = states.stop_refusal(task.status)
        if refusal is not None:
            raise refusal
        task.status = "stopping"
        room.spawn(_stop(room, task), f"stop task {task.identifier}")
        room.changed()
        return {"ReplicationTask": answer(task)}

    async def modify(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = store.task(params["ReplicationTaskArn"])
        given = settings.parse(params.get("ReplicationTaskSettings"))
        others = [name for name in params if name not in ("ReplicationTaskArn", "ReplicationTaskSettings")]
        severities = bool(given) and not others and settings.only_severities(task.settings, given)
        refusal = states.modify_refusal(task.status, only_severities=severities)
        if refusal is not None:
            raise refusal
        changes = _changes(room, task, params, given)
        if task.status == "running":
            task.settings = changes["settings"]
            room.changed()
            return {"ReplicationTask": answer(task)}
        before, task.status = task.status, "modifying"
        if (given.get("Logging") or {}).get("DeleteTaskLogs"):
            task.log_bytes = 0
        for name, value in changes.items():
            setattr(task, name, value)
        room.spawn(_settle(room, task, before), f"modify task {task.identifier}")
        room.changed()
        return {"ReplicationTask": answer(task)}

    async def move(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = store.task(params["ReplicationTaskArn"])
        target = store.instance(params["TargetReplicationInstanceArn"])
        refusal = states.move_refusal(task.status)
        if refusal is not None:
            raise refusal
        source = store.instances[task.instance_arn]
        if target.arn == source.arn:
            raise invalid_state("The task is on this replication instance already.")
        if target.status != "available":
            raise invalid_state(f"Replication Instance {target.arn} is {target.status}, not available.")
        if newer(source.engine_version, target.engine_version):
            raise invalid_state(
                "A task can only be moved to an instance of the same or a later engine version."
            )
        task.status, task.moving_to = "moving", target.arn
        room.spawn(_move(room, task), f"move task {task.identifier}")
        room.changed()
        return {"ReplicationTask": answer(task)}

    async def delete(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        task = store.task(params["ReplicationTaskArn"])
        refusal = states.delete_refusal(task.status)
        if refusal is not None:
            raise refusal
        task.status = "deleting"
        room.spawn(_remove(room, task), f"delete task {task.identifier}")
        room.changed()
        return {"ReplicationTask": answer(task)}

    return {
        "CreateReplicationTask": create,
        "DescribeReplicationTasks": describe,
        "StartReplicationTask": start,
        "StopReplicationTask": stop,
        "ModifyReplicationTask": modify,
        "MoveReplicationTask": move,
        "DeleteReplicationTask": delete,
    }


def answer(task: Task, *, whole: bool = True) -> dict[str, Any]:
    """A task as the API shows it; `whole` with mappings and settings."""
    return present(
        {
            "ReplicationTaskIdentifier": task.identifier,
            "SourceEndpointArn": task.source_arn,
            "TargetEndpointArn": task.target_arn,
            "ReplicationInstanceArn": task.instance_arn,
            "MigrationType": task.migration_type,
            "TableMappings": task.mappings if whole else None,
            "ReplicationTaskSettings": settings.render(task.settings) if whole else None,
            "Status": task.status,
            "LastFailureMessage": task.failure,
            "StopReason": task.stop_reason,
            "ReplicationTaskCreationDate": moment(task.created),
            "ReplicationTaskStartDate": moment(task.started),
            "CdcStartPosition": task.cdc_start_position,
            "CdcStopPosition": task.cdc_stop_position,
            "RecoveryCheckpoint": task.checkpoint,
            "ReplicationTaskArn": task.arn,
            "ReplicationTaskStats": _stats(task) if task.shows_stats else None,
            "TaskData": task.task_data,
            "TargetReplicationInstanceArn": task.moving_to,
        }
    )


def recover(room: Room) -> None:
    """After a restart of the sandbox: finish what was under way when it ended."""
    for task in list(room.store.tasks.values()):
        if task.status == "creating":
            room.spawn(_prepare(room, task), f"create task {task.identifier}")
        elif task.status == "deleting":
            room.spawn(_remove(room, task), f"delete task {task.identifier}")
        elif task.status == "modifying":
            task.status = "stopped" if task.ran else "ready"
        elif task.status == "moving":
            room.spawn(_move(room, task), f"move task {task.identifier}")


def _stats(task: Task) -> dict[str, Any]:
    elapsed = 0
    if task.started is not None:
        elapsed = int(((task.stopped or time.time()) - task.started) * 1000)
    return present(
        {
            "FullLoadProgressPercent": task.percent,
            "ElapsedTimeMillis": max(0, elapsed),
            "TablesLoaded": task.loaded,
            "TablesLoading": task.loading,
            "TablesQueued": task.queued,
            "TablesErrored": task.errored,
            "FreshStartDate": moment(task.fresh_start),
            "StartDate": moment(task.started),
            "StopDate": moment(task.stopped),
            "FullLoadStartDate": moment(task.load_started),
            "FullLoadFinishDate": moment(task.load_finished),
        }
    )


def _new(room: Room, params: dict[str, Any]) -> Task:
    store = room.store
    name = identifiers.name("ReplicationTaskIdentifier", params["ReplicationTaskIdentifier"])
    suffix = identifiers.new_suffix(params.get("ResourceIdentifier"))
    migration_type = _migration_type(params["MigrationType"])
    instance = store.instance(params["ReplicationInstanceArn"])
    source, target = store.endpoint(params["SourceEndpointArn"]), store.endpoint(params["TargetEndpointArn"])
    _require_role(source, "source")
    _require_role(target, "target")
    if _taken(room, name) or room.arn("task", suffix) in store.tasks:
        raise exists(f"Replication Task {name} already exists.")
    if len(store.tasks) >= MAX_TASKS:
        raise quota(f"The quota of {MAX_TASKS} replication tasks is reached.")
    if instance.status != "available":
        raise invalid_state(f"Replication Instance {instance.arn} is {instance.status}, not available.")
    for endpoint in (source, target):
        if endpoint.status != "active":
            raise invalid_state(f"Endpoint {endpoint.arn} is {endpoint.status}, not active.")
    if migration_type != "full-load":
        _require_changes(source)
    return Task(
        arn=room.arn("task", suffix),
        identifier=name,
        source_arn=source.arn,
        target_arn=target.arn,
        instance_arn=instance.arn,
        migration_type=migration_type,
        mappings=_mappings(params["TableMappings"]),
        settings=settings.created(settings.parse(params.get("ReplicationTaskSettings")), migration_type),
        created=time.time(),
        serial=store.next(),
        cdc_start_position=_position(params),
        cdc_stop_position=params.get("CdcStopPosition"),
        task_data=_task_data(params.get("TaskData")),
    )


def _taken(room: Room, name: str, besides: Task | None = None) -> bool:
    """Whether another task has that name; tasks keep the case they were named in."""
    return any(
        task.identifier.lower() == name.lower() and task is not besides for task in room.store.tasks.values()
    )


def _migration_type(text: str) -> str:
    if text not in MIGRATION_TYPES:
        raise bad_value(f"Invalid MigrationType: {text}. Valid values are {', '.join(MIGRATION_TYPES)}.")
    return text


def _require_role(endpoint: Endpoint, role: str) -> None:
    """Source and target swapped: the service names the engine's type as its registry has it."""
    if endpoint.type != role:
        engine = ENGINES[endpoint.engine]
        number = list(ENGINES).index(endpoint.engine) + 1
        raise bad_value(
            f"ReplicationEngineType [id={number}, name={endpoint.engine}, cdcSupported={'Y' if engine.cdc else 'N'}, "
            f"endpointType={endpoint.type.upper()}, serviceType=AWS, externalName={engine.display}, rvn=1] "
            f"endpoint must be of type {role.upper()}"
        )


def _require_changes(source: Endpoint) -> None:
    if source.engine == "s3" and not source.settings.get("CdcPath"):
        raise bad_value("The S3 source endpoint has no CdcPath: changes cannot be replicated from it.")
    if not ENGINES[source.engine].cdc:
        raise bad_value(f"The engine {source.engine} does not support change data capture as a source.")


def _mappings(text: str) -> str:
    try:
        parse(text)
    except MappingError as error:
        raise bad_value(str(error)) from None
    return text


def _task_data(text: str | None) -> str | None:
    if text:
        try:
            json.loads(text)
        except ValueError:
            raise bad_value("The parameter TaskData is not valid JSON.") from None
    return text


def _position(params: dict[str, Any]) -> str | None:
    """CdcStartPosition as given, or CdcStartTime as the API shows it there: ISO without a zone."""
    position, at = params.get("CdcStartPosition"), params.get("CdcStartTime")
    if position and at:
        raise bad_combination("CdcStartTime and CdcStartPosition cannot both be specified.")
    if isinstance(at, datetime):
        return (at if at.tzinfo is None else at.astimezone(UTC)).strftime("%Y-%m-%dT%H:%M:%S")
    return position or None


def _changes(room: Room, task: Task, params: dict[str, Any], given: settings.Settings) -> dict[str, Any]:
    """The fields a modify sets, refused where create would refuse them."""
    changes: dict[str, Any] = {}
    if given:
        changes["settings"] = settings.merged(task.settings, given)
        changes["settings"]["Logging"].pop("DeleteTaskLogs", None)
    if params.get("TableMappings"):
        changes["mappings"] = _mappings(params["TableMappings"])
    if params.get("MigrationType"):
        changes["migration_type"] = _migration_type(params["MigrationType"])
        if changes["migration_type"] != "full-load":
            _require_changes(room.store.endpoints[task.source_arn])
    if params.get("ReplicationTaskIdentifier"):
        name = identifiers.name("ReplicationTaskIdentifier", params["ReplicationTaskIdentifier"])
        if _taken(room, name, besides=task):
            raise exists(f"Replication Task {name} already exists.")
        changes["identifier"] = name
    position = _position(params)
    if position is not None:
        changes["cdc_start_position"] = position
    if params.get("CdcStopPosition"):
        changes["cdc_stop_position"] = params["CdcStopPosition"]
    if params.get("TaskData"):
        changes["task_data"] = _task_data(params["TaskData"])
    return changes


async def _prepare(room: Room, task: Task) -> None:
    """creating → ready, with the tests of connections nobody has tested yet."""
    await room.world.pace.wait("dms.task.create")
    store = room.store
    instance = store.instances[task.instance_arn]
    endpoints = [store.endpoints[arn] for arn in (task.source_arn, task.target_arn) if arn in store.endpoints]
    await connections.test_untested(room, instance, endpoints)
    if task.status == "creating":
        task.status, task.shows_stats = "ready", True
    room.changed()


async def _stop(room: Room, task: Task) -> None:
    """stopping stays in sight for a while, then the worker ends and the run says `stopped`."""
    await room.world.pace.wait("dms.task.stop")
    run = room.runs.get(task.arn)
    if run is not None:
        run.stop()
    elif task.status == "stopping":
        task.status, task.stop_reason, task.stopped = "stopped", "Stop Reason NORMAL", time.time()
        room.changed()


async def _settle(room: Room, task: Task, before: str) -> None:
    await room.world.pace.wait("dms.task.modify")
    if task.status == "modifying":
        task.status = before
    events.tell(room, 80, task.identifier, "Replication task has been modified.")


async def _move(room: Room, task: Task) -> None:
    await room.world.pace.wait("dms.task.move")
    target = task.moving_to
    if task.status != "moving" or target is None:
        return
    task.moving_to = None
    if target not in room.store.instances:
        task.status = "failed-move"
    else:
        task.instance_arn = target
        task.status = "stopped" if task.ran else "ready"
        await connections.test_untested(
            room,
            room.store.instances[target],
            [room.store.endpoints[task.source_arn], room.store.endpoints[task.target_arn]],
        )
    room.changed()


async def _remove(room: Room, task: Task) -> None:
    """deleting → gone; what the task made at its source (slot, publications) goes with it."""
    await room.world.pace.wait("dms.task.delete")
    wrong = None
    if task.ran and task.migration_type != "full-load":
        wrong = await runner.clean_up(room, task)
    if wrong is not None:
        events.tell(room, 82, task.identifier, f"Replication task resources could not be cleaned up. {wrong}")
        if task.settings.get("FailTaskWhenCleanTaskResourceFailed"):
            runner.fail(room, task, f"Failed to clean up the resources of the task. {wrong}")
            return
    room.store.tasks.pop(task.arn, None)
    room.store.tags.pop(task.arn, None)
    events.tell(room, 73, task.identifier, "Replication task has been deleted.")
