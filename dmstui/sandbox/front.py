"""The one HTTP server of the sandbox: checks who asks, and hands each call to a room of ours or to moto.

Started by process.py on 127.0.0.1. Rooms register with `add`, observers of moto's services with `observe`.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import logging
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Protocol

from aiohttp import web

from dmstui.sandbox import refusals, signature, wire
from dmstui.sandbox.journal import Journal
from dmstui.sandbox.moto_app import MotoAnswer, wsgi_environ
from dmstui.sandbox.service import Call, Fault, Service
from dmstui.sandbox.sessions import SessionKeys
from dmstui.sandbox.signature import RawRequest, SignatureError, Signed
from dmstui.sandbox.world import World

log = logging.getLogger(__name__)

# Signing names that differ from botocore's service name.
_BOTOCORE_NAMES = {"monitoring": "cloudwatch", "events": "events", "elasticmapreduce": "emr"}
# Services of which we run some operations and moto the rest.
_SHARED = frozenset({"ssm", "cloudwatch"})
# Services whose protocol the answer of a refused request needs, without loading a model for it.
_PROTOCOLS: dict[str, wire.Protocol] = {
    "s3": "rest-xml",
    "ec2": "ec2",
    "sts": "query",
    "iam": "query",
    "rds": "query",
    "cloudformation": "query",
    "sns": "query",
    "autoscaling": "query",
}
_READING = (
    "Describe",
    "Get",
    "List",
    "Head",
    "Search",
    "Lookup",
    "Batch",
    "Scan",
    "Query",
    "Simulate",
    "Select",
)
_MAX_BODY = 16 << 20
_MAX_OBJECT = 5 << 30
_SPOOL = 4 << 20
_CHUNK = 256 << 10
_DROPPED = frozenset(
    {"server", "date", "content-length", "connection", "transfer-encoding", "vary", "x-amzn-requestid"}
)


class Observer(Protocol):
    """What follows moto's records of one service with real effects (see `observers`)."""

    service: str
    operations: frozenset[str]

    async def before(self, call: Call, params: dict[str, Any]) -> None:
        """Refuse a call (Fault) before moto sees it."""

    async def after(self, call: Call, params: dict[str, Any], answer: MotoAnswer) -> MotoAnswer:
        """Act on a call moto accepted; the answer goes to the client."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose signature holds: what the dispatch needs of it."""

    raw: RawRequest
    headers: dict[str, str]
    signed: Signed
    service: str
    request_id: str
    body: IO[bytes]
    length: int
    trailers: dict[str, str]

    def content(self) -> bytes:
        self.body.seek(0)
        data = self.body.read()
        if self.headers.get("content-encoding") == "gzip" and self.service != "s3":
            return _gunzip(data)
        return data


Control = Callable[[str, str, dict[str, str]], Awaitable[Any]]


