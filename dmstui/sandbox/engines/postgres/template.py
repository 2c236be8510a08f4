"""Makes the data folder every new server of a version is copied from, once, into the cache. server.py calls it."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dmstui.sandbox.engines.base import LaunchError
from dmstui.sandbox.engines.launch import Launcher, adopt, run_program
from dmstui.sandbox.engines.postgres.parameters import Setting, described
from dmstui.sandbox.engines.postgres.roles import SUPERUSER

RECIPE = "1"
"""Counts up when a template of an older dmstui would no longer do."""


@dataclass(frozen=True, slots=True)
class Template:
    """A finished data folder, the password of its superuser and the parameters its version knows."""

    data: Path
    password: str
    known: dict[str, Setting]


def _locale(major: str) -> list[str]:
    # The builtin provider (17 and later) gives full case mapping without any locale of the machine.
    if int(major) >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


async def template(run_as: Launcher) -> Template:
    """The template of this version, made now if it is the first time. Safe when several processes ask at once."""
    key = f"{RECIPE}:{run_as.way}:{run_as.uid}:{run_as.binaries.bin}"
    mark = hashlib.sha256(key.encode()).hexdigest()[:10]
    target = run_as.cache_folder() / f"template-{run_as.binaries.version}-{mark}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            await _build(run_as, draft)
            adopt(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    known = described((target / "parameters").read_text())
    return Template(target / "data", (target / "secret").read_text(), known)


async def _build(run_as: Launcher, draft: Path) -> None:
    # The folder above `data` must let the engine's user through; `secret` is ours alone all the same.
    draft.chmod(0o755)
    data = draft / "data"
    data.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    handed = data.with_name("handed")
    with os.fdopen(os.open(handed, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(password)
    run_as.give(data)
    if run_as.options():
        os.chown(handed, run_as.uid, run_as.gid)
    base = ["-D", str(data), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={handed}", "-E", "UTF8"]
    base += ["--no-sync", "--no-instructions"]
    status, printed = 1, ""
    for locale in (_locale(run_as.binaries.major), ["--locale=C"]):
        status, printed = await run_program(run_as, "initdb", *base, *locale, cwd=draft)
        if status == 0:
            break
    if status != 0:
        raise LaunchError(
            f"PostgreSQL {run_as.binaries.version} could not make its data folder: {printed.strip()[-600:]}"
        )
    status, printed = await run_program(run_as, "postgres", "--describe-config", cwd=draft)
    if status != 0:
        raise LaunchError(
            f"PostgreSQL {run_as.binaries.version} could not list its parameters: {printed[-300:]}"
        )
    (draft / "parameters").write_text(printed)
    handed.unlink()
    with os.fdopen(os.open(draft / "secret", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(password)
