"""Deploy a scenario's stack: check, create or update, follow it; a deploy already under way is followed too."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping

from dmstui.aws import Connection
from dmstui.aws.cloudformation import BODY_LIMIT
from dmstui.catalog import Scenario, prices, template_parameters
from dmstui.catalog.template import (
    template_conditional_ids,
    template_logical_ids,
    template_resource_types,
)
from dmstui.model import AwsError, Snapshot, Stack, StackEvent
from dmstui.operations.operation import Danger, Operation, Progress, read_only_refusal, refused, reported
from dmstui.operations.stacks import failure, follow

_DEAD = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
SCENARIO_TAG = "dmstui:scenario"


def refusal(scenario: Scenario, snapshot: Snapshot) -> str | None:
    """Why it cannot be deployed now."""
    reason = read_only_refusal(snapshot)
    if reason:
        return reason
    stack = snapshot.stack(scenario.stack_name)
    return None if stack is None else standing_refusal(stack)


def standing_refusal(stack: Stack) -> str | None:
    """Why nothing can be deployed over this stack; None where it can be created, updated or followed."""
    if stack.status in _DEAD:
        return f"the stack {stack.name} is {stack.status}; delete it first"
    if stack.status == "DELETE_IN_PROGRESS":
        return f"the stack {stack.name} is being deleted; wait until it is gone"
    if stack.status == "REVIEW_IN_PROGRESS":
        return f"the stack {stack.name} is only a change set so far; delete it first"
    return None


def effect(scenario: Scenario, snapshot: Snapshot) -> list[str]:
    """What it makes and costs."""
    estimate = prices.estimate(scenario.costs)
    about = "" if estimate.verified else "about "
    sentences = [_makes(scenario, snapshot)]
    if snapshot.sandbox:
        sentences.append(f"In the sandbox it costs nothing; on AWS {about}${estimate.per_hour:.2f} an hour.")
    else:
        sentences.append(f"It costs {about}${estimate.per_hour:.2f} an hour until it is deleted.")
    minutes = next((step.minutes for step in scenario.steps if step.id == "deploy"), None)
    if minutes and not snapshot.sandbox:
        sentences.append(f"It takes about {minutes} minutes.")
    return sentences


def _makes(scenario: Scenario, snapshot: Snapshot) -> str:
    stack = snapshot.stack(scenario.stack_name)
    if stack is not None and stack.settled:
        return f"CloudFormation changes what differs in the stack {stack.name}; the rest stays as it is."
    optional = len(template_conditional_ids(scenario.template_text))
    count = len(template_logical_ids(scenario.template_text)) - optional
    more = f", {optional} more by its parameters" if optional else ""
    return f"CloudFormation makes {count} resources{more}, as the stack {scenario.stack_name}."


def checked_parameters(template: str, given: Mapping[str, str]) -> dict[str, str]:
    """The values to send: the template's defaults with the given ones over them; AwsError names all that is wrong."""
    parameters = {parameter.name: parameter for parameter in template_parameters(template)}
    wrong = [f"there is no parameter {name}" for name in given if name not in parameters]
    for parameter in parameters.values():
        if parameter.name in given:
            reason = parameter.refusal(given[parameter.name])
            if reason:
                wrong.append(reason)
        elif parameter.default is None:
            wrong.append(f"{parameter.name} needs a value")
    if wrong:
        raise refused("; ".join(wrong), "Give values as --parameter NAME=VALUE.")
    return dict(given)


