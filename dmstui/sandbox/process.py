"""The life of one sandbox: checks its options, puts the rooms together, serves, and ends cleanly with its parent.

`run` is called by `__main__` and by `dmstui sandbox --serve`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from dmstui.sandbox.pace import DEFAULT_SPEED, Pace

log = logging.getLogger(__name__)

DEFAULT_REGION = "us-east-1"
USAGE, FAILED, DONE = 2, 1, 0
_PREFIX = "dmstui-sandbox-"
_PARENT_POLL = 0.5
_CLOSING = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the sandbox is started with. `lifeline`: end when standard input closes, and log to a file of its own."""

    port: int = 0
    speed: float = DEFAULT_SPEED
    state: Path | None = None
    region: str = DEFAULT_REGION
    run_template_code: bool = False
    lifeline: bool = False


def problem(options: Options) -> str | None:
    """What is wrong with the options in one sentence, or None."""
    if not 0 <= options.port <= 65_535:
        return f"The port must lie between 1 and 65535 (0 takes a free one), not {options.port}."
    try:
        Pace(options.speed)
    except ValueError as error:
        text = str(error)
        return f"The {text}."
    return None


def run(options: Options) -> int:
    """Serve until told to end; the answer is the exit code."""
    wrong = problem(options)
    if wrong is not None:
        print(f"dmstui sandbox: {wrong}", file=sys.stderr)
        return USAGE
    _leave_the_users_aws()
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    # moto's Flask applications log every exception the front already answers and logs.
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(_Sandbox(options).serve())
    except KeyboardInterrupt:
        return DONE


def _leave_the_users_aws() -> None:
    """Nothing of the user's AWS or proxies reaches moto, our own clients or scripts."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


class _Sandbox:
    """One run, from the folders to the last process stopped."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._end = asyncio.Event()
        self._parent = os.getppid()

    async def serve(self) -> int:
        # Imported here: a wrong option is told at once, and only then is a server made.
        from dmstui.sandbox.assembly import Assembly
        from dmstui.sandbox.journal import StateError, open_state

        options = self._options
        try:
            state = open_state(options.state.expanduser().resolve()) if options.state is not None else None
        except StateError as error:
            print(f"dmstui sandbox: {error}", file=sys.stderr)
            return FAILED
        work, lock = _work_dir(state)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop)
        self._watch_parent(loop)
        assembly = Assembly(
            region=options.region,
            pace=Pace(options.speed),
            work_dir=work,
            state_dir=state,
            run_template_code=options.run_template_code,
        )
        try:
            try:
                await assembly.open(options.port)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                reason = (
                    "is taken by another program" if error.errno == errno.EADDRINUSE else "may not be used"
                )
                print(
                    f"dmstui sandbox: Port {options.port} {reason}: give another with --port.",
                    file=sys.stderr,
                )
                return FAILED
            if options.lifeline:
                _log_to(work / "sandbox.log")
            self._announce(assembly.exports())
            await self._end.wait()
            return DONE
        finally:
            watchdog = threading.Timer(_CLOSING + 5, os._exit, (FAILED,))
            watchdog.daemon = True
            watchdog.start()
            try:
                async with asyncio.timeout(_CLOSING):
                    await assembly.close()
            except TimeoutError:
                log.error("the sandbox did not close within %.0f s", _CLOSING)
            if state is None:
                shutil.rmtree(work, ignore_errors=True)
            os.close(lock)
            watchdog.cancel()

    def _stop(self) -> None:
        if self._end.is_set():
            # A second signal: whoever asks twice wants it now. The engines' watchdogs end the engines.
            os._exit(FAILED)
        self._end.set()

    def _announce(self, exports: dict[str, str]) -> None:
        with contextlib.suppress(BrokenPipeError):
            for name, value in exports.items():
                print(f"export {name}={value}")
            sys.stdout.flush()

    def _watch_parent(self, loop: asyncio.AbstractEventLoop) -> None:
        """End when the parent does: its id changes for an orphan, and the life line closes at once."""

        def gone() -> None:
            if not self._end.is_set():
                self._end.set()

        async def poll() -> None:
            while not self._end.is_set():
                if os.getppid() != self._parent:
                    gone()
                    return
                await asyncio.sleep(_PARENT_POLL)

        self._poll = loop.create_task(poll(), name="watch the parent")
        if self._options.lifeline:

            def read() -> None:
                with contextlib.suppress(OSError, ValueError):
                    while os.read(0, 4096):
                        pass
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(gone)

            threading.Thread(target=read, name="life line", daemon=True).start()


def _log_to(path: Path) -> None:
    """Send standard error to a file: the terminal of a console's sandbox is the console's."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _work_dir(state: Path | None) -> tuple[Path, int]:
    """A private folder for this run and the lock that says it is in use; folders of killed runs are swept."""
    if state is not None:
        work = state / "work"
        shutil.rmtree(work / "tmp", ignore_errors=True)
        work.mkdir(mode=0o700, exist_ok=True)
    else:
        _sweep(Path(tempfile.gettempdir()))
        work = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return work, lock


def _sweep(parent: Path) -> None:
    """Remove the folders of runs that were killed: ours by owner, and nobody holds their lock."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(lock)
