"""What `?` shows: the keys that act now on this screen, what it is about, and what works everywhere. Made
for `Reading`.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from dmstui.console.keys import written_all
from dmstui.console.paint import Line, fit

if TYPE_CHECKING:
    from dmstui.console.app import ConsoleApp

EVERYWHERE: tuple[tuple[str, str], ...] = (
    ("j k ↓ ↑", "move; g G first and last, ^d ^u half a page, pgdn pgup a page"),
    ("enter", "open; esc or q go back, q on a numbered screen leaves"),
    ("1 … 7", "the screens; ` the one before"),
    ("tab", "the next pane of this screen"),
    ("/", "filter a table, search a text: words, col:text, col>30s, !not, a|b, /pattern/"),
    ("esc", "takes away marks, then the filter, then the screen"),
    ("space v *", "mark a row, a range, all that is shown"),
    ("!", "only rows in trouble"),
    ("o", "order by a column; shift and its letter does the same, again turns it round"),
    ("w", "all columns at their full width, ← → scroll them"),
    ("f", "the pane alone on the screen, and back"),
    ("d y Y", "describe; copy the name; copy what"),
    (":", "go anywhere, every verb, tab completes; ^p the palette"),
    ("p ^r", "pause asking AWS; ask again now"),
    (":messages", "what the message line said, with times"),
)
SHAPES: tuple[tuple[str, str], ...] = (
    ("▲ bad", "failed, in error"),
    ("◆ late", "works, but behind"),
    ("◐ busy", "changes by itself"),
    ("● ok", "running, available, done"),
    ("○ idle", "stopped, ready, not used"),
    ("—", "does not apply, or nothing is known"),
)


def lines(app: ConsoleApp) -> list[str | Line]:
    """Help for the view in front."""
    from dmstui.console.screens.view import View

    rows: dict[str, tuple[list[str], str, int]] = {}
    for active in app.screen.active_bindings.values():
        binding = active.binding
        if not active.enabled or active.node is app or not binding.description or not binding.id:
            continue
        if binding.id.startswith(("table.", "text.")) and binding.id not in {"table.enter"}:
            continue
        keys, _, _ = rows.setdefault(
            binding.action, ([], binding.description, 0 if isinstance(active.node, View) else 1)
        )
        keys.append(binding.key)
    result: list[str | Line] = []
    about = app.front.ABOUT
    if about:
        result += [about, ()]
    own = sorted(rows.values(), key=lambda row: row[2])
    if own:
        result.append((("Keys that act now on this screen", "title+bold"),))
        result += [_row(written_all(keys), text) for keys, text, _ in own]
        result.append(())
    if app.read_only:
        result += [(("This session is read-only: keys that change something are hidden.", "warn"),), ()]
    result.append((("Keys everywhere", "title+bold"),))
    result += [_row(keys, text) for keys, text in EVERYWHERE]
    result += [(), (("Shapes", "title+bold"),)]
    result += [_row(keys, text) for keys, text in SHAPES]
    result += [
        (),
        "Times are UTC. Select text with the mouse as in any terminal. "
        "Inside tmux set escape-time to 10 to make esc quick.",
    ]
    return result


def _row(keys: str, text: str) -> Line:
    return ((f"  {fit(keys, 12)}  ", "key+bold"), (text, "text"))


def debug_rows(app: ConsoleApp) -> list[tuple[str, str]]:
    """Versions, terminal, calls, polling: what a report of a defect needs."""
    from textual import __version__ as textual_version

    from dmstui import __version__

    snapshot = app.known
    rows = [
        ("dmstui", __version__),
        ("textual", textual_version),
        ("Python", platform.python_version()),
        (
            "terminal",
            f"{os.environ.get('TERM', '')} {app.size.width}x{app.size.height}, {app.console.color_system}",
        ),
        ("symbols", app.symbols),
        ("theme", app.theme),
        ("calls", f"{snapshot.calls:,}"),
        ("metrics", f"about {snapshot.dollars_a_day:.3f} USD a day at this rate"),
    ]
    for name in ("instances", "tasks", "endpoints", "connections", "events", "stacks"):
        part = getattr(snapshot, name)
        state = "loading" if part.loading else f"{len(part.value)} records, every {part.every:.0f} s"
        rows.append((name, f"{state}{f', {part.error}' if part.error else ''}"))
    rows += [("note", note) for note in snapshot.notes]
    rows += [("deed", deed.text) for deed in app.deeds.running]
    return rows
