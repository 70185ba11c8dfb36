"""Our own identities: a private key, its certificate and the chain above it, from PEM files or PKCS#12."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.direct.error import DirectError
from channels.direct.trust.binding import Names, address_bound, domain_bound, names_of
from channels.direct.trust.usage import may_encrypt, may_sign
from channels.stamps import Stamp, stamp
from schemas.finding import Finding, Severity
from schemas.values import Secret, SiteFile

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_LIMIT = 1 << 20
_SOON = timedelta(days=30)
_DAY = timedelta(days=1)


class KeysError(DirectError):
    """An identity cannot be read or there is none for an address; the text names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key (never shown), its certificate, and the intermediate certificates above it, nearest first."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def names(self) -> Names:
        """The addresses and domains that it speaks for."""
        return names_of(self.certificate)

    @property
    def can_sign(self) -> bool:
        """Whether its key usage lets it sign."""
        return may_sign(self.certificate)

    @property
    def can_decrypt(self) -> bool:
        """Whether its key usage lets others encrypt to it."""
        return may_encrypt(self.certificate)

    def is_valid(self, now: datetime) -> bool:
        """Whether its certificate is within its time."""
        return self.certificate.not_valid_before_utc <= now <= self.certificate.not_valid_after_utc


class IdentityFiles(BaseModel):
    """One identity as files of the site: PEM, or PKCS#12."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: SiteFile | None = Field(None, description="The certificate and its chain, PEM.")
    key: SiteFile | None = Field(
        None, description="Its private key, PEM; omit it when it is in the certificate's file."
    )
    pkcs12: SiteFile | None = Field(None, description="A PKCS#12 file (.p12, .pfx) in place of certificate and key.")
    password: Secret | None = Field(None, description="The password of the key or of the PKCS#12 file; write ${...}.")

    @model_validator(mode="after")
    def _one_form(self) -> IdentityFiles:
        if (self.certificate is None) == (self.pkcs12 is None):
            raise ValueError("an identity is either certificate (with key) or pkcs12")
        if self.pkcs12 is not None and self.key is not None:
            raise ValueError("key belongs to certificate; a PKCS#12 file holds its own")
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return tuple(file for file in (self.certificate or self.pkcs12, self.key) if file is not None)

    def read(self) -> Identity:
        """The identity as its files are now; raises `KeysError`."""
        password = self.password.get_secret_value().encode() if self.password else None
        if self.pkcs12 is not None:
            return _from_pkcs12(self.pkcs12, password)
        assert self.certificate is not None
        return _from_pem(self.certificate, self.key or self.certificate, password)


class Keys:
    """The identities of an end, read again when their files change; a changed file that is bad is reported and the
    earlier identity kept."""

    def __init__(self, identities: Sequence[IdentityFiles], report: Callable[[Finding], None]) -> None:
        """Read every identity; raises `KeysError`."""
        self._files = tuple(identities)
        self._report = report
        self._stamps = [_look(each.files) for each in self._files]
        self._identities = [each.read() for each in self._files]
        self._warned: dict[x509.Certificate, datetime] = {}

    def identities(self) -> tuple[Identity, ...]:
        """Every identity as its files are now."""
        for number, each in enumerate(self._files):
            now = _look(each.files)
            if now != self._stamps[number]:
                self._stamps[number] = now
                self._renew(number, each)
        return tuple(self._identities)

    def signing(self, address: str, now: datetime) -> Identity:
        """The identity that signs for `address`: its own before its domain's, of several the newest.

        Raises `KeysError`.
        """
        found = _for_address([each for each in self.identities() if each.can_sign], address, now)
        if found is None:
            what = f"no certificate in its time may sign for {address}"
            raise KeysError("keys-none", what, "add an identity under `keys`; `hie direct certs` lists those there are")
        self._warn(found.certificate, now)
        return found

    def decrypting(self) -> tuple[Identity, ...]:
        """Every identity that others may have encrypted to; an expired one still opens what was sent in its time."""
        return tuple(each for each in self.identities() if each.can_decrypt)

    def _warn(self, certificate: x509.Certificate, now: datetime) -> None:
        """Report once a day that what signs ends soon."""
        left = certificate.not_valid_after_utc - now
        warned = self._warned.get(certificate)
        if left < _SOON and (warned is None or now - warned >= _DAY):
            self._warned[certificate] = now
            where = str(next(each.files[0] for each, held in self._pairs() if held.certificate == certificate))
            what = f"the identity that signs ends in {left.days} days"
            self._report(Finding("DIR-103", where, what, "put its successor beside it", Severity.WARNING))

    def _pairs(self) -> Iterable[tuple[IdentityFiles, Identity]]:
        return zip(self._files, self._identities, strict=True)

    def _renew(self, number: int, each: IdentityFiles) -> None:
        where = str(each.files[0])
        try:
            self._identities[number] = each.read()
        except KeysError as error:
            what = f"the changed identity cannot be used: {error.what}"
            hint = "the earlier one is kept; put files that fit each other in place"
            self._report(Finding("DIR-101", where, what, hint))
        else:
            what = "the changed identity is in use"
            self._report(Finding("DIR-102", where, what, severity=Severity.INFORMATION))


def read_certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in `data`, PEM (text around them is skipped) or one DER; raises `ValueError`."""
    if b"-----BEGIN" in data:
        return tuple(x509.load_pem_x509_certificates(data))
    return (x509.load_der_x509_certificate(data),)


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 fingerprint of `certificate`, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _for_address(identities: Iterable[Identity], address: str, now: datetime) -> Identity | None:
    valid = [each for each in identities if each.is_valid(now)]
    for bound in (address_bound, domain_bound):
        found = [each for each in valid if bound(each.certificate, address)]
        if found:
            return max(found, key=lambda each: each.certificate.not_valid_before_utc)
    return None


