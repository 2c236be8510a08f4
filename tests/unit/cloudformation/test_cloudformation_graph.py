"""What depends on what, and the complaints about what cannot be; and walking through it in parallel."""

from __future__ import annotations

import asyncio

import pytest

from dmstui.sandbox.cloudformation import graph
from dmstui.sandbox.cloudformation.template import Template, TemplateError, parse
from dmstui.sandbox.cloudformation.walk import walk

CHAIN = """
Parameters: {P: {Type: String}}
Conditions: {Wanted: !Equals [!Ref P, x]}
Resources:
  Vpc: {Type: AWS::EC2::VPC}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: !Sub '${Vpc.CidrBlock} ${P} ${AWS::Region}'}}
  Other: {Type: AWS::S3::Bucket, Condition: Wanted, DependsOn: [Group]}
  Last: {Type: AWS::S3::Bucket, DependsOn: Other, Properties: {BucketName: !If [Wanted, !Ref Other, !Ref Subnet]}}
"""


def template(text: str) -> Template:
    return parse(text)


def test_references_make_dependencies() -> None:
    assert graph.dependencies(template(CHAIN), {"Wanted": True}) == {
        "Vpc": set(),
        "Subnet": {"Vpc"},
        "Group": {"Vpc"},
        "Other": {"Group"},
        "Last": {"Other"},
    }


def test_a_branch_not_taken_and_a_resource_not_made_are_no_dependencies() -> None:
    assert graph.dependencies(template(CHAIN), {"Wanted": False}) == {
        "Vpc": set(),
        "Subnet": {"Vpc"},
        "Group": {"Vpc"},
        "Last": {"Subnet"},
    }


def test_order_puts_what_is_needed_first() -> None:
    order = graph.order(graph.dependencies(template(CHAIN), None))
    assert order.index("Vpc") < order.index("Subnet") < order.index("Last")
    assert graph.reversed_needs({"a": set(), "b": {"a"}, "c": {"a", "b"}}) == {
        "a": {"b", "c"},
        "b": {"c"},
        "c": set(),
    }


BUCKET = "Type: AWS::S3::Bucket"
REFUSED = [
    (
        f"Resources: {{A: {{{BUCKET}, Properties: {{BucketName: !Ref B}}}}}}",
        "Unresolved resource dependencies [B] in the Resources block",
    ),
    (
        f"Resources: {{A: {{{BUCKET}, DependsOn: [C]}}}}",
        "Unresolved resource dependencies [C] in the Resources block",
    ),
    (
        f"Resources: {{A: {{{BUCKET}, Properties: {{BucketName: !GetAtt B.Arn}}}}}}",
        "Fn::GetAtt references undefined resource B",
    ),
    (
        f"Resources: {{A: {{{BUCKET}, Properties: {{BucketName: !Sub 'x${{B}}'}}}}}}",
        "Unresolved resource dependencies [B]",
    ),
    (
        f"Resources: {{A: {{{BUCKET}}}}}\nOutputs: {{O: {{Value: !Ref B}}}}",
        "Unresolved resource dependencies [B] in the Outputs block",
    ),
    (f"Resources: {{A: {{{BUCKET}, Condition: C}}}}", "Unresolved condition dependency C"),
    (
        f"Resources: {{A: {{{BUCKET}, DependsOn: B}}, B: {{{BUCKET}, DependsOn: C}}, C: {{{BUCKET}, DependsOn: B}}}}",
        "Circular dependency between resources: [B, C]",
    ),
    (f"Resources: {{A: {{{BUCKET}, DependsOn: A}}}}", "Circular dependency between resources: [A]"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_what_cannot_be_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(TemplateError) as refused:
        graph.check(template(text))
    assert sentence in str(refused.value)


def test_a_reference_to_a_resource_that_is_not_made_is_refused() -> None:
    text = CHAIN + "  Bad: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Other}}\n"
    graph.check(template(text))
    with pytest.raises(TemplateError, match=r"Unresolved resource dependencies \[Other\]"):
        graph.dependencies(template(text), {"Wanted": False})


async def test_walking_runs_what_it_can_at_once_and_nothing_too_early() -> None:
    needs = {"a": set(), "b": set(), "c": {"a", "b"}, "d": {"c"}}
    running: set[str] = set()
    together: list[set[str]] = []
    finished: list[str] = []

    async def act(name: str) -> bool:
        assert needs[name] <= set(finished)
        running.add(name)
        together.append(set(running))
        await asyncio.sleep(0)
        running.discard(name)
        finished.append(name)
        return True

    assert await walk(needs, act) == []
    assert {"a", "b"} in together
    assert set(finished) == set(needs)


async def test_a_failure_stops_what_is_not_begun_or_only_what_needs_it() -> None:
    needs = {"a": set(), "b": {"a"}, "c": set(), "d": {"c"}}
    begun: list[str] = []

    async def act(name: str) -> bool:
        begun.append(name)
        if name == "c":
            await asyncio.sleep(0.01)
        return name != "a"

    stop = asyncio.Event()
    assert await walk(needs, act, stop) == ["a"]
    assert stop.is_set()
    assert sorted(begun) == ["a", "c"]
    begun.clear()
    assert await walk(needs, act) == ["a"]
    assert sorted(begun) == ["a", "c", "d"]
