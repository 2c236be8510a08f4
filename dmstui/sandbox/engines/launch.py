"""Starts an engine's process as a user it accepts, and makes it die with us however we die. Engines' servers call it.

One portable way for the second: a `sh` holds the read end of a pipe whose write end only this process has. When
the pipe closes (exit, crash, kill -9) it sends SIGQUIT to the engine and clears the folders that were its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from dmstui.sandbox.engines.base import LaunchError
from dmstui.sandbox.engines.binaries import Binaries

# $1 and $2 are folders to clear when we die without stopping the server, or empty. The reader of the pipe ignores TERM
# once the pipe has closed, so that its exit status 7 always tells the main shell that nobody is left above.
WATCHDOG = """
first=$1; second=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- >&2 &
p=$!
echo "$p"
exec >/dev/null
{ read -r word <&3 || { trap '' TERM; kill -QUIT "$p" 2>/dev/null; exit 7; }; } &
w=$!
wait "$p"; s=$?
kill "$w" 2>/dev/null
wait "$w"
if [ $? -eq 7 ]; then
    [ -z "$first" ] || rm -rf -- "$first"
    [ -z "$second" ] || rm -rf -- "$second"
fi
exit $s
"""

PUBLIC_ROOT = Path("/var/tmp")
"""Where root keeps what an unprivileged engine must reach: outlives a reboot, unlike /tmp."""

SOCKET_PATH_LIMIT = 100
"""Bytes a unix socket path may have, below the 104 of macOS and 107 of Linux."""


class Way(StrEnum):
    """As whom an engine runs that refuses root."""

    PLAIN = "plain"
    MAPPED = "mapped"
    SETUID = "setuid"


@dataclass(frozen=True, slots=True)
class Launcher:
    """How engines are run here. `binaries` may be a copy that the unprivileged user can reach."""

    way: Way
    binaries: Binaries
    uid: int
    gid: int

    def command(self, program: str, *arguments: str) -> list[str]:
        """The argument list that runs one of the engine's programs as the right user."""
        line = [self.binaries.program(program), *arguments]
        if self.way is Way.MAPPED:
            return ["unshare", "--user", f"--map-user={self.uid}", f"--map-group={self.gid}", *line]
        return line

    def options(self) -> dict[str, Any]:
        """Keyword arguments of a subprocess that make it the right user."""
        if self.way is Way.SETUID:
            return {"user": self.uid, "group": self.gid, "extra_groups": []}
        return {}

    def give(self, folder: Path) -> None:
        """Make a tree the engine's own; nothing to do unless it runs under another user id."""
        if self.way is not Way.SETUID:
            return
        os.chown(folder, self.uid, self.gid)
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(Path(parent) / name, self.uid, self.gid, follow_symlinks=False)

    def cache_folder(self) -> Path:
        """Where templates are kept between runs, reachable by the engine's user."""
        if self.way is Way.SETUID:
            return public_folder()
        return Path(platformdirs.user_cache_dir("dmstui")) / "engines"

    def data_root(self, work_dir: Path) -> Path:
        """Folder for the data of a sandbox whose own folder is `work_dir`: there, unless the engine could not enter."""
        if self.way is not Way.SETUID:
            return work_dir / "engines"
        return public_folder() / f"work-{hashlib.sha256(str(work_dir.resolve()).encode()).hexdigest()[:16]}"


def clean_environment() -> dict[str, str]:
    """What an engine sees of our environment: no AWS variables, no PG variables, one time zone, one language."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


def unprivileged() -> tuple[int, int]:
    """(uid, gid) of the user engines run as under root. It must have a passwd entry: initdb looks its name up."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        entry = next(candidate for candidate in pwd.getpwall() if candidate.pw_uid != 0)
    return entry.pw_uid, entry.pw_gid


def public_folder() -> Path:
    """A folder of root's that others may enter but not write. Raises LaunchError if somebody else made it first."""
    folder = PUBLIC_ROOT / f"dmstui-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise LaunchError(f"{folder} is not a folder of ours alone; remove it and start again")
    return folder


