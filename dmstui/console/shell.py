"""`:shell`: the reader's own shell on the terminal, with the account the console looks at; secrets are only in its
environment, never on the screen.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.aws.options import ConnectionOptions


def environment(options: ConnectionOptions, present: Mapping[str, str]) -> dict[str, str]:
    """The variables of the shell: those of this process (in `dmstui sandbox` the sandbox's), and the region and
    profile that were chosen here.
    """
    wanted = dict(present)
    if options.region:
        wanted["AWS_REGION"] = wanted["AWS_DEFAULT_REGION"] = options.region
    if options.profile and not options.sandbox:
        wanted["AWS_PROFILE"] = options.profile
    return wanted


def open_shell(options: ConnectionOptions) -> str:
    """Run $SHELL and wait for its end; returns why it could not be started, or an empty text."""
    program = os.environ.get("SHELL") or "/bin/sh"
    where = "the sandbox" if options.sandbox else options.region or "AWS"
    print(f"dmstui: a shell on {where}; exit or ctrl-d goes back to the console", flush=True)
    try:
        subprocess.run([program], env=environment(options, os.environ), check=False)
    except OSError as problem:
        return f"{program} cannot be started: {problem.strerror}"
    return ""
