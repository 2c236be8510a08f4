"""The console's app: one screen with header, navigation, the view in front, message line and footer; it owns
the Snapshot and the deeds.

`console.run` makes it. Views are in `screens/`; what they have in common (going, filtering, help, copying)
is in `actions`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.geometry import Size
from textual.screen import Screen

from dmstui.console import header, life, memory, outage, theme
from dmstui.console.actions import Actions
from dmstui.console.clock import Clock
from dmstui.console.deeds import Deed, Deeds, Stream, sentence
from dmstui.console.key_route import KeyRoute
from dmstui.console.keys import written
from dmstui.console.messages import DeedMoved, MonitorFailed, SnapshotArrived
from dmstui.console.outcomes import Outcomes
from dmstui.console.paint import width
from dmstui.console.palette_provider import Verbs
from dmstui.console.screens import VIEWS
from dmstui.console.screens.view import View
from dmstui.console.symbols import SymbolSet, shapes
from dmstui.console.widgets.alarm import Alarm
from dmstui.console.widgets.bars import Bar, Footer, KeyHint
from dmstui.console.widgets.command_line import CommandLine, Tone
from dmstui.console.widgets.dialog import Dialog
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.text_pane import TextPane
from dmstui.model import AwsError

if TYPE_CHECKING:
    from dmstui.aws.options import ConnectionOptions
    from dmstui.model import Snapshot

MakeMonitor = Callable[["ConnectionOptions"], Any]
_HELP = KeyHint("?", "help")
_HERE = Path(__file__).parent
# One file beside each screen or widget that needs to know its surroundings; app.tcss first.
STYLES = [_HERE / "app.tcss", *sorted(_HERE.glob("widgets/*.tcss")), *sorted(_HERE.glob("screens/*.tcss"))]
BOX_WIDTH, BOX_HEIGHT = 110, 34


class ConsoleApp(KeyRoute, Actions, App[int], inherit_bindings=False):
    """The console on one connection. `make_monitor` builds the monitor; tests hand in one without AWS."""

    CSS_PATH: ClassVar[Any] = STYLES
    COMMANDS: ClassVar[set[Any]] = {Verbs}
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="app.filter"),
        Binding("colon", "prompt", "go", id="app.prompt"),
        Binding("d", "describe", "describe", id="app.describe"),
        Binding("o", "order", "order", id="app.order"),
        Binding("y", "copy", "copy", id="app.copy"),
        Binding("Y", "copy_what", "copy what", show=False, id="app.copy_what"),
        Binding("f", "full", "full pane", show=False, id="app.full"),
        *(
            Binding(
                str(view.NUMBER),
                f"go('{view.NAME}')",
                view.TITLE.lower(),
                show=False,
                id=f"app.go_{view.NAME}",
            )
            for view in VIEWS
            if view.NUMBER
        ),
        Binding("grave_accent", "last_view", "last screen", show=False, id="app.last"),
        Binding("ctrl+r,f5", "refresh_now", "ask again", show=False, id="app.refresh"),
        Binding("p", "pause", "pause", show=False, id="app.pause"),
        Binding("question_mark,f1", "help", "help", show=False, id="app.help"),
        Binding("escape", "step_back", "back", show=False, id="app.back"),
        Binding("q", "leave", "back, leave", show=False, id="app.leave"),
        Binding("ctrl+q", "leave_asked", "leave", show=False, id="app.quit"),
        Binding("ctrl+c", "how_to_leave", "how to leave", show=False, id="app.interrupt"),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, id="app.suspend"),
    ]

    def __init__(
        self,
        options: ConnectionOptions,
        make_monitor: MakeMonitor,
        *,
        clock: Clock | None = None,
        symbols: SymbolSet = "braille",
        look: str = "dark",
        ticking: bool = True,
    ) -> None:
        """ticking: let the header's clock run; tests that take pictures stop it."""
        super().__init__()
        self.options = options
        self.clock = clock or Clock()
        self.symbols: SymbolSet = symbols
        self.animation_level = "none"
        self.register_theme(theme.DARK)
        self.register_theme(theme.LIGHT)
        # Before anything is drawn and before the styles are read: later, both would be done twice. Textual's own
        # answer to another theme is to read them again, so the usual one is put in without it.
        self.set_reactive(App.theme, theme.DARK.name)
        self.update_classes({f"-theme-{theme.DARK.name}": True, "-dark-mode": True}, update=False)
        self.stylesheet.set_variables(self.get_css_variables())
        if look != "dark":
            self.theme = theme.THEMES.get(look, theme.DARK.name)
        self._make_monitor = make_monitor
        self._ticking = ticking
        self._settled = memory.Settled()
        self.snapshot: Snapshot | None = None
        self.monitor: Any = None
        self.monitor_error = ""
        self.deeds = Deeds(self.post_message)
        self.outcomes = Outcomes()
        self.trail: list[tuple[str, str]] = [("monitor", "")]
        self.last_place: list[tuple[str, str]] = []
        self.arrived_at = 0.0
        self.key_pressed = ""
        self.on_arrival: Callable[[], None] | None = None
        self.answered: Callable[[str], None] | None = None
        self.searching: LineTable | TextPane | None = None
        self.bar = Bar("on-bar", id="header")
        self.nav = Bar(id="nav")
        self.alarm = Alarm(symbols, id="alarm")
        self.line = CommandLine(
            self.clock.monotonic, lambda: f"{self.clock.wall():%H:%M:%S}", symbols, id="line"
        )
        self.footer = Footer(id="footer")
        self.dialog = Dialog(self.clock.monotonic, symbols, id="dialog")
        self.views: dict[str, View] = {}
        self._none = View()  # stands in front until the first view is there; never mounted

    # life

    def compose(self) -> ComposeResult:
        """Everything but the views: the first of them comes once this frame stands."""
        yield self.bar
        yield self.nav
        yield self.alarm
        yield Container(id="place")
        yield self.line
        yield self.footer
        yield self.dialog

    def on_mount(self) -> None:
        """Take the look, put the focus, and begin asking AWS once the first frame stands."""
        life.on_signals(self.leave_with)
        self.look()
        if self._ticking:
            self.set_interval(1.0, self.tick)
            self.set_interval(
                life.TERMINAL_CHECK_SECONDS, lambda: life.leave_on_lost_terminal(self.leave_with)
            )
        self.call_after_refresh(self.begin)

    def begin(self) -> None:
        """Bring the first view, and start the monitor in a thread: importing AWS's modules takes longer than
        drawing the first frame.
        """
        memory.after_first_frame()
        self.view(self.trail[-1][0])
        threading.Thread(
            target=self._start_monitor, args=(self.options,), name="monitor-start", daemon=True
        ).start()

    def _start_monitor(self, options: ConnectionOptions) -> None:
        try:
            monitor = self._make_monitor(options)
            self.monitor = monitor
            monitor.start(lambda snapshot: self.post_message(SnapshotArrived(snapshot)))
        except AwsError as problem:
            self.post_message(MonitorFailed(sentence(problem)))
        except Exception as problem:  # whatever it is, the screen says so
            self.post_message(MonitorFailed(f"{type(problem).__name__}: {problem}"))

    def on_unmount(self) -> None:
        """Let the monitor go."""
        if self.monitor is not None:
            self.monitor.stop()

    def leave_with(self, code: int) -> None:
        """End with an exit code, the terminal restored."""
        self.exit(return_code=code)

    def _fatal_error(self) -> None:
        """An unexpected error: a report in a file, without local variables, and its path on the terminal."""
        path = life.crash_report(f"{note.at} {note.text}" for note in self.line.notes)
        self._exit_renderables.append(f"dmstui ended by an unexpected error; what happened is in {path}")
        self._close_messages_no_wait()

    # what arrives

    def on_snapshot_arrived(self, message: SnapshotArrived) -> None:
        """A new picture."""
        first = self.snapshot is None or self.snapshot.stacks.loading
        told = self.known.notes
        looked_at = self.front.subject() if self.front.ready and self.front.NAME == "task" else None
        self.snapshot = message.snapshot
        if self._ticking:
            self._settled.saw(message.snapshot)
        self.monitor_error = ""
        if first:
            self._tell_stacks(message.snapshot)
        for note in message.snapshot.notes:
            if note not in told:
                self.say(note, "warn")
        self.arrived_at = self.clock.monotonic()
        for text, tone in self.outcomes.news(message.snapshot, looked_at):
            self.say(text, tone)
        self.update_front()
        self.look()

    def _tell_stacks(self, snapshot: Snapshot) -> None:
        """A deploy or delete that was under way before dmstui was started is told once."""
        from dmstui.console import states

        for stack in states.under_way(snapshot):
            word = stack.status.replace("_IN_PROGRESS", "").replace("_", " ").lower()
            self.say(f"{word} of {stack.scenario} is under way; 7 shows it")

    def on_monitor_failed(self, message: MonitorFailed) -> None:
        """No picture will come: say why and what to do."""
        self.monitor_error = f"{message.text} {message.hint}".strip()
        self.say(self.monitor_error, "bad")
        self.update_front()
        self.look()

    def on_deed_moved(self, message: DeedMoved) -> None:
        """A deed said something or ended."""
        deed = self.deeds.moved(message.step)
        if deed is None:
            return
        if deed.error:
            whole = deed.label.startswith("testing ") or deed.error.startswith(deed.text)
            self.say(deed.error if whole else f"{deed.text}: {deed.error}", "bad")
        elif deed.ended:
            self.say(*(self.outcomes.overtaken(deed.subject, self.known) or (deed.text, "ok")))
        else:
            self.say(deed.text, "busy")
        if deed.ended:
            if deed.after is not None and not deed.error:
                deed.after()
            self.nudge()
        if not self.deeds.running:
            self.line.rest()
        self.update_front()
        self.look()

    def update_front(self) -> None:
        """The view in front takes in the newest picture."""
        if self.front.ready:
            self.front.update(self.known)

    def do(
        self, label: str, subject: str, stream: Stream, after: Callable[[], None] | None = None
    ) -> Deed | None:
        """Begin an operation; None while the monitor is not there yet."""
        if self.monitor is None:
            self.say("not connected yet; try again in a moment", "warn")
            return None
        self.deeds.forget(subject)
        deed = self.deeds.start(self.monitor, label, subject, stream, after)
        self.say(deed.text, "busy")
        return deed

    def nudge(self) -> None:
        """Ask for everything again soon."""
        if self.monitor is not None:
            self.monitor.refresh()

    def nudge_task(self, arn: str) -> None:
        """Ask for a task often until it settles."""
        if self.monitor is not None:
            self.monitor.nudge("task", arn)

    def reconnect(self, options: ConnectionOptions) -> None:
        """Go to another region or profile: a new monitor, an empty picture."""
        if self.monitor is not None:
            self.monitor.stop()
        self.monitor, self.options = None, options
        self.snapshot, self.monitor_error = None, ""
        self.show_place([("monitor", "")])
        self.front.update(self.known)
        self.look()
        self.begin()

    def set_symbols(self, symbols: SymbolSet) -> None:
        """Draw with another symbol set."""
        self.symbols = symbols
        for widget in self.query("*"):
            if hasattr(widget, "symbols"):
                widget.symbols = symbols
        self.front.update(self.known)
        self.refresh()

    @property
    def known(self) -> Snapshot:
        """The newest picture, an empty one that is loading before the first."""
        if self.snapshot is not None:
            return self.snapshot
        from dmstui.model import Snapshot

        return Snapshot(
            at=self.clock.wall(),
            region=self.options.region or "",
            profile=self.options.profile or "",
            sandbox=self.options.sandbox,
            read_only=self.options.read_only,
        )

    @property
    def read_only(self) -> bool:
        """Nothing may be changed."""
        return self.options.read_only or (self.snapshot is not None and self.snapshot.read_only)

    # views

    @property
    def front(self) -> View:
        """The view in front."""
        return self.views.get(self.trail[-1][0], self._none)

    def view(self, name: str) -> View:
        """The view of that name; its file is read and it is mounted when it is first asked for."""
        if name not in self.views:
            self.views[name] = next(view for view in VIEWS if name == view.NAME)()
            self.query_one("#place").mount(self.views[name])
        return self.views[name]

    @property
    def root_title(self) -> str:
        """The title of the numbered screen below everything that is open."""
        return self.views[self.trail[0][0]].TITLE if self.trail[0][0] in self.views else ""

    def show_place(self, trail: list[tuple[str, str]]) -> None:
        """Bring the last view of the trail to the front."""
        if trail == self.trail:
            self.arrived()
            return
        before = self.front
        self.last_place, self.trail = self.trail, trail
        name = trail[-1][0]
        after = self.view(name)
        with self.batch_update():
            if before is not after:
                before.leave()
                before.display = False
                after.display = True
        self.call_after_refresh(self.arrived)

    def arrived(self) -> None:
        """The view in front takes its argument, the picture and the keys; a view just made calls it when it
        is ready.
        """
        if not self.front.ready:
            return
        self.front.arrive(self.trail[-1][1])
        self.front.update(self.known)
        self.focus_front()
        then, self.on_arrival = self.on_arrival, None
        if then is not None:
            then()
        self.look()

    def focus_front(self) -> None:
        """Give the keys to the view in front."""
        if not self.dialog.is_open and not self.line.is_open:
            widget = self.front.default_focus()
            if widget is not None:
                widget.focus()

    # drawing

    def on_resize(self, event: events.Resize) -> None:
        """Boxes from a size on, rules below. Textual gives its own widgets the new size after this handler."""
        self._fit(event.size)
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.dialog.on_screen_resize()
        self.update_front()
        self.look()

    def get_default_screen(self) -> Screen[Any]:
        """The one screen, its classes set before its widgets are styled for the first time."""
        return Screen(id="_default", classes=" ".join(sorted(self._classes_now(self.size))))

    def _fit(self, size: Size) -> None:
        wanted = self._classes_now(size)
        for name in ("boxes", "narrow", "short", "ascii"):
            if (name in wanted) != self.screen.has_class(name):
                self.screen.set_class(name in wanted, name)

    def _classes_now(self, size: Size) -> set[str]:
        fits = {
            "boxes": size.width >= BOX_WIDTH and size.height >= BOX_HEIGHT,
            "narrow": size.width < 60,
            "short": size.height < 18,
            "ascii": self.symbols == "ascii",
        }
        return {name for name, fit in fits.items() if fit}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that find nothing to act on are hidden."""
        front = self.front
        if not front.ready:
            return action not in {"filter", "order", "describe", "copy", "copy_what", "pause", "refresh_now"}
        if action == "filter":
            return front.table is not None or front.searched is not None
        if action == "order":
            return front.table is not None
        return front.something if action in {"describe", "copy", "copy_what"} else True

    def look(self) -> None:
        """Bring header, navigation and footer up to what is known; only changed cells are sent."""
        if not self.is_running:
            return
        snapshot = self.snapshot
        cells = self.size.width
        self.alarm.show(outage.words(snapshot) if snapshot else "")
        since = self.clock.monotonic() - self.arrived_at
        place = header.place(
            snapshot,
            sandbox=self.options.sandbox,
            profile=self.options.profile or "",
            region=self.options.region or "",
            read_only=self.options.read_only,
        )
        now = snapshot.at if snapshot else self.clock.wall()
        fresh = header.freshness(snapshot, since, cells, now)
        if width(place) + width(fresh) > cells:
            fresh = header.freshness(snapshot, since, cells, now, tight=True)
        self.bar.show(place, fresh)
        crumbs = self.front.crumbs() if self.front.ready else ()
        if not crumbs:
            views = [(view.NUMBER, view.NAME, view.TITLE) for view in VIEWS if view.NUMBER]
            crumbs = header.navigation(views, self.trail[0][0], cells)
        self.nav.show(crumbs, self.front.status() if self.front.ready else ())
        if not self.front.ready:
            return
        if self.dialog.is_open and self.dialog.ask is not None:
            self.footer.show(((f" {self.dialog.ask.keys()}", "dim"),))
        elif self.line.is_open:
            self.footer.show(((" enter accept   tab complete   ↑ ↓ earlier ones   esc leave", "dim"),))
        else:
            self.footer.keys(self.hints(), _HELP)

    def tick(self) -> None:
        """Once a second: the age of the data, messages whose time is over."""
        self.line.settle()
        self.look()

    def hints(self) -> list[KeyHint]:
        """The keys that act now: the view's own first, then its widgets', then the app's."""
        ranked: list[tuple[int, KeyHint]] = []
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            rank = 0 if isinstance(active.node, View) else 2 if active.node is self else 1
            ranked.append((rank, KeyHint(binding.key_display or written(binding.key), binding.description)))
        return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]

    def prompt(
        self,
        sign: str,
        hint: str,
        answered: Callable[[str], None],
        complete: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        """Ask for one line of text above the footer; `answered` gets it on enter."""
        self.answered = answered
        self.line.ask(sign, "", complete, hint)
        self.look()

    def say(self, text: str, tone: Tone = "info") -> None:
        """Put a message on the line."""
        self.line.say(text, tone)

    @property
    def drawn(self) -> Any:
        """The shapes of the symbol set."""
        return shapes(self.symbols)
