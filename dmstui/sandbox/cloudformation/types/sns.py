"""SNS: topics, subscriptions, topic policies."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.intrinsics import text
from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    as_list,
    document,
    is_gone,
)

TOPIC_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)
SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


def _attribute(value: Any) -> str:
    return str(document(value)) if isinstance(value, (dict, list)) else text(value)


class Topic(Provisioner):
    type = "AWS::SNS::Topic"
    fixed = "FifoTopic TopicName"
    mutable = "ContentBasedDeduplication DisplayName KmsMasterKeyId SignatureVersion Subscription Tags TracingConfig"
    absent = "ArchivePolicy DataProtectionPolicy DeliveryStatusLogging FifoThroughputScope"
    attributes = "TopicArn TopicName"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("TopicName") or at.name(256)
        if text(p.get("FifoTopic", False)) == "true" and "TopicName" not in p:
            name = f"{at.name(251)}.fifo"
        given = {key: _attribute(p[key]) for key in TOPIC_ATTRIBUTES if key in p}
        answer = await at.call(
            "sns", "CreateTopic", Name=name, Attributes=given or None, Tags=at.tags(p) or None
        )
        return str(answer["TopicArn"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._subscribe(at, physical_id, [], as_list(p.get("Subscription")))
        await self.rest(at)

    async def _subscribe(self, at: Site, topic: str, old: list[Any], new: list[Any]) -> None:
        for item in new:
            if item not in old:
                await at.call(
                    "sns", "Subscribe", TopicArn=topic, Protocol=item["Protocol"], Endpoint=item["Endpoint"]
                )
        if gone := [item for item in old if item not in new]:
            found = (await at.call("sns", "ListSubscriptionsByTopic", TopicArn=topic))["Subscriptions"]
            for each in found:
                if {"Protocol": each["Protocol"], "Endpoint": each["Endpoint"]} in gone:
                    await at.call("sns", "Unsubscribe", SubscriptionArn=each["SubscriptionArn"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"TopicArn": physical_id, "TopicName": physical_id.rpartition(":")[2]}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name in TOPIC_ATTRIBUTES:
            if old.get(name) != p.get(name):
                await at.call(
                    "sns",
                    "SetTopicAttributes",
                    TopicArn=physical_id,
                    AttributeName=name,
                    AttributeValue=_attribute(p.get(name, "")),
                )
        await self._subscribe(
            at, physical_id, as_list(old.get("Subscription")), as_list(p.get("Subscription"))
        )
        set_, removed = at.tag_changes(old, p)
        if set_:
            await at.call("sns", "TagResource", ResourceArn=physical_id, Tags=set_)
        if removed:
            await at.call("sns", "UntagResource", ResourceArn=physical_id, TagKeys=removed)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("sns", "DeleteTopic", TopicArn=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class Subscription(Provisioner):
    type = "AWS::SNS::Subscription"
    required = "Protocol TopicArn"
    fixed = "Endpoint Protocol TopicArn"
    mutable = " ".join(SUBSCRIPTION_ATTRIBUTES)
    absent = "Region ReplayPolicy"
    attributes = "Arn"

    async def create(self, at: Site, p: Properties) -> str:
        given = {key: _attribute(p[key]) for key in SUBSCRIPTION_ATTRIBUTES if key in p}
        answer = await at.call(
            "sns",
            "Subscribe",
            TopicArn=p["TopicArn"],
            Protocol=p["Protocol"],
            Endpoint=p.get("Endpoint"),
            Attributes=given or None,
            ReturnSubscriptionArn=True,
        )
        return str(answer["SubscriptionArn"])

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Arn": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for name in SUBSCRIPTION_ATTRIBUTES:
            if old.get(name) != p.get(name):
                await at.call(
                    "sns",
                    "SetSubscriptionAttributes",
                    SubscriptionArn=physical_id,
                    AttributeName=name,
                    AttributeValue=_attribute(p.get(name, {})),
                )

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("sns", "Unsubscribe", SubscriptionArn=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


class TopicPolicy(Provisioner):
    type = "AWS::SNS::TopicPolicy"
    required = "PolicyDocument Topics"
    mutable = "PolicyDocument Topics"
    attributes = "Id"

    async def create(self, at: Site, p: Properties) -> str:
        await self.update(at, "", {}, p)
        return at.name(128)

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for topic in as_list(p["Topics"]):
            await at.call(
                "sns",
                "SetTopicAttributes",
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=document(p["PolicyDocument"]),
            )

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}


TYPES = (Topic, Subscription, TopicPolicy)
