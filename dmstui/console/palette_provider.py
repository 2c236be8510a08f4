"""ctrl+p: Textual's command palette over the same verbs as the `:` prompt, with their arguments spelled out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from dmstui.console.commands import VERBS
from dmstui.console.keys import written

if TYPE_CHECKING:
    from dmstui.console.app import ConsoleApp


class Verbs(Provider):
    """Every verb that can be given now."""

    @property
    def _console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def _lines(self) -> Iterator[tuple[str, str]]:
        app = self._console
        for verb in VERBS:
            if not app.verb_allowed(verb):
                continue
            arguments = app.verb_arguments(verb)
            if not verb.takes or verb.takes == "text":
                yield verb.name, verb.help
            for argument in arguments:
                yield f"{verb.name} {argument}", verb.help
        if not app.read_only:
            from dmstui.catalog import scenarios

            for scenario in scenarios():
                for step in scenario.scripts:
                    yield f"run {scenario.name} {step}", "a script of the scenario"

    def _keys(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        """What the keys of the screen do, as `?` lists them: words, key, what runs it."""
        app = self._console
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.description and binding.id and active.node is not app:
                act = partial(app.call_later, app.run_action, binding.action, active.node)
                yield f"{binding.tooltip or binding.description}", f"key {written(binding.key)}", act

    async def discover(self) -> Hits:
        """What stands there before anything is typed: the verbs."""
        for text, help_ in self._lines():
            if " " not in text:
                yield DiscoveryHit(text, partial(self._console.run_line, text), help=help_)

    async def search(self, query: str) -> Hits:
        """Verbs and arguments that match."""
        matcher = self.matcher(query)
        for text, help_, act in self._keys():
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), act, help=help_)
        for text, help_ in self._lines():
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), partial(self._console.run_line, text), help=help_)
