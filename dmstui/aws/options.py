"""Which AWS to speak to and how; made by cli, carried through monitor and console."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_NET_127 = re.compile(r"127\.\d{1,3}\.\d{1,3}\.\d{1,3}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Options of one connection. None means: as the AWS environment variables and files say.

    refresh: seconds between two polls of the console's main parts, None for the default schedule.
    recording: play this file instead of asking AWS.
    """

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    read_only: bool = False
    sandbox: bool = False
    refresh: float | None = None
    access_key: str | None = None
    secret_key: str | None = None
    recording: str | None = None
    recording_speed: float = 1.0

    def __repr__(self) -> str:
        return (
            f"ConnectionOptions(profile={self.profile!r}, region={self.region!r}, "
            f"endpoint_url={self.endpoint_url!r}, read_only={self.read_only}, sandbox={self.sandbox})"
        )


def is_loopback(url: str | None) -> bool:
    """The URL's host is this machine."""
    if not url:
        return False
    host = (urlsplit(url).hostname or "").lower()
    return host in _LOOPBACK or host.endswith(".localhost") or _NET_127.fullmatch(host) is not None


def endpoint_from(environ: Mapping[str, str], service: str) -> str | None:
    """The endpoint the AWS environment variables give a service, None for the region's own."""
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL") or None


def endpoint_of(options: ConnectionOptions, service: str = "dms") -> str | None:
    """The endpoint in force for a service: the option, else the environment's."""
    return options.endpoint_url or endpoint_from(os.environ, service)
