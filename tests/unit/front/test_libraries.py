"""Functions and scripts find their libraries without the sandbox's own path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dmstui.sandbox import libraries


def test_an_isolated_interpreter_imports_them(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-S", "-c", "import boto3, pyarrow"],
        env={"PYTHONPATH": os.pathsep.join(libraries.folders()), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_what_is_not_installed_has_no_folder() -> None:
    assert libraries.folders(("no_such_library_here",)) == []
