"""The life of RDS databases over stock clients: states, the real server behind them, parameter groups, passwords."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

LOGIN = {"MasterUsername": "keeper", "MasterUserPassword": "secret-enough"}
SMALL = {"Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20}


def record(sandbox: Any, name: str) -> dict[str, Any]:
    [found] = sandbox.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return dict(found)


def status(sandbox: Any, name: str) -> str:
    return str(record(sandbox, name)["DBInstanceStatus"])


def available(sandbox: Any, name: str) -> None:
    waiter = sandbox.client("rds").get_waiter("db_instance_available")
    waiter.wait(DBInstanceIdentifier=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def connect(sandbox: Any, name: str, **changed: Any) -> psycopg.Connection[Any]:
    login = next(one for one in sandbox.databases() if one["name"] == name) | changed
    return psycopg.connect(
        host=login["host"],
        port=login["port"],
        user=login["user"],
        password=login["password"],
        dbname=login["database"],
        connect_timeout=5,
    )


def test_a_database_comes_works_and_goes(sandbox: Any, eventually: Any) -> None:
    rds = sandbox.client("rds")
    made = rds.create_db_instance(
        DBInstanceIdentifier="Life", DBName="shop", EngineVersion="16", **SMALL, **LOGIN
    )["DBInstance"]
    assert made["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in made
    seen = ["creating"]
    end = time.monotonic() + 60
    while seen[-1] != "available" and time.monotonic() < end:
        now = record(sandbox, "life")
        if now["DBInstanceStatus"] != seen[-1]:
            seen.append(now["DBInstanceStatus"])
    assert seen == ["creating", "backing-up", "available"]
    assert now["Endpoint"]["Address"].startswith("life.c")
    assert now["Endpoint"]["Address"].endswith(".us-east-1.rds.amazonaws.com")
    assert now["EngineVersion"].startswith("16.")
    with connect(sandbox, "life") as connection:
        assert connection.execute("show server_version").fetchone() == (now["EngineVersion"],)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(sandbox, "life", password="wrong")
    assert rds.stop_db_instance(DBInstanceIdentifier="life")["DBInstance"]["DBInstanceStatus"] == "stopping"
    with pytest.raises(ClientError) as caught:
        rds.reboot_db_instance(DBInstanceIdentifier="life")
    assert caught.value.response["Error"]["Code"] == "InvalidDBInstanceState"
    eventually(lambda: status(sandbox, "life") == "stopped")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        connect(sandbox, "life")
    rds.start_db_instance(DBInstanceIdentifier="life")
    available(sandbox, "life")
    connect(sandbox, "life").close()
    with pytest.raises(ClientError, match="FinalDBSnapshotIdentifier"):
        rds.delete_db_instance(DBInstanceIdentifier="life")
    gone = rds.delete_db_instance(DBInstanceIdentifier="life", SkipFinalSnapshot=True)["DBInstance"]
    assert gone["DBInstanceStatus"] == "deleting"
    assert status(sandbox, "life") == "deleting"
    waiter = rds.get_waiter("db_instance_deleted")
    waiter.wait(DBInstanceIdentifier="life", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert "life" not in [one["name"] for one in sandbox.databases()]


def test_parameters_act_at_once_or_after_a_reboot(sandbox: Any, eventually: Any) -> None:
    rds = sandbox.client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName="life-group", DBParameterGroupFamily="postgres16", Description="d"
    )

    def change(name: str, value: str, method: str) -> None:
        parameter = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
        rds.modify_db_parameter_group(DBParameterGroupName="life-group", Parameters=[parameter])

    change("rds.logical_replication", "1", "pending-reboot")
    rds.create_db_instance(
        DBInstanceIdentifier="tuned", DBParameterGroupName="life-group", EngineVersion="16", **SMALL, **LOGIN
    )
    available(sandbox, "tuned")

    def show(name: str) -> str:
        with connect(sandbox, "tuned") as connection:
            return str((connection.execute(f"show {name}").fetchone() or ("",))[0])

    def apply_status() -> str:
        return str(record(sandbox, "tuned")["DBParameterGroups"][0]["ParameterApplyStatus"])

    assert show("wal_level") == "logical"
    change("work_mem", "8192", "immediate")
    assert show("work_mem") == "8MB"
    assert apply_status() == "in-sync"
    change("max_connections", "77", "pending-reboot")
    assert show("max_connections") != "77"
    assert apply_status() == "pending-reboot"
    rds.reboot_db_instance(DBInstanceIdentifier="tuned")
    assert status(sandbox, "tuned") == "rebooting"
    available(sandbox, "tuned")
    assert show("max_connections") == "77"
    assert apply_status() == "in-sync"


def test_the_master_password_changes_for_real(sandbox: Any, eventually: Any) -> None:
    rds = sandbox.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="locked", **SMALL, **LOGIN)
    available(sandbox, "locked")
    changed = rds.modify_db_instance(DBInstanceIdentifier="locked", MasterUserPassword="another-one")[
        "DBInstance"
    ]
    assert changed["DBInstanceStatus"] == "resetting-master-credentials"
    available(sandbox, "locked")
    connect(sandbox, "locked", password="another-one").close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(sandbox, "locked", password=LOGIN["MasterUserPassword"])


def test_a_database_can_be_deleted_while_it_comes(sandbox: Any) -> None:
    rds = sandbox.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="early", **SMALL, **LOGIN)
    rds.delete_db_instance(DBInstanceIdentifier="early", SkipFinalSnapshot=True)
    waiter = rds.get_waiter("db_instance_deleted")
    waiter.wait(DBInstanceIdentifier="early", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert "early" not in [one["name"] for one in sandbox.databases()]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (SMALL | LOGIN | {"Engine": "mysql"}, "engine mysql is not in the sandbox"),
        (SMALL | LOGIN | {"EngineVersion": "11.2"}, "Cannot find version 11.2"),
        (SMALL | LOGIN | {"MasterUsername": "admin"}, "reserved word"),
        (SMALL | LOGIN | {"MasterUserPassword": "short"}, "shorter than 8"),
        (SMALL, "MasterUsername must be provided"),
    ],
)
def test_what_no_engine_can_do_is_refused(sandbox: Any, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        sandbox.client("rds").create_db_instance(DBInstanceIdentifier="refused", **arguments)
    names = [
        one["DBInstanceIdentifier"] for one in sandbox.client("rds").describe_db_instances()["DBInstances"]
    ]
    assert "refused" not in names


def test_an_aurora_cluster_has_one_server(sandbox: Any) -> None:
    rds = sandbox.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="aurora",
        Engine="aurora-postgresql",
        EngineVersion="16.4",
        DatabaseName="d",
        **LOGIN,
    )
    for name in ("aurora-1", "aurora-2"):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="aurora-postgresql",
            DBInstanceClass="db.t4g.medium",
            DBClusterIdentifier="aurora",
        )
    available(sandbox, "aurora-1")
    available(sandbox, "aurora-2")
    assert [one["name"] for one in sandbox.databases() if one["name"].startswith("aurora")] == ["aurora"]
    connect(sandbox, "aurora").close()
    with pytest.raises(ClientError, match="still contains"):
        rds.delete_db_cluster(DBClusterIdentifier="aurora", SkipFinalSnapshot=True)
