"""Keys that moto's STS and IAM hand out, made usable and unguessable: the front passes their answers through here."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from dmstui.sandbox.keys import Key, KeyRing, random_access_key, random_secret
from dmstui.sandbox.moto_app import MotoAnswer
from dmstui.sandbox.service import Call

_TEMPORARY = frozenset({"AssumeRole", "GetSessionToken", "GetFederationToken"})
# moto finds an assumed role by the access key it gave out; the others carry a published example key.
_KEEPS_ACCESS_KEY = frozenset({"AssumeRole"})


def _element(body: str, name: str) -> str | None:
    match = re.search(f"<{name}>([^<]*)</{name}>", body)
    return match[1] if match else None


def _replace(body: str, name: str, value: str) -> str:
    return re.sub(f"<{name}>[^<]*</{name}>", f"<{name}>{value}</{name}>", body)


class SessionKeys:
    """Reads credentials out of STS's and IAM's answers and lets the front accept them."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def rewrite(self, call: Call, answer: MotoAnswer) -> MotoAnswer:
        """The answer to the client, with credentials of ours in place of moto's."""
        if call.service == "sts" and call.operation in _TEMPORARY:
            return self._temporary(call, answer)
        if call.service == "sts" and call.operation == "GetCallerIdentity":
            return self._identity(call, answer)
        if call.service == "iam" and call.operation == "CreateAccessKey":
            return self._permanent(answer)
        return answer

    def _temporary(self, call: Call, answer: MotoAnswer) -> MotoAnswer:
        body = answer.body.decode()
        access_key = _element(body, "AccessKeyId")
        if access_key is None:
            return answer
        if call.operation not in _KEEPS_ACCESS_KEY:
            access_key = random_access_key("ASIA")
        token = secrets.token_urlsafe(96)
        expires = _element(body, "Expiration")
        key = Key(
            access_key,
            random_secret(),
            "session",
            token,
            datetime.fromisoformat(expires.replace("Z", "+00:00")).timestamp() if expires else None,
        )
        self._keys.adopt(key)
        for name, value in (
            ("AccessKeyId", access_key),
            ("SecretAccessKey", key.secret_key),
            ("SessionToken", token),
        ):
            body = _replace(body, name, value)
        return MotoAnswer(answer.status, answer.headers, body.encode())

    def _permanent(self, answer: MotoAnswer) -> MotoAnswer:
        body = answer.body.decode()
        access_key = _element(body, "AccessKeyId")
        if access_key is None:
            return answer
        key = Key(access_key, random_secret(), "iam")
        self._keys.adopt(key)
        return MotoAnswer(
            answer.status, answer.headers, _replace(body, "SecretAccessKey", key.secret_key).encode()
        )

    def _identity(self, call: Call, answer: MotoAnswer) -> MotoAnswer:
        """The sandbox's own key belongs to an IAM user of a plain name."""
        key = self._keys.find(call.access_key)
        if key is None or key.purpose in ("session", "iam"):
            return answer
        body = answer.body.decode()
        body = _replace(body, "Arn", f"arn:aws:iam::{call.account_id}:user/sandbox")
        return MotoAnswer(answer.status, answer.headers, body.encode())
