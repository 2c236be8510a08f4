"""AWS Security Token Service: who is asking. Called as `connection.sts`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmstui.aws.connection import Connection


@dataclass(frozen=True, slots=True)
class Identity:
    """GetCallerIdentity."""

    account: str
    arn: str
    user_id: str


class Sts:
    """The operations the product uses; each raises AwsError alone."""

    def __init__(self, aws: Connection) -> None:
        self._aws = aws

    async def identity(self) -> Identity:
        """Account and ARN of the caller."""
        answer = await self._aws.call("sts", "GetCallerIdentity")
        return Identity(answer.get("Account", ""), answer.get("Arn", ""), answer.get("UserId", ""))
