"""Where AWS credentials could come from, found without AWS's modules: variables and two files, never values."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

_FILE_KEYS = (
    "aws_access_key_id",
    "credential_process",
    "sso_session",
    "sso_start_url",
    "role_arn",
    "web_identity_token_file",
    "login_session",
)


def files(environ: Mapping[str, str] | None = None) -> tuple[Path, Path]:
    """The config and the credentials file in force."""
    env = os.environ if environ is None else environ
    config = Path(env.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    shared = Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    return config, shared


def _section(name: str, environ: Mapping[str, str] | None) -> dict[str, str]:
    """The profile's settings out of both files."""
    config, shared = files(environ)
    found: dict[str, str] = {}
    for path, titles in ((config, (f"profile {name}", name)), (shared, (name,))):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        for title in titles:
            if parser.has_section(title):
                found.update(parser.items(title))
    return found


def _profile(profile: str | None, environ: Mapping[str, str]) -> str:
    return profile or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"


def quick_look(profile: str | None, environ: Mapping[str, str] | None = None) -> str | None:
    """Where credentials will come from, None when only a full resolution (instance metadata) can tell."""
    env = os.environ if environ is None else environ
    if not profile and env.get("AWS_ACCESS_KEY_ID") and env.get("AWS_SECRET_ACCESS_KEY"):
        return "environment variables"
    section = _section(_profile(profile, env), env)
    for key in _FILE_KEYS:
        if section.get(key):
            return f"profile {_profile(profile, env)} ({key})"
    if profile:
        return None
    if env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return "container"
    if env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return "web identity"
    return None


def needs_prompt(profile: str | None, environ: Mapping[str, str] | None = None) -> bool:
    """A code will be asked for (MFA), here or in a profile it builds on."""
    env = os.environ if environ is None else environ
    if not profile and env.get("AWS_ACCESS_KEY_ID"):
        return False
    name, seen = _profile(profile, env), set[str]()
    while name and name not in seen:
        seen.add(name)
        section = _section(name, env)
        if section.get("mfa_serial"):
            return True
        name = section.get("source_profile", "")
    return False


def tried(profile: str | None, environ: Mapping[str, str] | None = None) -> list[str]:
    """Each place that was looked at and what was there, for the message without credentials."""
    env = os.environ if environ is None else environ
    lines = []
    set_names = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if env.get(name)]
    if len(set_names) == 1:
        lines.append(f"variables: only {set_names[0]} is set")
    else:
        lines.append("variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: not set")
    name = _profile(profile, env)
    lines += [f"{path}: {_said(path, name)}" for path in files(env)]
    if not profile:
        lines.append("container and web identity variables: not set")
        if env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            lines.append("instance metadata: switched off by AWS_EC2_METADATA_DISABLED")
        else:
            lines.append("instance metadata: no role answered")
    return lines


def _said(path: Path, name: str) -> str:
    if not path.is_file():
        return "no such file"
    parser = configparser.RawConfigParser()
    try:
        parser.read(path)
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        return f"cannot be read ({type(error).__name__})"
    if not any(parser.has_section(title) for title in (f"profile {name}", name)):
        return f"has no profile {name}"
    return f"profile {name} has no keys, role, process or SSO in it"