class Front:
    """The HTTP face of one `World`."""

    def __init__(self, world: World, journal: Journal) -> None:
        self.world = world
        self._journal = journal
        self._services: dict[str, Service] = {}
        self._observers: dict[str, Observer] = {}
        self._sessions = SessionKeys(world.keys)
        self._control: Control | None = None
        self._runner: web.ServerRunner | None = None
        self._port = 0

    def add(self, service: Service) -> None:
        """Answer the calls of `service` here instead of in moto."""
        self._services[service.name] = service

    def observe(self, observer: Observer) -> None:
        self._observers[observer.service] = observer

    def control(self, handler: Control) -> None:
        """Answer `/_sandbox/…` (method, path, query) with the document the handler gives."""
        self._control = handler

    async def start(self, port: int) -> int:
        """Listen on 127.0.0.1; port 0 takes a free one. The answer is the port; OSError when it is taken."""
        server = web.Server(
            self._handle,
            auto_decompress=False,
            access_log=None,
            max_line_size=64 << 10,
            max_field_size=64 << 10,
            keepalive_timeout=75,
            handler_cancellation=False,
        )
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=256, shutdown_timeout=1)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        self.world.endpoint_url = f"http://127.0.0.1:{self._port}"
        return self._port

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # -- one request ---------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        headers = [
            (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
            for name, value in request.raw_headers
        ]
        target = request.raw_path
        if target.startswith(("http://", "https://")):
            target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
        path, _, query = target.partition("?")
        raw = RawRequest(request.method, path, query, headers)
        lower = {name.lower(): value for name, value in headers}
        refused = refusals.refusal(lower, path)
        if refused is not None:
            return web.Response(status=403, text=refused + "\n", headers=_common(request_id))
        if path.startswith("/_sandbox"):
            return await self._handle_control(raw, lower, request_id)
        service, protocol = self._addressed(raw, lower)
        try:
            answer = await self._answer(request, raw, lower, request_id)
        except SignatureError as error:
            answer = _from_wire(
                wire.serialize_fault(
                    protocol, service, refusals.signature_fault(service, protocol, error), request_id
                )
            )
        except Fault as fault:
            answer = _from_wire(wire.serialize_fault(protocol, service, fault, request_id))
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            log.exception("request %s to %s failed", request_id, service)
            text = f"The sandbox failed on this request; its log has it as {request_id}."
            failure = Fault("InternalFailure", text, 500)
            answer = _from_wire(wire.serialize_fault(protocol, service, failure, request_id))
        response = _response(request, answer, request_id, service)
        if _waits_for_continue(request) and not request.content.is_eof():
            # Refused by its headers: the client keeps its body, so what comes next is no part of this request.
            response.force_close()
        return response

    def _addressed(self, raw: RawRequest, headers: dict[str, str]) -> tuple[str, wire.Protocol]:
        """The service a request claims to be for and the protocol an error answer to it must speak."""
        try:
            service = _BOTOCORE_NAMES.get(name := signature.read(raw).service, name)
        except SignatureError:
            service = ""
        if headers.get("smithy-protocol"):
            return service, "cbor"
        if "x-amz-target" in headers:
            return service, "json"
        if service in _PROTOCOLS:
            return service, _PROTOCOLS[service]
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return service, "query"
        if not service:
            return "s3", "rest-xml"
        return service, "rest-json"

    async def _answer(
        self, request: web.BaseRequest, raw: RawRequest, headers: dict[str, str], request_id: str
    ) -> MotoAnswer:
        signed = signature.read(raw)
        key = self.world.keys.find(signed.access_key)
        if key is None:
            raise SignatureError("key", "The security token included in the request is invalid.")
        if key.session_token is not None and signed.token != key.session_token:
            raise SignatureError("token", "The security token included in the request is invalid.")
        if key.expires is not None and key.expires < time.time():
            raise SignatureError("expired", "The security token included in the request is expired")
        if signed.region == signature.OLD_REGION:
            signature.verify_old(raw, signed, key.secret_key, time.time())
        else:
            signature.check_time(signed, datetime.now(UTC))
        service = _BOTOCORE_NAMES.get(signed.service, signed.service)
        reason = refusals.wrong_region(service, signed.region, self.world.region)
        if reason is not None:
            raise Fault("UnsupportedRegion", reason)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL, dir=str(self.world.work_dir)) as body:
            length, trailers = await self._read_body(request, raw, signed, key.secret_key, body)
            asked = Asked(raw, headers, signed, service, request_id, body, length, trailers)
            return await self._dispatch(asked)

    async def _read_body(
        self, request: web.BaseRequest, raw: RawRequest, signed: Signed, secret: str, out: IO[bytes]
    ) -> tuple[int, dict[str, str]]:
        """Read the body into `out` and check the signature: before the body where its hash is announced."""
        old = signed.region == signature.OLD_REGION
        announced = None if old else raw.header("x-amz-content-sha256")
        if announced is None and signed.presigned and not old and signed.service == "s3":
            announced = signature.UNSIGNED
        chunked: signature.ChunkedBody | None = None
        if announced is not None:
            key = signature.verify(raw, signed, secret, announced)
            if announced.startswith("STREAMING-"):
                chunks_signed = announced.startswith("STREAMING-AWS4-HMAC-SHA256")
                chunked = signature.ChunkedBody(signed, key, chunks_signed=chunks_signed)
        limit = _MAX_OBJECT if signed.service == "s3" else _MAX_BODY
        digest = hashlib.sha256()
        length = 0
        await _let_it_come(request)
        async for piece in request.content.iter_chunked(_CHUNK):
            data = chunked.feed(piece) if chunked is not None else piece
            length += len(data)
            if length > limit:
                raise Fault("EntityTooLarge", f"The request is larger than {limit >> 20} MB.", 413)
            digest.update(data)
            out.write(data)
        if chunked is not None:
            chunked.finish()
        elif announced is None and not old:
            signature.verify(raw, signed, secret, digest.hexdigest())
        elif announced not in (None, signature.UNSIGNED) and not hmac.compare_digest(
            announced, digest.hexdigest()
        ):
            raise SignatureError(
                "payload", "The provided 'x-amz-content-sha256' header does not match what was computed."
            )
        out.seek(0)
        return length, chunked.trailers if chunked is not None else {}

    # -- dispatch ------------------------------------------------------------------------------------------------

    async def _dispatch(self, asked: Asked) -> MotoAnswer:
        service = self._services.get(asked.service)
        if service is None:
            return await self._to_moto(asked)
        model = wire.model(service.name)
        protocol = wire.spoken(model, asked.headers, asked.raw.path)
        body = asked.content()
        operation = wire.operation_name(protocol, asked.headers, asked.raw.path, asked.raw.query, body)
        handler = service.operations.get(operation)
        if operation not in model.operation_names:
            raise Fault(
                "InvalidAction" if protocol == "query" else "UnknownOperationException",
                f"Could not find operation {operation}." if operation else "The request names no operation.",
            )
        if handler is None:
            if service.name in _SHARED:
                return await self._to_moto(asked)
            raise Fault("NotImplemented", f"{operation} is not in the sandbox.", 501)
        shape = model.operation_model(operation)
        params = wire.parse(protocol, shape, asked.raw.query, body)
        found = wire.problems(params, shape)
        if found:
            raise _validation_fault(service.name, protocol, found)
        answer = await handler(self._call(asked, operation), params)
        return _from_wire(wire.serialize(protocol, shape, answer, asked.request_id))

    def _call(self, asked: Asked, operation: str) -> Call:
        signed = asked.signed
        return Call(
            asked.service,
            operation,
            signed.region,
            self.world.account_id,
            signed.access_key,
            asked.request_id,
        )

    async def _to_moto(self, asked: Asked) -> MotoAnswer:
        await self.world.moto.ready()
        observer = self._observers.get(asked.service)
        operation = ""
        params: dict[str, Any] = {}
        if asked.service != "s3":
            protocol = _PROTOCOLS.get(
                asked.service, "json" if "x-amz-target" in asked.headers else "rest-json"
            )
            body = asked.content() if protocol in ("query", "ec2") else b""
            operation = wire.operation_name(protocol, asked.headers, asked.raw.path, asked.raw.query, body)
            if observer is not None and operation in observer.operations:
                model = wire.model(asked.service)
                params = wire.parse(
                    protocol, model.operation_model(operation), asked.raw.query, asked.content()
                )
            else:
                observer = None
        call = self._call(asked, operation)
        if observer is not None:
            await observer.before(call, params)
        answer = await self._run_moto(asked, operation)
        if answer.status < 400:
            answer = self._sessions.rewrite(call, answer)
            if observer is not None:
                answer = await observer.after(call, params, answer)
        return answer

    async def _run_moto(self, asked: Asked, operation: str) -> MotoAnswer:
        mutating = is_mutating(asked.service, operation, asked.raw)
        headers = moto_headers(asked, self._port)
        path = asked.raw.path
        bucket = refusals.bucket_of(asked.headers.get("host", "")) if asked.service == "s3" else None
        if bucket:
            path = f"/{bucket}{path}"
        query = unsigned_query(asked.raw.query)
        entry = (
            self._journal.prepare(asked.service, asked.raw.method, path, query, headers) if mutating else None
        )
        asked.body.seek(0)
        environ = wsgi_environ(asked.raw.method, path, query, headers, asked.body, asked.length)
        try:
            answer = await self.world.moto.call(asked.service, environ, mutating=mutating, entry=entry)
        except (NotImplementedError, ImportError) as error:
            name = f"{asked.service} {operation or asked.raw.method}"
            raise Fault("NotImplemented", f"{name} is not in the sandbox.", 501) from error
        if answer.status >= 500:
            raise Fault("InternalFailure", f"{asked.service} {operation} failed in the sandbox.", 500)
        if answer.status == 404 and answer.body.lstrip()[:14].lower() == b"<!doctype html":
            raise Fault("NotImplemented", f"{asked.service} {operation} is not in the sandbox.", 501)
        return answer

    # -- the sandbox's own controls ------------------------------------------------------------------------------

    async def _handle_control(
        self, raw: RawRequest, headers: dict[str, str], request_id: str
    ) -> web.Response:
        kind, _, secret = headers.get("authorization", "").partition(" ")
        allowed = kind == "Bearer" and hmac.compare_digest(
            secret.strip().encode("utf-8", "replace"), self.world.keys.user.secret_key.encode()
        )
        common = _common(request_id)
        if not allowed:
            return web.json_response({"error": "the secret access key is wrong"}, status=403, headers=common)
        if self._control is None:
            return web.json_response({"error": "not ready"}, status=503, headers=common)
        try:
            document = await self._control(raw.method, raw.path, dict(signature.query_pairs(raw.query)))
        except Fault as fault:
            return web.json_response({"error": fault.message}, status=fault.status, headers=common)
        except Exception:
            log.exception("control %s failed", raw.path)
            return web.json_response(
                {"error": f"failed, see the log: {request_id}"}, status=500, headers=common
            )
        return web.json_response(document, headers=common)


