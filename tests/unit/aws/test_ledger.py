"""The service's clock out of the Date header, and endpoints on this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dmstui.aws import ConnectionOptions
from dmstui.aws.calls import Ledger
from dmstui.aws.options import endpoint_from, is_loopback

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("off", "kept"), [(0, 0), (1, 0), (-1.5, 0), (30, 30), (-3600, -3600)])
def test_the_clock_follows_the_service_beyond_two_seconds(off: float, kept: float) -> None:
    ledger = Ledger()
    ledger.answered({"date": format_datetime(NOW + timedelta(seconds=int(off)), usegmt=True)}, NOW)
    assert ledger.clock_offset == timedelta(seconds=kept)


def test_an_unreadable_date_changes_nothing() -> None:
    ledger = Ledger()
    ledger.answered({"date": "yesterday"}, NOW)
    ledger.answered({}, NOW)
    assert ledger.clock_offset == timedelta(0)


def test_a_sandbox_is_known_by_its_answer() -> None:
    ledger = Ledger()
    ledger.answered({"server": "Server"}, NOW)
    assert not ledger.sandbox
    ledger.answered({"Server": "sandbox"}, NOW)
    assert ledger.sandbox


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://s3.localhost:80", True),
        ("https://dms.eu-west-1.amazonaws.com", False),
        ("http://127.example.com", False),
        (None, False),
    ],
)
def test_loopback(url: str | None, local: bool) -> None:
    assert is_loopback(url) is local


def test_the_endpoint_of_a_service_comes_before_the_common_one() -> None:
    environ = {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_DMS": "http://b"}
    assert endpoint_from(environ, "dms") == "http://b"
    assert endpoint_from(environ, "s3") == "http://a"
    assert endpoint_from(environ | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "dms") is None


def test_options_never_show_keys() -> None:
    options = ConnectionOptions(access_key="AKIAEXAMPLE", secret_key="topsecret")
    assert "topsecret" not in repr(options)
    assert "AKIAEXAMPLE" not in repr(options)
