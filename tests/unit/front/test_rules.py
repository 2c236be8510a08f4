"""The deciding functions around the front: who is let in, what the network permits, what RDS refuses, pace."""

from __future__ import annotations

from typing import Any

import pytest

from dmstui.sandbox import refusals
from dmstui.sandbox.front import is_mutating, unsigned_query
from dmstui.sandbox.observers import rds_rules
from dmstui.sandbox.observers.network import Rule, permits
from dmstui.sandbox.observers.rds_rules import Shown
from dmstui.sandbox.pace import Pace
from dmstui.sandbox.service import Fault
from dmstui.sandbox.signature import RawRequest
from dmstui.sandbox.stores.metrics import Datum, periods
from dmstui.sandbox.stores.patterns import compile_pattern


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("127.0.0.1:4566", True),
        ("127.0.0.1", True),
        ("127.8.9.1:1", True),
        ("localhost:4566", True),
        ("bucket.localhost:4566", True),
        ("[::1]:4566", True),
        ("LOCALHOST", True),
        ("localhost.evil.example", False),
        ("evil.example:4566", False),
        ("0.0.0.0:4566", False),
        ("127.0.0.1.nip.io", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_only_loopback_is_let_in(host: str, good: bool) -> None:
    assert refusals.is_loopback(host) is good


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.localhost:4566", "b"),
        ("b.c.s3.localhost", "b.c"),
        ("localhost:4566", None),
        ("127.0.0.1", None),
    ],
)
def test_a_bucket_may_stand_in_the_host(host: str, bucket: str | None) -> None:
    assert refusals.bucket_of(host) == bucket


@pytest.mark.parametrize(
    ("service", "operation", "method", "query", "mutating"),
    [
        ("s3", "", "GET", "", False),
        ("s3", "", "HEAD", "", False),
        ("s3", "", "PUT", "", True),
        ("s3", "", "POST", "delete", True),
        ("ec2", "DescribeVpcs", "POST", "", False),
        ("ec2", "CreateVpc", "POST", "", True),
        ("secretsmanager", "GetSecretValue", "POST", "", False),
        ("dynamodb", "BatchGetItem", "POST", "", False),
        ("dynamodb", "BatchWriteItem", "POST", "", True),
        ("sts", "AssumeRole", "POST", "", True),
        ("lambda", "", "GET", "", False),
        ("lambda", "", "POST", "", True),
    ],
)
def test_which_calls_change_something(
    service: str, operation: str, method: str, query: str, mutating: bool
) -> None:
    assert is_mutating(service, operation, RawRequest(method, "/", query, ())) is mutating


def test_a_presigned_query_loses_its_signature() -> None:
    query = (
        "versionId=1&X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&list-type=2&Expires=5&Signature=x"
    )
    assert unsigned_query(query) == "versionId=1&list-type=2"


POSTGRES = Rule("tcp", 5432, 5432, group="sg-dms")


@pytest.mark.parametrize(
    ("rules", "port", "groups", "cidrs", "through"),
    [
        ([], 5432, ["sg-dms"], ["10.0.1.0/24"], False),
        ([POSTGRES], 5432, ["sg-dms"], [], True),
        ([POSTGRES], 5432, ["sg-other"], [], False),
        ([POSTGRES], 5433, ["sg-dms"], [], False),
        ([Rule("udp", 5432, 5432, group="sg-dms")], 5432, ["sg-dms"], [], False),
        ([Rule("-1", None, None, cidr="0.0.0.0/0")], 5432, [], ["10.0.1.0/24"], True),
        ([Rule("-1", None, None, cidr="127.0.0.1/32")], 5432, [], ["10.0.1.0/24"], False),
        ([Rule("tcp", 0, 65535, cidr="10.0.0.0/16")], 5432, [], ["10.0.1.0/24"], True),
        ([Rule("tcp", 0, 65535, cidr="10.0.1.0/28")], 5432, [], ["10.0.1.0/24"], False),
        ([Rule("tcp", 0, 65535, cidr="::/0")], 5432, [], ["10.0.1.0/24"], False),
        ([Rule("tcp", 0, 65535, cidr="10.0.0.0/16")], 5432, [], [], False),
    ],
)
def test_what_security_groups_let_through(
    rules: list[Rule], port: int, groups: list[str], cidrs: list[str], through: bool
) -> None:
    assert permits(rules, port, groups, cidrs) is through


