"""What RDS refuses and how it shows a database: checks of requests and corrections of moto's answers. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dmstui.sandbox.service import Fault

ENGINES = {"postgres": "PostgreSQL", "aurora-postgresql": "Aurora PostgreSQL"}
NOT_HERE = frozenset(
    {
        "CreateDBInstanceReadReplica",
        "PromoteReadReplica",
        "PromoteReadReplicaDBCluster",
        "RestoreDBClusterFromSnapshot",
        "RestoreDBClusterToPointInTime",
        "RestoreDBInstanceFromDBSnapshot",
        "RestoreDBInstanceFromS3",
        "RestoreDBInstanceToPointInTime",
        "RestoreDBClusterFromS3",
        "FailoverDBCluster",
    }
)
# Names RDS for PostgreSQL keeps for itself.
RESERVED_USERS = frozenset(
    {
        "admin",
        "administrator",
        "rdsadmin",
        "rds_superuser",
        "rds_replication",
        "rds_password",
        "rdsrepladmin",
        "public",
    }
)
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
_ADDRESS = re.compile(
    r"^([^.]+)\.(cluster-|cluster-ro-)?[a-z0-9]+\.([a-z0-9-]+\.rds\.amazonaws\.com(?:\.cn)?)$"
)


@dataclass(slots=True)
class Shown:
    """What we know of one database that moto does not.

    `reachable`: it was available once, so it has an address. `version`: the engine version shown, which moto takes for
    another when none or only a major one is asked for.
    """

    name: str
    status: str
    resource_id: str
    reachable: bool = False
    apply_status: str = "in-sync"
    version: str = ""
    pending: dict[str, Any] = field(default_factory=dict)


def check_engine(engine: str, version: str | None, majors: Sequence[str]) -> None:
    """Fault for an engine or version that no server of the sandbox can run."""
    if engine not in ENGINES:
        raise Fault(
            "InvalidParameterValue",
            f"The engine {engine} is not in the sandbox yet: it runs {' and '.join(sorted(ENGINES))}.",
        )
    if version and version.split(".")[0] not in majors:
        raise Fault(
            "InvalidParameterCombination",
            f"Cannot find version {version} for {engine}: the sandbox has {' and '.join(majors) or 'none'}.",
        )


def check_identifier(name: str) -> None:
    if len(name) > 63 or not _IDENTIFIER.fullmatch(name):
        raise Fault(
            "InvalidParameterValue",
            f"The parameter DBInstanceIdentifier is not a valid identifier: {name}. Identifiers must begin with a "
            "letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain "
            "two consecutive hyphens.",
        )


def check_login(user: str | None, password: str | None) -> None:
    """Fault for a master user or password RDS does not take."""
    if user is not None:
        if user.lower() in RESERVED_USERS:
            raise Fault(
                "InvalidParameterValue",
                f"MasterUsername {user} cannot be used as it is a reserved word used by the engine",
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", user):
            raise Fault(
                "InvalidParameterValue",
                "The parameter MasterUsername must begin with a letter and contain only alphanumeric characters.",
            )
    if password is not None:
        if len(password) < 8:
            raise Fault(
                "InvalidParameterValue",
                "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.",
            )
        if len(password) > 128:
            raise Fault(
                "InvalidParameterValue",
                "The parameter MasterUserPassword is not a valid password because it is longer than 128 characters.",
            )
        if any(letter in '/@" ' or not "!" <= letter <= "~" for letter in password):
            raise Fault(
                "InvalidParameterValue",
                "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides "
                "'/', '@', '\"', ' ' may be used.",
            )


def check_create(
    operation: str, params: Mapping[str, Any], majors: Sequence[str], clusters: Container[str]
) -> None:
    """Fault for a CreateDBInstance or CreateDBCluster that no server here can follow, or that RDS refuses."""
    check_engine(params["Engine"], params.get("EngineVersion"), majors)
    check_login(params.get("MasterUsername"), params.get("MasterUserPassword"))
    if operation == "CreateDBCluster":
        if params["Engine"] != "aurora-postgresql":
            raise Fault("InvalidParameterValue", "Only Aurora PostgreSQL clusters are in the sandbox.")
        return
    check_identifier(params["DBInstanceIdentifier"])
    cluster = params.get("DBClusterIdentifier")
    if cluster:
        if cluster.lower() not in clusters:
            raise Fault("DBClusterNotFoundFault", f"DBCluster {cluster} not found.", 404)
        return
    if params["Engine"] == "aurora-postgresql":
        raise Fault("InvalidParameterCombination", "An Aurora instance needs a DBClusterIdentifier.")
    if not params.get("MasterUsername"):
        raise Fault(
            "InvalidParameterValue", "The parameter MasterUsername must be provided and must not be blank."
        )
    if not params.get("MasterUserPassword") and not params.get("ManageMasterUserPassword"):
        raise Fault(
            "InvalidParameterValue",
            "The parameter MasterUserPassword must be provided and must not be blank.",
        )


def check_modify(params: Mapping[str, Any], version: str) -> None:
    """Fault for a ModifyDBInstance that no server here can follow; `version` is the database's engine version."""
    for member in ("NewDBInstanceIdentifier", "DBPortNumber"):
        if params.get(member) is not None:
            raise Fault("NotImplemented", f"Changing {member} of a database is not in the sandbox.", 501)
    wanted = params.get("EngineVersion")
    if wanted and wanted.split(".")[0] != version.split(".", maxsplit=1)[0]:
        raise Fault(
            "NotImplemented", "Upgrading a database to another major version is not in the sandbox.", 501
        )
    check_login(None, params.get("MasterUserPassword"))


