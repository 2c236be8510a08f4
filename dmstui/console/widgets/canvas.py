"""A grid of dots in character cells (braille 2x4, block 2x2, ascii 1x2) with one ink a cell; `plot` draws on
it. Pure.

Dots count from the top left. Later ink wins a shared cell, since a cell has one colour.
"""

from __future__ import annotations

from dataclasses import dataclass

from dmstui.console.paint import Line, Span
from dmstui.console.symbols import SymbolSet


@dataclass(frozen=True, slots=True)
class Cell:
    """How one symbol set divides a character: dots across and down, the bit of each dot, the character of
    each sum.
    """

    across: int
    down: int
    bits: tuple[tuple[int, ...], ...]
    glyphs: tuple[str, ...]
    dither: int

    def runs(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """For each dot column, the mask of a vertical run from dot a to dot b within the cell."""
        return tuple(
            tuple(
                tuple(sum(column[a : b + 1]) if a <= b else 0 for b in range(self.down))
                for a in range(self.down)
            )
            for column in self.bits
        )


_BRAILLE = Cell(
    2,
    4,
    ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)),
    tuple(chr(0x2800 + mask) if mask else " " for mask in range(256)),
    0x95,
)
_BLOCK = Cell(2, 2, ((1, 4), (2, 8)), tuple(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"), 0b1001)
_ASCII = Cell(1, 2, ((1, 2),), (" ", "'", ".", ":"), 0b11)
CELLS: dict[SymbolSet, Cell] = {"braille": _BRAILLE, "block": _BLOCK, "ascii": _ASCII}
_RUNS = {name: cell.runs() for name, cell in CELLS.items()}


class Canvas:
    """So many columns and rows of cells of one symbol set. Dots outside are ignored."""

    def __init__(self, columns: int, rows: int, symbols: SymbolSet = "braille") -> None:
        self.columns = max(0, columns)
        self.rows = max(0, rows)
        self.cell = CELLS[symbols]
        self._runs = _RUNS[symbols]
        self._ascii = symbols == "ascii"
        self.width = self.columns * self.cell.across
        self.height = self.rows * self.cell.down
        self._masks = [[0] * self.columns for _ in range(self.rows)]
        self._inks: list[list[str]] = [[""] * self.columns for _ in range(self.rows)]

    def dot(self, x: int, y: int, ink: str) -> None:
        """Set one dot."""
        self.run(x, y, y, ink)

    def run(self, x: int, top: int, bottom: int, ink: str, *, dithered: bool = False) -> None:
        """Set the dots of column x from `top` to `bottom`, both included, every second one when dithered."""
        if not 0 <= x < self.width or bottom < 0 or top >= self.height:
            return
        if top > bottom:
            top, bottom = bottom, top
        top, bottom = max(0, top), min(self.height - 1, bottom)
        down = self.cell.down
        column, dx = divmod(x, self.cell.across)
        runs = self._runs[dx]
        first, last = top // down, bottom // down
        if dithered and self._ascii:
            # one dot column a cell: alternate upper and lower dot by column instead of within the cell
            keep = 0b01 if column % 2 else 0b10
        else:
            keep = self.cell.dither if dithered else -1
        for row in range(first, last + 1):
            a = top - row * down if row == first else 0
            b = bottom - row * down if row == last else down - 1
            mask = runs[a][b] & keep
            if mask:
                self._masks[row][column] |= mask
                self._inks[row][column] = ink

    def empty(self, column: int, row: int) -> bool:
        """No dot is set in this cell."""
        return not self._masks[row][column]

    def line(self, row: int) -> list[Span]:
        """One row of cells as spans, neighbours of the same ink joined."""
        glyphs = self.cell.glyphs
        spans: list[Span] = []
        text, ink = "", ""
        for mask, own in zip(self._masks[row], self._inks[row], strict=True):
            own = own if mask else ink
            if own != ink and text:
                spans.append((text, ink))
                text = ""
            ink = own
            text += glyphs[mask]
        if text:
            spans.append((text, ink))
        return spans

    def lines(self) -> list[Line]:
        """All rows as lines."""
        return [tuple(self.line(row)) for row in range(self.rows)]

    def text(self) -> str:
        """The picture without colours."""
        return "\n".join("".join(text for text, _ in self.line(row)) for row in range(self.rows))
