"""Certificates: import, describe, delete. A PEM is read and checked; a wallet is kept as it came."""

from __future__ import annotations

import base64
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dmstui.sandbox.dms import filters, identifiers, paging
from dmstui.sandbox.dms.faults import bad_value, exists, invalid_state, not_found, quota
from dmstui.sandbox.dms.room import Room, moment, present
from dmstui.sandbox.dms.store import Certificate
from dmstui.sandbox.service import Call, Fault, Handler

MAX_CERTIFICATES = 100


def operations(room: Room) -> dict[str, Handler]:
    """The handlers of this group."""

    async def load(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        store = room.store
        name = identifiers.name("CertificateIdentifier", params["CertificateIdentifier"]).lower()
        pem, wallet = params.get("CertificatePem"), params.get("CertificateWallet")
        if bool(pem) == bool(wallet):
            raise bad_value("Specify either CertificatePem or CertificateWallet.")
        tags = identifiers.check_tags(params.get("Tags") or [])
        if any(entry.identifier == name for entry in store.certificates.values()):
            raise exists(f"Certificate {name} already exists.")
        if len(store.certificates) >= MAX_CERTIFICATES:
            raise quota(f"The quota of {MAX_CERTIFICATES} certificates is reached.")
        certificate = Certificate(
            arn=room.arn("cert", identifiers.new_suffix(None)),
            identifier=name,
            created=time.time(),
            serial=store.next(),
            kms_key=params.get("KmsKeyId"),
        )
        if pem:
            _read(certificate, pem)
        else:
            certificate.wallet = base64.b64encode(bytes(wallet or b"")).decode()
        store.certificates[certificate.arn] = certificate
        room.put_tags(certificate.arn, tags)
        room.changed()
        return {"Certificate": answer(room, certificate)}

    async def describe(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        found = filters.select(
            room.store.certificates.values(),
            params.get("Filters"),
            {"certificate-arn": lambda c: c.arn, "certificate-id": lambda c: c.identifier},
            names=frozenset({"certificate-id"}),
            folded=frozenset({"certificate-id"}),
        )
        if params.get("Filters") and not found:
            raise not_found("No Certificates found matching provided filters")
        shown, marker = paging.page(found, params, lambda c: c.serial, low=1, default=10)
        return paging.answer("Certificates", [answer(room, entry) for entry in shown], marker)

    async def delete(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        certificate = room.store.certificate(params["CertificateArn"])
        for endpoint in room.store.endpoints.values():
            if endpoint.certificate_arn == certificate.arn:
                raise invalid_state(
                    f"Certificate {certificate.arn} is in use by endpoint {endpoint.identifier}."
                )
        del room.store.certificates[certificate.arn]
        room.store.tags.pop(certificate.arn, None)
        room.changed()
        return {"Certificate": answer(room, certificate)}

    return {"ImportCertificate": load, "DescribeCertificates": describe, "DeleteCertificate": delete}


def answer(room: Room, certificate: Certificate) -> dict[str, Any]:
    """A certificate as the API shows it."""
    return present(
        {
            "CertificateIdentifier": certificate.identifier,
            "CertificateCreationDate": moment(certificate.created),
            "CertificatePem": certificate.pem,
            "CertificateWallet": base64.b64decode(certificate.wallet) if certificate.wallet else None,
            "CertificateArn": certificate.arn,
            "CertificateOwner": room.world.account_id,
            "ValidFromDate": moment(certificate.valid_from),
            "ValidToDate": moment(certificate.valid_to),
            "SigningAlgorithm": certificate.algorithm,
            "KeyLength": certificate.key_length,
            "KmsKeyId": certificate.kms_key,
        }
    )


def _read(certificate: Certificate, pem: str) -> None:
    """Check the PEM and keep what the API shows of its first certificate."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise Fault("InvalidCertificateFault", f"The certificate is not valid: {error}") from None
    first = found[0]
    key = first.public_key()
    certificate.pem = pem
    certificate.valid_from = first.not_valid_before_utc.timestamp()
    certificate.valid_to = first.not_valid_after_utc.timestamp()
    certificate.algorithm = first.signature_algorithm_oid._name
    certificate.key_length = (
        key.key_size if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else None
    )