def check_delete(params: Mapping[str, Any], *, in_cluster: bool) -> None:
    """Fault for a DeleteDBInstance that does not say what becomes of the data."""
    if in_cluster or params.get("SkipFinalSnapshot") or params.get("FinalDBSnapshotIdentifier"):
        return
    raise Fault(
        "InvalidParameterCombination",
        "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
    )


def check_state(operation: str, name: str, status: str) -> None:
    """Fault where a database's status does not allow an operation."""
    allowed = {
        "ModifyDBInstance": ("available", "stopped", "backing-up", "storage-optimization"),
        "RebootDBInstance": ("available",),
        "StopDBInstance": ("available",),
        "StartDBInstance": ("stopped",),
        "StopDBCluster": ("available",),
        "StartDBCluster": ("stopped",),
        "ModifyDBCluster": ("available",),
    }.get(operation)
    if operation.startswith("Delete") and status == "deleting":
        raise Fault("InvalidDBInstanceState", f"Instance {name} is already being deleted.")
    if allowed is not None and status not in allowed:
        code = "InvalidDBClusterStateFault" if "Cluster" in operation else "InvalidDBInstanceState"
        raise Fault(code, f"{name} is {status}: {operation} needs it to be {' or '.join(allowed)}.")


def resource_id(name: str, seed: str, prefix: str = "db-") -> str:
    """A stable resource id in RDS's form."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:26]


def account_mark(account: str, region: str) -> str:
    """The part of an endpoint that is the same for all databases of an account and region."""
    digest = hashlib.sha256(f"{account}/{region}".encode()).digest()
    return "c" + base64.b32encode(digest).decode().lower().rstrip("=")[:11]


def endpoint(address: str, mark: str) -> str:
    """moto's endpoint address with the account's mark in place of moto's constant."""
    match = _ADDRESS.match(address)
    return f"{match[1]}.{match[2] or ''}{mark}.{match[3]}" if match else address


def show_instance(entry: dict[str, Any], shown: Shown, mark: str) -> None:
    """Correct one DBInstance of an answer by what we know."""
    entry["DBInstanceStatus"] = shown.status
    entry["DbiResourceId"] = shown.resource_id
    entry["CACertificateIdentifier"] = "rds-ca-rsa2048-g1"
    if shown.reachable and "Endpoint" in entry:
        entry["Endpoint"]["Address"] = endpoint(entry["Endpoint"]["Address"], mark)
        entry["Endpoint"]["HostedZoneId"] = "Z2R2ITUGPM61AM"
    else:
        entry.pop("Endpoint", None)
        entry.pop("InstanceCreateTime", None)
    for group in entry.get("DBParameterGroups", []):
        group["ParameterApplyStatus"] = shown.apply_status
    if shown.pending:
        entry["PendingModifiedValues"] = dict(shown.pending)


def show_cluster(entry: dict[str, Any], shown: Shown, mark: str) -> None:
    """Correct one DBCluster of an answer by what we know."""
    entry["Status"] = shown.status
    entry["DbClusterResourceId"] = shown.resource_id
    for name in ("Endpoint", "ReaderEndpoint"):
        if name in entry:
            entry[name] = endpoint(entry[name], mark)


def values(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """A parameter group's set values by name, from moto's form of them."""
    return {
        name: str(parameter["ParameterValue"])
        for name, parameter in parameters.items()
        if parameter.get("ParameterValue") is not None
    }