@reported
async def run(
    aws: Connection,
    scenario: Scenario,
    *,
    stack_name: str | None = None,
    parameters: Mapping[str, str] | None = None,
    wait: bool = True,
    seconds: float | None = None,
) -> AsyncIterator[Progress]:
    """Create or update the stack; with `wait` each event until it settles. A running deploy is followed."""
    name = stack_name or scenario.stack_name
    body = scenario.template_text
    if len(body.encode()) > BODY_LIMIT:
        raise refused(f"the template is {len(body.encode())} bytes; CloudFormation takes {BODY_LIMIT}")
    values = checked_parameters(body, parameters or {})
    stack = await aws.cloudformation.stack(name)
    known: str | None = None
    if stack is not None:
        reason = standing_refusal(stack)
        if reason:
            raise refused(reason, f"dmstui scenario delete {scenario.name}")
    if stack is not None and not stack.settled:
        yield Progress(f"{name} is {stack.status} already: following it", data=stack)
        stack_id = stack.id
    else:
        await _versions_on_offer(aws, body, values)
        await aws.cloudformation.validate(body)
        if stack is None:
            stack_id = await _create(aws, name, body, values, scenario)
        else:
            kept = {
                key: value
                for key, value in stack.parameters.items()
                if key not in values and "*" not in value and key in _settable(body)
            }
            before = await aws.cloudformation.events(stack.id)
            known = before[0].id if before else None
            changed = await aws.cloudformation.update(
                name, body, kept | values, {SCENARIO_TAG: scenario.name}, token=str(uuid.uuid4())
            )
            if changed is None:
                yield Progress(f"{name} stands as it should: nothing to change", done=True, data=stack)
                return
            stack_id = changed
        yield Progress(f"{name}: asked for", done=not wait, fraction=0.0, data=stack)
    if not wait:
        return
    events: list[StackEvent] = []
    final: Stack | None = None
    total = len(template_logical_ids(body))
    async for step in follow(aws, stack_id, total=total, seconds=seconds or 7200, known=known):
        if isinstance(step.data, StackEvent):
            events.append(step.data)
        if isinstance(step.data, Stack):
            final = step.data
            continue
        yield step
    if final is None:
        raise AwsError("StackFailed", f"{name} is gone", "CreateStack")
    if final.failed:
        raise failure(final, events, "", f"Look at its events, then: dmstui scenario delete {scenario.name}")
    yield Progress(f"{name} is {final.status}", done=True, fraction=1.0, data=final)


def _settable(body: str) -> set[str]:
    """Parameters whose kept value may be sent back: SSM ones come resolved and would be taken for names."""
    return {
        parameter.name
        for parameter in template_parameters(body)
        if not parameter.type.startswith("AWS::SSM::Parameter::Value") and not parameter.no_echo
    }


async def _create(
    aws: Connection, name: str, body: str, values: Mapping[str, str], scenario: Scenario
) -> str:
    token = str(uuid.uuid4())
    try:
        return await aws.cloudformation.create(name, body, values, {SCENARIO_TAG: scenario.name}, token=token)
    except AwsError as error:
        if error.code != "Unclear":
            raise
        # The answer was lost: if the stack is there, the request arrived.
        stack = await aws.cloudformation.stack(name)
        if stack is None:
            raise
        return stack.id


async def _versions_on_offer(aws: Connection, body: str, values: Mapping[str, str]) -> None:
    """Refuse a DMS engine version the region does not offer before minutes are spent on finding out."""
    if "AWS::DMS::ReplicationInstance" not in template_resource_types(body).values():
        return
    wanted = {
        values.get(parameter.name, parameter.default or "")
        for parameter in template_parameters(body)
        if parameter.name in {"DmsEngineVersion", "ReplicationEngineVersion"}
    }
    if not wanted:
        return
    try:
        offered = {str(entry.get("Version", "")) for entry in await aws.dms.engine_versions()}
    except AwsError:
        # Without the permission to ask, CloudFormation will say it later.
        return
    missing = {version for version in wanted if version and version not in offered}
    if offered and missing:
        raise refused(
            f"this region does not offer DMS {', '.join(sorted(missing))}; it offers {', '.join(sorted(offered))}"
        )


OPERATION = Operation("deploy", "Deploy", "D", Danger.CONFIRM, "scenario", refusal, effect, run)
