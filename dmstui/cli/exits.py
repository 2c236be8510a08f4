"""The exit codes of the contract and which error means which. Used by every command."""

from __future__ import annotations

from dmstui.model import AwsError

DONE = 0
FAILED = 1
USAGE = 2
REFUSED = 3
TIMED_OUT = 4

_REFUSED = {"Refused", "ReadOnly", "InvalidResourceStateFault", "InvalidParameterCombinationException"}


def code_for(error: AwsError) -> int:
    """3 for what our rules or the resource's state refuse, 4 for a wait that took too long, else 1."""
    if error.code in _REFUSED:
        return REFUSED
    return TIMED_OUT if error.code == "TimedOut" else FAILED
