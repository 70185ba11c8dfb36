"""A judge for tests: anchors in files, what the test's own web server says, one moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from channels.direct.keys import Identity
from channels.direct.network.names import Names
from channels.direct.trust.checks import Way
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from channels.direct.trust.trust import Trust
from channels.direct.verdict import Verdict
from schemas.finding import Finding
from tests.channels.direct.pki import NOW, pem

LOOPBACK = {"networks": ["127.0.0.0/8"], "timeout": "2s"}
ABSENT = {"absent": "accept"}


class Judge:
    """Judges by `anchors` and whatever else of `trust:` is given; `found` is what was reported, `now` the moment."""

    def __init__(self, folder: Path, *anchors: x509.Certificate, **options: Any) -> None:
        self.now = NOW
        self.found: list[Finding] = []
        if anchors:
            file = folder / "anchors.pem"
            file.write_bytes(pem(*anchors))
            options["anchors"] = [*options.get("anchors", ()), {"certificates": file}]
        written = {"fetch": LOOPBACK, "revocation": ABSENT, **options}
        names = Names([], DiscoveryOptions().timeout)
        self.trust = Trust(TrustOptions.model_validate(written), names, self.found.append, lambda: self.now)

    async def judge(
        self,
        partner: Identity,
        address: str = "alice@a.example",
        *,
        chain: Sequence[x509.Certificate] | None = None,
        ours: str = "us@ours.example",
        way: Way = "in",
        now: datetime | None = None,
    ) -> Verdict:
        """What the judge says of the partner's certificate, with its chain beside it unless `chain` is given."""
        beside = partner.chain if chain is None else chain
        try:
            return await self.trust.judge(partner.certificate, beside, address, ours=ours, way=way, now=now or self.now)
        finally:
            await self.trust.close()

    async def refresh(self) -> None:
        """Fetch the bundles that are due."""
        await self.trust.refresh()
        await self.trust.close()

    def anchors(self) -> set[x509.Certificate]:
        """Every anchor that counts."""
        return {each for one in self.trust.anchors().sets for each in one.certificates}
