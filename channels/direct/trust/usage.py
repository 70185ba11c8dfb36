"""What a certificate's key may be used for (RFC 5750, 4.4.2 and 4.4.4; RFC 5280, 4.2.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from channels.direct.cms.certificate import UNREADABLE

E = TypeVar("E", bound=x509.ExtensionType)


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether its key may sign mail: digitalSignature or contentCommitment, where key usage is stated at all."""
    return _allows(certificate, x509.KeyUsage, lambda usage: usage.digital_signature or usage.content_commitment)


def may_encrypt(certificate: x509.Certificate) -> bool:
    """Whether one may encrypt to its key: keyEncipherment, of EC keyAgreement, where key usage is stated at all."""

    def allows(usage: x509.KeyUsage) -> bool:
        agrees = isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
        return usage.key_agreement if agrees else usage.key_encipherment

    return _allows(certificate, x509.KeyUsage, allows)


def may_mail(certificate: x509.Certificate) -> bool:
    """Whether extended key usage, where it is stated, holds emailProtection or any."""
    purposes = (ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return _allows(certificate, x509.ExtendedKeyUsage, lambda usage: any(each in usage for each in purposes))


def _allows(certificate: x509.Certificate, kind: type[E], allows: Callable[[E], bool]) -> bool:
    """Whether the extension `kind` allows it: what is not stated allows everything, what cannot be read nothing."""
    try:
        return allows(certificate.extensions.get_extension_for_class(kind).value)
    except x509.ExtensionNotFound:
        return True
    except UNREADABLE:
        return False
