"""Screen 4: endpoints and the last known tests of their connections; `t` tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from dmstui.console import states, task_deeds
from dmstui.console.screens.tables import fill, kind_table, title
from dmstui.console.screens.view import View
from dmstui.console.widgets.ask import pairs
from dmstui.console.widgets.line_table import LineTable
from dmstui.console.widgets.pane import Pane
from dmstui.console.widgets.text_pane import TextPane
from dmstui.kinds import connection, endpoint
from dmstui.model import Connection, Endpoint, Snapshot


class EndpointsView(View):
    """Endpoints above, connection tests in the middle, detail below."""

    NAME, TITLE, NUMBER = "endpoints", "Endpoints", 4
    ABOUT = (
        "Endpoints say how to reach sources and targets. A connection is an endpoint tried from a "
        "replication instance; what stands here is its last test, not a live state. t tests the "
        "endpoint, or the pair under the cursor, again."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "test", "test", id="endpoints.test")]

    def compose(self) -> ComposeResult:
        """Two tables and a detail."""
        self.endpoints = kind_table(
            self,
            endpoint.KIND,
            changes={"name": {"flexible": False}, "where": {"from_width": 70}},
            order=lambda one: (one.kind, one.name),
        )
        self.tests = kind_table(
            self,
            connection.KIND,
            order=lambda one: (states.ORDER[connection.state(one, self.console.known)], one.endpoint_name),
        )
        self.below = TextPane(id="endpoints-detail")
        self.endpoints_pane = Pane("Endpoints", self.endpoints)
        self.tests_pane = Pane("Connection tests", self.tests, id="endpoints-tests-pane")
        self.below_pane = Pane("Detail", self.below, id="endpoints-detail-pane")
        yield self.endpoints_pane
        yield self.tests_pane
        yield self.below_pane

    def default_focus(self) -> Widget | None:
        """The endpoints."""
        return self.endpoints

    def update(self, snapshot: Snapshot) -> None:
        """New rows."""
        fill(
            self,
            self.endpoints,
            snapshot.endpoints,
            "endpoints",
            "A scenario's stack brings a source and a target.",
        )
        fill(
            self,
            self.tests,
            snapshot.connections,
            "connection tests",
            "t tests the endpoint under the cursor.",
        )
        self._follow()

    def _record(self) -> Endpoint | Connection | None:
        table = self.tests if self.tests.has_focus else self.endpoints
        record: Any = table.cursor_record
        return record if isinstance(record, Endpoint | Connection) else None

    def _follow(self) -> None:
        title(self.endpoints_pane, "Endpoints", self.endpoints)
        title(self.tests_pane, "Connection tests", self.tests)
        found = self.detail()
        self.below_pane.label(found[0] if found else "Detail")
        self.below.show(pairs(found[1]) if found else ())

    def detail(self) -> tuple[str, Sequence[tuple[str, str]]] | None:
        """Of the endpoint or the pair under the cursor; an error of a deed on it first."""
        record = self._record()
        if record is None:
            return None
        snapshot = self.console.known
        if isinstance(record, Connection):
            return connection.KIND.title(record), connection.KIND.detail(record, snapshot)
        return record.name, endpoint.KIND.detail(record, snapshot)

    def copies(self) -> Sequence[tuple[str, str, str]]:
        """Name and ARN."""
        record = self._record()
        if isinstance(record, Endpoint):
            return (("n", "name", record.name), ("a", "ARN", record.arn))
        if isinstance(record, Connection):
            return (("f", "failure", record.failure or record.status),)
        return ()

    def action_test(self) -> None:
        """Test the pair, or the endpoint from the instances that use it."""
        record = self._record()
        if isinstance(record, Connection):
            task_deeds.test(self.console, [record])
        elif record is not None:
            task_deeds.test(self.console, task_deeds.pairs_of_endpoint(self.console, record.arn))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A test needs a row; read-only allows it."""
        return self._record() is not None if action == "test" else True

    def on_line_table_moved(self, _: LineTable.Moved) -> None:
        """The detail follows."""
        self._follow()
        self.console.look()

    def on_line_table_changed(self, _: LineTable.Changed) -> None:
        """Titles say filter and order."""
        self._follow()
        self.console.look()

    def on_line_table_entered(self, _: LineTable.Entered) -> None:
        """Enter shows the whole detail."""
        self.console.action_describe()

    def on_descendant_focus(self) -> None:
        """The detail is of the pane with the keys."""
        self._follow()
