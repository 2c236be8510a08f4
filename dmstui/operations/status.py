"""Where a scenario stands: stack, instance, connections, task, next step. Read by cli; finds stacks for others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dmstui.aws import Connection as Aws
from dmstui.catalog import Scenario
from dmstui.model import Connection, ReplicationInstance, ReplicationTask, Stack, stop_reason


@dataclass(frozen=True, slots=True)
class ScenarioStatus:
    """Everything known of a scenario's stack. `next_step` is a command, empty when there is none to give."""

    scenario: str
    stack: Stack | None
    instance: ReplicationInstance | None = None
    task: ReplicationTask | None = None
    connections: tuple[Connection, ...] = ()
    next_step: str = ""


async def stack_of(aws: Aws, scenario: Scenario, stack_name: str | None = None) -> Stack | None:
    """The scenario's stack: of the given name, else of the default name, else the one with its tag."""
    stack = await aws.cloudformation.stack(stack_name or scenario.stack_name)
    if stack is not None and stack.status == "DELETE_COMPLETE":
        stack = None
    if stack is not None or stack_name:
        return stack
    tagged = [one for one in await aws.cloudformation.stacks() if one.scenario == scenario.name]
    return tagged[0] if tagged else None


async def scenario_status(aws: Aws, scenario: Scenario, stack_name: str | None = None) -> ScenarioStatus:
    """Ask CloudFormation and DMS where the scenario stands."""
    stack = await stack_of(aws, scenario, stack_name)
    if stack is None:
        return ScenarioStatus(scenario.name, None, next_step=f"dmstui scenario deploy {scenario.name} --wait")
    physical = {
        resource.logical_id: resource.physical_id for resource in await aws.cloudformation.resources(stack.id)
    }
    task_arn = physical.get(scenario.resources.get("task", ""), "")
    instance_arn = physical.get(scenario.resources.get("replication_instance", ""), "")
    tasks, instances, connections = await asyncio.gather(
        _tasks(aws, task_arn), _instances(aws, instance_arn), aws.dms.connections()
    )
    task = tasks[0] if tasks else None
    own = tuple(
        row
        for row in connections
        if task
        and row.instance_arn == task.instance_arn
        and row.endpoint_arn in {task.source_arn, task.target_arn}
    )
    return ScenarioStatus(
        scenario.name,
        stack,
        instances[0] if instances else None,
        task,
        own,
        next_step(scenario, stack, task, own),
    )


async def _tasks(aws: Aws, arn: str) -> tuple[ReplicationTask, ...]:
    return await aws.dms.tasks(arn) if ":task:" in arn else ()


async def _instances(aws: Aws, arn: str) -> tuple[ReplicationInstance, ...]:
    return await aws.dms.instances(arn) if ":rep:" in arn else ()


def next_step(
    scenario: Scenario, stack: Stack, task: ReplicationTask | None, connections: tuple[Connection, ...]
) -> str:
    """The command to type next, from what stands."""
    if stack.status == "DELETE_IN_PROGRESS":
        return f"dmstui scenario delete {scenario.name} --wait"
    if not stack.settled:
        return f"dmstui scenario deploy {scenario.name} --wait"
    if stack.failed and not stack.status.startswith("UPDATE_"):
        return f"dmstui scenario delete {scenario.name} --wait"
    if task is None:  # deleted by hand: CloudFormation does not bring back what it believes is there
        return f"dmstui scenario delete {scenario.name} --wait"
    tested = {row.endpoint_arn for row in connections if row.status == "successful"}
    if task.status == "ready" and not task.has_run:
        if not {task.source_arn, task.target_arn} <= tested:
            return f"dmstui connection test {task.name}"
        return f"dmstui task start {task.name}"
    if task.status == "failed":
        return f"dmstui task logs {task.name}"
    if task.status == "running":
        return f"dmstui task tables {task.name}"
    if task.status == "stopped" and stop_reason(task.stop_reason) == "FULL_LOAD_ONLY_FINISHED":
        return f"dmstui scenario run {scenario.name} verify"
    return f"dmstui task resume {task.name}" if task.status == "stopped" else ""
