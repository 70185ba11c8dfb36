"""Whom our addresses trust: anchors by address, domain and direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.trust.binding import domain_of
from channels.direct.trust.checks import Way
from channels.direct.trust.error import UntrustedError
from channels.direct.trust.options import Direction
from channels.direct.trust.path import Path


@dataclass(frozen=True, slots=True)
class AnchorSet:
    """Anchors that stand together: from one file or bundle (`source`), for the same of our addresses, one way or both.

    `policies` are certificate policies, one of which a certificate below them must state; none: nothing is asked.
    """

    source: str
    certificates: tuple[x509.Certificate, ...]
    ours: frozenset[str] = frozenset()
    direction: Direction = "both"
    policies: frozenset[str] = frozenset()

    def counts(self, ours: str, way: Way, *, outgoing_for_notices: bool) -> bool:
        """Whether these anchors count for our address `ours`, this way."""
        if self.ours and ours.lower() not in self.ours and domain_of(ours) not in self.ours:
            return False
        if self.direction == "both":
            return True
        if way == "notice":
            return self.direction == "in" or outgoing_for_notices
        return self.direction == way


class AnchorTable:
    """Every anchor set there is at one moment; it is replaced as a whole when one of them changes."""

    def __init__(self, sets: Sequence[AnchorSet], *, outgoing_for_notices: bool) -> None:
        self.sets = tuple(sets)
        self._notices = outgoing_for_notices
        self._paths: dict[tuple[AnchorSet, ...], Path] = {}

    def counting(self, ours: str, way: Way) -> tuple[AnchorSet, ...]:
        """The sets that count for our address `ours`, this way."""
        return tuple(each for each in self.sets if each.counts(ours, way, outgoing_for_notices=self._notices))

    def path(self, counting: tuple[AnchorSet, ...]) -> Path:
        """What builds paths to the anchors of these sets; raises `UntrustedError` when there are none."""
        if counting not in self._paths:
            certificates = dict.fromkeys(each for one in counting for each in one.certificates)
            if not certificates:
                what = "no anchor counts for our address this way, so that it trusts nobody"
                raise UntrustedError("no-anchors", what, "write trust: anchors or bundles")
            self._paths[counting] = Path(tuple(certificates))
        return self._paths[counting]


def check_policies(path: Sequence[x509.Certificate], counting: Sequence[AnchorSet]) -> None:
    """See that the first of `path` states a policy that its anchor asks for; raises `UntrustedError`."""
    holding = [each.policies for each in counting if path[-1] in each.certificates]
    if any(not policies for policies in holding):
        return
    stated = _policies(path[0])
    if not any(stated & policies for policies in holding):
        what = "the certificate states none of the certificate policies that are asked for"
        raise UntrustedError(
            "policy", what, "see policies under trust, and which policies the partner's certificate has"
        )


def _policies(certificate: x509.Certificate) -> frozenset[str]:
    try:
        stated = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        return frozenset(each.policy_identifier.dotted_string for each in stated)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return frozenset()


def fingerprints(sets: Sequence[AnchorSet]) -> frozenset[bytes]:
    """The SHA-256 fingerprints of all anchors in `sets`."""
    return frozenset(each.fingerprint(hashes.SHA256()) for one in sets for each in one.certificates)
