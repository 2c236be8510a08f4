"""What went wrong in a call to AWS, in words a person can act on; raised by `aws`, shown by all above it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, unsafe_hash=True)
class AwsError(Exception):
    """A refused, failed or impossible call.

    code: AWS's error code (`ResourceNotFoundFault`, `AccessDeniedException`) or one of ours for what never
    reached AWS: `NoCredentials`, `ReadOnly`, `Unreachable`, `Unclear` (sent, but no answer came back).
    message: the service's own words. operation: e.g. `StartReplicationTask`, empty when none was called.
    hint: the next step to take, one sentence, or empty.
    """

    code: str
    message: str
    operation: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = f" ({self.operation})" if self.operation else ""
        step = f" {self.hint}" if self.hint else ""
        return f"{self.code}{where}: {self.message}{step}"

    @property
    def throttled(self) -> bool:
        """The service asked to be called less often."""
        return self.code in {
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "LimitExceededException",
        }

    @property
    def missing(self) -> bool:
        """The thing asked for is not there."""
        return self.code in {
            "ResourceNotFoundFault",
            "ResourceNotFoundException",
            "ResourceNotFound",
            "NoSuchBucket",
            "InvocationDoesNotExist",
        } or (self.code == "ValidationError" and "does not exist" in self.message)

    @property
    def denied(self) -> bool:
        """The caller lacks the permission."""
        return self.code in {
            "AccessDenied",
            "AccessDeniedException",
            "AccessDeniedFault",
            "UnauthorizedOperation",
        }
