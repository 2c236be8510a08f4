"""`python -m dmstui.sandbox`: the server alone. `dmstui sandbox` starts the console's through it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dmstui.sandbox.pace import DEFAULT_SPEED
from dmstui.sandbox.process import DEFAULT_REGION, Options, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dmstui.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--speed", type=float, default=DEFAULT_SPEED, help="how many times faster provisioning is"
    )
    parser.add_argument("--state", type=Path, help="folder that keeps everything between runs")
    parser.add_argument("--region", default=DEFAULT_REGION)
    parser.add_argument("--run-template-code", action="store_true")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input closes")
    given = parser.parse_args()
    return run(
        Options(
            given.port,
            given.speed,
            given.state,
            given.region,
            given.run_template_code,
            lifeline=given.lifeline,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
