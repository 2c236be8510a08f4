"""The sandbox's certificate authority: one root like RDS's regional one, a leaf per address. The gate uses it."""

from __future__ import annotations

import datetime
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LEAF_DAYS = 365


class Authority:
    """A root (RSA 2048, subject as `Amazon RDS <region> Root CA RSA2048 G1`) kept in `folder`, or for this run only."""

    def __init__(self, region: str, folder: Path | None = None) -> None:
        self.region = region
        self._folder = folder
        self._key, self._root = self._kept() or self._made()
        self.ca_pem = self._root.public_bytes(serialization.Encoding.PEM).decode()
        # All leaves share one key: making an RSA key takes a tenth of a second, and they all live in this process.
        self._leaf_key: rsa.RSAPrivateKey | None = None

    def _kept(self) -> tuple[rsa.RSAPrivateKey, x509.Certificate] | None:
        """The root of an earlier run with the same state folder, so that imported certificates stay valid."""
        if self._folder is None or not (self._folder / "ca.pem").is_file():
            return None
        pem = (self._folder / "ca.pem").read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key, x509.load_pem_x509_certificate(pem)

    def _made(self) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, f"Amazon RDS {self.region} Root CA RSA2048 G1"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "dmstui sandbox"),
            ]
        )
        now = datetime.datetime.now(datetime.UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / "ca.pem"
            path.touch(mode=0o600)
            path.write_bytes(_key_pem(key) + root.public_bytes(serialization.Encoding.PEM))
        return key, root

    def leaf(self, host: str, *, days: float = LEAF_DAYS) -> tuple[str, str]:
        """(certificate with its chain, key), both PEM, for one host name. Negative `days` give an expired one."""
        if self._leaf_key is None:
            self._leaf_key = rsa.generate_private_key(65537, 2048)
        public = self._leaf_key.public_key()
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])]))
            .issuer_name(self._root.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=max(1.0, 2 - days)))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return pem + self.ca_pem, _key_pem(self._leaf_key).decode()

    @lru_cache(maxsize=256)  # noqa: B019 - one authority lives as long as the process
    def context(self, host: str) -> ssl.SSLContext:
        """A server's TLS context that shows the leaf of `host`."""
        certificate, key = self.leaf(host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The ssl module loads from files only; the folder is 0700 and gone before the context is used.
        with tempfile.TemporaryDirectory(prefix="dmstui-") as folder:
            path = Path(folder) / "leaf.pem"
            path.write_text(certificate + key)
            context.load_cert_chain(path)
        return context


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
