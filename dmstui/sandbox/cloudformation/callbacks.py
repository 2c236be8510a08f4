"""Where answers to CloudFormation arrive: the ResponseURL of a custom resource and the URL of a wait handle.

A listener of its own on 127.0.0.1, opened when the first URL is needed. On AWS these are presigned S3 URLs: whoever has
the URL may answer, nobody else can guess it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from dmstui.sandbox import refusals

if TYPE_CHECKING:
    from dmstui.sandbox.world import World

ANSWER_LIMIT = 4096
BODY_LIMIT = 1 << 20

Receiver = Callable[[bytes], None]


class Callbacks:
    """URLs that take one kind of answer each."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._receivers: dict[str, Receiver] = {}
        self._base: asyncio.Future[str] | None = None

    async def url(self, receiver: Receiver) -> str:
        """A URL whose PUT bodies go to `receiver`, until `forget`."""
        if self._base is None:
            self._base = asyncio.get_running_loop().create_future()
            self._world.spawn(self._serve(self._base), "cloudformation callbacks")
        base = await asyncio.shield(self._base)
        token = secrets.token_urlsafe(24)
        self._receivers[token] = receiver
        return f"{base}/{token}"

    def forget(self, url: str) -> None:
        """Take no more answers at `url`."""
        self._receivers.pop(url.rpartition("/")[2], None)

    async def _serve(self, base: asyncio.Future[str]) -> None:
        runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            base.set_result(f"http://127.0.0.1:{runner.addresses[0][1]}")
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if refusals.refusal(headers, request.path) is not None:
            return web.Response(status=403)
        receiver = self._receivers.get(request.path.lstrip("/"))
        if receiver is None or request.method != "PUT":
            return web.Response(status=403)
        if (request.content_length or 0) > BODY_LIMIT:
            return web.Response(status=413)
        receiver(await request.content.read(BODY_LIMIT))
        return web.Response(status=200)


def answer_of(body: bytes) -> dict[str, Any]:
    """What a custom resource's function answered; ValueError with the reason when it cannot be taken. Pure."""
    if len(body) > ANSWER_LIMIT:
        raise ValueError(f"Response object is too long: {len(body)} bytes, at most {ANSWER_LIMIT} are taken.")
    try:
        answer = json.loads(body)
    except ValueError:
        raise ValueError("Response is not valid JSON.") from None
    if not isinstance(answer, Mapping):
        raise ValueError("Response is not a JSON object.")
    if answer.get("Status") not in {"SUCCESS", "FAILED"}:
        raise ValueError("Invalid response: Status must be SUCCESS or FAILED.")
    if answer["Status"] == "SUCCESS" and not answer.get("PhysicalResourceId"):
        raise ValueError("Invalid PhysicalResourceId")
    return dict(answer)
