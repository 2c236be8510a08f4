"""One file a verb. `OPERATIONS` finds them by id; each module has OPERATION, refusal, effect and run."""

from __future__ import annotations

from dmstui.operations import (
    delete_stack,
    deploy,
    reload,
    reload_tables,
    resume,
    run_script,
    start,
    stop,
    test_connection,
)
from dmstui.operations.operation import Danger, Operation, Progress

OPERATIONS: dict[str, Operation] = {
    module.OPERATION.id: module.OPERATION
    for module in (
        start,
        resume,
        reload,
        stop,
        reload_tables,
        test_connection,
        deploy,
        run_script,
        delete_stack,
    )
}

__all__ = ["OPERATIONS", "Danger", "Operation", "Progress"]