def sweep() -> None:
    """Take away what sandboxes that died left in the public folder: only folders their watchdogs have emptied."""
    for root in public_folder().glob("work-*"):
        for folder in (*root.iterdir(), root):
            with contextlib.suppress(OSError):
                folder.rmdir()


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Make a folder by `build(temporary)` unless it is there; of several processes at it, one wins."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        build(draft)
        adopt(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def adopt(draft: Path, target: Path) -> None:
    """Put a finished folder in its place at once; when another process was quicker, keep that one's."""
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _copied(binaries: Binaries) -> Binaries:
    """The binaries in a place anybody may read."""
    mark = hashlib.sha256(f"{binaries.bin}:{binaries.bin.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = public_folder() / f"postgres-{binaries.version}-{mark}"

    def build(draft: Path) -> None:
        for part in binaries.parts:
            shutil.copytree(part, draft / part.relative_to(binaries.root), symlinks=True)
        for folder, _, files in os.walk(draft):
            Path(folder).chmod(0o755)
            for name in files:
                path = Path(folder) / name
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)

    build_once(target, build)
    return replace(binaries, root=target, bin=target / binaries.bin.relative_to(binaries.root))


async def launcher(binaries: Binaries, way: Way | None = None) -> Launcher:
    """How to run these binaries: as we are, else (root) in a user namespace, else as `nobody` from a copy."""
    if os.geteuid() != 0:
        return Launcher(Way.PLAIN, binaries, os.getuid(), os.getgid())
    uid, gid = unprivileged()
    mapped = Launcher(Way.MAPPED, binaries, uid, gid)
    if way is Way.MAPPED or (way is None and await _runs(mapped)):
        return mapped
    return Launcher(Way.SETUID, await asyncio.to_thread(_copied, binaries), uid, gid)


async def _runs(candidate: Launcher) -> bool:
    """Whether the engine's program starts this way: namespaces may be forbidden, folders above it closed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *candidate.command("postgres", "--version"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=clean_environment(),
            **candidate.options(),
        )
        return await process.wait() == 0
    except OSError:
        return False


async def run_program(
    run_as: Launcher, program: str, *arguments: str, cwd: Path, seconds: float = 120
) -> tuple[int, str]:
    """Run one of the engine's programs to its end: (exit status, what it printed)."""
    process = await asyncio.create_subprocess_exec(
        *run_as.command(program, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env=clean_environment(),
        start_new_session=True,
        **run_as.options(),
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), seconds)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    return process.returncode or 0, printed.decode(errors="replace")


class EngineProcess:
    """One running engine under its watchdog. `pid` is the engine's, `exited` completes with its exit status."""

    def __init__(self, process: asyncio.subprocess.Process, pid: int) -> None:
        self._process = process
        self.pid = pid
        self.exited: asyncio.Task[int] = asyncio.create_task(process.wait(), name=f"engine {pid}")

    @classmethod
    async def start(
        cls, run_as: Launcher, line: Sequence[str], *, cwd: Path, log: Path, clear: Sequence[Path]
    ) -> EngineProcess:
        """Start `line`; its standard error is appended to `log`. `clear` (two at most) goes if we die unprepared."""
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                WATCHDOG,
                "sh",
                *[*map(str, clear), "", ""][:2],
                *line,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=sink,
                cwd=cwd,
                env=clean_environment(),
                # Ctrl-C in the terminal goes to a whole process group: the engine must not get it.
                start_new_session=True,
                **run_as.options(),
            )
        assert process.stdout is not None
        first = await process.stdout.readline()
        if not first.strip().isdigit():
            await process.wait()
            raise LaunchError(f"{line[0]} could not be started; see {log}")
        return cls(process, int(first))

    @property
    def running(self) -> bool:
        return not self.exited.done()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine itself, not to its watchdog."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self, seconds: float | None = None) -> int:
        """Its exit status; TimeoutError if it still runs after `seconds`."""
        return await asyncio.wait_for(asyncio.shield(self.exited), seconds)


def free_port() -> int:
    """A loopback port nobody listens on now. Another process may take it before its use: callers try again then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def socket_folder(run_as: Launcher, wanted: Path, name: str) -> Path:
    """A 0700 folder of the engine's user for its unix socket: `wanted` if the socket's path stays short enough."""
    longest = f"/{name}"
    if len(str(wanted).encode()) + len(longest) <= SOCKET_PATH_LIMIT:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        run_as.give(wanted)
        return wanted
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if run_as.way is Way.SETUID and base != "/tmp":
            continue
        if base and Path(base).is_dir() and len(base.encode()) + 20 + len(longest) <= SOCKET_PATH_LIMIT:
            folder = Path(tempfile.mkdtemp(prefix="dmstui-", dir=base))
            run_as.give(folder)
            return folder
    raise LaunchError("no folder has a path short enough for a unix socket; set TMPDIR to a short one")


def process_memory(pid: int) -> int | None:
    """Bytes an engine and its children really take (PSS, shared pages counted once); None where /proc is not there."""
    total = 0
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    for each in (str(pid), *children):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
                    break
    return total or None


def folder_size(folder: Path) -> int:
    """Bytes on disk of a tree; files that vanish meanwhile count nothing."""
    total = 0
    stack = [folder]
    while stack:
        with contextlib.suppress(OSError), os.scandir(stack.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


@dataclass(frozen=True, slots=True)
class Leftover:
    """An engine found at work in a data folder; `watched` while some sandbox's watchdog still stands above it."""

    pid: int
    watched: bool


def leftover(pid: int, folder: Path) -> Leftover | None:
    """What process `pid` is if it still works in `folder`: an engine that outlived its watchdog, say."""
    try:
        where = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None
    if where != folder.resolve():
        return None
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        parent_name = Path(f"/proc/{parent}/comm").read_text().strip()
    except OSError:
        parent_name = ""
    return Leftover(pid, parent_name in {"sh", "dash", "bash", "busybox"})
