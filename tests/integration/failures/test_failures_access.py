"""Secret, security group, roles: what is refused, in which words, and that repairing it is enough."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

UNTESTED = "Test connection for replication instance and endpoint should be successful for starting"


@pytest.fixture
def table(shop: Any) -> Iterator[str]:
    """A schema of one small table."""
    name = shop.schema(20)
    yield name
    shop.sql(f"DROP SCHEMA {name} CASCADE")


def refused_start(shop: Any, arn: str, kind: str = "start-replication") -> str:
    with pytest.raises(ClientError) as caught:
        shop.start(arn, kind)
    assert caught.value.response["Error"]["Code"] == "InvalidResourceStateFault", caught.value
    return str(caught.value.response["Error"]["Message"])


def test_a_wrong_password_in_the_secret(shop: Any, table: str) -> None:
    secrets = shop.client("secretsmanager")
    right = secrets.get_secret_value(SecretId=shop.secret)["SecretString"]
    user = json.loads(right)["username"]
    arn = shop.task("full-load", shop.selecting(table))
    before = shop.dms.describe_endpoints(Filters=[{"Name": "endpoint-arn", "Values": [shop.source]}])
    secrets.put_secret_value(
        SecretId=shop.secret, SecretString=json.dumps(json.loads(right) | {"password": "Wrong-12345"})
    )
    try:
        # Not tested anew: the start is accepted, and the engine refuses.
        shop.start(arn)
        failed = shop.wait(arn, "failed")
        text = failed["LastFailureMessage"]
        assert text == failed["StopReason"]
        assert re.match(r"Last Error  .*\[reptask/replicationtask.c:\d+\] \[1020912\] ", text), text
        assert (
            "SqlState: 28P01 NativeError: 101 Message: [unixODBC]FATAL: "
            f'password authentication failed for user "{user}"' in text
        )
        assert text.endswith("Stop Reason FATAL_ERROR Error Level FATAL")
        shop.says(arn, rf"SOURCE_UNLOAD.*\]E:.*28P01.*password authentication failed for user \"{user}\"")

        row = shop.connection(shop.source)
        assert row["Status"] == "failed"
        assert re.match(
            r"Test Endpoint failed: Application-Status: 1020912, Application-Message: Failed to connect .*, "
            r"Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 28P01 NativeError: 101 "
            rf'Message: \[unixODBC\]FATAL: password authentication failed for user "{user}"',
            row["LastFailureMessage"],
        ), row
        assert UNTESTED in refused_start(shop, arn, "resume-processing")
    finally:
        secrets.put_secret_value(SecretId=shop.secret, SecretString=right)
    assert shop.connection(shop.source)["Status"] == "successful"
    shop.start(arn, "resume-processing")
    assert shop.wait(arn, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    after = shop.dms.describe_endpoints(Filters=[{"Name": "endpoint-arn", "Values": [shop.source]}])
    assert after["Endpoints"] == before["Endpoints"]
    shop.delete(arn)


def rule(shop: Any, **more: str) -> dict[str, Any]:
    """The rule that lets the replication instance in."""
    pair = {"GroupId": shop.outputs["ReplicationSecurityGroupId"], **more}
    permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [pair]}
    return {"GroupId": shop.outputs["DatabaseSecurityGroupId"], "IpPermissions": [permission]}


def shut_out(shop: Any) -> None:
    """Take the rule away; its description need not be told."""
    shop.client("ec2").revoke_security_group_ingress(**rule(shop))


def let_in(shop: Any) -> None:
    shop.client("ec2").authorize_security_group_ingress(**rule(shop, Description="DMS reads the source"))


TIMEOUT = "RetCode: SQL_ERROR SqlState: 08001 NativeError: 101 Message: [unixODBC]timeout expired"


def test_a_security_group_without_the_rule(shop: Any, table: str) -> None:
    """New connections time out; one that is open goes on, as AWS keeps tracked connections."""
    target, folder = shop.lake_endpoint()
    running = shop.task("cdc", shop.selecting(table), TargetEndpointArn=target)
    waiting = shop.task("full-load", shop.selecting(table))
    shop.start(running)
    shop.wait(running, "running")
    shop.says(running, "Reading changes from position")
    shut_out(shop)
    try:
        row = shop.connection(shop.source)
        assert row["Status"] == "failed"
        assert row["LastFailureMessage"].startswith("Test Endpoint failed: Application-Status: 1020912, ")
        assert TIMEOUT in row["LastFailureMessage"]
        assert UNTESTED in refused_start(shop, waiting)
        shop.sql(f"INSERT INTO {table}.item VALUES (100, 'tracked')")
        shop.until(lambda: shop.statistics(running)["item"]["AppliedInserts"] == 1, 20, "the tracked row")
        assert shop.described(running)["Status"] == "running"
    finally:
        let_in(shop)
    assert shop.connection(shop.source)["Status"] == "successful"
    shop.start(waiting)
    assert shop.wait(waiting, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    assert shop.operations(f"{folder}/{table}/item") == {("I", 100, "tracked"): 1}
    shop.delete(running)
    shop.delete(waiting)


def test_a_task_that_meets_the_closed_group_fails_by_timeout(shop: Any, table: str) -> None:
    arn = shop.task("full-load", shop.selecting(table))
    shut_out(shop)
    try:
        shop.start(arn)
        failed = shop.wait(arn, "failed")
    finally:
        let_in(shop)
    assert TIMEOUT in failed["LastFailureMessage"]
    shop.says(arn, r"SOURCE_UNLOAD.*\]E:.*timeout expired")
    shop.start(arn, "resume-processing")
    assert shop.wait(arn, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    shop.delete(arn)


def target_role(shop: Any) -> str:
    shown = shop.dms.describe_endpoints(Filters=[{"Name": "endpoint-arn", "Values": [shop.target]}])
    return str(shown["Endpoints"][0]["S3Settings"]["ServiceAccessRoleArn"].rpartition("/")[2])


def test_a_role_that_may_not_put_objects(shop: Any, table: str) -> None:
    iam = shop.client("iam")
    role = target_role(shop)
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    arn = shop.task("full-load", shop.selecting(table))
    iam.put_role_policy(
        RoleName=role,
        PolicyName=name,
        PolicyDocument=json.dumps(whole | {"Statement": [*whole["Statement"], deny]}),
    )
    try:
        shop.start(arn)
        failed = shop.wait(arn, "failed")
        assert "Access Denied" in failed["LastFailureMessage"]
        assert "s3:PutObject" in failed["LastFailureMessage"]
        shop.says(arn, r"\]E:.*Access Denied.*s3:PutObject")
        row = shop.connection(shop.target)
        assert row["Status"] == "failed"
        assert "s3:PutObject" in row["LastFailureMessage"]
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(whole))
    assert shop.connection(shop.target)["Status"] == "successful"
    shop.start(arn, "resume-processing")
    assert shop.wait(arn, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    shop.delete(arn)


def without(shop: Any, name: str) -> dict[str, Any]:
    """Delete one of the account's DMS roles; what it takes to make it again."""
    iam = shop.client("iam")
    role: dict[str, Any] = iam.get_role(RoleName=name)["Role"]
    for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=each["PolicyArn"])
    for each in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=each)
    iam.delete_role(RoleName=name)
    return role


