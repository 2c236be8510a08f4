"""What DMS offers: engine versions, orderable instances, endpoint types, account quotas. Answers from data."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from dmstui.sandbox.dms import filters, paging
from dmstui.sandbox.dms.classes import CLASSES, MAX_STORAGE_GB, MIN_STORAGE_GB, VERSIONS, newer
from dmstui.sandbox.dms.engines import ENGINES
from dmstui.sandbox.dms.room import Room
from dmstui.sandbox.service import Call, Handler


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def engine_versions(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        shown, marker = paging.page(VERSIONS, params)
        answers = []
        for entry in shown:
            answer: dict[str, Any] = {
                "Version": entry.version,
                "Lifecycle": entry.lifecycle,
                "ReleaseStatus": "prod",
                "LaunchDate": _day(entry.launched),
                "AvailableUpgrades": [v.version for v in VERSIONS if newer(v.version, entry.version)],
            }
            if entry.no_new_after:
                answer["DeprecationDate"] = _day(entry.no_new_after)
            if entry.forced_off:
                answer["ForceUpgradeDate"] = _day(entry.forced_off)
            answers.append(answer)
        return paging.answer("EngineVersions", answers, marker)

    async def orderable(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        zones = [zone.name for zone in room.world.moto.backend("ec2").describe_availability_zones()]
        everything = [(version.version, entry) for version in VERSIONS for entry in CLASSES.values()]
        shown, marker = paging.page(everything, params)
        answers = [
            {
                "EngineVersion": version,
                "ReplicationInstanceClass": entry.name,
                "StorageType": "gp2",
                "MinAllocatedStorage": MIN_STORAGE_GB,
                "MaxAllocatedStorage": MAX_STORAGE_GB,
                "DefaultAllocatedStorage": entry.default_storage_gb,
                "IncludedAllocatedStorage": entry.default_storage_gb,
                "AvailabilityZones": zones,
                "ReleaseStatus": "prod",
            }
            for version, entry in shown
        ]
        return paging.answer("OrderableReplicationInstances", answers, marker)

    async def endpoint_types(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        everything = [
            (name, kind) for name, engine in ENGINES.items() for kind in ("source", "target") if engine.offers(kind)
        ]  # fmt: skip
        found = filters.select(
            everything,
            params.get("Filters"),
            {"engine-name": lambda e: e[0], "endpoint-type": lambda e: e[1]},
            folded=frozenset({"engine-name", "endpoint-type"}),
        )
        shown, marker = paging.page(found, params)
        answers = [
            {
                "EngineName": name,
                "SupportsCDC": ENGINES[name].cdc,
                "EndpointType": kind,
                "EngineDisplayName": ENGINES[name].display,
            }
            for name, kind in shown
        ]
        return paging.answer("SupportedEndpointTypes", answers, marker)

    async def account(_call: Call, _params: dict[str, Any]) -> dict[str, Any]:
        store = room.store
        subnets = max((len(group.subnets) for group in store.subnet_groups.values()), default=0)
        quotas = [
            ("ReplicationInstances", len(store.instances), 60),
            ("AllocatedStorage", sum(instance.storage_gb for instance in store.instances.values()), 30000),
            ("EventSubscriptions", 0, 60),
            ("ReplicationSubnetGroups", len(store.subnet_groups), 60),
            ("SubnetsPerReplicationSubnetGroup", subnets, 60),
            ("Endpoints", len(store.endpoints), 1000),
            ("Certificates", len(store.certificates), 100),
            ("ReplicationTasks", len(store.tasks), 600),
        ]
        digest = hashlib.sha256(f"{room.world.account_id}/{room.world.region}".encode()).hexdigest()
        return {
            "AccountQuotas": [
                {"AccountQuotaName": name, "Used": used, "Max": most} for name, used, most in quotas
            ],
            "UniqueAccountIdentifier": digest[:12],
        }

    async def maintenance(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("ReplicationInstanceArn"):
            room.store.instance(params["ReplicationInstanceArn"])
        return {"PendingMaintenanceActions": []}

    return {
        "DescribeEngineVersions": engine_versions,
        "DescribeOrderableReplicationInstances": orderable,
        "DescribeEndpointTypes": endpoint_types,
        "DescribeAccountAttributes": account,
        "DescribePendingMaintenanceActions": maintenance,
    }


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
