"""People with keys and certificates, made once a run: who sends and receives in the tests of Direct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Person:
    """A key, its certificate, and the certificates above it but for the anchor."""

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """PEM files of the certificate and the key, for other programs."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key

    def pkcs12(self, name: str, password: bytes) -> bytes:
        """The same as PKCS #12, in the old algorithms that every program reads."""
        encryption = (
            PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(2000)
            .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())
            .build(password)
        )
        return serialize_key_and_certificates(name.encode(), self.key, self.certificate, self.chain, encryption)


def new_key(kind: str = "rsa2048") -> PrivateKey:
    """A new key: rsa1024, rsa2048 and so on, p256 or p384."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def certify(
    key: PrivateKey,
    common_name: str,
    issuer: Person | None = None,
    *,
    names: list[x509.GeneralName] | None = None,
    authority: bool = False,
    not_before: datetime = NOW - timedelta(days=1),
    not_after: datetime = NOW + timedelta(days=365),
    email_in_subject: str = "",
    key_usage: str = "both",
) -> x509.Certificate:
    """A certificate of `key`, self-signed without `issuer`."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if email_in_subject:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, email_in_subject))
    subject = x509.Name(attributes)
    signing = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    builder = builder.add_extension(
        x509.KeyUsage(
            digital_signature=not authority and key_usage in ("both", "sign"),
            content_commitment=False,
            key_encipherment=not authority and is_rsa and key_usage in ("both", "encrypt"),
            data_encipherment=False,
            key_agreement=not authority and not is_rsa and key_usage in ("both", "encrypt"),
            key_cert_sign=authority,
            crl_sign=authority,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(
        signing, hashes.SHA256(), rsa_padding=padding.PKCS1v15() if isinstance(signing, rsa.RSAPrivateKey) else None
    )


_MADE: dict[str, bytes] = {}


def made_once(name: str, make: Callable[[], bytes]) -> bytes:
    """What `make` gives, made once a run under `name`."""
    if name not in _MADE:
        _MADE[name] = make()
    return _MADE[name]


def authority(name: str = "Test Anchor") -> Person:
    """The anchor of that name, the same all through a run."""
    return _authority(name)


@cache
def _authority(name: str) -> Person:
    key = new_key()
    return Person(key, certify(key, name, authority=True))


@cache
def intermediate(name: str = "Test Intermediate", under: str = "Test Anchor") -> Person:
    """An authority under the anchor `under`."""
    key = new_key()
    return Person(key, certify(key, name, authority(under), authority=True))


@cache
def person(address: str, kind: str = "rsa2048", issuer: Person | None = None) -> Person:
    """The holder of an address certificate, under the test anchor or `issuer`, the same all through a run."""
    key = new_key(kind)
    above = issuer or authority()
    certificate = certify(key, address.partition("@")[0], above, names=[x509.RFC822Name(address)])
    chain = () if above.certificate.issuer == above.certificate.subject else (above.certificate,)
    return Person(key, certificate, chain)


@cache
def organisation(domain: str, kind: str = "rsa2048") -> Person:
    """The holder of an organisation certificate, under the test anchor."""
    key = new_key(kind)
    return Person(key, certify(key, domain, authority(), names=[x509.DNSName(domain)]))
