"""The 18 discovery cases of ONC's DCDT tool: what stands in DNS and on three LDAP servers, and what is to be found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from channels.direct.discovery.hosting import dns_records, ldif_entries
from tests.channels.direct.directory import BASE
from tests.channels.direct.pki import NOW, Authority, Wish

ROOT = Authority("dcdt root", number=20)
MIDDLE = Authority("dcdt intermediate", ROOT, number=21)

PAST = {"start": NOW - timedelta(days=60), "end": NOW - timedelta(days=1)}
FILLER = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.9"), b"\x04\x82\x08\x00" + b"x" * 2048)


@dataclass(frozen=True)
class Held:
    """A certificate of a case: where it stands (`dns`, `1` to `3` for the LDAP servers) and what it is."""

    name: str
    at: str
    bound: str
    kind: str = "good"
    """good, expired, revoked, listed (good, on a CRL's authority), large, or below (its issuer only by AIA)."""


@dataclass(frozen=True)
class Case:
    """A case: its certificates, the SRV records as (priority, weight, server; 0 is a server that is down), and the
    names of the certificates that are to be chosen; none: nothing may be sent."""

    id: str
    held: tuple[Held, ...]
    services: tuple[tuple[int, int, int], ...]
    chosen: tuple[str, ...]

    @property
    def domain(self) -> str:
        return f"{self.id.lower()}.example"

    @property
    def address(self) -> str:
        return f"{self.id.lower()}@{self.domain}"


ONE = ((0, 0, 1),)
CASES = (
    Case(
        "D1",
        (
            Held("A", "dns", "address"),
            Held("B", "dns", "domain", "expired"),
            Held("C", "1", "address", "expired"),
            Held("D", "1", "domain", "expired"),
        ),
        ONE,
        ("A",),
    ),
    Case(
        "D2",
        (Held("B", "dns", "domain"), Held("C", "1", "address", "expired"), Held("D", "1", "domain", "expired")),
        ONE,
        ("B",),
    ),
    Case("D3", (Held("C", "1", "address"), Held("D", "1", "domain", "expired")), ONE, ("C",)),
    Case("D4", (Held("D", "1", "domain"),), ONE, ("D",)),
    Case("D5", (Held("A", "dns", "address", "expired"),), (), ()),
    Case("D6", (Held("B", "dns", "domain", "expired"),), (), ()),
    Case("D7", (Held("C", "1", "address", "expired"),), ONE, ()),
    Case("D8", (Held("D", "3", "domain", "expired"),), ((0, 0, 3),), ()),
    Case("D9", (Held("A", "dns", "address"), Held("B", "dns", "address", "expired")), (), ("A",)),
    Case("D10", (Held("E", "2", "address"),), ((0, 0, 0), (1, 0, 2)), ("E",)),
    Case("D11", (), (), ()),
    Case("D12", (), ((0, 0, 0),), ()),
    Case("D13", (), ((0, 0, 1), (0, 0, 2)), ()),
    Case("D14", (Held("A", "dns", "address", "large"),), (), ("A",)),
    Case("D15", (Held("C", "1", "address"), Held("E", "2", "address", "expired")), ((1, 0, 2), (0, 0, 1)), ("C",)),
    Case("D16", (Held("C", "3", "address"), Held("E", "1", "address")), ((0, 0, 1), (0, 100, 3)), ("C",)),
    Case(
        "D17",
        (
            Held("B", "dns", "address", "revoked"),
            Held("C", "dns", "address", "revoked"),
            Held("A", "dns", "address", "listed"),
            Held("D", "dns", "domain", "revoked"),
        ),
        (),
        ("A",),
    ),
    Case("D18", (Held("A", "dns", "address", "below"), Held("B", "dns", "domain", "expired")), (), ("A",)),
)


class World:
    """The certificates of all cases, made for a web server at `url` that has the CRL and the missing issuer."""

    def __init__(self, url: str) -> None:
        self.certificates = {
            (case.id, held.name): _certificate(case, held, url) for case in CASES for held in case.held
        }
        revoked = [
            self.certificates[case.id, held.name] for case in CASES for held in case.held if held.kind == "revoked"
        ]
        self.pages = {"/root.crl": ROOT.crl(*revoked), "/issuer.cer": MIDDLE.certificate.public_bytes(Encoding.DER)}

    def records(self, ports: dict[int, int]) -> str:
        """What DNS has; `ports` are those of the LDAP servers by number, 0 that of none."""
        lines = [dns_records(self._at("dns"))]
        for case in CASES:
            lines += [
                f"_ldap._tcp.{case.domain}. IN SRV {priority} {weight} {ports[server]} ldap{server}.example.\n"
                for priority, weight, server in case.services
            ]
        return "".join([*lines, *(f"ldap{server}.example. IN A 127.0.0.1\n" for server in ports)])

    def entries(self, server: int) -> str:
        """What the LDAP server has."""
        return ldif_entries(self._at(str(server)), BASE)

    def _at(self, place: str) -> list[x509.Certificate]:
        return [self.certificates[case.id, held.name] for case in CASES for held in case.held if held.at == place]


def _certificate(case: Case, held: Held, url: str) -> x509.Certificate:
    wishes: dict[str, dict[str, object]] = {
        "good": {},
        "expired": dict(PAST),
        "revoked": {"crl": f"{url}/root.crl"},
        "listed": {"crl": f"{url}/root.crl"},
        "large": {"kind": "rsa4096", "extra": (FILLER,)},
        "below": {"issuers": f"{url}/issuer.cer"},
    }
    issuer = MIDDLE if held.kind == "below" else ROOT
    subject = case.address if held.bound == "address" else case.domain
    wish = Wish(**wishes[held.kind])  # type: ignore[arg-type]
    return issuer.issue(subject, wish=wish, common=f"{case.id}_{held.name}").certificate
