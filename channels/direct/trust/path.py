"""A path from a certificate up to an anchor, as RFC 5280 (6.1) validates it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.trust.error import UntrustedError

MOST_INTERMEDIATES = 20
"""How many certificates beside the first are looked at: a stranger chooses what stands beside a signature."""

_REASON = re.compile(r"[a-zA-Z][a-zA-Z0-9 .,:'-]*")
_LEAF = ExtensionPolicy.permit_all().require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
_ABOVE = ExtensionPolicy.webpki_defaults_ca()


class Path:
    """Builds paths up to `anchors`, which may be roots, intermediates or a partner's own certificate; nothing else
    counts as one, whatever its name or key identifier."""

    def __init__(self, anchors: Sequence[x509.Certificate]) -> None:
        self.anchors = tuple(anchors)
        self._builder = (
            PolicyBuilder().store(Store(list(anchors))).extension_policies(ca_policy=_ABOVE, ee_policy=_LEAF)
        )

    def build(
        self, certificate: x509.Certificate, beside: Sequence[x509.Certificate], now: datetime
    ) -> tuple[x509.Certificate, ...]:
        """The path from `certificate` over some of `beside` to an anchor; raises `UntrustedError`."""
        verifier = self._builder.time(now.astimezone(UTC).replace(tzinfo=None)).build_client_verifier()
        try:
            return tuple(verifier.verify(certificate, list(beside[:MOST_INTERMEDIATES])).chain)
        except VerificationError as error:
            raise self._why(certificate, beside, str(error)) from None
        except UNREADABLE:
            raise UntrustedError(
                "unreadable", "a certificate of the path is malformed", "have it issued anew"
            ) from None

    def _why(self, certificate: x509.Certificate, beside: Sequence[x509.Certificate], said: str) -> UntrustedError:
        top = tops(certificate, beside[:MOST_INTERMEDIATES])
        if any(_issued(anchor, each) for each in top for anchor in self.anchors) or certificate in self.anchors:
            reason = said.removeprefix("validation failed: ").removeprefix("candidates exhausted: ")
            words = _REASON.match(reason)
            what = f"the path to the anchor does not hold: {words.group().strip() if words else 'it is invalid'}"
            return UntrustedError("path-invalid", what, "the authority must mend it")
        what = f"no anchor that counts here is above it; the issuer is {issuer_name(top[0])}"
        return UntrustedError("no-path", what, "add that authority under trust: anchors, if you trust it")


def tops(certificate: x509.Certificate, beside: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates that are reached from `certificate` by issuers' names and whose issuer is not among `beside`."""
    others = list(beside)
    found: list[x509.Certificate] = []
    seen = {certificate}
    waiting = [certificate]
    while waiting:
        current = waiting.pop()
        issuers = [each for each in others if each != current and _issued(each, current)]
        if not issuers:
            found.append(current)
        for each in issuers:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return found or [certificate]


def issuer_name(certificate: x509.Certificate) -> str:
    """The issuer of `certificate` for people, at most 200 characters."""
    try:
        text = certificate.issuer.rfc4514_string()
    except UNREADABLE:
        return "unreadable"
    return "".join(each if each.isprintable() else "?" for each in text)[:200]


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        return issuer.subject == certificate.issuer
    except UNREADABLE:
        return False
