"""Signature Version 4, checked: header and presigned requests, and chunked S3 bodies. The front calls it.

The rules: "Signature Version 4 signing process" in the General Reference, "Authenticating requests" in the S3 API
reference.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote, unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRY = 7 * 86400

_CREDENTIAL = re.compile(r"^([A-Za-z0-9]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request$")
OLD_REGION = "-"  # in place of the region of a presigned URL of the older kind, which names none
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_SUBRESOURCES = frozenset(
    [
        "acl",
        "cors",
        "delete",
        "lifecycle",
        "location",
        "logging",
        "notification",
        "partNumber",
        "policy",
        "requestPayment",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)
_SPACES = re.compile(r" +")


class SignatureError(Exception):
    """Why a request is refused; `kind` is one of missing, incomplete, key, token, mismatch, skew, expired, payload."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request's signature claims, before it is checked."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    presigned: bool
    expires: int
    token: str | None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it came over the wire: `path` and `query` still encoded, headers in order."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str | None:
        values = [value.strip() for key, value in self.headers if key.lower() == name]
        return ",".join(values) if values else None


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The query's pairs, decoded. A plus sign means a space, as AWS reads it."""
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def read(request: RawRequest) -> Signed:
    """The signature a request carries, in its header or its query; SignatureError when there is none to read."""
    authorization = request.header("authorization")
    if authorization is not None:
        return _from_header(authorization, request)
    pairs = dict(query_pairs(request.query))
    if pairs.get("X-Amz-Algorithm") == ALGORITHM:
        return _from_query(pairs)
    if "AWSAccessKeyId" in pairs and "Signature" in pairs and request.method in ("GET", "HEAD", "PUT"):
        return _from_old_query(pairs)
    raise SignatureError("missing", "Missing Authentication Token")


def _from_header(authorization: str, request: RawRequest) -> Signed:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureError(
            "incomplete", f"Unsupported signing algorithm '{algorithm[:40]}'. Use {ALGORITHM}."
        )
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not fields.get(name):
            raise SignatureError("incomplete", f"Authorization header requires '{name}' parameter.")
    access_key, date, region, service = _credential(fields["Credential"])
    timestamp = request.header("x-amz-date") or ""
    if not timestamp:
        raise SignatureError(
            "incomplete", "Authorization header requires existence of an 'X-Amz-Date' header."
        )
    return Signed(
        access_key,
        date,
        region,
        service,
        tuple(fields["SignedHeaders"].split(";")),
        fields["Signature"],
        timestamp,
        False,
        0,
        request.header("x-amz-security-token"),
    )


def _from_query(pairs: Mapping[str, str]) -> Signed:
    for name in ("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"):
        if not pairs.get(name):
            raise SignatureError("incomplete", f"Query-string authentication requires the {name} parameter.")
    access_key, date, region, service = _credential(pairs["X-Amz-Credential"])
    expires = pairs.get("X-Amz-Expires", "900")
    if not expires.isdigit() or not 0 < int(expires) <= MAX_EXPIRY:
        raise SignatureError("incomplete", "X-Amz-Expires must be between 1 and 604800 seconds.")
    return Signed(
        access_key,
        date,
        region,
        service,
        tuple(pairs["X-Amz-SignedHeaders"].split(";")),
        pairs["X-Amz-Signature"],
        pairs["X-Amz-Date"],
        True,
        int(expires),
        pairs.get("X-Amz-Security-Token"),
    )


def _from_old_query(pairs: Mapping[str, str]) -> Signed:
    """A presigned S3 URL of the older kind, which S3 clients still make by default in us-east-1."""
    expires = pairs.get("Expires", "")
    if not expires.isdigit() or not re.fullmatch(r"[A-Za-z0-9]+", pairs["AWSAccessKeyId"]):
        raise SignatureError("incomplete", "Query-string authentication requires AWSAccessKeyId and Expires.")
    return Signed(
        pairs["AWSAccessKeyId"],
        "00000000",
        OLD_REGION,
        "s3",
        (),
        pairs["Signature"],
        "",
        True,
        int(expires),
        pairs.get("x-amz-security-token"),
    )


def verify_old(request: RawRequest, signed: Signed, secret: str, now: float) -> None:
    """Check a presigned S3 URL of the older kind ("Signing and authenticating REST requests" in the S3 guide)."""
    if now > signed.expires:
        raise SignatureError("expired", "Request has expired")
    pairs = query_pairs(request.query)
    amz = {
        name.lower(): value for name, value in (*request.headers, *pairs) if name.lower().startswith("x-amz-")
    }
    kept = sorted(
        f"{name}={value}" if value else name
        for name, value in pairs
        if name in _SUBRESOURCES or name.startswith("response-")
    )
    resource = request.path + (f"?{'&'.join(kept)}" if kept else "")
    to_sign = "\n".join(
        (
            request.method,
            request.header("content-md5") or "",
            request.header("content-type") or "",
            str(signed.expires),
            "".join(f"{name}:{value.strip()}\n" for name, value in sorted(amz.items())) + resource,
        )
    )
    expected = base64.b64encode(hmac.new(secret.encode(), to_sign.encode(), hashlib.sha1).digest()).decode()
    if not hmac.compare_digest(expected, signed.signature):
        raise SignatureError("mismatch", _MISMATCH)


def _credential(text: str) -> tuple[str, str, str, str]:
    match = _CREDENTIAL.match(text)
    if not match:
        raise SignatureError(
            "incomplete", "Credential must have the form KEY/YYYYMMDD/REGION/SERVICE/aws4_request."
        )
    return match[1], match[2], match[3], match[4]


