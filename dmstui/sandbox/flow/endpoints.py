"""Which class speaks to which engine: the one place that names them. Called by the worker."""

from __future__ import annotations

from collections.abc import Sequence

from dmstui.mappings import OtherRule
from dmstui.sandbox.engines.base import Kind
from dmstui.sandbox.flow.errors import TroubleError
from dmstui.sandbox.flow.events import Events
from dmstui.sandbox.flow.source import Source
from dmstui.sandbox.flow.spec import TaskSpec
from dmstui.sandbox.writers.base import Target


def make_source(spec: TaskSpec, events: Events) -> Source:
    """The source of a task; raises TroubleError for an engine the sandbox does not read."""
    if spec.source.engine in {"postgres", "postgresql", "aurora-postgresql"}:
        from dmstui.sandbox.flow.postgresql import PostgresSource

        return PostgresSource(spec, events)
    raise TroubleError(
        Kind.FATAL, f"The sandbox cannot read from source engine '{spec.source.engine}' yet.", code=0
    )


def make_target(spec: TaskSpec, rules: Sequence[OtherRule]) -> Target:
    """The target of a task; raises TroubleError for an engine the sandbox does not write."""
    if spec.target.engine == "s3":
        from dmstui.sandbox.writers.s3.objects import Bucket
        from dmstui.sandbox.writers.s3.settings import s3_settings
        from dmstui.sandbox.writers.s3.target import S3Target

        settings = s3_settings(spec.target.settings)
        return S3Target(settings, Bucket(settings, dict(spec.aws)), rules)
    raise TroubleError(
        Kind.FATAL, f"The sandbox cannot write to target engine '{spec.target.engine}' yet.", code=0
    )
