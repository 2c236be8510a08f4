"""The files of scenario postgresql-to-s3 agree with each other, with the template and with the rules of templates."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from dmstui import catalog
from dmstui.catalog import commands

NAME = "postgresql-to-s3"
BODY_LIMIT = 51_200
COMMAND_LIMIT = 24_000


class _Loader(yaml.SafeLoader):
    pass


def _tagged(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)


@cache
def scenario() -> catalog.Scenario:
    return catalog.scenario(NAME)


@cache
def template() -> dict[str, Any]:
    return yaml.load(scenario().template_text, Loader=_Loader)


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


def test_template_fits_into_a_request_body() -> None:
    assert len(scenario().template_text.encode()) < BODY_LIMIT


def test_template_holds_no_alias_that_cloudformation_refuses() -> None:
    tokens = (yaml.AliasToken, yaml.AnchorToken)
    assert not [each for each in yaml.scan(scenario().template_text) if isinstance(each, tokens)]


def test_one_task_stands_without_condition_and_it_is_the_full_load() -> None:
    tasks = of_type("AWS::DMS::ReplicationTask")
    free = [name for name, each in tasks.items() if "Condition" not in each]
    assert free == [scenario().resources["task"]]
    assert tasks[free[0]]["Properties"]["MigrationType"] == scenario().migration_type == "full-load"


def test_task_carries_the_files_letter_by_letter() -> None:
    task = template()["Resources"]["MigrationTask"]["Properties"]
    assert task["TableMappings"] == scenario().table_mappings
    assert task["ReplicationTaskSettings"] == scenario().task_settings


def test_change_task_maps_tables_as_the_load_does() -> None:
    task = template()["Resources"]["ChangesTask"]["Properties"]
    assert json.loads(task["TableMappings"]) == json.loads(scenario().table_mappings)
    load = json.loads(scenario().task_settings)
    changes = json.loads(task["ReplicationTaskSettings"])
    assert changes == {key: value for key, value in load.items() if key != "FullLoadSettings"}


def test_the_two_writers_have_folders_of_their_own() -> None:
    endpoints = of_type("AWS::DMS::Endpoint")
    folders = [
        each["Properties"]["S3Settings"]["BucketFolder"]
        for each in endpoints.values()
        if "S3Settings" in each["Properties"]
    ]
    assert sorted(folders) == ["changes", "lake"]
    assert scenario().target.folder == "lake"


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("source_database", "AWS::RDS::DBInstance"),
        ("source_secret", "AWS::SecretsManager::Secret"),
        ("bucket", "AWS::S3::Bucket"),
        ("workbench", "AWS::EC2::Instance"),
        ("replication_instance", "AWS::DMS::ReplicationInstance"),
        ("source_endpoint", "AWS::DMS::Endpoint"),
        ("target_endpoint", "AWS::DMS::Endpoint"),
        ("task", "AWS::DMS::ReplicationTask"),
    ],
)
def test_roles_name_resources_of_the_right_type(role: str, kind: str) -> None:
    assert template()["Resources"][scenario().resources[role]]["Type"] == kind


def test_every_security_group_rule_says_why() -> None:
    rules = [
        *(rule["Properties"] for rule in of_type("AWS::EC2::SecurityGroupIngress").values()),
        *(rule["Properties"] for rule in of_type("AWS::EC2::SecurityGroupEgress").values()),
    ]
    for group in of_type("AWS::EC2::SecurityGroup").values():
        rules += group["Properties"].get("SecurityGroupIngress", [])
        rules += group["Properties"]["SecurityGroupEgress"]
    assert len(rules) >= 10
    assert all(rule.get("Description") for rule in rules)
    # Groups let in groups, never address ranges.
    assert not [
        rule
        for rule in rules
        if "SourceSecurityGroupId" not in rule
        and "CidrIp" not in rule
        and "DestinationSecurityGroupId" not in rule
    ]
    incoming = of_type("AWS::EC2::SecurityGroupIngress").values()
    assert all("SourceSecurityGroupId" in rule["Properties"] for rule in incoming)


def test_nothing_is_public_and_everything_is_encrypted() -> None:
    resources = template()["Resources"]
    assert resources["ReplicationInstance"]["Properties"]["PubliclyAccessible"] is False
    database = resources["SourceDatabase"]["Properties"]
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    bucket = resources["LakeBucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert "VersioningConfiguration" not in bucket
    assert resources["SourceEndpoint"]["Properties"]["SslMode"] == "verify-full"


UNTAGGED = {
    "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress",
    "AWS::SecretsManager::SecretTargetAttachment", "AWS::DMS::Certificate",
    "AWS::IAM::InstanceProfile", "Custom::LakeEmptier", "Custom::DmsServiceRoles", "Custom::TaskStopper",
    "Custom::RootCertificate",
}  # fmt: skip


def test_whatever_can_be_tagged_says_what_it_belongs_to_and_when_it_may_go() -> None:
    for name, resource in template()["Resources"].items():
        if resource["Type"] not in UNTAGGED:
            keys = {tag["Key"] for tag in resource["Properties"]["Tags"]}
            assert {"dmstui:scenario", "dmstui:expires"} <= keys, name


def test_what_holds_data_goes_with_the_stack() -> None:
    holding = {
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
        "AWS::Logs::LogGroup",
    }
    for name, resource in template()["Resources"].items():
        if resource["Type"] in holding:
            assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Delete", name


def test_no_partition_and_no_region_is_written_out() -> None:
    text = scenario().template_text
    assert "arn:aws:" not in text
    assert not re.search(r"\b(us|eu|ap)-(east|west|central|north|south)\w*-\d\b", text)
    assert "amazonaws.com.cn" not in text


def test_parameters_accept_their_own_defaults_and_are_explained() -> None:
    for parameter in catalog.template_parameters(scenario().template_text):
        assert parameter.description, parameter.name
        if parameter.default is not None and not parameter.type.startswith("AWS::SSM"):
            assert parameter.refusal(parameter.default) is None, parameter.name


def test_defaults_told_to_the_reader_are_the_template_s() -> None:
    defaults = {each.name: each.default for each in catalog.template_parameters(scenario().template_text)}
    assert {each.name: each.default for each in scenario().parameters} == {
        each.name: defaults[each.name] for each in scenario().parameters
    }


@pytest.mark.parametrize(
    ("step", "kind"),
    [("seed", None), ("change", None), ("change", "burst"), ("change", "hold"), ("verify", "current")],
)
def test_scripts_travel_as_commands_and_are_recognised(step: str, kind: str | None) -> None:
    lines = commands.render(scenario(), step, scale=2, seed=7, kind=kind)
    match = commands.recognise(lines)
    assert match is not None
    assert (match.step, match.scale, match.seed, match.kind) == (step, 2, 7, kind)
    assert commands.recognise([*lines, "true"]) is None
    assert sum(len(line) + 1 for line in lines) < COMMAND_LIMIT


def test_guide_uses_only_outputs_that_the_stack_has() -> None:
    used = set(re.findall(r"\$\(out (\w+)\)", scenario().guide))
    assert len(used) >= 8
    assert used <= set(template()["Outputs"])


def test_guide_leaves_no_placeholder_to_fill_in() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", scenario().guide, re.DOTALL)
    assert len(blocks) >= 15
    assert not [block for block in blocks if re.search(r"<[a-z-]+>|\bYOUR_|\bxxx", block)]


def test_guide_tells_the_cost_that_the_catalogue_adds_up() -> None:
    hourly = catalog.prices.estimate(scenario().costs).per_hour
    assert f"**about {hourly:.2f}**" in scenario().guide


def test_user_data_leaves_no_shell_variable_to_cloudformation() -> None:
    script = template()["Resources"]["Workbench"]["Properties"]["UserData"]["Fn::Base64"]["Sub"]
    known = {"AWS::StackId", "AWS::Region", "AWS::URLSuffix", *template()["Resources"]}
    assert set(re.findall(r"\$\{([^!}][^}]*)\}", script)) <= known
    assert "cfn-signal" in script
