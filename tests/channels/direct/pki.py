"""Authorities and certificates for Direct's tests, good ones and each kind of bad one, made when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from channels.direct.keys import Identity, PrivateKey

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
"""The moment at which the certificates made here are in their time."""

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def key(kind: str = "rsa2048", number: int = 0) -> PrivateKey:
    """A key of `kind` (rsa1024, rsa2048, p256, p384, p521); the same one for the same `number`."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    return ec.generate_private_key(curves[kind])


def usage(*names: str) -> x509.KeyUsage:
    """A key usage of the `names` that are cryptography's."""
    return x509.KeyUsage(**{each: each in names for each in _USAGES})


@dataclass(frozen=True)
class Wish:
    """How a certificate differs from a good one."""

    start: datetime = NOW - timedelta(days=30)
    end: datetime = NOW + timedelta(days=365)
    kind: str = "rsa2048"
    usages: tuple[str, ...] | None = ("digital_signature", "key_encipherment")
    purposes: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.EMAIL_PROTECTION,)
    subject_mail: str = ""
    crl: str = ""
    ocsp: str = ""
    ocsp_too: str = ""
    issuers: str = ""
    path_length: int | None = None
    permitted: tuple[x509.GeneralName, ...] = ()
    excluded: tuple[x509.GeneralName, ...] = ()
    key_identifier: bytes = b""
    digest: Any = field(default_factory=hashes.SHA256)
    extra: tuple[x509.ExtensionType, ...] = ()
    critical: tuple[x509.ExtensionType, ...] = ()
    is_authority: bool | None = None


_GOOD = Wish()


class Authority:
    """A certificate authority: a root, or below another one."""

    def __init__(self, name: str, above: Authority | None = None, wish: Wish = _GOOD, number: int = 0) -> None:
        self.key = key(wish.kind, 1000 + number)
        self.name = _name(name)
        self.above = above
        self.certificate = _certificate(
            self.name, self.key, (), above or self, wish, authority=wish.is_authority is not False
        )

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """This authority and those above it, without the root."""
        return () if self.above is None else (self.certificate, *self.above.chain)

    def issue(self, *names: str, wish: Wish = _GOOD, number: int = 0, common: str = "") -> Identity:
        """An identity whose subjectAltName holds `names`: an address where there is an @, else a domain."""
        private = key(wish.kind, number)
        subject = _name(common or (names[0] if names else "nobody"), wish.subject_mail)
        return Identity(private, _certificate(subject, private, names, self, wish, authority=False), self.chain)

    def crl(
        self,
        *revoked: x509.Certificate,
        at: datetime = NOW,
        until: datetime | None = None,
        signer: PrivateKey | None = None,
        extension: x509.ExtensionType | None = None,
    ) -> bytes:
        """A revocation list, DER, in its time from `at` to `until` (a day later), with one critical `extension`."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(at)
            .next_update(until or at + timedelta(days=1))
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial_number).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        if extension is not None:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(signer or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def ocsp(
        self,
        certificate: x509.Certificate,
        *,
        revoked: bool = False,
        at: datetime = NOW,
        responder: Identity | None = None,
    ) -> bytes:
        """An OCSP answer, DER, about `certificate`, in its time for an hour, signed by us or by `responder`."""
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        signer = responder.certificate if responder else self.certificate
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                certificate,
                self.certificate,
                hashes.SHA1(),
                status,
                at,
                at + timedelta(hours=1),
                at if revoked else None,
                x509.ReasonFlags.key_compromise if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer)
        )
        if responder:
            builder = builder.certificates([signer])
        private = responder.key if responder else self.key
        return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def with_old_digest(certificate: x509.Certificate, issuer: rsa.RSAPrivateKey, digest: str) -> x509.Certificate:
    """`certificate`, an RSA-SHA-256 one, signed anew with `digest`: sha1 or md5."""
    oid, algorithm = {"sha1": (5, hashes.SHA1()), "md5": (4, hashes.MD5())}[digest]
    rsa_with = bytes.fromhex("06092a864886f70d0101")
    signed = certificate.tbs_certificate_bytes.replace(rsa_with + b"\x0b", rsa_with + bytes([oid]))
    signature = issuer.sign(signed, padding.PKCS1v15(), algorithm)
    whole = certificate.public_bytes(serialization.Encoding.DER)
    at = whole.index(certificate.tbs_certificate_bytes)
    tail = whole[at + len(signed) :].replace(rsa_with + b"\x0b", rsa_with + bytes([oid]))
    return x509.load_der_x509_certificate(whole[:at] + signed + tail[: -len(signature)] + signature)


def _name(common: str, mail: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common[:64])]
    if mail:
        parts.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, mail))
    return x509.Name(parts)


def _certificate(
    subject: x509.Name, private: PrivateKey, names: Sequence[str], issuer: Authority, wish: Wish, *, authority: bool
) -> x509.Certificate:
    public = private.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(wish.start)
        .not_valid_after(wish.end)
    )
    identifier = wish.key_identifier or x509.SubjectKeyIdentifier.from_public_key(public).digest
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=authority, path_length=wish.path_length if authority else None), True),
        (x509.SubjectKeyIdentifier(identifier), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False),
    ]
    if authority:
        extensions.append((usage("key_cert_sign", "crl_sign", "digital_signature"), True))
    elif wish.usages is not None:
        extensions.append((usage(*wish.usages), True))
    if wish.purposes is not None and not authority:
        extensions.append((x509.ExtendedKeyUsage(wish.purposes), False))
    if names:
        alternatives = [x509.RFC822Name(each) if "@" in each else x509.DNSName(each) for each in names]
        extensions.append((x509.SubjectAlternativeName(alternatives), False))
    if wish.permitted or wish.excluded:
        extensions.append((x509.NameConstraints(wish.permitted or None, wish.excluded or None), True))
    if wish.crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(wish.crl)], None, None, None)
        extensions.append((x509.CRLDistributionPoints([point]), False))
    places = [(AuthorityInformationAccessOID.OCSP, each) for each in (wish.ocsp, wish.ocsp_too)]
    places += [(AuthorityInformationAccessOID.CA_ISSUERS, wish.issuers)]
    described = [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in places if url]
    if described:
        extensions.append((x509.AuthorityInformationAccess(described), False))
    extensions += [(each, False) for each in wish.extra] + [(each, True) for each in wish.critical]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.key, wish.digest)


def pem(*certificates: x509.Certificate) -> bytes:
    """`certificates` in PEM, one after another."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def key_pem(private: PrivateKey, password: bytes | None = None) -> bytes:
    """A key in PKCS#8 PEM."""
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def write_pem(folder: Path, name: str, identity: Identity) -> tuple[Path, Path]:
    """The certificate's file (with its chain) and the key's file of `identity`, written to `folder`."""
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(pem(identity.certificate, *identity.chain))
    private.write_bytes(key_pem(identity.key))
    return certificate, private
