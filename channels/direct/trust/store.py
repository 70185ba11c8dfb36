"""The anchors of a site: read from files, read again when these change, bundles fetched again and again."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from channels.direct.error import DirectError
from channels.direct.network.fetch import Fetcher
from channels.direct.trust.anchors import AnchorSet, AnchorTable
from channels.direct.trust.bundle import BundleError, read_bundle
from channels.direct.trust.options import Anchors, Bundle, TrustOptions
from channels.stamps import stamp
from schemas.finding import Finding, Severity
from schemas.ids import Clock

_LIMIT = 20 << 20
_AGAIN = timedelta(minutes=10)

Certificates = tuple[x509.Certificate, ...]


class AnchorStore:
    """Holds the last good anchors of every source. A change is made as a whole, and reported anchor by anchor."""

    def __init__(self, options: TrustOptions, fetcher: Fetcher, report: Callable[[Finding], None], now: Clock) -> None:
        """Read every file; raises `BundleError` for one that is bad, or missing without a `url` to fetch it from."""
        self._options = options
        self._fetcher = fetcher
        self._report = report
        self._now = now
        self._sources: list[Anchors | Bundle] = [*options.anchors, *options.bundles]
        self._stamps = [stamp(_file(each)) for each in self._sources]
        self._held: list[Certificates] = [self._first(each) for each in self._sources]
        self._due: dict[int, datetime] = {}
        self._table = self._new_table()

    def table(self) -> AnchorTable:
        """The anchors as the files are now; a changed file that is bad is reported and the earlier anchors kept."""
        for number, source in enumerate(self._sources):
            now = stamp(_file(source))
            if now != self._stamps[number]:
                self._stamps[number] = now
                try:
                    self._take(number, self._read(source))
                except BundleError as error:
                    self._tell("DIR-111", source, f"the changed anchors cannot be used: {error.what}", error.hint)
        return self._table

    @property
    def is_waiting(self) -> bool:
        """Whether a bundle was not had even once, so that who is trusted cannot be said yet."""
        return any(
            isinstance(source, Bundle) and not held for source, held in zip(self._sources, self._held, strict=True)
        )

    async def keep_fresh(self) -> None:
        """Fetch each bundle that has a `url` when it is due, until cancelled."""
        while True:
            await self.refresh()
            waits = [(due - self._now()).total_seconds() for due in self._due.values()]
            await asyncio.sleep(max(1.0, min(waits, default=3600.0)))

    async def refresh(self) -> None:
        """Fetch each bundle that is due now. A bundle that fails is reported, and tried again within ten minutes."""
        for number, source in enumerate(self._sources):
            now = self._now()
            if not isinstance(source, Bundle) or source.url is None or self._due.get(number, now) > now:
                continue
            self._due[number] = now + source.refresh
            try:
                await self._fetch(number, source, source.url, now)
            except DirectError as error:
                self._due[number] = now + min(_AGAIN, source.refresh)
                what = f"the bundle cannot be renewed: {error.what}"
                self._tell("DIR-113", source, what, f"{error.hint}; the anchors known before still count")

    async def _fetch(self, number: int, source: Bundle, url: str, now: datetime) -> None:
        data = await self._fetcher.get(url, limit=_LIMIT, schemes=("https",))
        found = await asyncio.to_thread(_read_signed, data, source, now)
        lost = set(self._held[number]) - set(found)
        if lost and source.shrink == "refuse":
            what = f"the bundle at its url lacks {len(lost)} of {len(self._held[number])} anchors that we have"
            hint = "if that is right, take it with `hie direct trust import`, or write shrink: accept"
            raise BundleError("bundle-shrinks", what, hint)
        if set(found) == set(self._held[number]):
            return
        try:
            await asyncio.to_thread(write_whole, source.file, data)
        except OSError as error:
            what = f"the renewed bundle counts but cannot be kept: {error.strerror}"
            self._tell(
                "DIR-114", source, what, "let the engine write there; else a restart begins with the earlier one"
            )
        self._stamps[number] = stamp(source.file)
        self._take(number, found)

    def _first(self, source: Anchors | Bundle) -> Certificates:
        if isinstance(source, Bundle) and source.url is not None and not source.file.exists():
            return ()
        try:
            return self._read(source)
        except BundleError as error:
            raise BundleError(error.code, f"{_file(source)}: {error.what}", error.hint) from None

    def _read(self, source: Anchors | Bundle) -> Certificates:
        data = read_file(_file(source))
        return _read_signed(data, source, self._now()) if isinstance(source, Bundle) else read_bundle(data)

    def _take(self, number: int, found: Certificates) -> None:
        before, source = self._held[number], self._sources[number]
        self._held[number] = found
        self._table = self._new_table()
        for what, changed in (("added", set(found) - set(before)), ("removed", set(before) - set(found))):
            for each in sorted(changed, key=_named):
                self._tell("DIR-112", source, f"an anchor was {what}: {_named(each)}", "", Severity.INFORMATION)

    def _new_table(self) -> AnchorTable:
        sets = [
            AnchorSet(str(_file(each)), held, frozenset(each.ours), each.direction, frozenset(each.policies))
            for each, held in zip(self._sources, self._held, strict=True)
        ]
        return AnchorTable(sets, outgoing_for_notices=self._options.outgoing_for_notices)

    def _tell(
        self, code: str, source: Anchors | Bundle, what: str, hint: str, severity: Severity = Severity.WARNING
    ) -> None:
        self._report(Finding(code, str(_file(source)), what, hint, severity))


def read_file(file: Path) -> bytes:
    """The content of `file`, at most 20 MB; raises `BundleError`."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}"
        raise BundleError("bundle-unreadable", what, "see the path and its rights") from None
    if len(data) > _LIMIT:
        raise BundleError("bundle-large", "the file is larger than 20 MB", "name a file of certificates")
    return data


def read_signers(file: Path | None) -> Certificates:
    """The certificates of whom may sign a bundle; raises `BundleError`."""
    return () if file is None else read_bundle(read_file(file))


def write_whole(file: Path, data: bytes) -> None:
    """Put `data` in place of `file` in one instant; raises `OSError`."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _read_signed(data: bytes, source: Bundle, now: datetime) -> Certificates:
    return read_bundle(data, read_signers(source.signer), now)


def _file(source: Anchors | Bundle) -> Path:
    return source.file if isinstance(source, Bundle) else source.certificates


def _named(certificate: x509.Certificate) -> str:
    subject = "".join(each if each.isprintable() else "?" for each in certificate.subject.rfc4514_string())
    return f"{subject[:200]} (SHA-256 {certificate.fingerprint(hashes.SHA256()).hex()})"
