"""OCSP (RFC 6960): asking an authority's responder whether one certificate is revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.network.error import NetworkError
from channels.direct.trust.checks import DIGESTS

REQUEST = "application/ocsp-request"
LIMIT = 64 << 10

_SKEW = timedelta(minutes=5)
_WITHOUT_END = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Status:
    """What the responder says of one certificate, and until when that counts."""

    revoked: bool
    until: datetime


def request_for(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """The question, DER; the issuer is named by SHA-1 digests, the one form that every responder knows."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303 - no signature
    return builder.build().public_bytes(Encoding.DER)


def read_answer(data: bytes, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Status:
    """What the answer `data` says of `certificate`; raises `NetworkError` when it does not count."""
    try:
        return _read(data, certificate, issuer, now)
    except (*UNREADABLE, InvalidSignature):
        raise _unusable("it is malformed, or not signed by the authority") from None


def _read(data: bytes, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Status:
    answer = ocsp.load_der_ocsp_response(data)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise _unusable(f"the responder says {answer.response_status.name.lower().replace('_', ' ')}")
    if not isinstance(answer.signature_hash_algorithm, DIGESTS):
        raise _unusable("it is signed with a digest other than SHA-256, SHA-384 and SHA-512")
    _check_signature(answer, _responder(answer, issuer, now))
    asked = ocsp.load_der_ocsp_request(request_for(certificate, issuer))
    for single in answer.responses:
        same = (
            single.serial_number == asked.serial_number
            and isinstance(single.hash_algorithm, hashes.SHA1)
            and single.issuer_key_hash == asked.issuer_key_hash
            and single.issuer_name_hash == asked.issuer_name_hash
        )
        if same:
            return _status(single, now)
    raise _unusable("it speaks of another certificate")


def _status(single: ocsp.OCSPSingleResponse, now: datetime) -> Status:
    start, end = single.this_update_utc, single.next_update_utc
    if start > now + _SKEW or (end is not None and end <= now) or (end is None and start < now - _WITHOUT_END):
        raise _unusable("it is out of date")
    if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        raise _unusable("the responder does not know the certificate")
    return Status(single.certificate_status is ocsp.OCSPCertStatus.REVOKED, end or now + _WITHOUT_END)


def _responder(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """The authority itself, or whom it has given a certificate to answer for it (RFC 6960, 4.2.2.2)."""
    name, key_hash = answer.responder_name, answer.responder_key_hash
    for each in (issuer, *answer.certificates):
        if each.subject != name and _key_hash(each) != key_hash:
            continue
        if each == issuer:
            return issuer
        each.verify_directly_issued_by(issuer)
        purposes = each.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        in_time = each.not_valid_before_utc <= now <= each.not_valid_after_utc
        if ExtendedKeyUsageOID.OCSP_SIGNING in purposes and in_time:
            return each
    raise _unusable("it is signed by somebody whom the authority has not named")


def _key_hash(certificate: x509.Certificate) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _check_signature(answer: ocsp.OCSPResponse, responder: x509.Certificate) -> None:
    public, digest = responder.public_key(), answer.signature_hash_algorithm
    assert digest is not None
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), digest)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))
    else:
        raise _unusable("the responder's key is neither RSA nor EC")


def _unusable(why: str) -> NetworkError:
    return NetworkError(
        "ocsp-unusable", f"the OCSP answer does not count: {why}", "the authority must mend it", temporary=True
    )
