"""Systems Manager: parameters."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    invalid,
    is_gone,
    pick,
)


class Parameter(Provisioner):
    type = "AWS::SSM::Parameter"
    required = "Type Value"
    fixed = "Name"
    mutable = "AllowedPattern DataType Description Tags Tier Type Value"
    absent = "Policies"
    attributes = "Type Value"
    own = "AllowedPattern DataType Description Tier Type Value"

    def check(self, p: Properties, logical_id: str) -> None:
        super().check(p, logical_id)
        if p["Type"] not in {"String", "StringList"}:
            raise invalid(logical_id, f"#/Type: {p['Type']} is not a valid enum value")

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("Name") or f"CFN-{at.name(200)}"
        await at.call("ssm", "PutParameter", Name=name, **pick(p, self.own), Tags=at.tags(p) or None)
        return str(name)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return pick(p, "Type Value")

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call("ssm", "PutParameter", Name=physical_id, **pick(p, self.own), Overwrite=True)
        set_, removed = at.tag_changes(old, p)
        if set_:
            await at.call(
                "ssm", "AddTagsToResource", ResourceType="Parameter", ResourceId=physical_id, Tags=set_
            )
        if removed:
            await at.call(
                "ssm",
                "RemoveTagsFromResource",
                ResourceType="Parameter",
                ResourceId=physical_id,
                TagKeys=removed,
            )

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        try:
            await at.call("ssm", "DeleteParameter", Name=physical_id)
        except RefusalError as refusal:
            if not is_gone(refusal):
                raise


TYPES = (Parameter,)
