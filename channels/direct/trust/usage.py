"""What a certificate's key may be used for (RFC 5750, 4.4.2 and 4.4.4; RFC 5280, 4.2.1.3)."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether its key may sign mail: digitalSignature or contentCommitment, where key usage is stated at all."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension):
        return False
    return usage.digital_signature or usage.content_commitment


def may_encrypt(certificate: x509.Certificate) -> bool:
    """Whether one may encrypt to its key: keyEncipherment, of EC keyAgreement, where key usage is stated at all."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        agrees = isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return usage.key_agreement if agrees else usage.key_encipherment


def may_mail(certificate: x509.Certificate) -> bool:
    """Whether extended key usage, where it is stated, holds emailProtection or any."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except (ValueError, x509.DuplicateExtension):
        return False
    return ExtendedKeyUsageOID.EMAIL_PROTECTION in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
