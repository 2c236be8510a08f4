"""Run Command's text: what is rendered is recognised, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmstui.catalog import commands, scenario

ONE = scenario("postgresql-to-s3")


@given(scale=st.integers(1, 1000), seed=st.integers(0, 10**9 - 1), step=st.sampled_from(sorted(ONE.scripts)))
def test_what_is_rendered_is_recognised(scale: int, seed: int, step: str) -> None:
    found = commands.recognise(commands.render(ONE, step, scale=scale, seed=seed, region="eu-west-1"))
    assert found is not None
    assert (found.scenario.name, found.step, found.scale, found.seed) == (ONE.name, step, scale, seed)


def test_kinds_are_carried_and_unknown_ones_refused() -> None:
    for kind in ONE.scripts["change"].kinds:
        found = commands.recognise(commands.render(ONE, "change", kind=kind))
        assert found is not None
        assert found.kind == kind
    with pytest.raises(ValueError, match="not 'no-such-kind'"):
        commands.render(ONE, "change", kind="no-such-kind")


@pytest.mark.parametrize("arguments", [{"scale": 0}, {"scale": 1001}, {"seed": -1}])
def test_figures_out_of_range_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be from"):
        commands.render(ONE, "seed", **arguments)  # type: ignore[arg-type]


def test_a_foreign_or_altered_text_is_not_recognised() -> None:
    lines = commands.render(ONE, "seed")
    assert commands.recognise([*lines, "curl example.com"]) is None
    assert commands.recognise(lines[:-1]) is None
    assert commands.recognise([lines[0], lines[1], lines[2] + "; id", *lines[3:]]) is None
    assert commands.recognise(["echo hello"]) is None
    assert commands.recognise([]) is None


def test_an_unknown_step_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="seed"):
        commands.render(ONE, "dance")
