"""Request members → `Inputs`: template text, parameters with look-ups, tags. Called by operations.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from dmstui.sandbox.cloudformation import parameters
from dmstui.sandbox.cloudformation.parameters import Lookup
from dmstui.sandbox.cloudformation.plan import capabilities_missing
from dmstui.sandbox.cloudformation.stack import Inputs
from dmstui.sandbox.cloudformation.template import BODY_LIMIT, URL_LIMIT, Template, TemplateError, parse
from dmstui.sandbox.service import Fault

if TYPE_CHECKING:
    from dmstui.sandbox.world import World

VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9.-]+)\.s3[.-][a-z0-9.-]+\Z")

# What proves that an id of a parameter's type exists: service, operation, its list member.
EXISTENCE: Mapping[str, tuple[str, str, str]] = {
    "AWS::EC2::AvailabilityZone::Name": ("ec2", "describe_availability_zones", "ZoneNames"),
    "AWS::EC2::Instance::Id": ("ec2", "describe_instances", "InstanceIds"),
    "AWS::EC2::KeyPair::KeyName": ("ec2", "describe_key_pairs", "KeyNames"),
    "AWS::EC2::SecurityGroup::GroupName": ("ec2", "describe_security_groups", "GroupNames"),
    "AWS::EC2::SecurityGroup::Id": ("ec2", "describe_security_groups", "GroupIds"),
    "AWS::EC2::Subnet::Id": ("ec2", "describe_subnets", "SubnetIds"),
    "AWS::EC2::Volume::Id": ("ec2", "describe_volumes", "VolumeIds"),
    "AWS::EC2::VPC::Id": ("ec2", "describe_vpcs", "VpcIds"),
}


async def template_text(world: World, request: Mapping[str, Any], previous: str | None = None) -> str:
    """The template a request carries or points at; `previous` for UsePreviousTemplate."""
    body, url = request.get("TemplateBody"), request.get("TemplateURL")
    if body is not None and url is not None:
        raise Fault("ValidationError", "Specify exactly one of 'templateBody' or 'templateUrl'")
    if body is not None:
        if len(body.encode()) > BODY_LIMIT:
            raise Fault(
                "ValidationError",
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {BODY_LIMIT}",
            )
        return str(body)
    if url is not None:
        return await _fetched(world, str(url))
    if request.get("UsePreviousTemplate") and previous is not None:
        return previous
    raise Fault("ValidationError", "Either Template URL or Template Body must be specified.")


def bucket_and_key(url: str, endpoint: str) -> tuple[str, str]:
    """The object an S3 URL points at: path style at the sandbox or S3, or virtual-host style. Pure."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
    if parts.scheme == "s3":
        return host, path
    virtual = VIRTUAL_HOST.match(host)
    if virtual and host != urlsplit(endpoint).hostname:
        return virtual["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


async def _fetched(world: World, url: str) -> str:
    bucket, key = bucket_and_key(url, world.endpoint_url)
    if not bucket or not key:
        raise Fault("ValidationError", "TemplateURL must be a supported URL.")
    try:
        async with world.client("s3") as s3:
            answer = await s3.get_object(Bucket=bucket, Key=key)
            data: bytes = await answer["Body"].read()
    except Exception as error:
        raise Fault("ValidationError", f"S3 error: {error}") from None
    if len(data) > URL_LIMIT:
        raise Fault("ValidationError", f"Template may not exceed {URL_LIMIT} bytes in size.")
    return data.decode()


def given_parameters(request: Mapping[str, Any]) -> tuple[dict[str, str], set[str]]:
    """Values by name, and the names for which the previous value is asked."""
    given: dict[str, str] = {}
    previous: set[str] = set()
    for item in request.get("Parameters") or []:
        name = item.get("ParameterKey", "")
        if item.get("UsePreviousValue"):
            previous.add(name)
        else:
            given[name] = item.get("ParameterValue", "")
    return given, previous


async def read(
    world: World, request: Mapping[str, Any], before: Inputs | None = None
) -> tuple[Inputs, Template]:
    """Everything an operation works from; Fault for what cannot be. `before`: what the stack was made from."""
    text = await template_text(world, request, before.template if before else None)
    template = parse(text)
    missing = capabilities_missing(template, list(request.get("Capabilities") or []))
    if missing:
        raise Fault("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
    given, use_previous = given_parameters(request)
    values = parameters.effective(
        template.parameters, given, before.parameters if before else {}, use_previous
    )
    resolved = await _looked_up(world, template, values)
    tags = (
        {item["Key"]: item["Value"] for item in request["Tags"]}
        if "Tags" in request
        else (before.tags if before else {})
    )
    return (
        Inputs(
            template=text,
            parameters=values,
            resolved=resolved,
            tags=dict(tags),
            capabilities=list(request.get("Capabilities") or []),
            notification_arns=list(
                request.get("NotificationARNs") or (before.notification_arns if before else [])
            ),
            role_arn=request.get("RoleARN") or (before.role_arn if before else None),
        ),
        template,
    )


async def _looked_up(world: World, template: Template, values: Mapping[str, str]) -> dict[str, str]:
    """Values of SSM parameters; Fault for what the account does not have."""
    found: dict[str, str] = {}
    for wanted in parameters.lookups(template.parameters, values):
        if wanted.type.startswith("AWS::SSM::"):
            value = await _ssm_value(world, wanted)
            declared = template.parameters[wanted.parameter]
            if parameters.is_ssm(declared):
                parameters.check(wanted.parameter, declared, value)
                found[wanted.parameter] = value
        elif wanted.type in EXISTENCE:
            await _check_exists(world, wanted)
    return found


async def _ssm_value(world: World, wanted: Lookup) -> str:
    try:
        async with world.client("ssm") as ssm:
            answer = await ssm.get_parameter(Name=wanted.value)
    except Exception:
        raise Fault(
            "ValidationError",
            f"Unable to fetch parameters [{wanted.value}] from parameter store for this account.",
        ) from None
    return str(answer["Parameter"]["Value"])


async def _check_exists(world: World, wanted: Lookup) -> None:
    service, operation, member = EXISTENCE[wanted.type]
    try:
        async with world.client(service) as client:
            answer = await getattr(client, operation)(**{member: [wanted.value]})
    except Exception:
        answer = {}
    if not any(isinstance(value, list) and value for value in answer.values()):
        raise TemplateError(
            f"Parameter validation failed: parameter value {wanted.value} "
            f"for parameter name {wanted.parameter} does not exist"
        )
