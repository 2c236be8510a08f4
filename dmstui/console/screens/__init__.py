"""One file a screen: what is shown, which keys act, and what each key starts. `VIEWS` lists them in the
order of their numbers; a screen's file is read when it is first visited, so that the first frame waits for
one screen alone.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from dmstui.console.screens.view import View


@dataclass(frozen=True, slots=True)
class Place:
    """A screen by its name; name, title and number are those its class has."""

    NAME: str
    TITLE: str
    NUMBER: int
    class_name: str

    def view_class(self) -> type[View]:
        """The screen's class, its file read."""
        module = importlib.import_module(f"{__name__}.{self.NAME}")
        found: type[View] = getattr(module, self.class_name)
        return found

    def __call__(self) -> View:
        """A new one of this screen."""
        return self.view_class()()


VIEWS: tuple[Place, ...] = (
    Place("monitor", "Monitor", 1, "MonitorView"),
    Place("tasks", "Tasks", 2, "TasksView"),
    Place("instances", "Instances", 3, "InstancesView"),
    Place("endpoints", "Endpoints", 4, "EndpointsView"),
    Place("events", "Events", 5, "EventsView"),
    Place("scenarios", "Scenarios", 6, "ScenariosView"),
    Place("stacks", "Stacks", 7, "StacksView"),
    Place("task", "Task", 0, "TaskScreen"),
    Place("guide", "Guide", 0, "GuideView"),
    Place("progress", "Progress", 0, "ProgressView"),
)

__all__ = ["VIEWS", "Place", "View"]
