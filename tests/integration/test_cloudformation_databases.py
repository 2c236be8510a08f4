"""A template that is not the catalogue's, with a database and a running task: what deleting it meets."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

TEMPLATE = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.30.0.0/16}}
  A:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.30.0.0/24, AvailabilityZone: !Select [0, !GetAZs '']}
  B:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.30.1.0/24, AvailabilityZone: !Select [1, !GetAZs '']}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: all of it
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 10.30.0.0/16}]
  Subnets: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: x, SubnetIds: [!Ref A, !Ref B]}}
  Parameters:
    Type: AWS::RDS::DBParameterGroup
    Properties: {Description: x, Family: postgres16, Parameters: {rds.logical_replication: 1, rds.force_ssl: 0}}
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: postgres
      EngineVersion: '16'
      DBInstanceClass: db.t4g.micro
      AllocatedStorage: 20
      DBName: shop
      MasterUsername: keeper
      MasterUserPassword: keeperkeeper
      DBSubnetGroupName: !Ref Subnets
      DBParameterGroupName: !Ref Parameters
      VPCSecurityGroups: [!Ref Group]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: dms-vpc-role
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: dms.amazonaws.com}, Action: 'sts:AssumeRole'}]
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole']
  Writer:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: dms.amazonaws.com}, Action: 'sts:AssumeRole'}]
      Policies:
        - PolicyName: write
          PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
  Replication:
    Type: AWS::DMS::ReplicationSubnetGroup
    DependsOn: Role
    Properties: {ReplicationSubnetGroupDescription: x, SubnetIds: [!Ref A, !Ref B]}
  Rep:
    Type: AWS::DMS::ReplicationInstance
    Properties:
      ReplicationInstanceClass: dms.t3.medium
      ReplicationSubnetGroupIdentifier: !Ref Replication
      VpcSecurityGroupIds: [!Ref Group]
      PubliclyAccessible: false
  Source:
    Type: AWS::DMS::Endpoint
    Properties:
      EndpointType: source
      EngineName: postgres
      ServerName: !GetAtt Database.Endpoint.Address
      Port: !GetAtt Database.Endpoint.Port
      DatabaseName: shop
      Username: keeper
      Password: keeperkeeper
  Target:
    Type: AWS::DMS::Endpoint
    Properties:
      EndpointType: target
      EngineName: s3
      S3Settings: {BucketName: !Ref Bucket, ServiceAccessRoleArn: !GetAtt Writer.Arn}
  Task:
    Type: AWS::DMS::ReplicationTask
    Properties:
      MigrationType: cdc
      ReplicationInstanceArn: !Ref Rep
      SourceEndpointArn: !Ref Source
      TargetEndpointArn: !Ref Target
      TableMappings: >-
        {"rules": [{"rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
        "object-locator": {"schema-name": "%", "table-name": "%"}}]}
Outputs:
  Task: {Value: !Ref Task}
  Rep: {Value: !Ref Rep}
  Source: {Value: !Ref Source}
  Target: {Value: !Ref Target}
  Database: {Value: !Ref Database}
"""


@pytest.mark.long
def test_a_running_task_holds_its_stack_until_it_is_stopped(new_sandbox: Any, eventually: Any) -> None:
    sandbox = new_sandbox()  # of its own: the template makes dms-vpc-role, which an account has once
    cloudformation, dms, rds = (sandbox.client(name) for name in ("cloudformation", "dms", "rds"))
    stack_id = cloudformation.create_stack(
        StackName="foreign-db", TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_NAMED_IAM"]
    )["StackId"]

    def status(wanted: str) -> dict[str, Any]:
        def look() -> Any:
            stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
            assert stack["StackStatus"] == wanted or stack["StackStatus"].endswith("_IN_PROGRESS"), stack
            return stack if stack["StackStatus"] == wanted else None

        return dict(eventually(look, 90, wanted))

    made = {item["OutputKey"]: item["OutputValue"] for item in status("CREATE_COMPLETE")["Outputs"]}

    def task() -> str:
        found = dms.describe_replication_tasks(
            Filters=[{"Name": "replication-task-arn", "Values": [made["Task"]]}]
        )
        return str(found["ReplicationTasks"][0]["Status"])

    server = next(item for item in sandbox.databases() if item["name"] == made["Database"])
    with psycopg.connect(
        host=server["host"],
        port=server["port"],
        user=server["user"],
        password=server["password"],
        dbname=server["database"],
    ) as connection:
        connection.execute("create table goods (id int primary key, name text)")
    for side in ("Source", "Target"):
        dms.test_connection(ReplicationInstanceArn=made["Rep"], EndpointArn=made[side])
    eventually(
        lambda: all(item["Status"] == "successful" for item in dms.describe_connections()["Connections"]), 60
    )
    dms.start_replication_task(ReplicationTaskArn=made["Task"], StartReplicationTaskType="start-replication")
    eventually(lambda: task() == "running", 60)
    cloudformation.delete_stack(StackName="foreign-db")
    assert (
        status("DELETE_FAILED")["StackStatusReason"] == "The following resource(s) failed to delete: [Task]. "
    )
    events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    [reason] = [
        event["ResourceStatusReason"]
        for event in events
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("Task", "DELETE_FAILED")
    ]
    assert "InvalidResourceStateFault" in reason
    assert task() == "running"
    dms.stop_replication_task(ReplicationTaskArn=made["Task"])
    eventually(lambda: task() == "stopped", 60)
    cloudformation.delete_stack(StackName="foreign-db")
    status("DELETE_COMPLETE")
    # A database without a DeletionPolicy leaves a last snapshot, as on AWS.
    [snapshot] = rds.describe_db_snapshots(DBInstanceIdentifier=made["Database"])["DBSnapshots"]
    rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"])
    assert made["Database"] not in {item["name"] for item in sandbox.databases()}
