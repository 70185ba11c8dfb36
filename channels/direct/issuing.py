"""Test identities: an authority of one's own, certificates below it as Direct wants them, and its revocation list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from channels.direct.keys import Identity, PrivateKey

Kind = Literal["rsa", "ec"]
Use = Literal["both", "sign", "encrypt"]

_EARLIER = timedelta(hours=1)  # other machines' clocks are behind ours now and then
_NAME = 64


def new_authority(name: str, kind: Kind, now: datetime, lasts: timedelta) -> Identity:
    """An authority that signs itself, to be somebody's anchor in tests."""
    key = _new_key(kind)
    builder = _builder(name, key, now, lasts).issuer_name(_name(name))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    return Identity(key, builder.sign(key, hashes.SHA256()))


def issue(authority: Identity, name: str, kind: Kind, use: Use, now: datetime, lasts: timedelta) -> Identity:
    """An identity for `name`, an address or a domain, below `authority`, and never longer than that lasts."""
    key = _new_key(kind)
    above = authority.certificate
    end = min(now + lasts, above.not_valid_after_utc)
    builder = _builder(name, key, now, end - now).issuer_name(above.subject)
    alternative = x509.RFC822Name(name) if "@" in name else x509.DNSName(name)
    usages = {"sign": ["digital_signature"], "encrypt": [_OPENS[kind]], "both": ["digital_signature", _OPENS[kind]]}
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(*usages[use]), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        (x509.SubjectAlternativeName([alternative]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False),
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Identity(key, builder.sign(authority.key, hashes.SHA256()))


def revocation_list(authority: Identity, now: datetime) -> bytes:
    """The list of `authority` on which nobody stands, in PEM, for as long as the authority lasts."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - _EARLIER)
        .next_update(authority.certificate.not_valid_after_utc)
    )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    """`key` in PEM (PKCS#8), not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


_OPENS = {"rsa": "key_encipherment", "ec": "key_agreement"}


def _new_key(kind: Kind) -> PrivateKey:
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:_NAME])])


def _builder(name: str, key: PrivateKey, now: datetime, lasts: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*names: str) -> x509.KeyUsage:
    every = (
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
    return x509.KeyUsage(**{each: each in names for each in every})
