"""A scenario as `scenarios/<name>/scenario.yaml` describes it: the records and the checks of that file.

Called by `catalog.files`. The file, every key shown; those marked (optional) may be left out:

    name: postgresql-to-s3                  # = the folder's name
    title: PostgreSQL to a data lake on S3  # one line
    use_case: >                             # a paragraph: who does this and why
      ...
    source: {service: Amazon RDS for PostgreSQL, engine: postgres, version: "16"}   # version optional
    target: {service: Amazon S3, engine: s3, folder: lake}   # folder: BucketFolder of an S3 target, else left out
    migration_type: full-load               # full-load | cdc | full-load-and-cdc
    focus: [Parquet output, LOB modes]      # what is learnt, short phrases
    template: postgresql-to-s3.yaml         # file in cloudformation/
    minutes: 45                             # the whole guide on AWS, waiting included
    resources:                              # role -> logical id in the template; those the scenario has of
      source_database: SourceDatabase       #   source_database source_secret target_database target_secret
      bucket: LakeBucket                    #   bucket workbench replication_instance source_endpoint
      workbench: Workbench                  #   target_endpoint task (task and replication_instance always)
      replication_instance: ReplicationInstance
      source_endpoint: SourceEndpoint
      target_endpoint: TargetEndpoint
      task: MigrationTask
    table_mappings: table-mappings.json     # file in the scenario's folder (optional, this is the default)
    task_settings: task-settings.json       # (optional, this is the default)
    parameters:                             # the template's parameters a reader may want to change, and why
      - {name: EngineVersion, default: "3.6.1", why: no end of support is set for it}
    scripts:                                # sent by SSM Run Command; .py runs in python3, all else in sh
      seed: {file: scripts/seed.sh, minutes: 2}
      change: {file: scripts/change.sh, minutes: 1, kinds: [trickle, burst]}   # kinds (optional): run --kind K
      verify: {file: scripts/verify.py, minutes: 1}
    steps:                                  # the guide's spine, in order
      - id: deploy                          # deploy seed test assess convert start watch change verify break delete
        title: Deploy the stack
        minutes: 15                         # expected on AWS
        text: What happens and what to look at.
        command: dmstui scenario deploy postgresql-to-s3 --wait      # (optional)
        key: D                              # (optional) the key that does it in the console
    checks:                                 # what must hold at the end
      - {id: all-loaded, title: Every table completed, text: The task stops with FULL_LOAD_ONLY_FINISHED}
    costs:                                  # what the stack costs while it stands; prices: catalog/prices.py
      - {price: dms.t3.medium, quantity: 1, resource: ReplicationInstance}
      - {price: storage.rds.gp3, quantity: 20}                # per month prices: quantity = GB or pieces
      - {price: transfer.internet.out, quantity: 0, note: nothing leaves AWS in the main path}
    exam_topics:
      - {task: "1.1", text: Perform data ingestion from a database by DMS}

`README.md` beside it is the guide. Every script prints JSON lines {step, table, rows, ok, detail} and reads only
DMSTUI_SOURCE_URL, DMSTUI_TARGET_URL, DMSTUI_SCALE, DMSTUI_SEED, DMSTUI_KIND and AWS_REGION.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEP_IDS = (
    "deploy",
    "seed",
    "test",
    "assess",
    "convert",
    "start",
    "watch",
    "change",
    "verify",
    "break",
    "delete",
)
SCRIPT_STEPS = ("seed", "change", "verify")
ROLES = (
    "source_database",
    "source_secret",
    "target_database",
    "target_secret",
    "bucket",
    "workbench",
    "replication_instance",
    "source_endpoint",
    "target_endpoint",
    "task",
)
MIGRATION_TYPES = ("full-load", "cdc", "full-load-and-cdc")


class CatalogError(Exception):
    """A scenario file says something wrong: which file, where in it, what."""

    def __init__(self, file: Path | str, where: str, message: str) -> None:
        super().__init__(f"{file}: {where}: {message}" if where else f"{file}: {message}")
        self.file, self.where, self.message = str(file), where, message


@dataclass(frozen=True, slots=True)
class Side:
    """Source or target of a scenario."""

    service: str
    engine: str
    version: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the template worth knowing, its default and the reason for it."""

    name: str
    default: str
    why: str


