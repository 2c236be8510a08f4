"""The template's inline functions answer CloudFormation on every path; boto3 and cfnresponse are fakes here."""

from __future__ import annotations

import base64
import io
import re
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from dmstui import catalog

REGION = "eu-central-1"


class Refused(Exception):  # noqa: N818
    """A botocore ClientError as the handlers see it."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(f"An error occurred ({code}): {message}")
        self.response = {"Error": {"Code": code, "Message": message}}


def source(logical_id: str) -> str:
    """The inline code of one function of the template."""
    text = catalog.scenario("postgresql-to-s3").template_text
    block = text.split(f"\n  {logical_id}:\n", 1)[1].split("ZipFile: |\n", 1)[1]
    lines = []
    indent = re.match(r" +", block)
    assert indent is not None
    for line in block.split("\n"):
        if line and not line.startswith(indent.group()):
            break
        lines.append(line[len(indent.group()) :])
    return "\n".join(lines)


class Run:
    """One invocation: the answers that reached CloudFormation, the seconds slept."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, logical_id: str, clients: dict[str, Any], seconds: float = 600
    ):
        self.answers: list[tuple[str, dict[str, Any], str, str | None]] = []
        self.slept = 0.0
        self.left = seconds
        boto3 = types.ModuleType("boto3")
        boto3.client = lambda name: clients[name]  # type: ignore[attr-defined]
        answer = types.ModuleType("cfnresponse")
        answer.SUCCESS, answer.FAILED = "SUCCESS", "FAILED"  # type: ignore[attr-defined]
        answer.send = self._send  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "boto3", boto3)
        monkeypatch.setitem(sys.modules, "cfnresponse", answer)
        self.module = types.ModuleType("index")
        exec(compile(source(logical_id), f"{logical_id}.py", "exec"), self.module.__dict__)
        monkeypatch.setattr("time.sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.left -= seconds

    def _send(  # noqa: PLR0917
        self,
        event: Any,
        context: Any,
        status: str,
        data: dict[str, Any],
        physical_id: str,
        noEcho: bool = False,  # noqa: N803
        reason: str | None = None,
    ) -> None:
        self.answers.append((status, data, physical_id, reason))

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left * 1000)

    def __call__(
        self, request: str, kind: str, properties: dict[str, Any], old: dict[str, Any] | None = None
    ) -> Any:
        event = {
            "RequestType": request,
            "ResourceType": kind,
            "LogicalResourceId": "It",
            "ResourceProperties": properties,
        }
        if old is not None:
            event["OldResourceProperties"] = old
        self.module.handler(event, self)
        assert len(self.answers) == 1, "CloudFormation waits for exactly one answer"
        status, data, physical_id, reason = self.answers[0]
        assert physical_id
        assert (reason is None) == (status == "SUCCESS")
        return status, data, reason


# -- stopping tasks ----------------------------------------------------------------------------------------------------


class Dms:
    def __init__(self, states: dict[str, list[str]], stop_refused: str | None = None) -> None:
        self.states, self.stopped, self.stop_refused = states, [], stop_refused

    def describe_replication_tasks(self, Filters: Any, WithoutSettings: bool) -> Any:  # noqa: N803
        states = self.states.get(Filters[0]["Values"][0])
        if not states:
            raise Refused("ResourceNotFoundFault")
        status = states.pop(0) if len(states) > 1 else states[0]
        if status == "boom":
            raise Refused("AccessDeniedException", "not authorized")
        return {"ReplicationTasks": [{"Status": status}]}

    def stop_replication_task(self, ReplicationTaskArn: str) -> None:  # noqa: N803
        self.stopped.append(ReplicationTaskArn)
        if self.stop_refused:
            raise Refused(self.stop_refused)


@pytest.mark.parametrize(
    ("states", "refused", "status", "stopped"),
    [
        ({}, None, "SUCCESS", []),
        ({"a": ["ready"]}, None, "SUCCESS", []),
        ({"a": ["failed"], "b": ["stopped"]}, None, "SUCCESS", []),
        ({"a": ["running", "stopping", "stopped"]}, None, "SUCCESS", ["a"]),
        ({"a": ["starting", "running", "stopped"]}, "InvalidResourceStateFault", "SUCCESS", ["a", "a"]),
        ({"a": ["running", "stopped"]}, "AccessDeniedException", "FAILED", ["a"]),
        ({"a": ["boom"]}, None, "FAILED", []),
        ({"a": ["stopping"]}, None, "FAILED", []),
    ],
    ids=[
        "gone",
        "never ran",
        "at rest",
        "running",
        "starting",
        "may not stop",
        "may not look",
        "never stops",
    ],
)
def test_stopper_on_delete(
    monkeypatch: pytest.MonkeyPatch, states: Any, refused: str | None, status: str, stopped: list[str]
) -> None:
    dms = Dms({key: list(value) for key, value in states.items()}, refused)
    run = Run(monkeypatch, "CleanupFunction", {"dms": dms})
    assert run("Delete", "Custom::TaskStopper", {"Tasks": list(states) or ["a"]})[0] == status
    assert dms.stopped == stopped


