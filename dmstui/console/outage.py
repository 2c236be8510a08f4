"""When AWS, or the sandbox, does not answer: what the lasting line on every screen says, and why nothing can be
done meanwhile. Pure; the app and the deeds read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dmstui.model import AwsError, Part, Snapshot

# What never reached AWS, or came back without an identity: no poll will tell anything until it is mended.
CODES = frozenset({"Unreachable", "NoCredentials", "Expired"})


def error_of(snapshot: Snapshot) -> AwsError | None:
    """Why nothing can be read, None while the tasks' or the stacks' last poll was answered in any way."""
    parts: tuple[Part[Any], ...] = (snapshot.tasks, snapshot.stacks)
    errors = [part.error for part in parts]
    if any(error is None or error.code not in CODES for error in errors):
        return None
    return errors[0]


def words(snapshot: Snapshot) -> str:
    """The lasting line: who does not answer, since when, what to do. Empty while all is well."""
    error = error_of(snapshot)
    if error is None:
        return ""
    seen = f"what you see is of {snapshot.tasks.at:%H:%M:%S}" if snapshot.tasks.at else "nothing was read yet"
    if _ended(snapshot, error):
        return f"the sandbox has ended; {seen}. :q leaves, dmstui sandbox starts a new one"
    who = "the sandbox" if snapshot.sandbox else "AWS"
    reason = " ".join(error.message.split()).rstrip(".")
    return f"{who} does not answer; {seen}. {reason}. {error.hint}".strip()


def _ended(snapshot: Snapshot, error: AwsError) -> bool:
    """Nothing listens where the sandbox was; one that is only slow times out."""
    return snapshot.sandbox and error.code == "Unreachable" and "Could not connect" in error.message


def refusal(snapshot: Snapshot, part: Part[Any]) -> str | None:
    """Why a deed that is judged by this part of the picture cannot be begun; None where it may be."""
    error = error_of(snapshot)
    if error is not None and _ended(snapshot, error):
        return "the sandbox has ended"
    if error is not None:
        who = "the sandbox" if snapshot.sandbox else "AWS"
        return f"{who} does not answer: {' '.join(error.message.split())}"
    if part.at is None and part.error is not None:
        return (
            f"nothing is known yet: {part.error.operation}: {' '.join(part.error.message.split())}".replace(
                ": : ", ": "
            )
        )
    if part.at is None:
        return "nothing was read from AWS yet; try again in a moment"
    return None