def _from_pem(certificate: Path, key: Path, password: bytes | None) -> Identity:
    content, key_content = _content(certificate), _content(key)
    try:
        certificates = read_certificates(content)
    except ValueError:
        raise KeysError(
            "keys-unreadable", f"{certificate} holds no certificate", "write PEM, the chain below it"
        ) from None
    try:
        private = serialization.load_pem_private_key(key_content, password)
    except TypeError:
        what = f"the key in {key} {'is not' if password else 'is'} encrypted"
        raise KeysError(
            "keys-unreadable", what, f"{'leave password out' if password else 'write password: ${...}'}"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeysError(
            "keys-unreadable", f"{key} holds no private key in PEM that the password opens", "see password"
        ) from None
    return _identity(private, certificates, key)


def _from_pkcs12(file: Path, password: bytes | None) -> Identity:
    content = _content(file)
    try:
        private, certificate, others = pkcs12.load_key_and_certificates(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeysError(
            "keys-unreadable", f"{file} is no PKCS#12 file that the password opens", "see password"
        ) from None
    if private is None or certificate is None:
        raise KeysError("keys-unreadable", f"{file} holds no private key with its certificate", "export both")
    return _identity(private, (certificate, *others), file)


def _identity(private: object, certificates: Sequence[x509.Certificate], file: Path) -> Identity:
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeysError(
            "keys-misfit", f"the key in {file} is neither RSA nor EC", "Direct uses RSA, or EC on P-256 or P-384"
        )
    own = private.public_key().public_bytes(*_SPKI)
    for certificate in certificates:
        try:
            public = certificate.public_key().public_bytes(*_SPKI)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if public == own:
            chain = ordered(certificate, [each for each in certificates if each != certificate])
            return Identity(private, certificate, chain)
    raise KeysError(
        "keys-misfit", f"the key in {file} belongs to no certificate beside it", "put the two that fit in place"
    )


_SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def ordered(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The issuers of `leaf` among `others`, nearest first, without a self-signed root."""
    chain: list[x509.Certificate] = []
    current = leaf
    while True:
        issuer = next(
            (
                each
                for each in others
                if each.subject == current.issuer and each.subject != each.issuer and each not in chain
            ),
            None,
        )
        if issuer is None:
            return tuple(chain)
        chain.append(issuer)
        current = issuer


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
    except OSError as error:
        raise KeysError(
            "keys-unreadable", f"cannot read {file}: {error.strerror}", "see the path and its rights"
        ) from None
    if len(data) > _LIMIT:
        raise KeysError("keys-unreadable", f"{file} is larger than 1 MB", "name a file of certificates")
    return data


def _look(files: Sequence[Path]) -> tuple[Stamp, ...]:
    return tuple(map(stamp, files))