@dataclass(frozen=True, slots=True)
class Script:
    """One of seed, change, verify: its text as it stands in the file."""

    step: str
    path: Path
    text: str
    minutes: int = 1
    kinds: tuple[str, ...] = ()

    @property
    def python(self) -> bool:
        """Runs in python3, not in sh."""
        return self.path.suffix == ".py"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the guide with the minutes it takes on AWS."""

    id: str
    title: str
    minutes: int
    text: str = ""
    command: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold at the end."""

    id: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class CostItem:
    """So many of one price while the stack stands."""

    price: str
    quantity: float
    resource: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExamTopic:
    """Where the scenario touches the certification's task statements."""

    task: str
    text: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario with all its texts."""

    name: str
    title: str
    use_case: str
    source: Side
    target: Side
    migration_type: str
    focus: tuple[str, ...]
    minutes: int
    folder: Path
    template_path: Path
    template_text: str
    guide: str
    table_mappings: str
    task_settings: str
    resources: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    scripts: Mapping[str, Script] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    costs: tuple[CostItem, ...] = ()
    exam_topics: tuple[ExamTopic, ...] = ()

    @property
    def stack_name(self) -> str:
        """The name `deploy` gives the stack unless told otherwise."""
        return f"dmstui-{self.name}"


class Document:
    """One mapping of the file, read key by key; what is left over or of a wrong kind raises CatalogError."""

    def __init__(self, file: Path, where: str, value: object) -> None:
        if not isinstance(value, Mapping):
            raise CatalogError(file, where, f"expected a mapping, found {_kind(value)}")
        self.file, self.where = file, where
        self._left: dict[str, Any] = {str(key): item for key, item in value.items()}

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def fail(self, key: str, message: str) -> CatalogError:
        """The error to raise about one key."""
        return CatalogError(self.file, self._at(key), message)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; numbers are refused, because 3.10 would read as 3.1."""
        if key not in self._left:
            if default is None:
                raise self.fail(key, "is missing")
            return default
        value = self._left.pop(key)
        if not isinstance(value, str):
            raise self.fail(key, f"expected a text, found {_kind(value)}; put it in quotes")
        if default is None and not value.strip():
            raise self.fail(key, "is empty")
        return value.strip()

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        """A text out of a closed list."""
        value = self.text(key)
        if value not in choices:
            raise self.fail(key, f"{value!r} is none of {', '.join(choices)}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number, not negative."""
        value = self._left.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.fail(key, "is missing" if value is None else f"expected a number, found {value!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty when absent."""
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.fail(key, "expected a list of texts")
        return tuple(value)

    def mapping(self, key: str) -> Document:
        """A nested mapping."""
        if key not in self._left:
            raise self.fail(key, "is missing")
        return Document(self.file, self._at(key), self._left.pop(key))

    def mappings(self, key: str) -> list[Document]:
        """A list of mappings, empty when absent."""
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            raise self.fail(key, f"expected a list, found {_kind(value)}")
        return [Document(self.file, f"{self._at(key)}[{place}]", item) for place, item in enumerate(value)]

    def unread(self) -> list[str]:
        """The keys not read yet."""
        return list(self._left)

    def end(self) -> None:
        """Nothing may be left: a misspelt key is an error, not silence."""
        if self._left:
            raise self.fail(next(iter(self._left)), "is not a key of a scenario")


def _kind(value: object) -> str:
    return {"NoneType": "nothing", "str": "a text", "list": "a list", "dict": "a mapping"}.get(
        type(value).__name__, repr(value)
    )
