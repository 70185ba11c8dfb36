"""Whether a certificate of a path was revoked: by OCSP where it names a responder, else by its authority's list."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.kept import Found, Kept
from channels.direct.trust import ocsp
from channels.direct.trust.bundle import BundleError
from channels.direct.trust.crl import LIMIT, RevocationList, read_list
from channels.direct.trust.error import UntrustedError
from channels.direct.trust.options import Revocation
from channels.direct.trust.path import issuer_name
from channels.direct.trust.store import read_file
from channels.stamps import Stamp, stamp

_MOST_LISTS = 200
_MOST_ANSWERS = 2000
_MOST_URLS = 3


@dataclass(frozen=True, slots=True)
class _Points:
    """Where a certificate says that its revocation can be looked up."""

    responders: tuple[str, ...]
    lists: tuple[str, ...]


class Revoked:
    """Looks revocation up, and keeps what it was told."""

    def __init__(self, options: Revocation, fetcher: Fetcher) -> None:
        self._options = options
        self._fetcher = fetcher
        self._lists: Kept[tuple[str | Path, Stamp, bytes], RevocationList] = Kept(_MOST_LISTS)
        self._answers: Kept[tuple[str, bytes, bytes], ocsp.Status] = Kept(_MOST_ANSWERS)

    async def check(self, path: Sequence[x509.Certificate], now: datetime) -> None:
        """See that no certificate of `path` below its anchor was revoked; raises `UntrustedError`."""
        for certificate, issuer in itertools.pairwise(path):
            try:
                await self._check(certificate, issuer, now)
            except UNREADABLE:
                what = "where revocation is looked up is malformed in a certificate of the path"
                raise UntrustedError("unreadable", what, "have it issued anew") from None

    async def _check(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
        points = _points(certificate)
        # The site's own lists first: what an operator has put there is to count whatever others say.
        known, _ = await self._by_lists(self._options.lists, certificate, issuer, now)
        why: NetworkError | None = None
        for url in points.responders:
            try:
                status = await self._asked(url, certificate, issuer, now)
            except NetworkError as error:
                why = error
            else:
                _see(certificate, revoked=status.revoked)
                return
        spoken, unusable = await self._by_lists(points.lists, certificate, issuer, now)
        if known or spoken:
            return
        if not points.responders and not points.lists:
            self._unsure(self._options.absent, "the certificate names neither a CRL nor an OCSP responder", why=None)
        else:
            self._unsure(self._options.unknown, "its revocation cannot be looked up", unusable or why)

    async def _by_lists(
        self, sources: Sequence[str | Path], certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
    ) -> tuple[bool, NetworkError | None]:
        """Whether one of these lists speaks of `certificate`, and why the last one that does not count does not.

        Raises `UntrustedError` when one says that it was revoked.
        """
        why: NetworkError | None = None
        for source in sources:
            try:
                found = await self._list(source, issuer, now)
            except NetworkError as error:
                why = error
                continue
            if found.speaks_of(certificate):
                _see(certificate, revoked=certificate.serial_number in found.serials)
                return True, None
            why = NetworkError("crl-other", "the list speaks of other certificates", "see the list", temporary=True)
        return False, why

    def _unsure(self, policy: str, what: str, why: NetworkError | None) -> None:
        if policy == "accept":
            return
        if why is None:
            raise UntrustedError("revocation-absent", what, "write revocation: absent: accept, if that is agreed")
        raise UntrustedError("revocation-unknown", f"{what}: {why.what}", why.hint, temporary=True)

    async def _asked(
        self, url: str, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
    ) -> ocsp.Status:
        async def ask() -> Found[ocsp.Status]:
            question = ocsp.request_for(certificate, issuer)
            data = await self._fetcher.post(url, question, ocsp.REQUEST, limit=ocsp.LIMIT)
            status = ocsp.read_answer(data, certificate, issuer, now)
            return Found(status, min(status.until, now + self._options.keep), status.until)

        key = (url, certificate.fingerprint(hashes.SHA256()), issuer.fingerprint(hashes.SHA256()))
        return await self._answers.get(key, now, ask)

    async def _list(self, source: str | Path, issuer: x509.Certificate, now: datetime) -> RevocationList:
        async def ask() -> Found[RevocationList]:
            if isinstance(source, str):
                data = await self._fetcher.get(source, limit=LIMIT)
            else:
                data = await asyncio.to_thread(_content, source)
            found = await asyncio.to_thread(read_list, data, issuer, now)
            return Found(found, min(found.until, now + self._options.keep), found.until)

        changed = stamp(source) if isinstance(source, Path) else None  # a list that was replaced is read again
        return await self._lists.get((source, changed, issuer.fingerprint(hashes.SHA256())), now, ask)


def _see(certificate: x509.Certificate, *, revoked: bool) -> None:
    if revoked:
        what = f"a certificate of the path was revoked by {issuer_name(certificate)}"
        raise UntrustedError("revoked", what, "the partner must get another one")


def _points(certificate: x509.Certificate) -> _Points:
    responders: list[str] = []
    lists: list[str] = []
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.AuthorityInformationAccess):
            responders += [
                each.access_location.value
                for each in value
                if each.access_method == AuthorityInformationAccessOID.OCSP
                and isinstance(each.access_location, x509.UniformResourceIdentifier)
            ]
        elif isinstance(value, x509.CRLDistributionPoints):
            lists += [
                name.value
                for point in value
                if point.crl_issuer is None and point.reasons is None
                for name in point.full_name or ()
                if isinstance(name, x509.UniformResourceIdentifier)
            ]
    return _Points(_fetchable(responders), _fetchable(lists))


def _fetchable(urls: list[str]) -> tuple[str, ...]:
    return tuple([each for each in urls if each.lower().startswith(("http://", "https://"))][:_MOST_URLS])


def _content(file: Path) -> bytes:
    try:
        return read_file(file)
    except BundleError as error:
        raise NetworkError("crl-file", f"{file}: {error.what}", "see revocation: lists", temporary=True) from None
