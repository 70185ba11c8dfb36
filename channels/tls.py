"""TLS for every end: what an engineer writes under `tls:`, and contexts that take up a renewed certificate."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.stamps import Stamp, stamp
from schemas.finding import Finding, Severity
from schemas.values import Secret, SiteFile

Report = Callable[[Finding], None]
Version = Literal["1.2", "1.3"]

_MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsError(OSError):
    """A certificate, key or authority cannot be read, or they do not fit; the text names the file and the reason."""


class _Tls(BaseModel):
    """What both sides of TLS have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_password: Secret | None = Field(None, description="The password of an encrypted key; write ${...}.")
    minimum: Version = Field("1.2", description="The lowest TLS version that is spoken: 1.2 or 1.3.")

    def _new_context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        context = ssl.create_default_context(purpose)
        context.minimum_version = _MINIMUM[self.minimum]
        context.options |= ssl.OP_NO_RENEGOTIATION
        return context

    def _load_identity(self, context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
        # Without a password OpenSSL would ask for it on the terminal and wait for ever.
        password = self.key_password.get_secret_value() if self.key_password else ""
        try:
            context.load_cert_chain(certificate, key, password=lambda: password)
        except ssl.SSLError as error:
            raise TlsError(f"tls: {_unfit(certificate, key, error)}") from error
        except OSError as error:
            raise TlsError(f"tls: cannot read {_missing(certificate, key)}: {error.strerror}") from error


class ServerTls(_Tls):
    """The `tls:` of an end that listens. With `clients`, a partner must show a certificate (mutual TLS)."""

    certificate: SiteFile = Field(description="Our certificate and its chain, PEM.")
    key: SiteFile | None = Field(
        None, description="Its private key, PEM; omit it when it is in the certificate's file."
    )
    clients: SiteFile | None = Field(
        None, description="The authorities whose certificates partners must show, PEM; omit it to ask for none."
    )
    client_names: list[str] = Field(
        default_factory=list,
        description="Which of those partners may connect: names in the certificate (CN, DNS, IP, URI, e-mail) or "
        "sha256:FINGERPRINT; empty: all of them.",
    )

    @model_validator(mode="after")
    def _names_need_certificates(self) -> ServerTls:
        if self.client_names and self.clients is None:
            raise ValueError("client_names needs clients, the authorities of the partners' certificates")
        return self

    def context(self, report: Report) -> ssl.SSLContext:
        """A context for a server; a file that changed is taken up at the next handshake, or reported when it is bad.

        Raises `TlsError`.
        """
        watched = _watched(report, self.certificate)

        def build() -> ssl.SSLContext:
            context = self._build()
            context.sslobject_class = watched
            return context

        return _Renewing.of(build, [self.certificate, self.key, self.clients], report)

    def admits(self, client: ClientCertificate | None) -> bool:
        """Whether a partner with this certificate may connect; without `clients` everybody may."""
        if not self.client_names:
            return True
        return client is not None and any(client.has_name(name) for name in self.client_names)

    def _build(self) -> ssl.SSLContext:
        context = self._new_context(ssl.Purpose.CLIENT_AUTH)
        self._load_identity(context, self.certificate, self.key)
        if self.clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            _load_authorities(context, self.clients)
        return context


class ClientTls(_Tls):
    """The `tls:` of an end that connects. With `certificate`, it shows one to the partner (mutual TLS)."""

    authorities: SiteFile | None = Field(
        None,
        description="The authorities that the partner's certificate must come from, PEM (or that certificate itself); "
        "omit it for the system's.",
    )
    certificate: SiteFile | None = Field(None, description="The certificate that we show to the partner, PEM.")
    key: SiteFile | None = Field(
        None, description="Its private key, PEM; omit it when it is in the certificate's file."
    )
    server_name: str | None = Field(
        None, description="The name that the partner's certificate must have, when it is not the host of the address."
    )

    @model_validator(mode="after")
    def _key_needs_certificate(self) -> ClientTls:
        if self.key is not None and self.certificate is None:
            raise ValueError("key needs certificate")
        return self

    def context(self, report: Report) -> ssl.SSLContext:
        """A context for a client; a file that changed is taken up at the next handshake, or reported when it is bad.

        Raises `TlsError`.
        """
        return _Renewing.of(self._build, [self.authorities, self.certificate, self.key], report)

    def _build(self) -> ssl.SSLContext:
        context = self._new_context(ssl.Purpose.SERVER_AUTH)
        if self.authorities is not None:
            # create_default_context has loaded the system's authorities, which must not count beside the partner's.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = _MINIMUM[self.minimum]
            context.options |= ssl.OP_NO_RENEGOTIATION
            # A partner's own certificate may be pinned in place of an authority.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            _load_authorities(context, self.authorities)
        if self.certificate is not None:
            self._load_identity(context, self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Who a partner's certificate says it is: `subject` for people, `names` and `fingerprint` for comparing."""

    subject: str
    names: frozenset[str]
    fingerprint: str

    @classmethod
    def of(cls, connection: ssl.SSLObject | ssl.SSLSocket | None) -> ClientCertificate | None:
        """The certificate that the other side of `connection` showed and that was verified, None when there is none."""
        if connection is None:
            return None
        fields: Mapping[str, Any] | None = connection.getpeercert()
        encoded = connection.getpeercert(binary_form=True)
        if not fields or not encoded:
            return None
        subject = [(key, value) for names in fields.get("subject", ()) for key, value in names]
        names = [value for key, value in subject if key == "commonName"]
        names += [value for _, value in fields.get("subjectAltName", ()) if isinstance(value, str)]
        return cls(
            subject=", ".join(f"{_SHORT.get(key, key)}={value}" for key, value in subject),
            names=frozenset(name.lower() for name in names),
            fingerprint=sha256(encoded).hexdigest(),
        )

    def has_name(self, name: str) -> bool:
        """Whether `name` is one of the certificate's names, in any case, or `sha256:` and its fingerprint."""
        lowered = name.lower()
        if lowered.startswith("sha256:"):
            return lowered.removeprefix("sha256:").replace(":", "") == self.fingerprint
        return lowered in self.names


_HANDSHAKES = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the partner shows no certificate; `clients` asks for one",
    "CERTIFICATE_VERIFY_FAILED": "the partner's certificate is not from the authorities in `clients`, or out of date",
    "UNSUPPORTED_PROTOCOL": "the partner speaks only versions below `minimum`",
    "NO_SHARED_CIPHER": "the partner knows none of the ciphers that are safe today",
    "WRONG_VERSION_NUMBER": "the partner does not speak TLS; have it use TLS, or leave `tls` out",
    "HTTP_REQUEST": "the partner speaks HTTP without TLS",
}
"""What to look at when a handshake fails for one of OpenSSL's reasons."""


def _watched(report: Report, certificate: Path) -> type[ssl.SSLObject]:
    """Connections whose failed handshakes are reported, for event loops say nothing of them.

    Of each reason the 1st, 2nd, 4th, 8th and so on.
    """
    seen: Counter[str] = Counter()

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                reason = error.reason or "UNKNOWN"
                seen[reason] += 1
                if seen[reason] & (seen[reason] - 1) == 0:
                    what = f"a partner's TLS handshake failed: {reason.lower().replace('_', ' ')}"
                    again = f" (time {seen[reason]})" if seen[reason] > 1 else ""
                    hint = _HANDSHAKES.get(reason, "")
                    if not hint and "ALERT" in reason:
                        hint = "the partner ended it: perhaps it does not know the authority of our certificate"
                    report(Finding("TLS-103", str(certificate), what + again, hint, Severity.WARNING))
                raise

    return Watched


_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
}