def test_stopper_stops_a_task_that_leaves_the_template_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dms = Dms({"load": ["running"], "changes": ["running", "stopped"]})
    run = Run(monkeypatch, "CleanupFunction", {"dms": dms})
    assert (
        run("Update", "Custom::TaskStopper", {"Tasks": ["load"]}, {"Tasks": ["load", "changes"]})[0]
        == "SUCCESS"
    )
    assert dms.stopped == ["changes"]


def test_stopper_does_nothing_on_create(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, "CleanupFunction", {})
    assert run("Create", "Custom::TaskStopper", {"Tasks": ["a"]})[0] == "SUCCESS"


# -- emptying the bucket -----------------------------------------------------------------------------------------------


class S3:
    def __init__(self, pages: list[dict[str, Any]], missing: bool = False, error: str | None = None) -> None:
        self.pages, self.missing, self.error, self.deleted = pages, missing, error, []

    def list_object_versions(self, Bucket: str, MaxKeys: int) -> Any:  # noqa: N803
        if self.missing:
            raise Refused("NoSuchBucket")
        return self.pages[0] if self.pages else {}

    def delete_objects(self, Bucket: str, Delete: Any) -> Any:  # noqa: N803
        self.deleted += [(each["Key"], each["VersionId"]) for each in Delete["Objects"]]
        self.pages.pop(0)
        return {"Errors": [{"Key": "x", "Code": self.error}]} if self.error else {}


def test_emptier_deletes_versions_and_markers_until_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = S3(
        [
            {"Versions": [{"Key": "lake/a", "VersionId": "null"}]},
            {"DeleteMarkers": [{"Key": "lake/b", "VersionId": "9"}]},
        ]
    )
    assert (
        Run(monkeypatch, "CleanupFunction", {"s3": s3, "dms": Dms({})})(
            "Delete", "Custom::LakeEmptier", {"Bucket": "lake"}
        )[0]
        == "SUCCESS"
    )
    assert s3.deleted == [("lake/a", "null"), ("lake/b", "9")]


@pytest.mark.parametrize(
    ("s3", "status"),
    [
        (S3([], missing=True), "SUCCESS"),
        (S3([{"Versions": [{"Key": "k", "VersionId": "1"}]}], error="AccessDenied"), "FAILED"),
    ],
    ids=["bucket gone", "object refused"],
)
def test_emptier_answers_when_it_cannot(monkeypatch: pytest.MonkeyPatch, s3: S3, status: str) -> None:
    run = Run(monkeypatch, "CleanupFunction", {"s3": s3, "dms": Dms({})})
    assert run("Delete", "Custom::LakeEmptier", {"Bucket": "lake"})[0] == status


# -- roles -------------------------------------------------------------------------------------------------------------


class Iam:
    def __init__(
        self, roles: dict[str, list[str]], trust: str = "dms.amazonaws.com", refuse: str | None = None
    ) -> None:
        self.roles, self.trust, self.refuse = roles, trust, refuse
        self.created: list[str] = []
        self.attached: list[tuple[str, str]] = []

    def get_role(self, RoleName: str) -> Any:  # noqa: N803
        if RoleName not in self.roles:
            raise Refused("NoSuchEntity")
        return {"Role": {"AssumeRolePolicyDocument": {"Statement": [{"Principal": {"Service": self.trust}}]}}}

    def create_role(self, RoleName: str, AssumeRolePolicyDocument: str, Description: str) -> None:  # noqa: N803
        if self.refuse:
            raise Refused(self.refuse)
        assert "dms.amazonaws.com" in AssumeRolePolicyDocument
        self.roles[RoleName] = []
        self.created.append(RoleName)

    def get_paginator(self, name: str) -> Any:
        pages: Callable[..., Any] = lambda RoleName: [  # noqa: E731, N803
            {"AttachedPolicies": [{"PolicyArn": arn} for arn in self.roles.get(RoleName, [])]}
        ]
        return types.SimpleNamespace(paginate=pages)

    def attach_role_policy(self, RoleName: str, PolicyArn: str) -> None:  # noqa: N803
        self.attached.append((RoleName, PolicyArn.rsplit("/", 1)[1]))


