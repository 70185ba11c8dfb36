"""Revocation lists (RFC 5280, 5 and 6.3): which serial numbers an authority has revoked, and until when that counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.network.error import NetworkError
from channels.direct.trust.checks import DIGESTS

LIMIT = 20 << 20
"""How many bytes of a list are read at most: a large authority's has some megabytes."""

_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that the authority `issuer` has signed: the serial numbers it revoked, and until when it counts.

    `users` and `authorities` say of which certificates it speaks.
    """

    issuer: x509.Certificate
    serials: frozenset[int]
    until: datetime
    users: bool = True
    authorities: bool = True

    def speaks_of(self, certificate: x509.Certificate) -> bool:
        """Whether the list says anything of `certificate`, by what kind of certificate it is."""
        return self.authorities if is_authority(certificate) else self.users


def read_list(data: bytes, issuer: x509.Certificate, now: datetime) -> RevocationList:
    """The list in `data`, DER or PEM, when `issuer` has signed it and it counts `now`.

    Raises `NetworkError`, for it is as good as none. A large list takes a while: keep it off the event loop.
    """
    try:
        return _read(data, issuer, now)
    except UNREADABLE:
        raise _unusable("it is malformed") from None


def _read(data: bytes, issuer: x509.Certificate, now: datetime) -> RevocationList:
    pem = data.lstrip().startswith(b"-----BEGIN")
    found = x509.load_pem_x509_crl(data) if pem else x509.load_der_x509_crl(data)
    if found.issuer != issuer.subject:
        raise _unusable("another authority has issued it")
    if not isinstance(found.signature_hash_algorithm, DIGESTS):
        raise _unusable("it is signed with a digest other than SHA-256, SHA-384 and SHA-512")
    public = issuer.public_key()
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not found.is_signature_valid(public):
        raise _unusable("its signature is not the authority's")
    if not _may_sign_lists(issuer):
        raise _unusable("the authority's key usage does not let it sign lists")
    if found.last_update_utc > now + _SKEW:
        raise _unusable("it begins in the future")
    until = found.next_update_utc
    if until is None or until <= now:
        raise _unusable("it is out of date")
    users, authorities = _kinds(found)
    return RevocationList(issuer, frozenset(each.serial_number for each in found), until, users, authorities)


def _kinds(found: x509.CertificateRevocationList) -> tuple[bool, bool]:
    """Whether the list speaks of end users' and of authorities' certificates."""
    users = authorities = True
    for extension in found.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            point = extension.value
            if point.indirect_crl or point.only_some_reasons or point.only_contains_attribute_certs:
                raise _unusable("it is an indirect list, or one for some reasons only")
            users, authorities = not point.only_contains_ca_certs, not point.only_contains_user_certs
        elif extension.critical:
            raise _unusable("it has a critical extension that is not known here")
    return users, authorities


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether basicConstraints says that `certificate` is an authority's."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False


def _unusable(why: str) -> NetworkError:
    return NetworkError(
        "crl-unusable", f"the revocation list does not count: {why}", "the authority must mend it", temporary=True
    )