@pytest.mark.parametrize(
    ("engine", "version", "sentence"),
    [
        ("postgres", None, None),
        ("postgres", "16.4", None),
        ("aurora-postgresql", "16", None),
        ("mysql", None, "engine mysql is not in the sandbox"),
        ("oracle-se2", "19", "engine oracle-se2 is not in the sandbox"),
        ("postgres", "12.3", "Cannot find version 12.3"),
    ],
)
def test_which_engines_are_taken(engine: str, version: str | None, sentence: str | None) -> None:
    if sentence is None:
        rds_rules.check_engine(engine, version, ["16", "18"])
        return
    with pytest.raises(Fault, match=sentence):
        rds_rules.check_engine(engine, version, ["16", "18"])


@pytest.mark.parametrize(
    ("user", "password", "good"),
    [
        ("shopkeeper", "long-enough1", True),
        ("admin", "long-enough1", False),
        ("rdsadmin", "long-enough1", False),
        ("1abc", "long-enough1", False),
        ("abc", "short", False),
        ("abc", "with/slash1", False),
        ("abc", 'with"quote1', False),
        ("abc", "with space1", False),
        ("abc", "x" * 129, False),
        (None, None, True),
    ],
)
def test_which_logins_are_taken(user: str | None, password: str | None, good: bool) -> None:
    if good:
        rds_rules.check_login(user, password)
        return
    with pytest.raises(Fault):
        rds_rules.check_login(user, password)


@pytest.mark.parametrize(
    ("operation", "status", "good"),
    [
        ("RebootDBInstance", "available", True),
        ("RebootDBInstance", "stopped", False),
        ("StartDBInstance", "stopped", True),
        ("StartDBInstance", "available", False),
        ("StopDBInstance", "creating", False),
        ("ModifyDBInstance", "available", True),
        ("ModifyDBInstance", "creating", False),
        ("DeleteDBInstance", "creating", True),
        ("DeleteDBInstance", "deleting", False),
        ("DescribeDBInstances", "deleting", True),
    ],
)
def test_which_states_allow_what(operation: str, status: str, good: bool) -> None:
    if good:
        rds_rules.check_state(operation, "d", status)
        return
    with pytest.raises(Fault) as caught:
        rds_rules.check_state(operation, "d", status)
    assert caught.value.code == "InvalidDBInstanceState"


PLAIN = {
    "DBInstanceIdentifier": "d",
    "Engine": "postgres",
    "MasterUsername": "u",
    "MasterUserPassword": "long-enough",
}
MEMBER = {"DBInstanceIdentifier": "d", "Engine": "aurora-postgresql", "DBClusterIdentifier": "C"}


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (PLAIN, None),
        (MEMBER, None),
        (PLAIN | {"DBInstanceIdentifier": "1d"}, "not a valid identifier"),
        (PLAIN | {"DBInstanceIdentifier": "d--e"}, "not a valid identifier"),
        (PLAIN | {"MasterUsername": ""}, "alphanumeric"),
        ({**PLAIN, "MasterUserPassword": None}, "MasterUserPassword must be provided"),
        ({**PLAIN, "MasterUserPassword": None, "ManageMasterUserPassword": True}, None),
        (MEMBER | {"DBClusterIdentifier": "other"}, "not found"),
        ({**MEMBER, "DBClusterIdentifier": None}, "needs a DBClusterIdentifier"),
    ],
)
def test_which_databases_are_made(params: dict[str, Any], sentence: str | None) -> None:
    if sentence is None:
        rds_rules.check_create("CreateDBInstance", params, ["16"], {"c"})
        return
    with pytest.raises(Fault, match=sentence):
        rds_rules.check_create("CreateDBInstance", params, ["16"], {"c"})


