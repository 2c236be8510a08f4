"""Where the libraries lie that Lambda functions and workbench scripts count on. custom.py and ssm/script.py call it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path


def folders(names: Sequence[str] = ("boto3", "pyarrow")) -> list[str]:
    """The folders to put on the path of an interpreter that sees neither this one's path nor the user's home.

    Only what is named and its neighbours: never the folder the sandbox was started in.
    """
    found: list[str] = []
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            folder = str(Path(spec.origin).parent.parent)
            if folder not in found:
                found.append(folder)
    return found
