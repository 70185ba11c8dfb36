"""What a certificate alone must be, before anything is fetched (checklist C1 to C11)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.trust.binding import binds, names_of
from channels.direct.trust.error import UntrustedError
from channels.direct.trust.options import Unsure
from channels.direct.trust.usage import may_encrypt, may_mail, may_sign

Way = Literal["in", "out", "notice"]
"""What a certificate is judged for: it signed mail for us, it is to be encrypted to, it signed a notice for us."""

DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
"""Those that a certificate, a revocation list or an OCSP answer may be signed with."""
_CURVES = (ec.SECP256R1, ec.SECP384R1)
_RSA = 2048


def check(certificate: x509.Certificate, address: str, way: Way, now: datetime, several_names: Unsure) -> None:
    """See that `certificate` may speak for `address` and be used this way now; raises `UntrustedError`."""
    try:
        _time(certificate, now)
        _key(certificate)
        _digest(certificate)
        _names(certificate, address, several_names)
        _usage(certificate, way)
    except UNREADABLE:
        raise UntrustedError("unreadable", "the certificate is malformed", "have it issued anew") from None


def _time(certificate: x509.Certificate, now: datetime) -> None:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        raise UntrustedError(
            "not-yet-valid", f"the certificate counts from {start:%Y-%m-%d %H:%M} UTC", "see the clock"
        )
    if now > end:
        raise UntrustedError("expired", f"the certificate ended {end:%Y-%m-%d %H:%M} UTC", "the partner renews it")


def _key(certificate: x509.Certificate) -> None:
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA:
        return
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, _CURVES):
        return
    what = "the key is neither RSA of 2048 bits or more nor EC on P-256 or P-384"
    raise UntrustedError("weak-key", what, "have a certificate issued for such a key")


def _digest(certificate: x509.Certificate) -> None:
    if not isinstance(certificate.signature_hash_algorithm, DIGESTS):
        what = "the certificate is signed with a digest other than SHA-256, SHA-384 and SHA-512"
        raise UntrustedError("weak-digest", what, "have it issued anew")


def _names(certificate: x509.Certificate, address: str, several_names: Unsure) -> None:
    names = names_of(certificate)
    if any("*" in each for each in (*names.domains, *names.addresses)):
        raise UntrustedError("wildcard", "the certificate speaks for a wildcard", "have one issued for the domain")
    if not names.addresses and not names.domains:
        what = "the certificate has neither an address nor a domain in subjectAltName"
        raise UntrustedError("unbound", what, "an e-mail address in the subject does not count")
    if not binds(certificate, address):
        what = "the certificate speaks for other addresses than this one"
        raise UntrustedError("unbound", what, "it must name the address, or exactly its domain, in subjectAltName")
    if names.several and several_names == "refuse":
        what = "the certificate speaks for more than one address or domain"
        raise UntrustedError("several-names", what, "write several_names: accept under trust, if that is agreed")


def _usage(certificate: x509.Certificate, way: Way) -> None:
    if way == "out" and not may_encrypt(certificate):
        raise UntrustedError("usage", "the certificate's key usage does not let one encrypt to it", "use the other one")
    if way != "out" and not may_sign(certificate):
        raise UntrustedError("usage", "the certificate's key usage does not let it sign", "sign with the other one")
    if not may_mail(certificate):
        raise UntrustedError("purpose", "the certificate's extended key usage leaves out e-mail", "have another issued")