_Stamps = tuple[Stamp, ...]


class _Renewing(ssl.SSLContext):
    """A context that makes each connection from the files as they are then.

    asyncio, uvloop and httpx make a connection by `wrap_bio` or `wrap_socket`, so that is where the newest context
    steps in. A listening socket and its connections stay as they are.
    """

    _build: Callable[[], ssl.SSLContext]
    _files: list[Path]
    _report: Report
    _current: ssl.SSLContext
    _stamp: _Stamps
    _protocols: tuple[str, ...] = ()

    @classmethod
    def of(cls, build: Callable[[], ssl.SSLContext], files: list[Path | None], report: Report) -> _Renewing:
        present = [file for file in files if file is not None]
        stamp = _look(present)
        current = build()
        self = cls(current.protocol)
        # What a caller reads from the outer context must be what the inner one does.
        self.check_hostname = False
        self.verify_mode = current.verify_mode
        self.check_hostname = current.check_hostname
        self._build, self._files, self._report = build, present, report
        self._current, self._stamp = current, stamp
        return self

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        self._protocols = tuple(alpn_protocols)
        self._current.set_alpn_protocols(self._protocols)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        return self._renewed().wrap_bio(*args, **options)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return self._renewed().wrap_socket(*args, **options)

    def _renewed(self) -> ssl.SSLContext:
        stamp = _look(self._files)
        if stamp == self._stamp:
            return self._current
        self._stamp = stamp
        try:
            current = self._build()
            if self._protocols:
                current.set_alpn_protocols(self._protocols)
            self._current = current
        except TlsError as error:
            # Certificate and key are seldom replaced in one instant; the next change of either is looked at again.
            self._report(
                Finding(
                    "TLS-101",
                    str(self._files[0]),
                    f"the changed certificate files cannot be used: {error}",
                    "the earlier ones are kept; put files that fit each other in place",
                )
            )
        else:
            self._report(
                Finding(
                    "TLS-102",
                    str(self._files[0]),
                    "the changed certificate files are in use",
                    severity=Severity.INFORMATION,
                )
            )
        return self._current


def _look(files: list[Path]) -> _Stamps:
    return tuple(map(stamp, files))


def _load_authorities(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        raise TlsError(f"tls: {file} holds no certificates in PEM") from error
    except OSError as error:
        raise TlsError(f"tls: cannot read {file}: {error.strerror}") from error


def _missing(certificate: Path, key: Path | None) -> Path:
    return key if key is not None and certificate.is_file() else certificate


def _unfit(certificate: Path, key: Path | None, error: ssl.SSLError) -> str:
    """Why OpenSSL could not use these files: its own reasons differ from release to release."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {key or certificate} does not belong to {certificate}"
    if b"-----BEGIN CERTIFICATE-----" not in certificate.read_bytes():
        return f"{certificate} holds no certificate in PEM"
    key_text = (key or certificate).read_bytes()
    if b"PRIVATE KEY-----" not in key_text:
        return f"{key or certificate} holds no private key in PEM"
    if b"ENCRYPTED" in key_text:
        return f"key_password does not open the key in {key or certificate}"
    return f"{certificate}: OpenSSL says {error.reason or error.strerror}"
