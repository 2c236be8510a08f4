"""A network, roles, a bucket, a real PostgreSQL and DMS resources on the shared sandbox, made as a user would."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from dmstui.sandbox.authority import Authority

SELECT_ALL = {
    "rules": [
        {
            "rule-type": "selection",
            "rule-id": "1",
            "rule-name": "1",
            "object-locator": {"schema-name": "shop", "table-name": "%"},
            "rule-action": "include",
        }
    ]
}


def until(question: Callable[[], Any], seconds: float = 45, what: str = "") -> Any:
    """Ask until the answer is true; AssertionError with the last answer when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what or question} stayed {answer!r} for {seconds} s"
        time.sleep(0.05)


def trust(*services: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
            ],
        }
    )


def policy(*actions: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
    )


@dataclass
class Lab:
    """What one test module works on; `name` keeps its resources apart from others'."""

    sandbox: Any
    name: str
    vpc: str = ""
    subnets: list[str] = field(default_factory=list)
    dms_group: str = ""
    database_group: str = ""
    bucket: str = ""
    role: str = ""
    secret: str = ""
    secret_role: str = ""
    database: str = ""
    host: str = ""
    instance: str = ""
    source: str = ""
    target: str = ""

    select_all = SELECT_ALL
    until = staticmethod(until)
    trust = staticmethod(trust)

    @property
    def dms(self) -> Any:
        return self.sandbox.client("dms")

    def client(self, service: str) -> Any:
        return self.sandbox.client(service)

    def role_named(self, name: str, trusted: str, allowed: str | None = None) -> str:
        """A role, made unless it is there, once DMS can see it (the propagation is paced)."""
        iam = self.client("iam")
        try:
            arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
            if allowed:
                iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allowed)
            time.sleep(0.1)  # ten seconds of AWS at the fixture's speed
        except iam.exceptions.EntityAlreadyExistsException:
            arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        return str(arn)

    def network(self) -> None:
        ec2 = self.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate("ab"):
            made = ec2.create_subnet(
                VpcId=self.vpc,
                CidrBlock=f"10.60.{number}.0/24",
                AvailabilityZone=f"{self.sandbox.exports['AWS_REGION']}{zone}",
            )
            self.subnets.append(made["Subnet"]["SubnetId"])
        self.dms_group = ec2.create_security_group(
            GroupName=f"{self.name}-dms", Description="dms", VpcId=self.vpc
        )["GroupId"]
        self.database_group = ec2.create_security_group(
            GroupName=f"{self.name}-db", Description="db", VpcId=self.vpc
        )["GroupId"]
        self.let_in()

    def _rule(self) -> list[dict[str, Any]]:
        return [
            {
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "UserIdGroupPairs": [{"GroupId": self.dms_group}],
            }
        ]

    def let_in(self) -> None:
        self.client("ec2").authorize_security_group_ingress(
            GroupId=self.database_group, IpPermissions=self._rule()
        )

    def shut_out(self) -> None:
        self.client("ec2").revoke_security_group_ingress(
            GroupId=self.database_group, IpPermissions=self._rule()
        )

    def source_database(self) -> None:
        """A real PostgreSQL with logical replication, and its secret."""
        rds = self.client("rds")
        rds.create_db_subnet_group(
            DBSubnetGroupName=f"{self.name}-db", DBSubnetGroupDescription="db", SubnetIds=self.subnets
        )
        rds.create_db_parameter_group(
            DBParameterGroupName=f"{self.name}-pg", DBParameterGroupFamily="postgres16", Description="cdc"
        )
        rds.modify_db_parameter_group(
            DBParameterGroupName=f"{self.name}-pg",
            Parameters=[
                {
                    "ParameterName": "rds.logical_replication",
                    "ParameterValue": "1",
                    "ApplyMethod": "pending-reboot",
                }
            ],
        )
        self.database = f"{self.name}-src"
        rds.create_db_instance(
            DBInstanceIdentifier=self.database,
            Engine="postgres",
            EngineVersion="16",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=20,
            MasterUsername="shop_admin",
            MasterUserPassword="Secret12345",
            DBName="shop",
            DBSubnetGroupName=f"{self.name}-db",
            DBParameterGroupName=f"{self.name}-pg",
            VpcSecurityGroupIds=[self.database_group],
        )

        def available() -> bool:
            status = self._database()["DBInstanceStatus"]
            assert status != "failed", self.sandbox.log
            return bool(status == "available")

        until(available, 60, "the database")
        self.host = self._database()["Endpoint"]["Address"]
        self.secret_role = self.role_named(
            f"{self.name}-secret",
            trust(f"dms.{self.sandbox.exports['AWS_REGION']}.amazonaws.com"),
            policy("secretsmanager:GetSecretValue"),
        )
        self.secret = self.client("secretsmanager").create_secret(
            Name=f"{self.name}-secret", SecretString=self.login("Secret12345")
        )["ARN"]

    def login(self, password: str) -> str:
        """The secret's text with that password."""
        return json.dumps({"username": "shop_admin", "password": password, "host": self.host, "port": 5432})

    def _database(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client("rds").describe_db_instances(DBInstanceIdentifier=self.database)[
            "DBInstances"
        ][0]
        return found

    def sql(self, text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run SQL at the real database, through the port a user would use."""
        shown = next(d for d in self.sandbox.databases() if d["name"] == self.database)
        with psycopg.connect(
            host=shown["host"],
            port=shown["port"],
            user=shown["user"],
            password=shown["password"],
            dbname=shown["database"],
            autocommit=True,
        ) as connection:
            cursor = connection.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []

    def replication_instance(self, name: str | None = None) -> str:
        dms = self.dms
        group = f"{self.name}-rep"
        if not dms.describe_replication_subnet_groups(
            Filters=[{"Name": "replication-subnet-group-id", "Values": [group]}]
        )["ReplicationSubnetGroups"]:
            dms.create_replication_subnet_group(
                ReplicationSubnetGroupIdentifier=group,
                ReplicationSubnetGroupDescription="lab",
                SubnetIds=self.subnets,
            )
        arn: str = dms.create_replication_instance(
            ReplicationInstanceIdentifier=name or f"{self.name}-rep",
            ReplicationInstanceClass="dms.t3.medium",
            ReplicationSubnetGroupIdentifier=group,
            VpcSecurityGroupIds=[self.dms_group],
            PubliclyAccessible=False,
        )["ReplicationInstance"]["ReplicationInstanceArn"]
        until(
            lambda: self.described("instance", arn)["ReplicationInstanceStatus"] == "available",
            30,
            "the instance",
        )
        return arn

    def endpoints(self) -> None:
        self.bucket = f"{self.name}-lake"
        self.client("s3").create_bucket(Bucket=self.bucket)
        self.role = self.role_named(
            f"{self.name}-s3",
            trust("dms.amazonaws.com"),
            policy("s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:PutObjectTagging"),
        )
        self.source = self.dms.create_endpoint(
            EndpointIdentifier=f"{self.name}-source",
            EndpointType="source",
            EngineName="postgres",
            DatabaseName="shop",
            SslMode="require",
            PostgreSQLSettings={
                "SecretsManagerAccessRoleArn": self.secret_role,
                "SecretsManagerSecretId": self.secret,
            },
        )["Endpoint"]["EndpointArn"]
        self.target = self.dms.create_endpoint(
            EndpointIdentifier=f"{self.name}-target",
            EndpointType="target",
            EngineName="s3",
            S3Settings={
                "BucketName": self.bucket,
                "BucketFolder": "lake",
                "ServiceAccessRoleArn": self.role,
                "DataFormat": "parquet",
                "CdcMaxBatchInterval": 1,
            },
        )["Endpoint"]["EndpointArn"]

    def task(self, name: str, kind: str = "full-load", **more: Any) -> str:
        """A task on the lab's endpoints, ready to start."""
        arn: str = self.dms.create_replication_task(
            **{
                "ReplicationTaskIdentifier": f"{self.name}-{name}",
                "SourceEndpointArn": self.source,
                "TargetEndpointArn": self.target,
                "ReplicationInstanceArn": self.instance,
                "MigrationType": kind,
                "TableMappings": json.dumps(SELECT_ALL),
                "ReplicationTaskSettings": json.dumps({"Logging": {"EnableLogging": True}}),
            }
            | more
        )["ReplicationTask"]["ReplicationTaskArn"]
        self.wait(arn, "ready")
        return arn

    def described(self, kind: str, arn: str) -> dict[str, Any]:
        """The record of that ARN as the API shows it now."""
        found: dict[str, Any]
        if kind == "task":
            found = self.dms.describe_replication_tasks(
                Filters=[{"Name": "replication-task-arn", "Values": [arn]}]
            )["ReplicationTasks"][0]
        elif kind == "instance":
            found = self.dms.describe_replication_instances(
                Filters=[{"Name": "replication-instance-arn", "Values": [arn]}]
            )["ReplicationInstances"][0]
        else:
            found = self.dms.describe_endpoints(Filters=[{"Name": "endpoint-arn", "Values": [arn]}])[
                "Endpoints"
            ][0]
        return found

    def start(self, arn: str, kind: str = "start-replication", **more: Any) -> None:
        self.dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType=kind, **more)

    def wait(self, arn: str, status: str, seconds: float = 60) -> dict[str, Any]:
        """The task once it has that status; another end is an error that shows why."""

        def reached() -> dict[str, Any] | None:
            task = self.described("task", arn)
            if task["Status"] == status:
                return task
            assert task["Status"] not in ("failed", "stopped") or status == "running", task
            assert task["Status"] != "failed", task
            return None

        found: dict[str, Any] = until(reached, seconds, f"{arn} {status}")
        return found

    def fails(self, arn: str, seconds: float = 60) -> dict[str, Any]:
        """The task once it has failed."""

        def failed() -> dict[str, Any] | None:
            task = self.described("task", arn)
            return task if task["Status"] == "failed" else None

        found: dict[str, Any] = until(failed, seconds, f"{arn} failed")
        return found

    def connection(self, endpoint: str) -> dict[str, Any]:
        """Test an endpoint and answer the row once the test has ended."""
        self.dms.test_connection(ReplicationInstanceArn=self.instance, EndpointArn=endpoint)

        def ended() -> dict[str, Any] | None:
            row = self.dms.describe_connections(Filters=[{"Name": "endpoint-arn", "Values": [endpoint]}])[
                "Connections"
            ][0]
            return row if row["Status"] != "testing" else None

        found: dict[str, Any] = until(ended, 40, "the connection test")
        return found

    def statistics(self, arn: str) -> dict[str, dict[str, Any]]:
        """Table statistics by table name."""
        rows = self.dms.describe_table_statistics(ReplicationTaskArn=arn)["TableStatistics"]
        return {row["TableName"]: row for row in rows}

    def lines(self, arn: str) -> list[str]:
        """The task's log."""
        logs = self.client("logs")
        group = f"dms-tasks-{self.described('instance', self.instance)['ReplicationInstanceIdentifier']}"
        events = logs.get_log_events(
            logGroupName=group, logStreamName=f"dms-task-{arn.rpartition(':')[2]}", startFromHead=True
        )
        return [event["message"] for event in events["events"]]


def build(sandbox: Any, name: str) -> Lab:
    """A lab up to its endpoints, with a schema `shop` of two tables."""
    lab = Lab(sandbox, name)
    lab.role_named("dms-vpc-role", trust("dms.amazonaws.com"))
    lab.role_named("dms-cloudwatch-logs-role", trust("dms.amazonaws.com"))
    lab.network()
    lab.source_database()
    lab.sql(
        "CREATE SCHEMA shop; "
        "CREATE TABLE shop.item (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2)); "
        "CREATE TABLE shop.note (id int PRIMARY KEY, words text); "
        "INSERT INTO shop.item SELECT i, 'item ' || i, i * 1.5 FROM generate_series(1, 2000) i; "
        "INSERT INTO shop.note SELECT i, repeat('x', 10) FROM generate_series(1, 50) i"
    )
    lab.instance = lab.replication_instance()
    lab.endpoints()
    return lab


@pytest.fixture(scope="session")
def lab(sandbox: Any) -> Iterator[Lab]:
    """The lab the tests of this folder share; each test makes tasks and endpoints of its own."""
    yield build(sandbox, f"dms{uuid.uuid4().hex[:6]}")


@pytest.fixture
def build_lab() -> Callable[[Any, str], Lab]:
    """`build`, for tests with a sandbox of their own (conftest cannot be imported in importlib mode)."""
    return build


@pytest.fixture(scope="session")
def network_lab() -> Callable[..., Lab]:
    """Makes a lab of a network and the account's DMS roles only."""

    def make(sandbox: Any, name: str, *, roles: bool = True) -> Lab:
        lab = Lab(sandbox, name)
        if roles:
            lab.role_named("dms-vpc-role", trust("dms.amazonaws.com"))
        lab.network()
        return lab

    return make


@pytest.fixture(scope="session")
def certificate_pem() -> str:
    """A root certificate of nobody's."""
    return Authority("eu-west-1").ca_pem
