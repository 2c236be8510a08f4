"""The access keys of one sandbox: random at each start, looked up by the front when it checks a signature."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

_LETTERS = string.ascii_uppercase + "234567"
_SECRET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Key:
    """One access key; `purpose` says who holds it (``user``, ``internal``, ``script``, ``iam``,
    ``session``), `expires` is its end in seconds since 1970."""

    access_key: str
    secret_key: str
    purpose: str
    session_token: str | None = None
    expires: float | None = None


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def random_access_key(prefix: str = "AKIA") -> str:
    return prefix + _random(_LETTERS, 16)


def random_secret() -> str:
    return _random(_SECRET, 40)


class KeyRing:
    """All keys that may sign. A key is either issued here or adopted from moto's STS and IAM."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self.user = self.issue("user")
        self.internal = self.issue("internal")

    def issue(self, purpose: str) -> Key:
        """A new random key that the front will accept until it is revoked."""
        key = Key(random_access_key(), random_secret(), purpose)
        self._keys[key.access_key] = key
        return key

    def adopt(self, key: Key) -> None:
        """Accept a key somebody else made (temporary credentials of STS, an IAM user's key)."""
        self._keys[key.access_key] = key

    def revoke(self, access_key: str) -> None:
        self._keys.pop(access_key, None)

    def find(self, access_key: str) -> Key | None:
        return self._keys.get(access_key)
