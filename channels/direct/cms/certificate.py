"""Certificates as CMS names them: by issuer and serial number, or by key identifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from channels.direct.cms import ber

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

MOST_CERTIFICATES = 100
MOST_OCTETS = 64 << 10
"""How long one certificate may be: a stranger could else fill it with names that take long to read."""


UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What cryptography raises for a certificate that is malformed somewhere inside."""


class Holder(Protocol):
    """Whoever holds a private key, with the certificate of it and those that lead to its anchor."""

    @property
    def key(self) -> PrivateKey:
        """The private key."""

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate of the key."""

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """The intermediate certificates, for those who do not have them."""


def issuer_and_serial(certificate: x509.Certificate) -> tuple[ber.Element, int]:
    """The issuer's name as it stands in `certificate`, and the serial number."""
    fields = ber.read(certificate.tbs_certificate_bytes).children
    if fields[0].tag == 0xA0:  # the version, absent in version 1
        fields = fields[1:]
    return fields[2], certificate.serial_number


def write_issuer_and_serial(certificate: x509.Certificate) -> bytes:
    """IssuerAndSerialNumber of `certificate` (RFC 5652 10.2.4)."""
    issuer, serial = issuer_and_serial(certificate)
    return ber.write(ber.SEQUENCE, issuer.whole, ber.write_integer(serial))


def key_identifier(certificate: x509.Certificate) -> bytes:
    """The subject key identifier: the extension's, else the SHA-1 of the key (RFC 5280 4.2.1.2)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, *UNREADABLE):
        return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def is_named(certificate: x509.Certificate, name: ber.Element) -> bool:
    """Whether `name`, an IssuerAndSerialNumber or an octet string with a key identifier, names `certificate`."""
    if name.tag != ber.SEQUENCE:
        return name.octets() == key_identifier(certificate)
    fields = name.children
    if len(fields) != 2 or fields[1].integer() != certificate.serial_number:
        return False
    issuer, _ = issuer_and_serial(certificate)
    return bytes(issuer.whole) == fields[0].whole or _words(issuer) == _words(fields[0])


def _words(name: ber.Element) -> list[tuple[str, str]]:
    """A distinguished name without regard to string types, case and spaces, which issuers do not keep to."""
    words = []
    for relative in name.children:
        for attribute in relative.children:
            kind, value = attribute.children[0], attribute.children[1]
            encoding = "utf-16-be" if value.tag == 0x1E else "utf-8"
            words.append((kind.oid(), " ".join(bytes(value.content).decode(encoding, "replace").casefold().split())))
    return words


def read_certificate(octets: bytes | memoryview) -> x509.Certificate | None:
    """The certificate that `octets`, DER, are; None where they are none, overlong, or with a key of no known kind."""
    if len(octets) > MOST_OCTETS:
        return None
    try:
        certificate = x509.load_der_x509_certificate(bytes(octets))
        certificate.public_key()
    except UNREADABLE:
        return None
    return certificate


def read_certificates(elements: Sequence[ber.Element], most: int = MOST_CERTIFICATES) -> tuple[x509.Certificate, ...]:
    """The X.509 certificates among `elements`; attribute certificates and what cannot be read is passed over.

    Raises `BerError` for more than `most`.
    """
    if len(elements) > most:
        raise ber.BerError(f"more than {most} certificates")
    found = (read_certificate(each.whole) for each in elements if each.tag == ber.SEQUENCE)
    return tuple(each for each in found if each is not None)
