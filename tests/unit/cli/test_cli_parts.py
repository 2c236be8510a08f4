"""The pure parts of the command line: tables, credentials, exits, doctor's checks, plots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dmstui.cli import exits
from dmstui.cli.credentials import needs_prompt, quick_look, tried
from dmstui.cli.doctor import clock, proxies, terminal
from dmstui.cli.find import match
from dmstui.cli.output import table
from dmstui.cli.plot import draw, runs, thinned
from dmstui.kinds.kind import Column
from dmstui.model import AwsError, MetricPoint, MetricSeries, ReplicationTask

T0 = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
COLUMNS = [
    Column("name", "Name", 10, lambda r, s: "", flexible=True),
    Column("rows", "Rows", 6, lambda r, s: "", align="right"),
    Column("extra", "Extra", 6, lambda r, s: "", from_width=100),
]
ROWS = [["orders_with_a_very_long_name_indeed", "12", "x"], ["a", "1,200", "y"]]


def test_a_pipe_gets_every_column_in_full() -> None:
    lines = table(COLUMNS, ROWS, None)
    assert lines[0].split() == ["Name", "Rows", "Extra"]
    assert ROWS[0][0] in lines[1]
    assert (
        len(
            {
                line.index(cell)
                for line, cell in zip(lines[1:], ("x", "y"), strict=True)
                if line.endswith(cell)
            }
        )
        == 1
    )


def test_a_narrow_terminal_leaves_columns_out_and_cuts_the_flexible_one() -> None:
    lines = table(COLUMNS, ROWS, 24)
    assert all(len(line) <= 24 for line in lines)
    assert "Extra" not in lines[0]
    assert "…" in lines[1]
    assert lines[2].endswith("1,200")


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("Refused", 3), ("ReadOnly", 3), ("InvalidResourceStateFault", 3), ("TimedOut", 4), ("AccessDenied", 1)],
)
def test_exit_codes(code: str, exit_code: int) -> None:
    assert exits.code_for(AwsError(code, "")) == exit_code


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile lab]\nsso_session = s\n[profile mfa]\nrole_arn = r\n"
        "mfa_serial = m\n[profile over]\nrole_arn = r\nsource_profile = mfa\n"
    )
    (tmp_path / "credentials").write_text(
        "[keys]\naws_access_key_id = AKIA\naws_secret_access_key = topsecret\n"
    )
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.mark.parametrize(
    ("profile", "extra", "found"),
    [
        (None, {}, None),
        (None, {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "environment variables"),
        (None, {"AWS_ACCESS_KEY_ID": "a"}, None),
        ("lab", {}, "profile lab (sso_session)"),
        (None, {"AWS_PROFILE": "keys"}, "profile keys (aws_access_key_id)"),
        ("mfa", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "profile mfa (role_arn)"),
        ("none", {}, None),
        (None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}, "container"),
    ],
)
def test_quick_look(
    home: dict[str, str], profile: str | None, extra: dict[str, str], found: str | None
) -> None:
    assert quick_look(profile, home | extra) == found


def test_a_code_is_expected_through_a_chain_of_profiles(home: dict[str, str]) -> None:
    assert needs_prompt("over", home)
    assert not needs_prompt("lab", home)
    assert not needs_prompt(None, home)


def test_what_was_tried_names_places_never_values(home: dict[str, str]) -> None:
    text = "\n".join(tried(None, home | {"AWS_ACCESS_KEY_ID": "AKIASECRET"}))
    assert "only AWS_ACCESS_KEY_ID is set" in text
    assert "profile default has no keys" in text
    assert "AKIASECRET" not in text
    assert "topsecret" not in text


@pytest.mark.parametrize(
    ("environ", "size", "tty", "encoding", "verdict"),
    [
        ({"TERM": "xterm-256color"}, (120, 40), True, "UTF-8", "ok"),
        ({"TERM": "xterm"}, (60, 20), True, "UTF-8", "warn"),
        ({"TERM": "dumb"}, (120, 40), True, "UTF-8", "fail"),
        ({"TERM": "xterm"}, (120, 40), True, "ANSI_X3.4-1968", "warn"),
        ({}, (120, 40), False, "UTF-8", "warn"),
    ],
)
def test_terminal(
    environ: dict[str, str], size: tuple[int, int], tty: bool, encoding: str, verdict: str
) -> None:
    assert terminal(environ, size, tty=tty, encoding=encoding).verdict == verdict


@pytest.mark.parametrize(("off", "verdict"), [(0, "ok"), (-30, "warn"), (30, "warn"), (400, "fail")])
def test_clock(off: float, verdict: str) -> None:
    assert clock(off).verdict == verdict


def test_a_proxys_password_is_not_shown() -> None:
    found = proxies({"HTTPS_PROXY": "http://me:hunter2@proxy:3128"}, None)
    assert "proxy:3128" in found.detail
    assert "hunter2" not in found.detail
    assert "not used" in proxies({"HTTPS_PROXY": "http://p"}, "http://127.0.0.1:1").detail


def task(name: str, arn: str) -> ReplicationTask:
    return ReplicationTask(f"arn:aws:dms:r:a:task:{arn}", name, "ready", "cdc")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("orders", "orders"),
        ("ABC", "orders"),
        ("abc", "orders"),
        ("arn:aws:dms:r:a:task:DEF", "stock"),
        ("sto", "stock"),
    ],
)
def test_a_task_is_found_by_name_arn_or_suffix(wanted: str, found: str) -> None:
    assert match([task("orders", "ABC"), task("stock", "DEF")], wanted, "task").name == found


@pytest.mark.parametrize("wanted", ["nope", "o", ""])
def test_what_is_not_there_or_ambiguous_is_told(wanted: str) -> None:
    with pytest.raises(AwsError, match="orders"):
        match([task("orders", "ABC"), task("old", "DEF")], wanted, "task")


def series(values: dict[int, float]) -> MetricSeries:
    points = tuple(MetricPoint(T0 + timedelta(seconds=at), value) for at, value in sorted(values.items()))
    return MetricSeries("CDCLatencyTarget", "s", 60, points)


def test_a_gap_splits_a_line() -> None:
    assert [len(times) for times, _ in runs(series({0: 1, 60: 2, 300: 3}))] == [2, 1]
    assert runs(series({})) == []


def test_thinning_keeps_the_peak() -> None:
    times, values = thinned(([0.0, 1.0, 2.0, 3.0, 10.0], [1.0, 9.0, 0.5, 2.0, 4.0]), 5.0)
    assert values == [9.0, 0.5, 4.0]
    assert times == sorted(times)


def test_a_plot_names_its_lines_and_shows_nothing_for_nothing() -> None:
    picture = draw(
        "orders", {"CDCLatencyTarget": series({0: 1, 60: 30, 600: 5})}, T0, T0 + timedelta(minutes=20)
    )
    assert "target (t)" in picture
    assert "\x1b[" not in picture
    assert draw("orders", {}, T0, T0 + timedelta(minutes=20)) == ""