def is_mutating(service: str, operation: str, raw: RawRequest) -> bool:
    """Whether a call may change moto's records (such calls run one at a time and are journaled)."""
    if service == "s3":
        # POST ?select reads, everything else but GET and HEAD writes.
        return raw.method not in ("GET", "HEAD") and "select&" not in raw.query
    if operation:
        if operation.startswith("BatchWrite") or operation == "GetSessionToken":
            return True
        return not operation.startswith(_READING)
    return raw.method not in ("GET", "HEAD")


_SIGNATURE_PARTS = frozenset(
    f"x-amz-{part}"
    for part in ("algorithm", "credential", "date", "expires", "signedheaders", "signature", "security-token")
) | {"awsaccesskeyid", "signature", "expires"}


def unsigned_query(query: str) -> str:
    """The query without the parts of a presigned signature."""
    return "&".join(
        part for part in query.split("&") if part.partition("=")[0].lower() not in _SIGNATURE_PARTS
    )


def moto_headers(asked: Asked, port: int) -> list[tuple[str, str]]:
    """The headers moto sees: no real signature, a plain loopback Host, and a body that is no longer chunked."""
    kept: list[tuple[str, str]] = []
    chunked = asked.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    for name, value in asked.raw.headers:
        low = name.lower()
        if low in ("authorization", "host", "content-length", "transfer-encoding", "expect", "connection"):
            continue
        if chunked and low in ("x-amz-decoded-content-length", "x-amz-trailer", "x-amz-content-sha256"):
            continue
        if chunked and low == "content-encoding":
            rest = ",".join(part for part in value.replace(" ", "").split(",") if part != "aws-chunked")
            if rest:
                kept.append((name, rest))
            continue
        if low == "content-type" and "application/x-www-form-urlencoded" in value:
            # Flask would take an object of that type for a form and leave nothing of it.
            value = "binary/octet-stream" if asked.service == "s3" else "application/x-www-form-urlencoded"
        kept.append((name, value))
    kept.extend(asked.trailers.items())
    signed = asked.signed
    region = "us-east-1" if signed.region == signature.OLD_REGION else signed.region
    credential = f"{signed.access_key}/{signed.date}/{region}/{signed.service}/aws4_request"
    kept.append(("Host", f"127.0.0.1:{port}"))
    kept.append(
        (
            "Authorization",
            f"{signature.ALGORITHM} Credential={credential}, SignedHeaders=host, Signature=verified",
        )
    )
    return kept