def check_time(signed: Signed, now: datetime) -> None:
    """SignatureError when the request is too old, too far ahead or its presigned time is over."""
    try:
        at = datetime.strptime(signed.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("incomplete", "Date must be in ISO-8601 'basic format'.") from None
    if signed.timestamp[:8] != signed.date:
        raise SignatureError(
            "mismatch", "Date in Credential scope does not match YYYYMMDD from the request's date."
        )
    if at - now > MAX_SKEW or (not signed.presigned and now - at > MAX_SKEW):
        raise SignatureError(
            "skew", f"Signature not yet current or expired: {signed.timestamp} against {now:%Y%m%dT%H%M%SZ}"
        )
    if signed.presigned and now > at + timedelta(seconds=signed.expires):
        raise SignatureError("expired", "Request has expired")


def canonical_query(query: str) -> str:
    """The query in canonical form, without a presigned signature itself."""
    pairs = [
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in query_pairs(query)
        if name != "X-Amz-Signature"
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_paths(path: str, service: str) -> list[str]:
    """The canonical forms a client may have signed: S3 takes the path as sent, the others encode it once more."""
    if service == "s3":
        return list(dict.fromkeys([path, quote(unquote(path), safe="/-_.~")]))
    return [quote(normalize(path), safe="/-_.~")]


def normalize(path: str) -> str:
    """`path` without empty, ``.`` and ``..`` segments (RFC 3986, 6.2.2.3)."""
    if not path:
        return "/"
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    ending = "/" if path.endswith("/") and kept else ""
    return f"/{'/'.join(kept)}{ending}"


def signing_key(secret: str, signed: Signed) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (signed.date, signed.region, signed.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def verify(request: RawRequest, signed: Signed, secret: str, payload_hash: str) -> bytes:
    """Check the signature over the request; the answer is the signing key (chunks are signed with it).

    `payload_hash` is the word or hex digest that stands last in the canonical request.
    """
    if "host" not in signed.signed_headers:
        raise SignatureError("mismatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name, _ in request.headers:
        low = name.lower()
        if not signed.presigned and low.startswith("x-amz-") and low not in signed.signed_headers:
            raise SignatureError(
                "mismatch", f"There were headers present in the request which were not signed: {low}"
            )
    key = signing_key(secret, signed)
    lines = []
    for name in signed.signed_headers:
        value = request.header(name) or ""
        lines.append(f"{name}:{_SPACES.sub(' ', value)}\n")
    for path in canonical_paths(request.path, signed.service):
        canonical = "\n".join(
            (
                request.method,
                path,
                canonical_query(request.query),
                "".join(lines),
                ";".join(signed.signed_headers),
                payload_hash,
            )
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join((ALGORITHM, signed.timestamp, signed.scope, digest))
        expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected, signed.signature):
            return key
    raise SignatureError("mismatch", _MISMATCH)


class ChunkedBody:
    """Decoder of ``aws-chunked`` bodies, fed as bytes arrive; checks each chunk's signature where there is one.

    Only the bytes not yet decodable are held. `trailers` holds the checksum lines after the last chunk.
    """

    MAX_LINE = 16_384

    def __init__(self, signed: Signed, key: bytes, *, chunks_signed: bool) -> None:
        self._signed = signed
        self._key = key
        self._chunks_signed = chunks_signed
        self._previous = signed.signature
        self._buffer = bytearray()
        self._left = -1  # bytes left of the chunk being read; -1 before a size line
        self._hash = hashlib.sha256()
        self._signature = ""
        self._last = False
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        """The payload bytes that `data` completes."""
        self._buffer += data
        out = bytearray()
        while True:
            if self._last:
                self._read_trailers()
                return bytes(out)
            if self._left < 0:
                line = self._line()
                if line is None:
                    return bytes(out)
                self._begin(line)
                continue
            if self._left:
                if not self._buffer:
                    return bytes(out)
                piece = bytes(self._buffer[: self._left])
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                self._hash.update(piece)
                out += piece
                continue
            if len(self._buffer) < 2:
                return bytes(out)
            if self._buffer[:2] != b"\r\n":
                raise SignatureError("payload", "A chunk does not end where its size says.")
            del self._buffer[:2]
            self._check()
            self._left = -1

    def finish(self) -> None:
        """SignatureError unless the last chunk came."""
        if not self._last:
            raise SignatureError("payload", "The request body ended before its last chunk.")
        self._read_trailers(rest=True)

    def _line(self) -> str | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > self.MAX_LINE:
                raise SignatureError("payload", "A chunk's size line is too long.")
            return None
        line = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 2]
        return line

    def _begin(self, line: str) -> None:
        size, _, extension = line.partition(";")
        try:
            self._left = int(size, 16)
        except ValueError:
            raise SignatureError("payload", "A chunk's size is not a hexadecimal number.") from None
        self._signature = extension.partition("chunk-signature=")[2]
        self._hash = hashlib.sha256()
        if self._left == 0:
            self._check()
            self._last = True

    def _check(self) -> None:
        if not self._chunks_signed:
            return
        to_sign = "\n".join(
            (
                f"{ALGORITHM}-PAYLOAD",
                self._signed.timestamp,
                self._signed.scope,
                self._previous,
                EMPTY_HASH,
                self._hash.hexdigest(),
            )
        )
        expected = hmac.new(self._key, to_sign.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self._signature):
            raise SignatureError("mismatch", "A chunk's signature does not match.")
        self._previous = expected

    def _read_trailers(self, *, rest: bool = False) -> None:
        while True:
            line = self._line()
            if line is None:
                break
            self._trailer(line)
        if rest and self._buffer:
            self._trailer(self._buffer.decode("latin-1"))
            self._buffer.clear()

    def _trailer(self, line: str) -> None:
        name, colon, value = line.strip().partition(":")
        if colon and not name.lower().startswith("x-amz-trailer-signature"):
            self.trailers[name.strip().lower()] = value.strip()