class Probed:
    def __init__(self, answers: list[Exception | None]) -> None:
        self.answers, self.deleted = answers, 0

    def create_replication_subnet_group(self, **_: Any) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer:
            raise answer

    def delete_replication_subnet_group(self, **_: Any) -> None:
        self.deleted += 1


POLICY = "arn:aws:iam::aws:policy/service-role/"
BOTH = {
    "dms-vpc-role": [POLICY + "AmazonDMSVPCManagementRole"],
    "dms-cloudwatch-logs-role": [POLICY + "AmazonDMSCloudWatchLogsRole"],
}
ASKED = {"Partition": "aws", "ProbeName": "pg-s3-1-probe", "SubnetIds": ["subnet-1", "subnet-2"]}
UNSEEN = Refused(
    "AccessDeniedFault", "The IAM Role arn:aws:iam::1:role/dms-vpc-role is not configured properly."
)


@pytest.mark.parametrize(
    ("roles", "created", "attached"),
    [
        ({}, 2, 2),
        (BOTH, 0, 0),
        ({**BOTH, "dms-vpc-role": []}, 0, 1),
        ({"dms-vpc-role": BOTH["dms-vpc-role"]}, 1, 1),
    ],
    ids=["none", "both", "policy missing", "one missing"],
)
def test_roles_are_completed_where_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, roles: Any, created: int, attached: int
) -> None:
    iam, dms = Iam({name: list(arns) for name, arns in roles.items()}), Probed([UNSEEN, UNSEEN, None])
    run = Run(monkeypatch, "SetupFunction", {"iam": iam, "dms": dms})
    assert run("Create", "Custom::DmsServiceRoles", ASKED)[0] == "SUCCESS"
    assert (len(iam.created), len(iam.attached)) == (created, attached)
    assert run.slept > 0
    assert dms.deleted == 1


@pytest.mark.parametrize(
    ("iam", "probe", "said"),
    [
        (Iam({}, refuse="AccessDenied"), [None], "AccessDenied"),
        (Iam({"dms-vpc-role": []}, trust="ec2.amazonaws.com"), [None], "does not trust"),
        (Iam(dict(BOTH)), [UNSEEN], "not configured properly"),
        (Iam(dict(BOTH)), [Refused("InvalidSubnet", "no such subnet")], "InvalidSubnet"),
    ],
    ids=["may not create", "foreign trust", "never seen", "bad subnet"],
)
def test_roles_answer_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, iam: Iam, probe: Any, said: str
) -> None:
    run = Run(monkeypatch, "SetupFunction", {"iam": iam, "dms": Probed(probe)}, seconds=200)
    status, _, reason = run("Create", "Custom::DmsServiceRoles", ASKED)
    assert status == "FAILED"
    assert said in reason


def test_roles_stay_when_the_stack_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, "SetupFunction", {})
    assert run("Delete", "Custom::DmsServiceRoles", ASKED)[0] == "SUCCESS"


# -- the certificate ---------------------------------------------------------------------------------------------------


def block(name: str) -> str:
    body = base64.b64encode(b"\x30\x82" + name.encode() + b"\x00" * 40).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body[:64]}\n{body[64:]}\n-----END CERTIFICATE-----\n"


BUNDLE = "".join(
    block(f"Amazon RDS {REGION} Root CA {kind}") for kind in ("RSA4096 G1", "ECC384 G1", "RSA2048 G1")
)


def fetched(monkeypatch: pytest.MonkeyPatch, answers: list[Any]) -> list[str]:
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> Any:
        asked.append(url)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer.encode())

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return asked


def test_certificate_is_the_one_root_that_fits_into_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, "SetupFunction", {})
    asked = fetched(monkeypatch, [OSError("reset"), BUNDLE])
    status, data, _ = run("Create", "Custom::RootCertificate", {"Region": REGION})
    assert status == "SUCCESS"
    assert data["Pem"] == block(f"Amazon RDS {REGION} Root CA RSA2048 G1")
    assert asked[-1].endswith(f"/{REGION}/{REGION}-bundle.pem")


@pytest.mark.parametrize(
    "answer", [OSError("no route"), "<html>", block("Amazon RDS other Root CA RSA2048 G1")]
)
def test_certificate_answers_with_the_reason(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    run = Run(monkeypatch, "SetupFunction", {})
    fetched(monkeypatch, [answer])
    assert run("Create", "Custom::RootCertificate", {"Region": REGION})[0] == "FAILED"


@pytest.mark.parametrize("logical_id", ["SetupFunction", "CleanupFunction"])
@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_a_request_without_its_properties_is_answered_too(
    monkeypatch: pytest.MonkeyPatch, logical_id: str, request_type: str
) -> None:
    run = Run(monkeypatch, logical_id, {})
    run(request_type, "Custom::Anything", {})