def again(shop: Any, role: dict[str, Any]) -> None:
    shop.client("iam").create_role(
        RoleName=role["RoleName"], AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"])
    )


def test_no_log_without_the_logs_role(shop: Any, table: str) -> None:
    """The task runs all the same; it only tells nobody."""
    arn = shop.task("full-load", shop.selecting(table))
    stream = f"dms-task-{arn.rpartition(':')[2]}"
    logs = shop.client("logs")
    (instance,) = shop.dms.describe_replication_instances(
        Filters=[{"Name": "replication-instance-arn", "Values": [shop.instance]}]
    )["ReplicationInstances"]
    group = f"dms-tasks-{instance['ReplicationInstanceIdentifier']}"
    role = without(shop, "dms-cloudwatch-logs-role")
    try:
        shop.start(arn)
        assert shop.wait(arn, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
        found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
        assert found == []
    finally:
        again(shop, role)

    def logged() -> bool:
        shop.start(arn, "reload-target")
        shop.wait(arn, "stopped")
        return bool(logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"])

    shop.until(logged, 15, "the log once the role is there again")
    shop.delete(arn)


def test_no_subnet_group_and_no_instance_without_the_vpc_role(shop: Any) -> None:
    groups = shop.dms.describe_replication_subnet_groups()["ReplicationSubnetGroups"]
    group = next(each for each in groups if "pg-s3" in each["ReplicationSubnetGroupIdentifier"])
    subnets = [each["SubnetIdentifier"] for each in group["Subnets"]]
    role = without(shop, "dms-vpc-role")

    def make() -> None:
        shop.dms.create_replication_subnet_group(
            ReplicationSubnetGroupIdentifier=f"{shop.stack}-more",
            ReplicationSubnetGroupDescription="x",
            SubnetIds=subnets,
        )

    try:
        with pytest.raises(ClientError) as caught:
            make()
        error = caught.value.response["Error"]
        assert error["Code"] == "AccessDeniedFault"
        assert error["Message"] == f"The IAM Role {role['Arn']} is not configured properly."
    finally:
        again(shop, role)

    def made() -> bool:
        try:
            make()
        except shop.dms.exceptions.AccessDeniedFault:
            return False  # the role is seconds old
        return True

    shop.until(made, 15, "the subnet group once the role is there again")
    shop.dms.delete_replication_subnet_group(ReplicationSubnetGroupIdentifier=f"{shop.stack}-more")
