"""The clients as their file has them now: what changed is taken up, what is wrong is reported and not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from channels.fhir.smart.register import ClientsError, Registered, Stamp, read_register, stamp_of
from channels.tls import ClientCertificate
from schemas.finding import Finding, Severity


class Roster:
    """Knows the clients in the file at `path` of `site`; raises `OSError` when there is nothing to begin with."""

    def __init__(self, path: Path, site: Path, report: Callable[[Finding], None]) -> None:
        self._path = path
        self._site = site
        self._report = report
        self._stamps: dict[Path, Stamp] = {}
        try:
            self._take(read_register(path, site, self._stamps))
        except ClientsError as error:
            raise OSError(f"access: {error}") from None

    def named(self, name: str) -> Registered | None:
        """The client called `name`."""
        self._look()
        return self._clients.get(name)

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
        return list(self._clients.values())

    def _look(self) -> None:
        if all(stamp_of(file) == stamp for file, stamp in self._stamps.items()):
            return
        self._stamps = {}
        try:
            self._take(read_register(self._path, self._site, self._stamps))
        except ClientsError as error:
            what = f"the changed clients cannot be used: {error}"
            self._report(Finding("FHIR-414", str(self._path), what, "the earlier ones are kept; mend the file"))
        else:
            what = "the changed clients are in use"
            self._report(Finding("FHIR-415", str(self._path), what, severity=Severity.INFORMATION))

    def _take(self, clients: Mapping[str, Registered]) -> None:
        self._clients = clients
        self._by_digest = {digest: client for client in clients.values() for digest in client.digests}
        self._by_certificate = [(name, client) for client in clients.values() for name in client.certificates]
