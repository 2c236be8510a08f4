"""One stack with the types that the other tests do not meet: made, changed by a stack tag, and gone without a trace."""

from __future__ import annotations

from typing import Any

TEMPLATE = """
Parameters: {Word: {Type: String, Default: first}}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.40.0.0/16}}
  A:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.40.0.0/24, AvailabilityZone: !Select [0, !GetAZs '']}
  B:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.40.1.0/24, AvailabilityZone: !Select [1, !GetAZs '']}
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Way:
    Type: AWS::EC2::Route
    DependsOn: Attached
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
  Joined: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref A, RouteTableId: !Ref Table}}
  Address: {Type: AWS::EC2::EIP, DependsOn: Attached, Properties: {Domain: vpc}}
  Nat: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: !Ref A, AllocationId: !GetAtt Address.AllocationId}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x, VpcId: !Ref Vpc}}
  In:
    Type: AWS::EC2::SecurityGroupIngress
    Properties:
      {GroupId: !Ref Group, IpProtocol: '-1', SourceSecurityGroupId: !GetAtt Group.GroupId, Description: !Ref Word}
  Out:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 10.0.0.0/8}
  Private:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref Vpc
      VpcEndpointType: Interface
      ServiceName: !Sub com.amazonaws.${AWS::Region}.secretsmanager
      SubnetIds: [!Ref A]
      SecurityGroupIds: [!Ref Group]
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: ami-12c6146b, InstanceType: t3.micro}}
  Host:
    Type: AWS::EC2::Instance
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: !GetAtt Launch.LatestVersionNumber}
      SubnetId: !Ref B
      SecurityGroupIds: [!Ref Group]
      IamInstanceProfile: !Ref Profile
      Tags: [{Key: word, Value: !Ref Word}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: !Ref Word
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}]
      Policies:
        - PolicyName: inline
          PolicyDocument: EVERYTHING
  Policy:
    Type: AWS::IAM::Policy
    Properties: {PolicyName: !Ref Word, Roles: [!Ref Role], PolicyDocument: EVERYTHING}
  Managed: {Type: AWS::IAM::ManagedPolicy, Properties: {Roles: [!Ref Role], PolicyDocument: EVERYTHING}}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Key: {Type: AWS::KMS::Key, Properties: {Description: !Ref Word, EnableKeyRotation: true}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/every-type, TargetKeyId: !Ref Key}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {SecretString: !Sub '{"username":"keeper","password":"${Word}"}'}
  SecretPolicy:
    Type: AWS::SecretsManager::ResourcePolicy
    Properties:
      SecretId: !Ref Secret
      ResourcePolicy:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}
            Action: secretsmanager:GetSecretValue
            Resource: '*'
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      LifecycleConfiguration:
        Rules:
          - Id: !Ref Word
            Status: Enabled
            Prefix: old/
            ExpirationInDays: '30'
            NoncurrentVersionExpiration: {NoncurrentDays: 1}
      CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ['*'], MaxAge: 10}]}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Ref Word, Subscription: [{Protocol: email, Endpoint: a@example.com}]}
  Told: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref Topic, Protocol: email, Endpoint: b@example.com}}
  Group2: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 7}}
  Stream: {Type: AWS::Logs::LogStream, Properties: {LogGroupName: !Ref Group2}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Description: !Ref Word
      Code: {ZipFile: !Sub "def handler(event, context):\\n    return '${Word}'\\n"}
  Allowed:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: events.amazonaws.com}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      Description: !Ref Word
      Targets: [{Id: one, Arn: !GetAtt Function.Arn}]
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/DMS
      MetricName: CDCLatencySource
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
      Period: 60
      Statistic: Average
      Threshold: 60
      AlarmDescription: !Ref Word
      AlarmActions: [!Ref Topic]
  ClusterParameters:
    Type: AWS::RDS::DBClusterParameterGroup
    Properties: {Family: aurora-postgresql16, Description: x, Parameters: {rds.logical_replication: 1}}
  Subnets: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: x, SubnetIds: [!Ref A, !Ref B]}}
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-postgresql
      EngineVersion: '16'
      DatabaseName: shop
      MasterUsername: keeper
      MasterUserPassword: keeperkeeper
      DBClusterParameterGroupName: !Ref ClusterParameters
      DBSubnetGroupName: !Ref Subnets
      VpcSecurityGroupIds: [!Ref Group]
  Server:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-postgresql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.t4g.medium}
  Linked:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties: {SecretId: !Ref Secret, TargetId: !Ref Cluster, TargetType: AWS::RDS::DBCluster}
  Cdk: {Type: AWS::CDK::Metadata, Properties: {Analytics: v2}}
Outputs:
  Endpoint: {Value: !GetAtt Cluster.Endpoint.Address}
  Dns: {Value: !Select [1, !Split [':', !Select [0, !GetAtt Private.DnsEntries]]]}
  Secret: {Value: !Ref Linked}
  Role: {Value: !Ref Role}
""".replace(
    "EVERYTHING", "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:*', Resource: '*'}]}"
)


def test_every_type_comes_up_changes_and_goes(sandbox: Any, eventually: Any) -> None:
    cloudformation = sandbox.client("cloudformation")
    able = {"Capabilities": ["CAPABILITY_IAM"]}
    stack_id = cloudformation.create_stack(StackName="every", TemplateBody=TEMPLATE, **able)["StackId"]

    def ends(wanted: str) -> dict[str, Any]:
        def look() -> Any:
            stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
            return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

        stack = dict(eventually(look, 90, wanted))
        failed = [
            (event["LogicalResourceId"], event["ResourceStatus"], event["ResourceStatusReason"])
            for event in cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED") and "cancelled" not in event["ResourceStatusReason"]
        ]
        assert not failed, failed
        assert stack["StackStatus"] == wanted
        return stack

    made = {item["OutputKey"]: item["OutputValue"] for item in ends("CREATE_COMPLETE")["Outputs"]}
    assert made["Endpoint"].endswith(".rds.amazonaws.com")
    assert "secretsmanager" in made["Dns"]
    secret = sandbox.client("secretsmanager").get_secret_value(SecretId=made["Secret"])["SecretString"]
    assert made["Endpoint"] in secret and '"engine"' in secret
    tags = [{"Key": "team", "Value": "lake"}]
    word = [{"ParameterKey": "Word", "ParameterValue": "second"}]
    cloudformation.update_stack(
        StackName="every", UsePreviousTemplate=True, Parameters=word, Tags=tags, **able
    )
    ends("UPDATE_COMPLETE")
    role = sandbox.client("iam").get_role(RoleName=made["Role"])["Role"]
    assert role["Description"] == "second"
    assert {"Key": "team", "Value": "lake"} in role["Tags"]
    assert sandbox.client("iam").list_role_policies(RoleName=made["Role"])["PolicyNames"] == [
        "inline",
        "second",
    ]
    cloudformation.delete_stack(StackName="every")
    ends("DELETE_COMPLETE")
    assert made["Role"] not in {item["RoleName"] for item in sandbox.client("iam").list_roles()["Roles"]}
