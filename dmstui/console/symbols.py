"""The shapes that carry state, one set for Unicode fonts and one for plain ASCII terminals; screens ask by meaning.

Chart symbol sets are `braille`, `block` and `ascii`; the last one also turns every shape into ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SymbolSet = Literal["braille", "block", "ascii"]
SYMBOL_SETS: tuple[SymbolSet, ...] = ("braille", "block", "ascii")

STATES = ("bad", "late", "ok", "busy", "idle", "unknown")


@dataclass(frozen=True, slots=True)
class Shapes:
    """One character a meaning."""

    bad: str = "▲"
    late: str = "◆"
    ok: str = "●"
    busy: str = "◐"
    idle: str = "○"
    unknown: str = "·"
    cursor: str = "›"
    mark: str = "*"
    bar_full: str = "━"
    bar_rest: str = "┄"
    rule: str = "─"
    down: str = "▼"
    up: str = "▲"
    lock: str = "read-only"
    sparks: str = " ▁▂▃▄▅▆▇█"
    arrow: str = "→"
    crumb: str = "›"
    caret: str = "▌"
    tick: str = "✓"

    def of(self, state: str) -> str:
        """The shape of a state name; an unknown name gets the unknown shape."""
        return {
            "bad": self.bad,
            "late": self.late,
            "ok": self.ok,
            "busy": self.busy,
            "idle": self.idle,
        }.get(state, self.unknown)


UNICODE = Shapes()
ASCII = Shapes(
    bad="!",
    late="%",
    ok="+",
    busy="~",
    idle="o",
    unknown=".",
    cursor=">",
    mark="*",
    bar_full="#",
    bar_rest=".",
    rule="-",
    down="v",
    up="^",
    sparks=" .:-=+*#@",
    arrow="->",
    crumb=">",
    caret="_",
    tick="ok",
)
# Which palette name goes with a state.
STYLE = {"bad": "bad+bold", "late": "warn", "ok": "ok", "busy": "accent", "idle": "dim", "unknown": "dim"}


def shapes(symbols: SymbolSet) -> Shapes:
    """The shapes that go with a chart symbol set."""
    return ASCII if symbols == "ascii" else UNICODE


def sparkline(values: list[float | None], cells: int, symbols: SymbolSet = "braille") -> str:
    """The last so many values as one line of bars, scaled from zero to their maximum; a missing value stays
    blank.
    """
    steps = shapes(symbols).sparks
    shown = values[-cells:]
    top = max((value for value in shown if value is not None), default=0.0)
    if not top:
        top = 1.0
    bars = []
    for value in shown:
        if value is None:
            bars.append(" ")
        else:
            bars.append(steps[max(1, round(value / top * (len(steps) - 1)))])
    return "".join(bars).rjust(cells)


def bar(done: float, cells: int, symbols: SymbolSet = "braille") -> tuple[str, str]:
    """A progress bar's filled and empty part; `done` from 0 to 1. Anything begun shows, and only the end is
    full.
    """
    drawn = shapes(symbols)
    full = int(done * cells)
    if 0 < done < 1:
        full = min(cells - 1, max(1, full))
    full = max(0, min(cells, full))
    return drawn.bar_full * full, drawn.bar_rest * (cells - full)
