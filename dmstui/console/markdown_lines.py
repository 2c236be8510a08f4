"""A scenario's guide: markdown laid out for a width as styled lines. Pure; the guide screen shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dmstui.console.paint import Line, Span, clean, fit, width, wrap, wrap_line

if TYPE_CHECKING:
    from markdown_it.token import Token


def lay_out(text: str, cells: int) -> list[Line]:
    """Markdown as lines of at most so many cells: headings, lists, code, tables, quotes."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return list(_Layout(cells).run(tokens))


class _Layout:
    """Walks the tokens; lists and quotes put a prefix before what is inside them."""

    def __init__(self, cells: int) -> None:
        self.cells = max(24, min(cells - 2, 110))
        self.prefixes: list[str] = []
        self.bullets: list[int | None] = []
        self.pending = ""

    def run(self, tokens: Sequence[Token]) -> Iterator[Line]:
        """All lines."""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            kind = token.type
            if kind == "heading_open":
                yield from self._heading(int(token.tag[1]), tokens[at + 1])
                at += 2
            elif kind == "paragraph_open":
                yield from self._paragraph(tokens[at + 1])
                if not (self.bullets and tokens[at].hidden):
                    yield ()
                at += 2
            elif kind in {"bullet_list_open", "ordered_list_open"}:
                start = int(token.attrs.get("start", 1)) if kind.startswith("ordered") else None
                self.bullets.append(start)
            elif kind in {"bullet_list_close", "ordered_list_close"}:
                self.bullets.pop()
                if not self.bullets:
                    yield ()
            elif kind == "list_item_open":
                number = self.bullets[-1]
                self.pending = "• " if number is None else f"{number}. "
                if number is not None:
                    self.bullets[-1] = number + 1
                self.prefixes.append(" " * len(self.pending))
            elif kind == "list_item_close":
                self.prefixes.pop()
            elif kind == "blockquote_open":
                self.prefixes.append("│ ")
            elif kind == "blockquote_close":
                self.prefixes.pop()
            elif kind in {"fence", "code_block"}:
                yield from self._code(token.content)
                yield ()
            elif kind == "hr":
                yield ((" " + "─" * self.cells, "faint"),)
                yield ()
            elif kind == "table_open":
                end = next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close")
                yield from self._table(tokens[at:end])
                yield ()
                at = end
            at += 1

    def _lead(self) -> tuple[Line, Line]:
        """What stands before the first and before the following lines of a block."""
        outer = " " + "".join(self.prefixes[:-1] if self.pending else self.prefixes)
        first: Line = ((outer, "faint"), (self.pending, "accent")) if self.pending else ((outer, "faint"),)
        rest: Line = ((" " + "".join(self.prefixes), "faint"),)
        self.pending = ""
        return first, rest

    def _heading(self, level: int, inline: Token) -> Iterator[Line]:
        words = "".join(text for text, _ in spans_of(inline.children or []))
        if level == 1:
            yield ((f" {words}", "accent+bold"),)
            yield ((" " + "━" * min(self.cells, len(words)), "accent"),)
        elif level == 2:
            yield ()
            yield ((f" {words} ", "bright+bold"), ("─" * max(0, self.cells - len(words) - 1), "faint"))
        else:
            yield ((f" {words}", "title+bold"),)
        yield ()

    def _paragraph(self, inline: Token) -> Iterator[Line]:
        first, rest = self._lead()
        room = self.cells - width(rest)
        for paragraph in _breaks(spans_of(inline.children or [])):
            for piece in wrap_spans(paragraph, room):
                yield (*first, *piece)
                first = rest

    def _code(self, text: str) -> Iterator[Line]:
        first, rest = self._lead()
        if width(first) != width(rest) or any(part[0].strip() for part in first):
            yield first
        for line in text.rstrip("\n").split("\n"):
            for number, piece in enumerate(wrap_line(((clean(line), "key"),), self.cells - width(rest) - 4)):
                lead = "  ┃ " if not number else "  ┃   "
                yield (*rest, (lead, "faint"), *piece)

    def _table(self, tokens: Sequence[Token]) -> Iterator[Line]:
        rows: list[list[str]] = []
        for number, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in {"th_open", "td_open"}:
                rows[-1].append("".join(text for text, _ in spans_of(tokens[number + 1].children or [])))
        if not rows:
            return
        count = max(len(row) for row in rows)
        natural = [max((len(row[n]) for row in rows if n < len(row)), default=1) for n in range(count)]
        sizes = share(natural, self.cells - 2 * (count - 1))
        _, rest = self._lead()
        for number, row in enumerate(rows):
            cells = [wrap(row[n] if n < len(row) else "", sizes[n]) for n in range(count)]
            for y in range(max(len(cell) for cell in cells)):
                spans: list[Span] = [*rest]
                for n, cell in enumerate(cells):
                    spans.append(
                        (fit(cell[y] if y < len(cell) else "", sizes[n]), "dim" if not number else "text")
                    )
                    spans.append(("  ", ""))
                yield tuple(spans[:-1])
            if not number:
                yield (*rest, ("─" * (sum(sizes) + 2 * (count - 1)), "faint"))


