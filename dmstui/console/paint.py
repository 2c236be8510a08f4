"""Lines of styled text as plain tuples, and what every line-painting widget does with them: cut, pad, join,
turn into strips.

A span is `(text, style name)`, a line a tuple of spans. Nothing here parses markup: brackets from AWS stay
brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dmstui.console.palette import style

Span = tuple[str, str]
Line = tuple[Span, ...]

_CONTROL = dict.fromkeys((*range(32), 127, *range(128, 160), 8206, 8207, *range(8234, 8239)), "·")


def clean(text: str) -> str:
    """The text with control characters replaced, so that nothing from outside steers the terminal."""
    return text if text.isascii() and text.isprintable() else text.translate(_CONTROL)


# What the console itself writes beyond ASCII, each as wide as its stand-in; what comes from AWS stays as it is.
_ASCII = str.maketrans("…—·›→←↑↓│─━┄┃•≠≥≤×▌▲◆●◐○", "~-.>><^v|-=.|*#><x_!%+~o")


def in_ascii(line: Iterable[Span]) -> Line:
    """The line with the console's own signs as ASCII."""
    return tuple((text if text.isascii() else text.translate(_ASCII), name) for text, name in line)


def width(line: Iterable[Span]) -> int:
    """Cells the line takes."""
    return sum(cell_len(text) for text, _ in line)


def cut(text: str, cells: int, *, mark: str = "…") -> str:
    """The text in at most so many cells, its end replaced by the mark when it does not fit."""
    if cells <= 0:
        return ""
    if len(text) <= cells and (text.isascii() or cell_len(text) <= cells):
        return text
    if cells <= len(mark):
        return mark[:cells]
    kept = text[: cells - len(mark)] if text.isascii() else set_cell_size(text, cells - len(mark)).rstrip()
    return kept + mark


