"""Instances, subnet groups, endpoints, certificates, tags and offers over HTTP: rules, states, waiters, pages."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, code: str, **params: Any) -> str:
    """The message of the refusal, after its code was looked at."""
    with pytest.raises(ClientError) as error:
        call(**params)
    assert error.value.response["Error"]["Code"] == code, error.value
    return str(error.value.response["Error"]["Message"])


@dataclass
class Place:
    """A network of its own and the DMS client."""

    name: str
    dms: Any
    ec2: Any
    vpc: str
    subnets: list[str]
    group: str


@pytest.fixture(scope="module")
def place(sandbox: Any, network_lab: Any) -> Iterator[Place]:
    name = f"res{uuid.uuid4().hex[:6]}"
    lab = network_lab(sandbox, name)
    group = f"{name}-Group"
    sandbox.client("dms").create_replication_subnet_group(
        ReplicationSubnetGroupIdentifier=group,
        ReplicationSubnetGroupDescription="two zones",
        SubnetIds=lab.subnets,
        Tags=[{"Key": "team", "Value": "data"}],
    )
    yield Place(name, sandbox.client("dms"), sandbox.client("ec2"), lab.vpc, lab.subnets, group.lower())


def test_the_vpc_role_is_wanted_and_seen_only_after_a_while(new_sandbox: Any, network_lab: Any) -> None:
    sandbox = new_sandbox(speed=20)
    lab = network_lab(sandbox, "norole", roles=False)
    dms, iam = sandbox.client("dms"), sandbox.client("iam")
    params = {
        "ReplicationSubnetGroupIdentifier": "g",
        "ReplicationSubnetGroupDescription": "d",
        "SubnetIds": lab.subnets,
    }
    message = refused(dms.create_replication_subnet_group, "AccessDeniedFault", **params)
    assert message == "The IAM Role arn:aws:iam::123456789012:role/dms-vpc-role is not configured properly."
    iam.create_role(RoleName="dms-vpc-role", AssumeRolePolicyDocument=lab.trust("dms.amazonaws.com"))
    refused(dms.create_replication_subnet_group, "AccessDeniedFault", **params)

    def made() -> bool:
        try:
            dms.create_replication_subnet_group(**params)
        except dms.exceptions.AccessDeniedFault:
            return False
        return True

    lab.until(made, 10, "the role")


def test_subnet_groups(place: Place) -> None:
    dms = place.dms
    by_name = [{"Name": "replication-subnet-group-id", "Values": [place.group]}]
    (group,) = dms.describe_replication_subnet_groups(Filters=by_name)["ReplicationSubnetGroups"]
    assert group["VpcId"] == place.vpc
    assert {subnet["SubnetStatus"] for subnet in group["Subnets"]} == {"Active"}
    nothing = [{"Name": "replication-subnet-group-id", "Values": ["nothing"]}]
    assert dms.describe_replication_subnet_groups(Filters=nothing)["ReplicationSubnetGroups"] == []
    create = dms.create_replication_subnet_group
    common = {"ReplicationSubnetGroupDescription": "d"}
    for identifier, subnets, code in (
        (place.group.upper(), place.subnets, "ResourceAlreadyExistsFault"),
        ("default", place.subnets, "InvalidParameterValueException"),
        (f"{place.name}-one", place.subnets[:1], "ReplicationSubnetGroupDoesNotCoverEnoughAZs"),
        (f"{place.name}-none", [*place.subnets, "subnet-0"], "InvalidSubnet"),
    ):
        refused(create, code, ReplicationSubnetGroupIdentifier=identifier, SubnetIds=subnets, **common)
    refused(
        dms.delete_replication_subnet_group,
        "ResourceNotFoundFault",
        ReplicationSubnetGroupIdentifier="nothing",
    )


def test_the_life_of_an_instance(place: Place) -> None:
    dms = place.dms
    made = dms.create_replication_instance(
        ReplicationInstanceIdentifier=f"{place.name}-Life",
        ReplicationInstanceClass="dms.t3.micro",
        ReplicationSubnetGroupIdentifier=place.group,
        ResourceIdentifier="LifeOfOne",
        MultiAZ=True,
    )["ReplicationInstance"]
    arn = made["ReplicationInstanceArn"]
    assert arn.endswith(":rep:LifeOfOne")
    assert made["ReplicationInstanceStatus"] == "creating"
    assert (made["AllocatedStorage"], made["EngineVersion"]) == (50, "3.5.4")
    assert (made["PubliclyAccessible"], made["NetworkType"]) == (True, "IPV4")
    assert made["ReplicationInstanceIdentifier"] == f"{place.name}-life"
    assert "not available" in refused(
        dms.test_connection,
        "InvalidResourceStateFault",
        ReplicationInstanceArn=arn,
        EndpointArn="arn:aws:dms:us-east-1:123456789012:endpoint:NOTHING",
    )
    by_arn = [{"Name": "replication-instance-arn", "Values": [arn]}]
    dms.get_waiter("replication_instance_available").wait(Filters=by_arn, WaiterConfig={"Delay": 1})
    (found,) = dms.describe_replication_instances(Filters=by_arn)["ReplicationInstances"]
    (address,) = found["ReplicationInstancePrivateIpAddresses"]
    (interface,) = place.ec2.describe_network_interfaces(
        Filters=[{"Name": "private-ip-address", "Values": [address]}]
    )["NetworkInterfaces"]
    assert interface["Description"] == "DMSNetworkInterface"
    assert interface["SubnetId"] in place.subnets
    assert found["SecondaryAvailabilityZone"] != found["AvailabilityZone"]

    changed = dms.modify_replication_instance(
        ReplicationInstanceArn=arn, ReplicationInstanceClass="dms.t3.large", AllocatedStorage=80
    )["ReplicationInstance"]
    assert changed["ReplicationInstanceStatus"] == "available"
    assert changed["PendingModifiedValues"] == {
        "ReplicationInstanceClass": "dms.t3.large",
        "AllocatedStorage": 80,
    }
    changed = dms.modify_replication_instance(ReplicationInstanceArn=arn, ApplyImmediately=True)
    assert changed["ReplicationInstance"]["ReplicationInstanceStatus"] == "modifying"
    refused(dms.reboot_replication_instance, "InvalidResourceStateFault", ReplicationInstanceArn=arn)
    dms.get_waiter("replication_instance_available").wait(Filters=by_arn, WaiterConfig={"Delay": 1})
    (found,) = dms.describe_replication_instances(Filters=by_arn)["ReplicationInstances"]
    assert (found["ReplicationInstanceClass"], found["AllocatedStorage"]) == ("dms.t3.large", 80)
    assert found["PendingModifiedValues"] == {}
    refused(
        dms.modify_replication_instance,
        "InvalidParameterValueException",
        ReplicationInstanceArn=arn,
        AllocatedStorage=20,
    )
    told = dms.describe_events(SourceType="replication-instance", SourceIdentifier=f"{place.name}-life")
    categories = [event["EventCategories"][0] for event in told["Events"]]
    assert categories[:2] == ["creation", "creation"]
    assert categories.count("configuration change") == 4

    assert "is still using it" in refused(
        dms.delete_replication_subnet_group,
        "InvalidResourceStateFault",
        ReplicationSubnetGroupIdentifier=place.group,
    )
    dms.delete_replication_instance(ReplicationInstanceArn=arn)
    dms.get_waiter("replication_instance_deleted").wait(Filters=by_arn, WaiterConfig={"Delay": 1})
    assert not place.ec2.describe_network_interfaces(
        Filters=[{"Name": "private-ip-address", "Values": [address]}]
    )["NetworkInterfaces"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ReplicationInstanceIdentifier": "1a"}, "InvalidParameterValueException"),
        ({"ReplicationInstanceClass": "dms.t9.huge"}, "InvalidParameterValueException"),
        ({"EngineVersion": "1.0"}, "InvalidParameterValueException"),
        ({"AllocatedStorage": 4}, "InvalidParameterValueException"),
        ({"PreferredMaintenanceWindow": "sun:06:00-sun:06:10"}, "InvalidParameterValueException"),
        ({"MultiAZ": True, "AvailabilityZone": "us-east-1a"}, "InvalidParameterCombinationException"),
        ({"ReplicationSubnetGroupIdentifier": "nothing"}, "ResourceNotFoundFault"),
        ({"VpcSecurityGroupIds": ["sg-0"]}, "InvalidParameterValueException"),
    ],
)
def test_instances_that_are_refused(place: Place, changes: dict[str, Any], code: str) -> None:
    params = {
        "ReplicationInstanceIdentifier": f"{place.name}-never",
        "ReplicationInstanceClass": "dms.t3.micro",
        "ReplicationSubnetGroupIdentifier": place.group,
    }
    refused(place.dms.create_replication_instance, code, **params | changes)


DATABASE = {"EndpointType": "source", "EngineName": "mysql"}
LOGIN = {"Password": "p", "Username": "u", "ServerName": "nowhere.example", "Port": 3306}
NO_ROLE = "arn:aws:iam::123456789012:role/nothing"


@pytest.mark.parametrize(
    ("params", "code", "said"),
    [
        (
            DATABASE | LOGIN | {"EndpointIdentifier": "a--b"},
            "InvalidParameterValueException",
            "EndpointIdentifier",
        ),
        (DATABASE | LOGIN | {"EndpointType": "SOURCE"}, "ValidationException", "endpointType"),
        (DATABASE | LOGIN | {"EngineName": "nope"}, "InvalidParameterValueException", "nope"),
        (
            DATABASE,
            "InvalidParameterValueException",
            "The parameter Password must be provided and must not be blank",
        ),
        (DATABASE | {"Password": "p"}, "InvalidParameterValueException", "The parameter Username must"),
        (
            DATABASE | {"Password": "p", "Username": "u"},
            "InvalidParameterValueException",
            "The parameter ServerName",
        ),
        (DATABASE | LOGIN | {"Port": 0}, "InvalidParameterValueException", "Port"),
        (
            DATABASE | LOGIN | {"MySQLSettings": {"SecretsManagerSecretId": "s"}},
            "InvalidParameterCombinationException",
            "Illegal combination",
        ),
        (
            DATABASE | {"MySQLSettings": {"SecretsManagerSecretId": "s"}},
            "InvalidParameterValueException",
            "SecretsManagerAccessRoleArn",
        ),
        (
            DATABASE
            | {"MySQLSettings": {"SecretsManagerSecretId": "s", "SecretsManagerAccessRoleArn": NO_ROLE}},
            "InvalidParameterValueException",
            NO_ROLE,
        ),
        ({"EndpointType": "target", "EngineName": "s3"}, "InvalidParameterValueException", "BucketName"),
        (
            {"EndpointType": "source", "EngineName": "s3", "S3Settings": {"BucketName": "b"}},
            "InvalidParameterValueException",
            "ExternalTableDefinition",
        ),
        (
            {
                "EndpointType": "target",
                "EngineName": "s3",
                "S3Settings": {"BucketName": "b", "ServiceAccessRoleArn": NO_ROLE},
            },
            "AccessDeniedFault",
            f"The IAM Role {NO_ROLE} is not configured properly.AccessDenied",
        ),
        (
            DATABASE | LOGIN | {"SslMode": "verify-full"},
            "InvalidParameterCombinationException",
            "CertificateArn",
        ),
        ({"EndpointType": "source", "EngineName": "kinesis"}, "InvalidParameterValueException", "source"),
    ],
)
def test_endpoints_that_are_refused(place: Place, params: dict[str, Any], code: str, said: str) -> None:
    whole = {"EndpointIdentifier": f"{place.name}-never"} | params
    assert said in refused(place.dms.create_endpoint, code, **whole)


def test_endpoints_echo_pages_filters_tags_and_deletion(place: Place) -> None:
    dms = place.dms
    made = []
    for number in range(23):
        answer = dms.create_endpoint(
            EndpointIdentifier=f"{place.name}-Page{number}",
            **DATABASE | LOGIN,
            MySQLSettings={"Username": "hidden", "ServerName": "other", "EventsPollInterval": 7},
            S3Settings={"BucketName": "ignored"},
            Tags=[{"Key": "number", "Value": str(number)}],
        )["Endpoint"]
        made.append(answer["EndpointArn"])
    assert answer["EndpointType"] == "SOURCE"
    assert answer["MySQLSettings"]["Username"] == "u"
    assert answer["MySQLSettings"]["EventsPollInterval"] == 7
    assert "S3Settings" not in answer
    first = dms.describe_endpoints(MaxRecords=20)
    assert len(first["Endpoints"]) == 20
    assert first["Marker"]
    pages = dms.get_paginator("describe_endpoints").paginate(PaginationConfig={"PageSize": 20})
    listed = [endpoint["EndpointArn"] for page in pages for endpoint in page["Endpoints"]]
    assert set(made) <= set(listed)
    assert len(listed) == len(set(listed))
    refused(dms.describe_endpoints, "InvalidParameterValueException", MaxRecords=19)
    refused(
        dms.describe_endpoints,
        "InvalidParameterValueException",
        Filters=[{"Name": "nope", "Values": ["x"]}],
    )
    both = [
        {"Name": "endpoint-id", "Values": [f"{place.name}-page1", f"{place.name}-page2"]},
        {"Name": "endpoint-type", "Values": ["source"]},
    ]
    assert len(dms.describe_endpoints(Filters=both)["Endpoints"]) == 2

    tags = dms.list_tags_for_resource(ResourceArnList=made[:2])["TagList"]
    assert sorted((tag["Value"], tag["ResourceArn"]) for tag in tags) == [("0", made[0]), ("1", made[1])]
    dms.add_tags_to_resource(ResourceArn=made[0], Tags=[{"Key": "a", "Value": "b"}])
    dms.remove_tags_from_resource(ResourceArn=made[0], TagKeys=["number", "nothing"])
    assert dms.list_tags_for_resource(ResourceArn=made[0])["TagList"] == [{"Key": "a", "Value": "b"}]

    refused(
        dms.create_endpoint,
        "ResourceAlreadyExistsFault",
        EndpointIdentifier=f"{place.name}-page0",
        **DATABASE | LOGIN,
    )
    for arn in made:
        assert dms.delete_endpoint(EndpointArn=arn)["Endpoint"]["Status"] == "deleting"
    refused(dms.delete_endpoint, "InvalidResourceStateFault", EndpointArn=made[-1])
    dms.get_waiter("endpoint_deleted").wait(
        Filters=[{"Name": "endpoint-arn", "Values": made}], WaiterConfig={"Delay": 1}
    )
    refused(dms.delete_endpoint, "ResourceNotFoundFault", EndpointArn=made[0])


def test_certificates(place: Place, sandbox: Any, certificate_pem: str) -> None:
    dms = place.dms
    name = f"{place.name}-ca"
    made = dms.import_certificate(CertificateIdentifier=name, CertificatePem=certificate_pem)["Certificate"]
    assert (made["KeyLength"], made["SigningAlgorithm"]) == (2048, "sha256WithRSAEncryption")
    assert made["ValidFromDate"] < made["ValidToDate"]
    refused(
        dms.import_certificate,
        "InvalidCertificateFault",
        CertificateIdentifier=f"{name}2",
        CertificatePem="no certificate",
    )
    arn = made["CertificateArn"]
    endpoint = dms.create_endpoint(
        EndpointIdentifier=f"{place.name}-tls",
        **DATABASE | LOGIN,
        SslMode="verify-full",
        CertificateArn=arn,
    )["Endpoint"]["EndpointArn"]
    refused(dms.delete_certificate, "InvalidResourceStateFault", CertificateArn=arn)
    dms.delete_endpoint(EndpointArn=endpoint)
    dms.get_waiter("endpoint_deleted").wait(
        Filters=[{"Name": "endpoint-arn", "Values": [endpoint]}], WaiterConfig={"Delay": 1}
    )
    dms.delete_certificate(CertificateArn=arn)
    refused(
        dms.describe_certificates,
        "ResourceNotFoundFault",
        Filters=[{"Name": "certificate-id", "Values": [name]}],
    )


def test_what_dms_offers(place: Place, sandbox: Any) -> None:
    dms = place.dms
    versions = {
        entry["Version"]: entry["Lifecycle"] for entry in dms.describe_engine_versions()["EngineVersions"]
    }
    assert versions == {"3.5.4": "DEFAULT_VERSION", "3.6.1": "ACTIVE"}
    pages = dms.get_paginator("describe_orderable_replication_instances").paginate()
    offered = [entry for page in pages for entry in page["OrderableReplicationInstances"]]
    storage = {entry["ReplicationInstanceClass"]: entry["DefaultAllocatedStorage"] for entry in offered}
    assert (storage["dms.t3.medium"], storage["dms.c6i.large"]) == (50, 100)
    kinds = dms.describe_endpoint_types(Filters=[{"Name": "engine-name", "Values": ["mysql"]}])
    assert [kind["EndpointType"] for kind in kinds["SupportedEndpointTypes"]] == ["source", "target"]
    used = {quota["AccountQuotaName"]: quota for quota in dms.describe_account_attributes()["AccountQuotas"]}
    assert used["ReplicationSubnetGroups"]["Used"] >= 1
    groups = dms.describe_event_categories(SourceType="replication-task")["EventCategoryGroupList"]
    assert groups[0]["EventCategories"][0] == "configuration change"
    shown = sandbox.aws("dms", "describe-replication-subnet-groups")
    assert any(group["ReplicationSubnetGroupIdentifier"] == place.group for group in json.loads(json.dumps(shown))
               ["ReplicationSubnetGroups"])  # fmt: skip
    with pytest.raises(ClientError) as error:
        dms.describe_replication_configs()
    assert "sandbox" in str(error.value)
