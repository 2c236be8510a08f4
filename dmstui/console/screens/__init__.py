"""One file a screen: what is shown, which keys act, and what each key starts. `VIEWS` lists them in the
order of their numbers.
"""

from __future__ import annotations

from dmstui.console.screens.endpoints import EndpointsView
from dmstui.console.screens.events import EventsView
from dmstui.console.screens.guide import GuideView
from dmstui.console.screens.instances import InstancesView
from dmstui.console.screens.monitor import MonitorView
from dmstui.console.screens.progress import ProgressView
from dmstui.console.screens.scenarios import ScenariosView
from dmstui.console.screens.stacks import StacksView
from dmstui.console.screens.task import TaskScreen
from dmstui.console.screens.tasks import TasksView
from dmstui.console.screens.view import View

VIEWS: tuple[type[View], ...] = (
    MonitorView,
    TasksView,
    InstancesView,
    EndpointsView,
    EventsView,
    ScenariosView,
    StacksView,
    TaskScreen,
    GuideView,
    ProgressView,
)

__all__ = ["VIEWS", "View"]
