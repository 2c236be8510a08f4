"""Signatures against the published examples of AWS and against botocore's own signers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from dmstui.sandbox import signature
from dmstui.sandbox.signature import ChunkedBody, RawRequest, SignatureError

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def vanilla(
    query: str = "", signed: str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
) -> RawRequest:
    """get-vanilla of AWS's Signature Version 4 test suite."""
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signed}"
    )
    headers = (
        ("Host", "example.amazonaws.com"),
        ("X-Amz-Date", "20150830T123600Z"),
        ("Authorization", authorization),
    )
    return RawRequest("GET", "/", query, headers)


def test_the_published_example_holds() -> None:
    request = vanilla()
    signature.verify(request, signature.read(request), SECRET, signature.EMPTY_HASH)


@pytest.mark.parametrize(
    "request_",
    [vanilla("a=b"), vanilla(signed="0" * 64)],
)
def test_any_change_breaks_it(request_: RawRequest) -> None:
    with pytest.raises(SignatureError) as caught:
        signature.verify(request_, signature.read(request_), SECRET, signature.EMPTY_HASH)
    assert caught.value.kind == "mismatch"


def test_a_header_that_is_not_signed_is_refused() -> None:
    plain = vanilla()
    smuggled = RawRequest("GET", "/", "", (*plain.headers, ("X-Amz-Target", "Other.Operation")))
    with pytest.raises(SignatureError, match="not signed"):
        signature.verify(smuggled, signature.read(smuggled), SECRET, signature.EMPTY_HASH)


@pytest.mark.parametrize(
    ("headers", "query", "kind"),
    [
        ((), "", "missing"),
        ((("Authorization", "Basic x"),), "", "incomplete"),
        ((("Authorization", "AWS4-HMAC-SHA256 Credential=x"),), "", "incomplete"),
        (
            (("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y"),),
            "",
            "incomplete",
        ),
        ((), "X-Amz-Algorithm=AWS4-HMAC-SHA256", "incomplete"),
        ((), "AWSAccessKeyId=A&Signature=b", "incomplete"),
    ],
)
def test_what_cannot_be_read(headers: tuple[tuple[str, str], ...], query: str, kind: str) -> None:
    with pytest.raises(SignatureError) as caught:
        signature.read(RawRequest("GET", "/", query, headers))
    assert caught.value.kind == kind


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4), TEXT)
def test_what_botocore_signs_holds(pairs: list[tuple[str, str]], body: str) -> None:
    from urllib.parse import quote

    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    url = f"http://127.0.0.1:4566/?{query}" if query else "http://127.0.0.1:4566/"
    made = AWSRequest("POST", url, data=body.encode())
    SigV4Auth(Credentials("AKID", SECRET), "dms", "us-east-1").add_auth(made)
    headers = (("Host", "127.0.0.1:4566"), *made.headers.items())
    request = RawRequest("POST", "/", query, tuple((str(k), str(v)) for k, v in headers))
    import hashlib

    signature.verify(request, signature.read(request), SECRET, hashlib.sha256(body.encode()).hexdigest())


@given(TEXT.filter(lambda text: text not in (".", "..")))
def test_object_keys_of_any_letters_hold(key: str) -> None:
    from urllib.parse import quote

    path = f"/bucket/{quote(key, safe='/~')}"
    made = AWSRequest("PUT", f"http://127.0.0.1:4566{path}", data=b"x")
    S3SigV4Auth(Credentials("AKID", SECRET), "s3", "us-east-1").add_auth(made)
    headers = (("Host", "127.0.0.1:4566"), *((str(k), str(v)) for k, v in made.headers.items()))
    request = RawRequest("PUT", path, "", headers)
    signature.verify(request, signature.read(request), SECRET, made.headers["X-Amz-Content-SHA256"])


def test_a_presigned_url_ends() -> None:
    made = AWSRequest("GET", "http://127.0.0.1:4566/?Action=GetCallerIdentity")
    SigV4QueryAuth(Credentials("AKID", SECRET), "sts", "us-east-1", expires=60).add_auth(made)
    request = RawRequest("GET", "/", made.url.partition("?")[2], (("Host", "127.0.0.1:4566"),))
    signed = signature.read(request)
    now = datetime.now(UTC)
    signature.check_time(signed, now)
    signature.verify(request, signed, SECRET, signature.EMPTY_HASH)
    with pytest.raises(SignatureError) as caught:
        signature.check_time(signed, now + timedelta(seconds=62))
    assert caught.value.kind == "expired"
    with pytest.raises(SignatureError) as caught:
        signature.check_time(signed, now - timedelta(hours=1))
    assert caught.value.kind == "skew"


@pytest.mark.parametrize(("minutes", "kind"), [(16, "skew"), (-16, "skew"), (14, None), (-14, None)])
def test_a_clock_may_be_off_by_a_quarter_of_an_hour(minutes: int, kind: str | None) -> None:
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC) + timedelta(minutes=minutes)
    if kind is None:
        signature.check_time(signature.read(vanilla()), at)
        return
    with pytest.raises(SignatureError) as caught:
        signature.check_time(signature.read(vanilla()), at)
    assert caught.value.kind == kind


# "Signature calculations for the Authorization header: transferring payload in multiple chunks", S3 API reference.
STREAM_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CHUNKS = (
    (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)


def streamed(letter: bytes = b"a") -> tuple[ChunkedBody, bytes]:
    names = (
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
    )
    names += "x-amz-storage-class"
    credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    headers = (
        ("Host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("Authorization", f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={seed}"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("Content-Encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("Content-Length", "66824"),
    )
    request = RawRequest("PUT", "/examplebucket/chunkObject.txt", "", headers)
    signed = signature.read(request)
    key = signature.verify(request, signed, STREAM_SECRET, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    body = b"".join(
        f"{size:x};chunk-signature={sign}\r\n".encode() + letter * size + b"\r\n" for size, sign in CHUNKS
    )
    return ChunkedBody(signed, key, chunks_signed=True), body


@pytest.mark.parametrize("step", [1, 7, 1_000, 100_000])
def test_the_published_stream_is_read_in_pieces_of_any_size(step: int) -> None:
    decoder, body = streamed()
    got = b"".join(decoder.feed(body[at : at + step]) for at in range(0, len(body), step))
    decoder.finish()
    assert got == b"a" * 66_560


def test_a_changed_chunk_is_refused() -> None:
    decoder, body = streamed(b"b")
    with pytest.raises(SignatureError):
        decoder.feed(body)


def test_a_stream_cut_short_is_refused() -> None:
    decoder, body = streamed()
    decoder.feed(body[:60_000])
    with pytest.raises(SignatureError):
        decoder.finish()


def test_trailers_are_kept() -> None:
    signed = signature.read(vanilla())
    decoder = ChunkedBody(signed, b"", chunks_signed=False)
    got = decoder.feed(b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n")
    decoder.finish()
    assert (got, decoder.trailers) == (b"hello", {"x-amz-checksum-crc32": "NhCmhg=="})
