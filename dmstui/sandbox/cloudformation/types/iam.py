"""IAM: roles, their policies, instance profiles."""

from __future__ import annotations

from typing import Any

from dmstui.sandbox.cloudformation.types.base import (
    Properties,
    Provisioner,
    RefusalError,
    Site,
    as_list,
    document,
    is_gone,
    pick,
)


async def forgiving(at: Site, operation: str, **parameters: Any) -> None:
    """A deleting call of IAM for which it is no failure that the thing is gone already."""
    try:
        await at.call("iam", operation, **parameters)
    except RefusalError as refusal:
        if not is_gone(refusal):
            raise


class Role(Provisioner):
    type = "AWS::IAM::Role"
    required = "AssumeRolePolicyDocument"
    fixed = "Path RoleName"
    mutable = (
        "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration PermissionsBoundary Policies "
        "Tags"
    )
    attributes = "Arn RoleId"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("RoleName") or at.name(64)
        await at.call(
            "iam",
            "CreateRole",
            RoleName=name,
            AssumeRolePolicyDocument=document(p["AssumeRolePolicyDocument"]),
            Tags=at.tags(p) or None,
            **pick(p, "Path Description MaxSessionDuration PermissionsBoundary"),
        )
        return str(name)

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._policies(at, physical_id, {}, p)
        # CloudFormation waits until IAM has spread the role, so that what comes next finds it.
        await at.pause("iam.visible")
        await self.rest(at)

    async def _policies(self, at: Site, name: str, old: Properties, p: Properties) -> None:
        before, after = as_list(old.get("ManagedPolicyArns")), as_list(p.get("ManagedPolicyArns"))
        for arn in after:
            if arn not in before:
                await at.call("iam", "AttachRolePolicy", RoleName=name, PolicyArn=arn)
        for arn in before:
            if arn not in after:
                await forgiving(at, "DetachRolePolicy", RoleName=name, PolicyArn=arn)
        was = {item["PolicyName"]: item["PolicyDocument"] for item in as_list(old.get("Policies"))}
        now = {item["PolicyName"]: item["PolicyDocument"] for item in as_list(p.get("Policies"))}
        for policy, body in now.items():
            if was.get(policy) != body:
                await at.call(
                    "iam", "PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=document(body)
                )
        for policy in was:
            if policy not in now:
                await forgiving(at, "DeleteRolePolicy", RoleName=name, PolicyName=policy)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        role = (await at.call("iam", "GetRole", RoleName=physical_id))["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        if old.get("AssumeRolePolicyDocument") != p["AssumeRolePolicyDocument"]:
            await at.call(
                "iam",
                "UpdateAssumeRolePolicy",
                RoleName=physical_id,
                PolicyDocument=document(p["AssumeRolePolicyDocument"]),
            )
        if any(old.get(name) != p.get(name) for name in ("Description", "MaxSessionDuration")):
            await at.call(
                "iam",
                "UpdateRole",
                RoleName=physical_id,
                Description=p.get("Description", ""),
                MaxSessionDuration=p.get("MaxSessionDuration"),
            )
        if old.get("PermissionsBoundary") != p.get("PermissionsBoundary"):
            if "PermissionsBoundary" in p:
                await at.call(
                    "iam",
                    "PutRolePermissionsBoundary",
                    RoleName=physical_id,
                    PermissionsBoundary=p["PermissionsBoundary"],
                )
            else:
                await at.call("iam", "DeleteRolePermissionsBoundary", RoleName=physical_id)
        await self._policies(at, physical_id, old, p)
        set_, removed = at.tag_changes(old, p)
        if set_:
            await at.call("iam", "TagRole", RoleName=physical_id, Tags=set_)
        if removed:
            await at.call("iam", "UntagRole", RoleName=physical_id, TagKeys=removed)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        for arn in as_list(p.get("ManagedPolicyArns")):
            await forgiving(at, "DetachRolePolicy", RoleName=physical_id, PolicyArn=arn)
        for policy in as_list(p.get("Policies")):
            await forgiving(at, "DeleteRolePolicy", RoleName=physical_id, PolicyName=policy["PolicyName"])
        await forgiving(at, "DeleteRole", RoleName=physical_id)


class Policy(Provisioner):
    """An inline policy put on roles, groups and users."""

    type = "AWS::IAM::Policy"
    required = "PolicyDocument PolicyName"
    mutable = "Groups PolicyDocument PolicyName Roles Users"
    attributes = "Id"
    holders = (("Roles", "Role"), ("Groups", "Group"), ("Users", "User"))

    async def create(self, at: Site, p: Properties) -> str:
        if not any(p.get(member) for member, _ in self.holders):
            raise RefusalError("At least one of [Groups,Roles,Users] must be non-empty.")
        await self._put(at, p)
        return at.name(128)

    async def _put(self, at: Site, p: Properties) -> None:
        for member, kind in self.holders:
            for holder in as_list(p.get(member)):
                parameters = {f"{kind}Name": holder}
                await at.call(
                    "iam",
                    f"Put{kind}Policy",
                    PolicyName=p["PolicyName"],
                    PolicyDocument=document(p["PolicyDocument"]),
                    **parameters,
                )

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        return {"Id": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await self._put(at, p)
        for member, kind in self.holders:
            for holder in as_list(old.get(member)):
                if holder not in as_list(p.get(member)) or old["PolicyName"] != p["PolicyName"]:
                    parameters = {f"{kind}Name": holder}
                    await forgiving(at, f"Delete{kind}Policy", PolicyName=old["PolicyName"], **parameters)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        for member, kind in self.holders:
            for holder in as_list(p.get(member)):
                parameters = {f"{kind}Name": holder}
                await forgiving(at, f"Delete{kind}Policy", PolicyName=p["PolicyName"], **parameters)


class RolePolicy(Provisioner):
    type = "AWS::IAM::RolePolicy"
    required = "PolicyName RoleName"
    fixed = "PolicyName RoleName"
    mutable = "PolicyDocument"

    async def create(self, at: Site, p: Properties) -> str:
        await self.update(at, "", {}, p)
        return f"{p['PolicyName']}|{p['RoleName']}"

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        await at.call(
            "iam",
            "PutRolePolicy",
            RoleName=p["RoleName"],
            PolicyName=p["PolicyName"],
            PolicyDocument=document(p.get("PolicyDocument")),
        )

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await forgiving(at, "DeleteRolePolicy", RoleName=p["RoleName"], PolicyName=p["PolicyName"])


class ManagedPolicy(Provisioner):
    type = "AWS::IAM::ManagedPolicy"
    required = "PolicyDocument"
    fixed = "Description ManagedPolicyName Path"
    mutable = "Groups PolicyDocument Roles Users"
    attributes = (
        "AttachmentCount CreateDate DefaultVersionId IsAttachable PermissionsBoundaryUsageCount PolicyArn PolicyId "
        "UpdateDate"
    )
    holders = (("Roles", "Role"), ("Groups", "Group"), ("Users", "User"))

    async def create(self, at: Site, p: Properties) -> str:
        answer = await at.call(
            "iam",
            "CreatePolicy",
            PolicyName=p.get("ManagedPolicyName") or at.name(128),
            PolicyDocument=document(p["PolicyDocument"]),
            **pick(p, "Description Path"),
        )
        return str(answer["Policy"]["Arn"])

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._attach(at, physical_id, {}, p)
        await self.rest(at)

    async def _attach(self, at: Site, arn: str, old: Properties, p: Properties) -> None:
        for member, kind in self.holders:
            before, after = as_list(old.get(member)), as_list(p.get(member))
            for holder in after:
                if holder not in before:
                    parameters = {f"{kind}Name": holder}
                    await at.call("iam", f"Attach{kind}Policy", PolicyArn=arn, **parameters)
            for holder in before:
                if holder not in after:
                    parameters = {f"{kind}Name": holder}
                    await forgiving(at, f"Detach{kind}Policy", PolicyArn=arn, **parameters)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        policy = (await at.call("iam", "GetPolicy", PolicyArn=physical_id))["Policy"]
        values = {name: policy[name] for name in self.attributes.split() if name in policy}
        dates = {name: policy[name].isoformat() for name in ("CreateDate", "UpdateDate") if name in policy}
        return {**values, **dates, "PolicyArn": physical_id}

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        if old["PolicyDocument"] != p["PolicyDocument"]:
            versions = (await at.call("iam", "ListPolicyVersions", PolicyArn=physical_id))["Versions"]
            spare = [item for item in versions if not item["IsDefaultVersion"]]
            if len(versions) >= 5 and spare:
                await at.call(
                    "iam", "DeletePolicyVersion", PolicyArn=physical_id, VersionId=spare[-1]["VersionId"]
                )
            await at.call(
                "iam",
                "CreatePolicyVersion",
                PolicyArn=physical_id,
                PolicyDocument=document(p["PolicyDocument"]),
                SetAsDefault=True,
            )
        await self._attach(at, physical_id, old, p)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        await self._attach(at, physical_id, p, {})
        try:
            versions = (await at.call("iam", "ListPolicyVersions", PolicyArn=physical_id))["Versions"]
        except RefusalError as refusal:
            if is_gone(refusal):
                return
            raise
        for item in versions:
            if not item["IsDefaultVersion"]:
                await forgiving(at, "DeletePolicyVersion", PolicyArn=physical_id, VersionId=item["VersionId"])
        await forgiving(at, "DeletePolicy", PolicyArn=physical_id)


class InstanceProfile(Provisioner):
    type = "AWS::IAM::InstanceProfile"
    required = "Roles"
    fixed = "InstanceProfileName Path"
    mutable = "Roles"
    # Known and dreaded: CloudFormation always gives a profile two minutes to spread.
    seconds = 120
    attributes = "Arn"

    async def create(self, at: Site, p: Properties) -> str:
        name = p.get("InstanceProfileName") or at.name(128)
        await at.call("iam", "CreateInstanceProfile", InstanceProfileName=name, **pick(p, "Path"))
        return str(name)

    async def settle(self, at: Site, physical_id: str, p: Properties) -> None:
        held = await self._roles(at, physical_id)
        for role in as_list(p["Roles"]):
            if role not in held:
                await at.call(
                    "iam", "AddRoleToInstanceProfile", InstanceProfileName=physical_id, RoleName=role
                )
        await self.rest(at)

    async def read(self, at: Site, physical_id: str, p: Properties) -> dict[str, Any]:
        found = await at.call("iam", "GetInstanceProfile", InstanceProfileName=physical_id)
        return {"Arn": found["InstanceProfile"]["Arn"]}

    async def _roles(self, at: Site, name: str) -> list[str]:
        """The roles in the profile, none when it is gone."""
        try:
            found = await at.call("iam", "GetInstanceProfile", InstanceProfileName=name)
        except RefusalError as refusal:
            if is_gone(refusal):
                return []
            raise
        return [role["RoleName"] for role in found["InstanceProfile"]["Roles"]]

    async def update(self, at: Site, physical_id: str, old: Properties, p: Properties) -> None:
        for role in await self._roles(at, physical_id):
            await forgiving(
                at, "RemoveRoleFromInstanceProfile", InstanceProfileName=physical_id, RoleName=role
            )
        for role in as_list(p["Roles"]):
            await at.call("iam", "AddRoleToInstanceProfile", InstanceProfileName=physical_id, RoleName=role)

    async def delete(self, at: Site, physical_id: str, p: Properties) -> None:
        for role in await self._roles(at, physical_id):
            await forgiving(
                at, "RemoveRoleFromInstanceProfile", InstanceProfileName=physical_id, RoleName=role
            )
        await forgiving(at, "DeleteInstanceProfile", InstanceProfileName=physical_id)


TYPES = (Role, Policy, RolePolicy, ManagedPolicy, InstanceProfile)
