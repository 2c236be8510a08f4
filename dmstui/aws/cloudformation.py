"""CloudFormation in model objects: stacks, events, resources, create, update, delete. `connection.cloudformation`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dmstui.model import AwsError, Stack, StackEvent, StackOutput, StackResource

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection

BODY_LIMIT = 51_200  # bytes of TemplateBody


class CloudFormation:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Connection) -> None:
        self._aws = aws

    async def _pages(self, operation: str, member: str, **params: Any) -> AsyncIterator[list[dict[str, Any]]]:
        token: str | None = None
        while True:
            answer = await self._aws.call("cloudformation", operation, NextToken=token, **params)
            yield answer.get(member, [])
            token = answer.get("NextToken") or None
            if token is None:
                return

    async def stacks(self) -> tuple[Stack, ...]:
        """All stacks that stand, by name."""
        found = [stack_of(entry) async for page in self._pages("DescribeStacks", "Stacks") for entry in page]
        return tuple(sorted(found, key=lambda stack: stack.name))

    async def stack(self, name: str) -> Stack | None:
        """One stack by name or id (by id also when it is gone), None when there is none."""
        try:
            answer = await self._aws.call("cloudformation", "DescribeStacks", StackName=name)
        except AwsError as error:
            if error.missing:
                return None
            raise
        stacks = answer.get("Stacks", [])
        return stack_of(stacks[0]) if stacks else None

    async def events(self, name: str, *, known: str | None = None) -> tuple[StackEvent, ...]:
        """Events newest first; with `known` only those newer than the event of that id."""
        found: list[StackEvent] = []
        async for page in self._pages("DescribeStackEvents", "StackEvents", StackName=name):
            for entry in page:
                if known is not None and entry.get("EventId") == known:
                    return tuple(found)
                found.append(event_of(entry))
        return tuple(found)

    async def resources(self, name: str) -> tuple[StackResource, ...]:
        """Where each resource stands now."""
        pages = self._pages("ListStackResources", "StackResourceSummaries", StackName=name)
        return tuple([resource_of(entry) async for page in pages for entry in page])

    async def validate(self, body: str) -> dict[str, Any]:
        """ValidateTemplate: parameters, capabilities; AwsError `ValidationError` with the reason."""
        return await self._aws.call("cloudformation", "ValidateTemplate", TemplateBody=body)

    async def create(
        self, name: str, body: str, parameters: Mapping[str, str], tags: Mapping[str, str], *, token: str
    ) -> str:
        """CreateStack; returns the stack's id. The token makes a repetition harmless."""
        answer = await self._aws.call(
            "cloudformation",
            "CreateStack",
            StackName=name,
            TemplateBody=body,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": k, "Value": v} for k, v in tags.items()],
            ClientRequestToken=token,
        )
        return str(answer["StackId"])

    async def update(
        self, name: str, body: str, parameters: Mapping[str, str], tags: Mapping[str, str], *, token: str
    ) -> str | None:
        """UpdateStack; returns the stack's id, None when there is nothing to update."""
        try:
            answer = await self._aws.call(
                "cloudformation",
                "UpdateStack",
                StackName=name,
                TemplateBody=body,
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
                Tags=[{"Key": k, "Value": v} for k, v in tags.items()],
                ClientRequestToken=token,
            )
        except AwsError as error:
            if error.code == "ValidationError" and "No updates are to be performed" in error.message:
                return None
            raise
        return str(answer["StackId"])

    async def delete(self, name: str, *, token: str, retain: tuple[str, ...] = ()) -> None:
        """DeleteStack; `retain` only after DELETE_FAILED, as the service wants it."""
        await self._aws.call(
            "cloudformation",
            "DeleteStack",
            StackName=name,
            ClientRequestToken=token,
            RetainResources=list(retain) or None,
        )


def _utc(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def stack_of(entry: Mapping[str, Any]) -> Stack:
    """The API's Stack -> record."""
    return Stack(
        id=entry.get("StackId", ""),
        name=entry.get("StackName", ""),
        status=entry.get("StackStatus", ""),
        reason=entry.get("StackStatusReason", ""),
        description=entry.get("Description", ""),
        created=_utc(entry.get("CreationTime")),
        updated=_utc(entry.get("LastUpdatedTime")),
        deleted=_utc(entry.get("DeletionTime")),
        parameters={
            item["ParameterKey"]: item.get("ResolvedValue") or item.get("ParameterValue", "")
            for item in entry.get("Parameters") or ()
        },
        outputs=tuple(
            StackOutput(item.get("OutputKey", ""), item.get("OutputValue", ""), item.get("Description", ""))
            for item in entry.get("Outputs") or ()
        ),
        tags={item["Key"]: item["Value"] for item in entry.get("Tags") or ()},
    )


def event_of(entry: Mapping[str, Any]) -> StackEvent:
    """The API's StackEvent -> record."""
    return StackEvent(
        id=entry.get("EventId", ""),
        at=_utc(entry.get("Timestamp")) or datetime.fromtimestamp(0, UTC),
        logical_id=entry.get("LogicalResourceId", ""),
        physical_id=entry.get("PhysicalResourceId", ""),
        type=entry.get("ResourceType", ""),
        status=entry.get("ResourceStatus", ""),
        reason=entry.get("ResourceStatusReason", ""),
        stack_id=entry.get("StackId", ""),
    )


def resource_of(entry: Mapping[str, Any]) -> StackResource:
    """The API's StackResourceSummary -> record."""
    return StackResource(
        logical_id=entry.get("LogicalResourceId", ""),
        physical_id=entry.get("PhysicalResourceId", ""),
        type=entry.get("ResourceType", ""),
        status=entry.get("ResourceStatus", ""),
        reason=entry.get("ResourceStatusReason", ""),
        at=_utc(entry.get("LastUpdatedTimestamp")),
    )
