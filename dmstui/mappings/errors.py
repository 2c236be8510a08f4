"""What can be wrong with a table-mapping document, in the words the service uses (reference dms.md 3.9)."""


class MappingError(ValueError):
    """The document is refused when a task is created or modified; the text is the service's message."""


class MappingRunError(RuntimeError):
    """A rule fails only when the task runs: a column that is not there, an expression that cannot be computed."""