def fit(text: str, cells: int, align: str = "left") -> str:
    """The text in exactly so many cells: cut or padded; `right` and `center` move it."""
    text = cut(text, cells)
    missing = cells - (len(text) if text.isascii() else cell_len(text))
    if missing <= 0:
        return text
    if align == "right":
        return " " * missing + text
    if align == "center":
        return " " * (missing // 2) + text + " " * (missing - missing // 2)
    return text + " " * missing


def cut_line(line: Iterable[Span], cells: int, *, mark: str = "…") -> Line:
    """The line in at most so many cells."""
    spans: list[Span] = []
    left = cells
    for text, name in line:
        size = cell_len(text)
        if size > left:
            if left > 0:
                spans.append((cut(text, left, mark=mark), name))
            elif spans and mark:
                last, last_name = spans[-1]
                spans[-1] = (cut(last + "  ", max(0, cell_len(last)), mark=mark), last_name)
            return tuple(spans)
        spans.append((text, name))
        left -= size
    return tuple(spans)


def justify(left: Sequence[Span], right: Sequence[Span], cells: int, fill: Span = (" ", "")) -> Line:
    """Left part, filling, right part in exactly so many cells; the left is cut when both do not fit."""
    right = cut_line(right, cells)
    space = cells - width(right)
    left = cut_line(left, max(0, space - (1 if right else 0)))
    gap = space - width(left)
    return (*left, (fill[0] * gap, fill[1]), *right)


def wrap(text: str, cells: int) -> list[str]:
    """Words of the text in lines of at most so many cells; a longer word is cut into pieces. Newlines are kept."""
    cells = max(1, cells)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        current = ""
        for word in paragraph.split(" "):
            while cell_len(word) > cells:
                room = cells - (cell_len(current) + 1 if current else 0)
                if room < cells // 3:
                    lines.append(current)
                    current, room = "", cells
                head = word[:room] if word.isascii() else set_cell_size(word, room).rstrip()
                lines.append(f"{current} {head}" if current else head)
                current, word = "", word[len(head) :]
            joined = f"{current} {word}" if current else word
            if cell_len(joined) > cells:
                lines.append(current)
                current = word
            else:
                current = joined
        lines.append(current)
    return lines


def wrap_line(line: Line, cells: int) -> list[Line]:
    """A line of spans broken at blanks into lines of at most so many cells; what goes on is indented like
    the first.
    """
    if width(line) <= cells:
        return [line]
    text = plain(line)
    label = line[0][0]
    # a first span that ends in two blanks is a label: what goes on stands below the value
    own = len(label) if label.endswith("  ") and len(line) > 1 else len(text) - len(text.lstrip()) + 2
    indent = min(own, cells // 2)
    pieces: list[tuple[int, int]] = []
    start, room = 0, cells
    while len(text) - start > room:
        stop = text.rfind(" ", start + room // 2, start + room + 1)
        stop = stop if stop > start else start + room
        pieces.append((start, stop))
        start = stop + (1 if text[stop : stop + 1] == " " else 0)
        room = cells - indent
    pieces.append((start, len(text)))
    result: list[Line] = []
    for number, (begin, end) in enumerate(pieces):
        cut = slice_line(line, begin, end)
        result.append(((" " * indent, ""), *cut) if number else cut)
    return result


def slice_line(line: Line, begin: int, end: int) -> Line:
    """The characters from `begin` to `end` with their styles."""
    spans: list[Span] = []
    at = 0
    for text, name in line:
        low, high = max(begin, at), min(end, at + len(text))
        if low < high:
            spans.append((text[low - at : high - at], name))
        at += len(text)
    return tuple(spans)


def strip(
    line: Iterable[Span], cells: int, dark: bool = True, under: str = "", ground: Style | None = None
) -> Strip:
    """The line as a strip of exactly so many cells.

    under: a style laid below all spans (a cursor row). ground: the widget's background, below everything.
    """
    base = ground
    if under:
        base = ground + style(under, dark) if ground else style(under, dark)
    text_style = style("text", dark)
    segments: list[Segment] = []
    used = 0
    for text, name in line:
        if not text:
            continue
        size = len(text) if text.isascii() else cell_len(text)
        if used + size > cells:
            text = set_cell_size(text, cells - used)
            size = cells - used
        used += size
        _append(segments, text, style(name, dark) if name else text_style, base)
        if used >= cells:
            break
    if used < cells:
        _append(segments, " " * (cells - used), text_style, base)
    return Strip(segments, cells)


def _append(segments: list[Segment], text: str, look: Style, base: Style | None) -> None:
    """Add a piece; blanks join what stands before them, since each change of style costs the terminal a dozen bytes."""
    whole = base + look if base else look
    if segments:
        last = segments[-1]
        before = last.style
        same = before == whole or (
            before is not None
            and text.isspace()
            and before.bgcolor == whole.bgcolor
            and not (before.reverse or before.underline or before.strike)
            and not (whole.reverse or whole.underline)
        )
        if same:
            segments[-1] = Segment(last.text + text, before)
            return
    segments.append(Segment(text, whole))


def difference(old: Iterable[Span], new: Iterable[Span], cells: int) -> tuple[int, int] | None:
    """First and one past the last cell in which two lines of the same width differ; None when they look the same.

    Lines with wide characters count as differing from the first difference to the end.
    """
    before, after = _cells(old, cells), _cells(new, cells)
    if before == after:
        return None
    if before is None or after is None:
        return 0, cells
    first = next(at for at in range(cells) if before[at] != after[at])
    last = next(at for at in range(cells - 1, -1, -1) if before[at] != after[at])
    return first, last + 1


def _cells(line: Iterable[Span], cells: int) -> list[tuple[str, str]] | None:
    result: list[tuple[str, str]] = []
    for text, name in line:
        if cell_len(text) != len(text):
            return None
        result.extend((char, name) for char in text)
    result = result[:cells]
    result.extend([(" ", "")] * (cells - len(result)))
    return result


def plain(line: Iterable[Span]) -> str:
    """The line's text without styles."""
    return "".join(text for text, _ in line)
