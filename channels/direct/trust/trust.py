"""Judging certificates: first what they are, then the path to an anchor, then whether one of it was revoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509

from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.names import Names
from channels.direct.trust.anchors import AnchorSet, AnchorTable, check_policies
from channels.direct.trust.checks import Way, check
from channels.direct.trust.error import UntrustedError
from channels.direct.trust.issuers import Issuers
from channels.direct.trust.options import TrustOptions
from channels.direct.trust.path import MOST_INTERMEDIATES
from channels.direct.trust.revocation import Revoked
from channels.direct.trust.store import AnchorStore
from channels.direct.verdict import Verdict
from channels.guard import Guard
from schemas.finding import Finding
from schemas.ids import Clock

_CLIMBS = 4
_BY_ANCHORS = ("no-anchors", "no-path")
"""Codes that more anchors may change."""


class Trust:
    """Judges by the anchors of a site, and fetches what certificates name; hosts are looked up with `names`."""

    def __init__(self, options: TrustOptions, names: Names, report: Callable[[Finding], None], now: Clock) -> None:
        """Read the anchors; raises `BundleError`, whose text names the file."""
        self._options = options
        self.guard = Guard(options.fetch.networks)
        self.fetcher = Fetcher(options.fetch, self.guard, names.addresses, report)
        self._store = AnchorStore(options, self.fetcher, report, now)
        self._issuers = Issuers(self.fetcher)
        self._revoked = Revoked(options.revocation, self.fetcher)

    def anchors(self) -> AnchorTable:
        """The anchors as they are now."""
        return self._store.table()

    async def keep_fresh(self) -> None:
        """Fetch the bundles again and again, until cancelled."""
        await self._store.keep_fresh()

    @property
    def is_waiting(self) -> bool:
        """Whether a bundle was not had even once, so that who is trusted cannot be said yet."""
        return self._store.is_waiting

    async def refresh(self) -> None:
        """Fetch the bundles that are due now; what fails is reported."""
        await self._store.refresh()

    async def close(self) -> None:
        """Let go of connections."""
        await self.fetcher.close()

    async def judge(
        self,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
        address: str,
        *,
        ours: str,
        way: Way,
        now: datetime,
    ) -> Verdict:
        """Whether `certificate` speaks for the partner's `address` by the anchors of our address `ours`.

        `chain` are certificates that came with it, in any order. `way` says what for: it signed mail for us (`in`) or a
        notice (`notice`), or one is to encrypt to it (`out`). Nothing is fetched before the certificate alone has
        passed; raises nothing for what a partner did.
        """
        try:
            check(certificate, address, way, now, self._options.several_names)
            table = self._store.table()
            counting = table.counting(ours, way)
            path = await self._path(certificate, list(chain[:MOST_INTERMEDIATES]), table, counting, now)
            check_policies(path, counting)
            await self._revoked.check(path, now)
        except UntrustedError as error:
            temporary = error.temporary or (error.code in _BY_ANCHORS and self._store.is_waiting)
            return Verdict(False, error.code, error.what, error.hint, temporary=temporary)
        return Verdict(True, "trusted", "the path to an anchor of ours holds and nothing in it is revoked", path=path)

    async def _path(
        self,
        certificate: x509.Certificate,
        beside: list[x509.Certificate],
        table: AnchorTable,
        counting: tuple[AnchorSet, ...],
        now: datetime,
    ) -> tuple[x509.Certificate, ...]:
        builder = table.path(counting)
        why: NetworkError | None = None
        for _ in range(_CLIMBS):
            try:
                return builder.build(certificate, beside, now)
            except UntrustedError as error:
                if error.code != "no-path":
                    raise
                fetched, why = await self._issuers.above(certificate, beside, now)
                if not fetched:
                    raise _explained(error, why) from None
                beside = [*fetched, *beside]
        return builder.build(certificate, beside, now)


def _explained(error: UntrustedError, why: NetworkError | None) -> UntrustedError:
    """`error` with why an issuer could not be fetched, when that is so."""
    if why is None:
        return error
    what = f"{error.what}; its issuer cannot be fetched: {why.what}"
    return UntrustedError(error.code, what, why.hint or error.hint, temporary=why.temporary)
