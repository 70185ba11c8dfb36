"""The clients as their file has them now: what changed is taken up, what is wrong is reported and not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from channels.fhir.smart.register import ClientsError, Register, Registered, read_register
from channels.tls import ClientCertificate
from schemas.finding import Finding, Severity

_Stamp = tuple[tuple[int, int, int] | None, ...]


class Roster:
    """Knows the clients in the file at `path` of `site`; raises `OSError` when there is nothing to begin with."""

    def __init__(self, path: Path, site: Path, report: Callable[[Finding], None]) -> None:
        self._path = path
        self._site = site
        self._report = report
        self._seen: _Stamp = ()
        try:
            self._take(read_register(path, site))
        except ClientsError as error:
            raise OSError(f"access: {error}") from None

    def named(self, name: str) -> Registered | None:
        """The client called `name`."""
        self._look()
        return self._register.clients.get(name)

    def of_digest(self, digest: str) -> Registered | None:
        """The client whose bearer token has the SHA-256 `digest`."""
        self._look()
        return self._by_digest.get(digest)

    def of_certificate(self, certificate: ClientCertificate) -> Registered | None:
        """The client that `certificate` names."""
        self._look()
        for name, client in self._by_certificate:
            if certificate.has_name(name):
                return client
        return None

    def all(self) -> list[Registered]:
        """Every client."""
        self._look()
        return list(self._register.clients.values())

    def _look(self) -> None:
        if _stamp(self._register.files) == self._seen:
            return
        self._seen = _stamp(self._register.files)
        try:
            self._take(read_register(self._path, self._site))
        except ClientsError as error:
            what = f"the changed clients cannot be used: {error}"
            self._report(Finding("FHIR-414", str(self._path), what, "the earlier ones are kept; mend the file"))
        else:
            what = "the changed clients are in use"
            self._report(Finding("FHIR-415", str(self._path), what, severity=Severity.INFORMATION))

    def _take(self, register: Register) -> None:
        clients = register.clients.values()
        self._register = register
        self._seen = _stamp(register.files)
        self._by_digest = {digest: client for client in clients for digest in client.digests}
        self._by_certificate = [(name, client) for client in clients for name in client.certificates]


def _stamp(files: tuple[Path, ...]) -> _Stamp:
    return tuple(map(_stamp_of, files))


def _stamp_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