@pytest.mark.parametrize(
    ("params", "good"),
    [
        ({"AllocatedStorage": 30}, True),
        ({"EngineVersion": "16.9"}, True),
        ({"EngineVersion": "18.1"}, False),
        ({"NewDBInstanceIdentifier": "e"}, False),
        ({"MasterUserPassword": "short"}, False),
    ],
)
def test_which_changes_are_made(params: dict[str, Any], good: bool) -> None:
    if good:
        rds_rules.check_modify(params, "16.4")
        return
    with pytest.raises(Fault):
        rds_rules.check_modify(params, "16.4")


def test_a_database_shows_no_address_before_it_was_available() -> None:
    shown = Shown("d", "creating", "db-X")

    def entry() -> dict[str, Any]:
        return {
            "DBInstanceIdentifier": "d",
            "DBInstanceStatus": "available",
            "Endpoint": {"Address": "d.aaaaaaaaaa.us-east-1.rds.amazonaws.com", "Port": 5432},
            "DBParameterGroups": [{"ParameterApplyStatus": "in-sync"}],
        }

    young = entry()
    rds_rules.show_instance(young, shown, "c123456789ab")
    assert young["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in young
    shown.status, shown.reachable, shown.apply_status = "available", True, "pending-reboot"
    grown = entry()
    rds_rules.show_instance(grown, shown, "c123456789ab")
    assert grown["Endpoint"]["Address"] == "d.c123456789ab.us-east-1.rds.amazonaws.com"
    assert grown["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"


def test_addresses_look_like_rds() -> None:
    mark = rds_rules.account_mark("123456789012", "us-east-1")
    assert mark == rds_rules.account_mark("123456789012", "us-east-1")
    assert len(mark) == 12
    cluster = "c.cluster-xyz.us-east-1.rds.amazonaws.com"
    assert rds_rules.endpoint(cluster, mark) == f"c.cluster-{mark}.us-east-1.rds.amazonaws.com"
    assert rds_rules.endpoint("db.example.internal", mark) == "db.example.internal"


@pytest.mark.parametrize(
    ("pattern", "message", "hit"),
    [
        (None, "anything", True),
        ("E:", "]E: failed", True),
        ("failed table", "table failed", True),
        ('"failed table"', "table failed", False),
        ("?E: ?W:", "]W: slow", True),
        ("?E: ?W:", "]I: fine", False),
        ("E: -rollback", "]E: rollback", False),
        ("%]E|]W%", "x ]W: y", True),
        ("{ $.level = ERROR }", '{"level": "ERROR"}', True),
        ("{ $.level = ERROR }", '{"level": "INFO"}', False),
        ("{ $.rows >= 10 }", '{"rows": 12}', True),
        ("{ $.a.b[0] = x* }", '{"a": {"b": ["xyz"]}}', True),
        ("{ $.rows >= 10 }", "no json", False),
    ],
)
def test_filter_patterns(pattern: str | None, message: str, hit: bool) -> None:
    assert compile_pattern(pattern)(message) is hit


@pytest.mark.parametrize("pattern", ["[a, b]", "{ $.a = 1 && $.b = 2 }", "%(%"])
def test_patterns_that_are_not_here_are_refused(pattern: str) -> None:
    with pytest.raises(Fault):
        compile_pattern(pattern)


def test_periods_lie_on_their_boundaries() -> None:
    points = [Datum(float(at), float(at), 1, at, at, "Count") for at in (58, 59, 60, 119, 125)]
    found = periods(points, 60)
    assert [(one.start, one.count, one.statistic("Average"), one.maximum) for one in found] == [
        (0, 2, 58.5, 59),
        (60, 2, 89.5, 119),
        (120, 1, 125, 125),
    ]
    assert periods(points, 60, "Seconds") == []
    assert found[0].statistic("p100") == 59
    with pytest.raises(ValueError, match="tm99"):
        found[0].statistic("tm99")


def test_pace_divides_waiting_only() -> None:
    pace = Pace(60)
    assert pace.seconds("rds.create") == 5
    assert pace.seconds("rds.create.large") == 5
    assert pace.seconds("unheard.of") == 0.05
    assert Pace(100_000).seconds("rds.create") == 0.02
    for speed in (0, -1, float("nan"), 1e9):
        with pytest.raises(ValueError, match="speed"):
            Pace(speed)
