"""Records of stacks → the members of CloudFormation's answers. Called by operations.py and change_sets.py; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dmstui.sandbox.cloudformation import parameters
from dmstui.sandbox.cloudformation.intrinsics import text
from dmstui.sandbox.cloudformation.stack import ChangeSet, Inputs, ResourceState, Stack, StackEvent, moment
from dmstui.sandbox.cloudformation.template import Template, parse
from dmstui.sandbox.service import Fault

T = TypeVar("T")
PAGE = 100


def compact(members: dict[str, Any]) -> dict[str, Any]:
    """Without the members that are None."""
    return {key: value for key, value in members.items() if value is not None}


def shown_parameters(inputs: Inputs) -> list[dict[str, Any]]:
    """Parameters with NoEcho values masked and looked-up values beside their names."""
    declared = parse(inputs.template).parameters
    shown = []
    for name, value in inputs.parameters.items():
        hidden = name in declared and parameters.no_echo(declared[name])
        shown.append(
            compact(
                {
                    "ParameterKey": name,
                    "ParameterValue": parameters.MASK if hidden else value,
                    "ResolvedValue": inputs.resolved.get(name),
                }
            )
        )
    return shown


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def stack(item: Stack) -> dict[str, Any]:
    """An element of DescribeStacks."""
    return compact(
        {
            "StackId": item.id,
            "StackName": item.name,
            "ChangeSetId": item.change_set_id,
            "Description": item.description,
            "Parameters": shown_parameters(item.inputs) or None,
            "CreationTime": moment(item.created),
            "LastUpdatedTime": moment(item.updated),
            "DeletionTime": moment(item.deleted),
            "RollbackConfiguration": {},
            "StackStatus": item.status,
            "StackStatusReason": item.reason,
            "DisableRollback": item.disable_rollback or item.on_failure == "DO_NOTHING",
            "NotificationARNs": list(item.inputs.notification_arns),
            "TimeoutInMinutes": item.timeout_minutes,
            "Capabilities": list(item.inputs.capabilities) or None,
            "Outputs": [
                compact(
                    {
                        "OutputKey": output.key,
                        "OutputValue": output.value,
                        "Description": output.description,
                        "ExportName": output.export,
                    }
                )
                for output in item.outputs
            ]
            or None,
            "RoleARN": item.inputs.role_arn,
            "Tags": tag_list(item.inputs.tags),
            "EnableTerminationProtection": item.termination_protection,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def summary(item: Stack, description: str | None) -> dict[str, Any]:
    """An element of ListStacks."""
    return compact(
        {
            "StackId": item.id,
            "StackName": item.name,
            "TemplateDescription": description,
            "CreationTime": moment(item.created),
            "LastUpdatedTime": moment(item.updated),
            "DeletionTime": moment(item.deleted),
            "StackStatus": item.status,
            "StackStatusReason": item.reason,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def event(item: Stack, happened: StackEvent) -> dict[str, Any]:
    """An element of DescribeStackEvents."""
    return compact(
        {
            "StackId": item.id,
            "EventId": happened.event_id,
            "StackName": item.name,
            "LogicalResourceId": happened.logical_id,
            "PhysicalResourceId": happened.physical_id,
            "ResourceType": happened.type,
            "Timestamp": moment(happened.at),
            "ResourceStatus": happened.status,
            "ResourceStatusReason": happened.reason,
            "ResourceProperties": happened.properties,
            "ClientRequestToken": happened.token,
        }
    )


def resource(item: Stack, state: ResourceState) -> dict[str, Any]:
    """An element of DescribeStackResources."""
    return compact(
        {
            "StackName": item.name,
            "StackId": item.id,
            "LogicalResourceId": state.logical_id,
            "PhysicalResourceId": state.physical_id,
            "ResourceType": state.type,
            "Timestamp": moment(state.updated),
            "ResourceStatus": state.status,
            "ResourceStatusReason": state.reason,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    )


def resource_summary(state: ResourceState) -> dict[str, Any]:
    """An element of ListStackResources."""
    return compact(
        {
            "LogicalResourceId": state.logical_id,
            "PhysicalResourceId": state.physical_id,
            "ResourceType": state.type,
            "LastUpdatedTimestamp": moment(state.updated),
            "ResourceStatus": state.status,
            "ResourceStatusReason": state.reason,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    )


def change_set_summary(item: ChangeSet, stack_name: str) -> dict[str, Any]:
    """An element of ListChangeSets."""
    return compact(
        {
            "StackId": item.stack_id,
            "StackName": stack_name,
            "ChangeSetId": item.id,
            "ChangeSetName": item.name,
            "ExecutionStatus": item.execution_status,
            "Status": item.status,
            "StatusReason": item.reason,
            "CreationTime": moment(item.created),
            "Description": item.description,
            "IncludeNestedStacks": item.include_nested,
        }
    )


def change_set(item: ChangeSet, stack_name: str) -> dict[str, Any]:
    """The answer of DescribeChangeSet, but for paging."""
    return compact(
        {
            **change_set_summary(item, stack_name),
            "Parameters": shown_parameters(item.inputs) or None,
            "NotificationARNs": list(item.inputs.notification_arns),
            "RollbackConfiguration": {},
            "Capabilities": list(item.inputs.capabilities) or None,
            "Tags": tag_list(item.inputs.tags) or None,
            "OnStackFailure": item.on_failure,
        }
    )


def declared_parameters(template: Template, *, details: bool) -> list[dict[str, Any]]:
    """Parameter declarations for ValidateTemplate, with `details` for GetTemplateSummary."""
    found = []
    for name, declared in template.parameters.items():
        default = declared.get("Default")
        entry: dict[str, Any] = {
            "ParameterKey": name,
            "DefaultValue": None if default is None else text(default),
            "NoEcho": parameters.no_echo(declared),
            "Description": declared.get("Description"),
        }
        if details:
            entry["ParameterType"] = declared["Type"]
            allowed = declared.get("AllowedValues")
            entry["ParameterConstraints"] = (
                {"AllowedValues": [text(item) for item in allowed]} if allowed else {}
            )
        found.append(compact(entry))
    return found


def page(
    items: Sequence[T], token: str | None, show: Callable[[T], dict[str, Any]], size: int = PAGE
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of `items` and the token of the next; the token is the position."""
    try:
        start = int(token) if token else 0
    except ValueError:
        raise Fault("ValidationError", "The specified NextToken is not valid") from None
    shown = [show(item) for item in items[start : start + size]]
    return shown, str(start + size) if start + size < len(items) else None