def share(natural: Sequence[int], cells: int) -> list[int]:
    """Widths of at most `cells` together: columns that fit keep theirs, the wide ones share the rest."""
    if sum(natural) <= cells:
        return list(natural)
    fair = cells // len(natural)
    small = sum(size for size in natural if size <= fair)
    wide = sum(1 for size in natural if size > fair)
    rest = max(6, (cells - small) // max(1, wide))
    return [size if size <= fair else min(size, rest) for size in natural]


def spans_of(children: Sequence[Any], look: str = "text") -> list[Span]:
    """Inline tokens as spans; links show their address after the words where it differs."""
    spans: list[Span] = []
    looks = [look]
    address = ""
    for token in children:
        kind = token.type
        if kind == "text":
            spans.append((clean(token.content), looks[-1]))
        elif kind == "code_inline":
            spans.append((clean(token.content), "key"))
        elif kind in {"softbreak"}:
            spans.append((" ", looks[-1]))
        elif kind == "hardbreak":
            spans.append(("\n", ""))
        elif kind == "strong_open":
            looks.append("bright+bold")
        elif kind == "em_open":
            looks.append("text+italic")
        elif kind == "link_open":
            address = str(token.attrs.get("href", ""))
            looks.append("accent+underline")
        elif kind in {"strong_close", "em_close"}:
            looks.pop()
        elif kind == "link_close":
            looks.pop()
            if address.startswith("http") and address not in "".join(text for text, _ in spans[-2:]):
                spans.append((f" ({address})", "dim"))
        elif kind == "image":
            spans.append((f"[{token.content}]", "dim"))
    return spans


def _breaks(spans: Sequence[Span]) -> Iterator[list[Span]]:
    current: list[Span] = []
    for text, look in spans:
        if text == "\n":
            yield current
            current = []
        else:
            current.append((text, look))
    yield current


def wrap_spans(spans: Sequence[Span], cells: int) -> list[Line]:
    """Styled words in lines of at most so many cells."""
    words: list[tuple[list[Span], int]] = []
    glue = False
    for text, look in spans:
        for piece in re.split(r"(\s+)", text):
            if not piece:
                continue
            if piece.isspace():
                glue = False
                continue
            if glue and words:
                words[-1][0].append((piece, look))
                words[-1] = (words[-1][0], words[-1][1] + len(piece))
            else:
                words.append(([(piece, look)], len(piece)))
            glue = True
    lines: list[Line] = []
    current: list[Span] = []
    used = 0
    for parts, size in words:
        if used and used + 1 + size > cells:
            lines.append(tuple(current))
            current, used = [], 0
        if used:
            same = current[-1][1] == parts[0][1]
            current.append((" ", parts[0][1] if same and "underline" not in parts[0][1] else ""))
            used += 1
        current += parts
        used += size
    lines.append(tuple(current))
    return [piece for line in lines for piece in (wrap_line(line, cells) if width(line) > cells else [line])]
