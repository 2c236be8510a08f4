"""Tags of DMS resources: add, list, remove."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.dms import identifiers
from dmstui.sandbox.dms.faults import bad_combination, bad_value
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.service import Call, Handler

MAX_TAGS = 50


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def add(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        arn = params["ResourceArn"]
        room.store.check_known(arn)
        tags = room.store.tags.get(arn, {}) | identifiers.check_tags(params["Tags"])
        if len(tags) > MAX_TAGS:
            raise bad_value(f"A resource carries at most {MAX_TAGS} tags.")
        room.store.tags[arn] = tags
        room.changed()
        return {}

    async def listed(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        one, several = params.get("ResourceArn"), params.get("ResourceArnList")
        if bool(one) == bool(several):
            raise bad_combination("Specify either ResourceArn or ResourceArnList.")
        found = []
        for arn in [one] if one else several or []:
            room.store.check_known(arn)
            for key, value in room.store.tags.get(arn, {}).items():
                tag = {"Key": key, "Value": value}
                found.append(tag if one else tag | {"ResourceArn": arn})
        return {"TagList": found}

    async def remove(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        arn = params["ResourceArn"]
        room.store.check_known(arn)
        tags = room.store.tags.get(arn, {})
        for key in params["TagKeys"]:
            tags.pop(key, None)
        room.changed()
        return {}

    return {"AddTagsToResource": add, "ListTagsForResource": listed, "RemoveTagsFromResource": remove}
