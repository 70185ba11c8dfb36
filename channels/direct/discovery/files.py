"""Partners' certificates that the site has in files, read again when these change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography import x509

from channels.direct.discovery.found import Bound, Place
from channels.direct.trust.binding import address_bound, domain_bound
from channels.direct.trust.bundle import BundleError, read_bundle
from channels.direct.trust.store import read_file
from channels.stamps import stamp
from schemas.finding import Finding, Severity

_BINDS: tuple[tuple[Bound, Callable[[x509.Certificate, str], bool]], ...] = (
    ("address", address_bound),
    ("domain", domain_bound),
)


class KnownFiles:
    """Certificates in PEM, DER or PKCS#7; a changed file that is bad is reported and what it held before is kept."""

    def __init__(self, files: Sequence[Path], report: Callable[[Finding], None]) -> None:
        """Read every file; raises `BundleError`, whose text names it."""
        self._files = tuple(files)
        self._report = report
        self._stamps = [stamp(each) for each in files]
        self._held = [self._first(each) for each in files]

    def places(self, address: str) -> list[Place]:
        """The files with certificates of `address`, then those with certificates of its domain."""
        self._look()
        return [
            Place("file", bound, str(file), fitting)
            for bound, binds in _BINDS
            for file, held in zip(self._files, self._held, strict=True)
            if (fitting := tuple(each for each in held if binds(each, address)))
        ]

    def _first(self, file: Path) -> tuple[x509.Certificate, ...]:
        try:
            return read_bundle(read_file(file))
        except BundleError as error:
            raise BundleError(error.code, f"{file}: {error.what}", error.hint) from None

    def _look(self) -> None:
        for number, file in enumerate(self._files):
            now = stamp(file)
            if now == self._stamps[number]:
                continue
            self._stamps[number] = now
            try:
                self._held[number] = read_bundle(read_file(file))
            except BundleError as error:
                what = f"the changed certificates of partners cannot be used: {error.what}"
                hint = f"{error.hint}; those known before still count"
                self._report(Finding("DIR-115", str(file), what, hint, Severity.WARNING))
