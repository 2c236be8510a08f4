"""What every screen shares: going and coming back, the `/` and `:` prompts, order, help, describe, copy.
Mixed into `ConsoleApp`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dmstui.console import clipboard, commands, help_text
from dmstui.console.commands import Verb
from dmstui.console.screens import VIEWS
from dmstui.console.symbols import SYMBOL_SETS
from dmstui.console.widgets import columns as cols
from dmstui.console.widgets.ask import Answer, Ask, Choice, Choose, Confirm, Reading, pairs
from dmstui.console.widgets.command_line import CommandLine
from dmstui.console.widgets.filter import BadFilterError
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from textual import events
    from textual.app import App

    from dmstui.console.app import ConsoleApp

    _Base = App[int]
else:
    _Base = object


class Actions(_Base):
    """Actions of the app itself."""

    @property
    def _me(self) -> ConsoleApp:
        return self  # type: ignore[return-value]

    # going

    def action_go(self, name: str) -> None:
        """To one of the numbered screens."""
        self.go(name)

    def go(self, name: str, argument: str = "", *, below: bool = False) -> None:
        """To a screen; `below` keeps the present one to come back to."""
        me = self._me
        trail = (
            [*me.trail, (name, argument)]
            if below and me.trail[-1] != (name, argument)
            else [(name, argument)]
        )
        me.show_place(trail)

    def action_last_view(self) -> None:
        """To the screen before this one, and again back."""
        if self._me.last_place:
            self._me.show_place(self._me.last_place)

    def action_step_back(self) -> None:
        """Esc: away with marks, then the filter, then the screen; the first screen stays."""
        me = self._me
        if me.line.note is not None and me.line.note.tone != "busy":
            me.line.dismiss()
        if me.front.back():
            me.look()
            return
        if len(me.trail) > 1:
            me.show_place(me.trail[:-1])

    def action_leave(self) -> None:
        """Q: back; on a numbered screen out of the console, asked about when something still runs."""
        me = self._me
        if len(me.trail) > 1:
            me.show_place(me.trail[:-1])
        else:
            self.action_leave_asked()

    def action_leave_asked(self) -> None:
        """Leave, asked about when an operation still runs."""
        me = self._me
        running = me.deeds.running
        if not running or me.dialog.is_open:
            me.exit(return_code=0)
            return
        text: list[Any] = [f"{deed.text}" for deed in running]
        text.append("AWS goes on with what it was asked for; this console only stops watching it.")
        self.ask(Confirm("Leave while this is under way?", text, "leave"), lambda _: me.exit(return_code=0))

    def action_how_to_leave(self) -> None:
        """Ctrl+c does nothing by itself."""
        self._me.say("q leaves; esc goes back one step")

    # dialogs

    def ask(self, ask: Ask, yes: Callable[[Any], None] | None = None) -> None:
        """Open a dialog; `yes` gets the answer's value unless it was cancelled."""
        me = self._me

        def answered(answer: Answer) -> None:
            if answer.value is None and not isinstance(ask, Reading):
                me.say("nothing done")
            elif answer.value is not None and yes is not None:
                yes(answer.value)
            me.look()

        me.dialog.open(ask, answered, opening_key=me.key_pressed)
        me.look()

    def on_key(self, event: events.Key) -> None:
        """Remember the last key: a dialog it opens must not be confirmed by it. A key that does nothing now
        says why.
        """
        me = self._me
        me.key_pressed = event.key
        if len(me.screen_stack) > 1 or not me.front.ready or event.key in me.screen.active_bindings:
            return
        for binding in me.front._bindings.key_to_bindings.get(event.key, ()):
            reason = me.front.why_not(binding.action.partition("(")[0])
            if reason:
                me.say(reason, "warn")

    def action_help(self) -> None:
        """The keys that act now on this screen, then the rest."""
        me = self._me
        self.ask(Reading(f"Help: {me.front.TITLE or me.front.NAME}", help_text.lines(me), width=90))

    def action_describe(self) -> None:
        """Everything known about the thing under the cursor."""
        me = self._me
        found = me.front.detail()
        if found is None:
            me.say("nothing under the cursor")
            return
        title, rows = found
        self.ask(Reading(title, pairs(rows), width=94))

    def action_full(self) -> None:
        """The pane with the keys alone on the screen, and back."""
        me = self._me
        me.screen.toggle_class("full")
        me.call_after_refresh(me.look)

    # order, filter, copy

    def action_order(self) -> None:
        """A menu of the columns to order by."""
        me = self._me
        table = me.front.table
        if table is None:
            return
        letter_of = {column: letter for letter, column in cols.letters(table.columns).items()}
        choices = [
            Choice(
                letter_of.get(column.id, " ").lower(),
                column.title,
                f"shift+{letter_of[column.id].lower()}" if column.id in letter_of else "",
                value=column.id,
            )
            for column in table.columns
            if column.sort is not None
        ]
        choices.append(Choice("-", "as this screen does by itself", value=""))
        current = next((n for n, choice in enumerate(choices) if choice.value == table.sort_column), 0)
        self.ask(
            Choose("Order by", choices, enter_picks=True, width=46, cursor=current),
            lambda column: table.sort_by(column or None),
        )

    def action_filter(self) -> None:
        """The `/` prompt: filters a table live, searches a text."""
        me = self._me
        target: LineTable | TextPane | None = me.front.text or me.front.table or me.front.searched
        me.searching = target
        if isinstance(target, TextPane):
            me.line.ask("/", "", hint="text or /pattern/; n next, N previous")
        elif target is not None:
            hint = "words  col:text  col>30s  !not  a|b  /pattern/"
            me.line.ask("/", target.filter.text, lambda text: _columns(target, text), hint)
        me.look()

    def on_command_line_edited(self, message: CommandLine.Edited) -> None:
        """The filter acts while it is typed."""
        if message.sign == "/":
            self._narrow(message.text)

    def on_command_line_submitted(self, message: CommandLine.Submitted) -> None:
        """Enter in a prompt."""
        me = self._me
        if message.sign == "/":
            problem = self._narrow(message.text)
            if problem:
                me.say(problem, "warn")
        elif message.sign == ":":
            self.run_line(message.text)
        elif me.answered is not None and message.text.strip():
            me.answered(message.text.strip())
        me.look()

    def on_command_line_left(self, message: CommandLine.Left) -> None:
        """Esc in a prompt."""
        self._me.look()

    def _narrow(self, text: str) -> str:
        me = self._me
        problem = ""
        target = me.searching if me.line.is_open or me.searching is not None else None
        if target is None or not target.is_attached or me.front not in target.ancestors:
            target = me.front.table or me.front.searched
        if isinstance(target, TextPane):
            problem = target.search(text)
        elif target is not None:
            try:
                target.narrow(text)
            except BadFilterError as bad:
                problem = str(bad)
        me.line.complain(problem)
        me.front.update(me.known)
        return problem

    def _narrow_aloud(self, text: str) -> None:
        problem = self._narrow(text)
        if problem:
            self._me.say(problem, "warn")

    def action_copy(self) -> None:
        """Copy the name of the thing under the cursor."""
        me = self._me
        offers = me.front.copies()
        if offers:
            self._copy(offers[0][2])
        else:
            me.say("nothing under the cursor to copy")

    def action_copy_what(self) -> None:
        """Choose what of the thing under the cursor to copy."""
        me = self._me
        offers = me.front.copies()
        if not offers:
            me.say("nothing under the cursor to copy")
            return
        choices = [
            Choice(press, label, text.replace("\n", " ")[:60], value=text) for press, label, text in offers
        ]
        self.ask(Choose("Copy", choices, enter_picks=True, width=76), self._copy)

    def _copy(self, text: str) -> None:
        self._me.say(clipboard.copy(text, self._me.copy_to_clipboard), "ok")

    # the monitor

    def action_refresh_now(self) -> None:
        """Ask AWS again now."""
        me = self._me
        me.nudge()
        me.say("asking AWS again")

    def action_pause(self) -> None:
        """Stop asking AWS, or go on; the age keeps counting."""
        me = self._me
        if me.monitor is not None:
            paused = not (me.snapshot is not None and me.snapshot.paused)
            me.monitor.pause(paused)
            me.say("paused: p goes on" if paused else "going on")

    # the prompt

    def action_prompt(self) -> None:
        """The `:` prompt."""
        me = self._me
        me.line.ask(
            ":",
            "",
            lambda text: commands.completions(text, self.verb_arguments, self.verb_allowed),
            "a screen, a task, a verb; tab completes",
        )
        me.look()

    def verb_allowed(self, verb: Verb) -> bool:
        """In read-only mode nothing that changes is offered."""
        return not (verb.changes and self._me.read_only)

    def verb_arguments(self, verb: Verb) -> Sequence[str]:
        """What completes after a verb."""
        me = self._me
        from dmstui.catalog import scenarios

        table = me.front.table
        names = [column.id for column in table.columns] if table is not None else []
        wanted = [one.name for one in scenarios()] if verb.takes == "scenario" else []
        return commands.names(verb.takes, me.snapshot, wanted, names)

    def run_line(self, text: str) -> None:
        """Do what the prompt says."""
        me = self._me
        word, _, rest = commands.normalised(text).partition(" ")
        rest = rest.strip()
        if not word:
            return
        verb = commands.find(word)
        if verb is None:
            near = commands.nearest(word)
            me.say(f"{word} is no command{f'; did you mean {near}?' if near else '; tab lists them'}", "warn")
        elif not self.verb_allowed(verb):
            me.say(f"{verb.name}: this session is read-only", "warn")
        else:
            self._run(verb, rest)

    def _run(self, verb: Verb, rest: str) -> None:
        me = self._me
        simple: dict[str, Callable[[], None]] = {
            "messages": self._messages,
            "refresh": self.action_refresh_now,
            "pause": self.action_pause,
            "help": self.action_help,
            "quit": self.action_leave_asked,
            "debug": self._debug,
            "shell": self._shell,
        }
        if verb.name in {view.NAME for view in VIEWS if view.NUMBER}:
            if rest:
                me.searching = None
                me.on_arrival = partial(self._narrow_aloud, rest.removeprefix("/"))
            self.go(verb.name)
        elif verb.name in simple:
            simple[verb.name]()
        elif verb.name == "sort":
            self._sort(rest)
        elif verb.name == "filter":
            self._narrow_aloud(rest)
        elif verb.name == "symbols":
            self._symbols(rest)
        elif verb.name == "theme":
            self._theme(rest)
        elif verb.name in {"region", "profile"}:
            self._switch(verb.name, rest)
        else:
            from dmstui.console import verbs

            verbs.run(me, verb.name, rest)

    def _sort(self, rest: str) -> None:
        table = self._me.front.table
        column, _, way = rest.partition(" ")
        if table is None or not any(one.id == column and one.sort for one in table.columns):
            self._me.say(f"no column {column or 'given'} to order by here", "warn")
            return
        table.sort_by(column, {"desc": True, "asc": False}.get(way))

    def _symbols(self, rest: str) -> None:
        me = self._me
        found = next((one for one in SYMBOL_SETS if one == rest), None)
        if found is None:
            me.say(f"symbols are {', '.join(SYMBOL_SETS)}", "warn")
            return
        me.set_symbols(found)

    def _theme(self, rest: str) -> None:
        from dmstui.console.theme import THEMES

        me = self._me
        if rest in THEMES:
            me.theme = THEMES[rest]
        else:
            me.say(f"themes are {', '.join(THEMES)}", "warn")

    def _switch(self, what: str, value: str) -> None:
        me = self._me
        if not value:
            me.say(
                f"{what} wants a name, like :{what} {'eu-west-1' if what == 'region' else 'staging'}", "warn"
            )
            return
        if me.deeds.running:
            me.say(f"not while {me.deeds.running[0].label} is under way", "warn")
            return
        options = dataclasses.replace(me.options, **{what: value})  # type: ignore[arg-type]
        me.reconnect(options)
        me.say(f"{what} {value}")

    def _messages(self) -> None:
        me = self._me
        notes = [(note.at, note.text) for note in reversed(me.line.notes)]
        self.ask(Reading("Messages", pairs(notes) or ["none yet"], width=100))

    def _shell(self) -> None:
        """The reader's shell in the console's place; in the sandbox its variables are set there already."""
        from textual.app import SuspendNotSupported

        from dmstui.console import shell

        me = self._me
        try:
            with me.suspend():
                problem = shell.open_shell(me.options)
        except SuspendNotSupported:
            problem = "this terminal cannot be handed over to a shell"
        me.refresh(layout=True)
        me.say(problem or "back from the shell", "warn" if problem else "info")

    def _debug(self) -> None:
        self.ask(Reading("Debug", pairs(help_text.debug_rows(self._me)), width=90))


def _columns(table: LineTable, text: str) -> list[str]:
    """Completions of the filter's last word by column names."""
    head, blank, last = text.rpartition(" ")
    if not last or not last.isalpha():
        return []
    return [f"{head}{blank}{column.id}:" for column in table.columns if column.id.startswith(last.lower())]
