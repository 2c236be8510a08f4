"""Turns the console's SVG screenshots into PNG without a network: the web font is replaced by DejaVu Sans
Mono. For docs and tests.

`python -m dmstui.console.pictures in.svg out.png`. Needs resvg-py (a development dependency) and the DejaVu fonts.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FONT_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu", "/usr/share/fonts/TTF")
_FACE = re.compile(r"@font-face\s*\{[^}]*\}")


def offline(svg: str) -> str:
    """The SVG with local fonts only; braille and block characters are in DejaVu Sans."""
    return _FACE.sub("", svg).replace("Fira Code", "DejaVu Sans Mono")


def png(svg: str) -> bytes:
    """The picture as PNG. Raises FileNotFoundError with a sentence when the fonts are missing."""
    import resvg_py

    folder = next((folder for folder in FONT_FOLDERS if Path(folder, "DejaVuSansMono.ttf").exists()), None)
    if folder is None:
        raise FileNotFoundError("the DejaVu fonts are missing; install fonts-dejavu-core")
    files = [str(path) for path in sorted(Path(folder).glob("DejaVuSans*.ttf"))]
    return bytes(resvg_py.svg_to_bytes(svg_string=offline(svg), font_files=files))


def main() -> int:
    """Convert one file."""
    if len(sys.argv) != 3:
        print("usage: python -m dmstui.console.pictures in.svg out.png", file=sys.stderr)
        return 2
    Path(sys.argv[2]).write_bytes(png(Path(sys.argv[1]).read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
