"""Charts as text: scales, gaps, stacks, marks, legends, and their time."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import pytest

from dmstui.console.paint import plain
from dmstui.console.symbols import SYMBOL_SETS, bar, sparkline
from dmstui.console.widgets import plot as plots
from dmstui.console.widgets import ticks
from dmstui.console.widgets.canvas import Canvas
from dmstui.console.widgets.plot import Mark, Plot, Series

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC).timestamp()


def series(name: str, values: list[float | None], period: float = 60.0, **more: object) -> Series:
    points = tuple((START + n * period, value) for n, value in enumerate(values) if value is not None)
    return Series(name, name[:3], points, "sky", period, **more)  # type: ignore[arg-type]


def text_of(plot: Plot, width: int = 60, height: int = 9, symbols: str = "braille") -> list[str]:
    return [plain(line) for line in plots.draw(plot, width, height, symbols)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("top", "rows", "unit", "expected"),
    [
        (0, 8, "count", ["0", "1"]),
        (7, 8, "count", ["0", "5", "10"]),
        (2200, 12, "count", ["0", "500", "1k", "1.5k", "2k", "2.5k"]),
        (0.4, 8, "count", ["0", "0.2", "0.4"]),
        (12, 8, "duration", ["0", "5s", "10s", "15s"]),
        (252, 8, "duration", ["0", "2m", "4m", "6m"]),
        (252, 3, "duration", ["0", "5m"]),
        (50_000, 8, "duration", ["0", "6h", "12h", "18h"]),
    ],
)
def test_scale_is_round_and_holds_the_top(
    top: float, rows: int, unit: ticks.Unit, expected: list[str]
) -> None:
    values = ticks.scale(top, rows, unit)
    assert [ticks.label(value, unit) for value in values] == expected
    assert values[0] == 0
    assert values[-1] >= top


def test_time_ticks_are_round_and_name_a_new_day() -> None:
    found = ticks.times(START, START + 3600, 60)
    assert [text for _, text in found] == ["13:00", "13:15", "13:30", "13:45", "14:00"]
    days = ticks.times(START, START + 86400, 60)
    assert [text for _, text in days] == ["18:00", "25 Nov", "06:00", "12:00"]


def test_a_gap_stays_a_gap() -> None:
    values: list[float | None] = [10.0] * 20 + [None] * 20 + [10.0] * 20
    lines = text_of(Plot(START, START + 3540, "count", (series("rows", values),)), 70, 8)
    base = lines[-2]
    middle = base[8 + 22 : 8 + 40]
    assert set(middle) == {"┈"}, base
    assert "┈" not in base[8 : 8 + 18]
    assert any("⠤" in line or "⠒" in line or "⠉" in line or "⣀" in line for line in lines)


def test_missing_points_are_never_zero() -> None:
    values: list[float | None] = [100.0, None, None, None, 100.0]
    cells = plots.columns(series("rows", values), START, START + 240, 100)
    assert [cell for cell in cells if cell is not None] == [(100.0,) * 4] * 2


def test_points_one_period_apart_are_joined() -> None:
    cells = plots.columns(series("rows", [0.0, 10.0]), START, START + 60, 11)
    assert [cell[0] for cell in cells if cell] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_peaks_survive_many_points_in_one_column() -> None:
    values: list[float | None] = [1.0] * 720
    values[333] = 50.0
    cells = plots.columns(series("rows", values, 5), START, START + 3595, 40)
    assert max(cell[2] for cell in cells if cell) == 50.0


def test_stack_has_target_as_its_top_edge() -> None:
    source = series("source", [10.0] * 60)
    target = series("target", [40.0] * 60)
    plot = Plot(START, START + 3540, "duration", (source, target), stacked=True, top=40)
    lines = text_of(plot, 60, 9)
    body = [line[8:] for line in lines[:-1]]
    assert "⢕" in body[2], "handling is dithered"
    assert set(body[-1].strip()) == {"⣿"}, "source is filled"
    assert body[0].strip(), "the edge reaches target"


def test_handling_is_target_without_source_and_never_negative() -> None:
    own = plots.handling(series("source", [5.0, 9.0, None]), series("target", [8.0, 7.0, 4.0]))
    assert [value for _, value in own.points] == [3.0, 0.0]


@pytest.mark.parametrize("symbols", SYMBOL_SETS)
def test_every_symbol_set_draws_every_size(symbols: str) -> None:
    plot = Plot(START, START + 3540, "count", (series("rows", [float(n % 7) for n in range(60)]),))
    for width, height in ((0, 0), (1, 1), (15, 3), (16, 3), (40, 5), (200, 60)):
        lines = text_of(plot, width, height, symbols)
        assert len(lines) == max(0, height)
        assert all(len(line) <= width for line in lines)
    if symbols == "ascii":
        assert all(line.isascii() for line in text_of(plot, 60, 9, symbols))


def test_legend_shortens_and_tells_last_values() -> None:
    plot = Plot(
        START, START + 3540, "duration", (series("source", [8.0] * 60), series("target", [252.0] * 60)), True
    )
    wide, narrow = plain(plots.legend(plot, 80)), plain(plots.legend(plot, 30))
    assert "source 8s" in wide
    assert "handling 4m04s" in wide
    assert "target 4m12s" in wide
    assert "sou 8s" in narrow


def test_words_for_those_who_cannot_read_dots() -> None:
    plot = Plot(START, START + 3540, "count", (series("rows", [1.0, 9.0, 3.0]), series("none", [])))
    assert plots.summary(plot) == "rows 3, highest 9 at 13:01; none no data"
    assert plots.summary(Plot(START, START + 60, "count", ())) == "no data in this window"
    assert "no data" in plain(plots.readout(plot, START + 3000))
    assert "rows 9" in plain(plots.readout(plot, START + 61))


def test_marks_stand_at_their_time() -> None:
    plot = Plot(
        START,
        START + 3600,
        "count",
        (series("rows", [1.0]),),
        marks=(Mark(START + 1800, "▲", "bad", "failed"),),
    )
    row = plain(plots.mark_row(plot, 69))
    assert row.index("▲") == 9 + 30
    assert row.endswith("▲13:30 failed")


def test_canvas_draws_runs_and_keeps_one_ink_a_cell() -> None:
    canvas = Canvas(2, 1)
    canvas.run(0, 0, 3, "sky")
    canvas.dot(1, 0, "orange")
    canvas.dot(99, 99, "sky")
    assert canvas.text() == "⡏ "
    assert canvas.line(0)[0] == ("⡏ ", "orange")


def test_budget() -> None:
    """4 x 180 points at 80x20 within 15 ms, 8 x 720 within 25: the best of five, since machines are shared."""
    waves = [tuple((START + n * 20, 1500 + 700 * math.sin(n / 20 + k)) for n in range(180)) for k in range(4)]
    dense = [tuple((START + n * 5, 1500 + 700 * math.sin(n / 20 + k)) for n in range(720)) for k in range(8)]

    def best(rows: list[tuple[tuple[float, float], ...]], period: float) -> float:
        lines = tuple(Series(str(k), "x", points, "sky", period) for k, points in enumerate(rows))
        plot = Plot(START, START + 3600, "count", lines)
        found = []
        for _ in range(5):
            begin = time.perf_counter()
            plots.draw(plot, 80, 20)
            found.append(time.perf_counter() - begin)
        return min(found)

    assert best(waves, 20) < 0.015
    assert best(dense, 5) < 0.025


def test_sparkline_and_bar() -> None:
    assert sparkline([None, 0.0, 5.0, 10.0], 6) == "   ▁▄█"
    assert sparkline([1.0] * 20, 4) == "████"
    assert bar(0.001, 10) == ("━", "┄" * 9)
    assert bar(0.999, 10) == ("━" * 9, "┄")
    assert bar(1, 10) == ("━" * 10, "")


def test_events_close_together_keep_their_words() -> None:
    marks = tuple(
        plots.Mark(at, "○", "dim", word) for at, word in ((10, "created"), (300, "started"), (900, "stopped"))
    )
    row = plain(plots.mark_row(plots.Plot(0, 1800, "count", (), marks=marks), 80))
    assert [word for word in ("created", "started", "stopped") if word in row] == [
        "created",
        "started",
        "stopped",
    ]
    assert row.count("○") == 3
    tight = tuple(plots.Mark(at, "○", "dim", "started") for at in (10, 60, 1000))
    row = plain(plots.mark_row(plots.Plot(0, 1800, "count", (), marks=tight), 80))
    assert row.count("○") == 3


def test_events_outside_the_window_leave_their_row_empty() -> None:
    marks = (plots.Mark(-500, "○", "dim", "created"), plots.Mark(5000, "▲", "bad", "failed"))
    assert plain(plots.mark_row(plots.Plot(0, 1800, "count", (), marks=marks), 80)).strip() == ""


def test_no_source_latency_has_no_source_colour_above_the_floor() -> None:
    times = [float(at) for at in range(0, 300, 5)]
    source = plots.Series("source", "src", [(at, 0.0) for at in times], "sky", 5.0)
    target = plots.Series("target", "tgt", [(at, 40.0) for at in times], "orange", 5.0)
    lines = plots.draw(plots.Plot(0, 300, "duration", (source, target), stacked=True), 60, 9)
    inks = {ink for line in lines[:-1] for _, ink in line}
    assert "orange" in inks
    assert "sky" not in inks
    alone = plots.Series("target", "tgt", [(at, 0.0) for at in times], "orange", 5.0)
    high = plots.Series("source", "src", [(at, 40.0) for at in times], "sky", 5.0)
    lines = plots.draw(plots.Plot(0, 300, "duration", (high, alone), stacked=True), 60, 9)
    assert "sky" in {ink for line in lines[:-1] for _, ink in line}