def _validation_fault(service: str, protocol: str, found: list[str]) -> Fault:
    count = len(found)
    text = f"{count} validation error{'s' if count > 1 else ''} detected: " + "; ".join(found)
    if service == "cloudwatch":
        return Fault("InvalidParameterValue", text)
    if service == "logs":
        return Fault("InvalidParameterException", text)
    return Fault("ValidationError" if protocol == "query" else "ValidationException", text)


def _gunzip(data: bytes) -> bytes:
    import io

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(_MAX_BODY + 1)
    except (OSError, EOFError) as error:
        raise Fault("SerializationException", "The body is not gzip, as its header says.") from error
    if len(plain) > _MAX_BODY:
        raise Fault("EntityTooLarge", f"The request is larger than {_MAX_BODY >> 20} MB.", 413)
    return plain


def _waits_for_continue(request: web.BaseRequest) -> bool:
    """Whether the client keeps its body back until told to send it, as S3 clients do before a put."""
    return request.headers.get("expect", "").lower() == "100-continue" and request.version >= (1, 1)


async def _let_it_come(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`; without an answer the AWS SDKs wait a second before they send."""
    if _waits_for_continue(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _from_wire(answer: wire.Answer) -> MotoAnswer:
    return MotoAnswer(answer.status, list(answer.headers.items()), answer.body)


def _common(request_id: str) -> dict[str, str]:
    return {"x-amzn-requestid": request_id, "Server": "sandbox"}


def _response(
    request: web.BaseRequest, answer: MotoAnswer, request_id: str, service: str
) -> web.StreamResponse:
    response = web.Response(status=answer.status, body=answer.body if request.method != "HEAD" else None)
    for name, value in answer.headers:
        low = name.lower()
        if low in _DROPPED or low.startswith("access-control-"):
            if low == "content-length" and request.method == "HEAD":
                response.headers["Content-Length"] = value
            continue
        if low in ("content-type", "x-amz-request-id"):
            response.headers[name] = value
        else:
            response.headers.add(name, value)
    response.headers.update(_common(request_id))
    if service == "s3":
        response.headers["x-amz-request-id"] = request_id
    return response
