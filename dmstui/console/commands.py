"""The verbs of the `:` prompt and the palette: names, what they take, how their arguments complete.
`ConsoleApp` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dmstui.model import Snapshot

Takes = Literal["", "task", "scenario", "stack", "column", "step", "text"]


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: its name, other names for it, what stands after it, one line of help, whether it changes
    anything.
    """

    name: str
    help: str
    takes: Takes = ""
    aliases: tuple[str, ...] = ()
    changes: bool = False


VERBS: tuple[Verb, ...] = (
    Verb("monitor", "instances, tasks and charts", aliases=("home", "m")),
    Verb("tasks", "all replication tasks; /words filters them", "text", ("t",)),
    Verb("instances", "replication instances", "text", ("inst",)),
    Verb("endpoints", "endpoints and their connection tests", "text", ("end", "connections")),
    Verb("events", "what DMS reported", "text"),
    Verb("scenarios", "guided migrations to deploy", "text", ("scn",)),
    Verb("stacks", "CloudFormation stacks", "text"),
    Verb("task", "open a task", "task"),
    Verb("charts", "latency and throughput of a task", "task"),
    Verb("logs", "the log of a task", "task"),
    Verb("start", "start a task for the first time", "task", changes=True),
    Verb("resume", "go on from the last checkpoint", "task", changes=True),
    Verb("reload", "load the target of a task afresh", "task", changes=True),
    Verb("stop", "stop a task", "task", changes=True),
    Verb("scenario", "open a scenario's guide", "scenario", ("guide",)),
    Verb("deploy", "deploy a scenario's stack, NAME=VALUE for parameters", "scenario", changes=True),
    Verb("run", "run a scenario's seed, change or verify", "scenario", changes=True),
    Verb("delete", "delete a scenario's or any stack", "stack", changes=True),
    Verb("progress", "a stack, resource by resource", "stack"),
    Verb("sort", "order the table by a column", "column"),
    Verb("filter", "filter the table", "text"),
    Verb("messages", "the last 200 messages with their times"),
    Verb("region", "go to another region", "text"),
    Verb("profile", "go to another profile", "text"),
    Verb("refresh", "ask AWS again now"),
    Verb("pause", "stop or go on asking AWS"),
    Verb("symbols", "braille, block or ascii", "text"),
    Verb("theme", "dark, light or the terminal's own colours", "text"),
    Verb("shell", "your shell with this region, profile or sandbox; exit comes back"),
    Verb("debug", "versions, calls, delays"),
    Verb("help", "the keys of this screen"),
    Verb("quit", "leave", aliases=("q", "q!", "exit")),
)


def find(word: str) -> Verb | None:
    """A verb by name, alias, or by a beginning that fits one verb only."""
    low = word.lower()
    for verb in VERBS:
        if low == verb.name or low in verb.aliases:
            return verb
    begun = [verb for verb in VERBS if verb.name.startswith(low)]
    return begun[0] if len(begun) == 1 and low else None


def normalised(text: str) -> str:
    """A line as the command line writes it -> the prompt's own: `task stop NAME` -> `stop NAME`, options dropped."""
    words = [word for word in text.strip().lstrip(":").split() if word not in {"--yes", "--wait", "--kind"}]
    if len(words) > 1 and words[0] in {"task", "scenario", "stack"}:
        tasks, stacks = {"start", "resume", "reload", "stop", "logs"}, {"deploy", "run", "delete"}
        if words[1] in (tasks if words[0] == "task" else stacks):
            words = words[1:]
    return " ".join(words)


def names(
    takes: Takes, snapshot: Snapshot | None, scenarios: Sequence[str], columns: Sequence[str]
) -> list[str]:
    """What can stand after a verb."""
    if takes == "scenario":
        return list(scenarios)
    if takes == "column":
        return list(columns)
    if snapshot is None:
        return []
    if takes == "task":
        return sorted(task.name for task in snapshot.tasks.value)
    if takes == "stack":
        return sorted({stack.name for stack in snapshot.stacks.value})
    return []


def completions(
    text: str,
    arguments: Callable[[Verb], Sequence[str]],
    allowed: Callable[[Verb], bool] = lambda _: True,
) -> list[str]:
    """Whole texts that begin with what stands in the prompt: verbs first, then their arguments."""
    head, blank, rest = text.lstrip().partition(" ")
    if not blank:
        return [verb.name for verb in VERBS if verb.name.startswith(head.lower()) and allowed(verb)]
    verb = find(head)
    if verb is None or not verb.takes:
        return []
    found = list(arguments(verb))
    begun = [name for name in found if name.lower().startswith(rest.lower())]
    inside = [name for name in found if rest.lower() in name.lower() and name not in begun]
    return [f"{head} {name}" for name in begun + inside]


def distance(one: str, other: str) -> int:
    """Letters to change, add or drop to make one word the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def nearest(word: str) -> str:
    """The verb that looks most like the word, for the sentence about an unknown one; empty when none does."""
    best = min(VERBS, key=lambda verb: distance(word.lower(), verb.name))
    return best.name if distance(word.lower(), best.name) <= 2 else ""
