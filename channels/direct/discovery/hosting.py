"""What to put into DNS or LDAP so that others find our certificates (checklist D8; RFC 4398, 2; RFC 2798, 9.1.2)."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from ldap3.utils.dn import escape_rdn

from channels.direct.discovery.records import name_of
from channels.direct.trust.binding import names_of

_LINE = 64


def dns_records(certificates: Sequence[x509.Certificate], ttl: int = 3600) -> str:
    """CERT records for a zone file: one for every name of every certificate."""
    lines: list[str] = []
    for subject, each in _subjects(certificates):
        text = base64.b64encode(each.public_bytes(Encoding.DER)).decode()
        folded = [f"    {text[at : at + _LINE]}" for at in range(0, len(text), _LINE)]
        lines += [f"{_zone_name(name_of(subject))}. {ttl} IN CERT PKIX 0 0 (", *folded, ")"]
    return "".join(f"{line}\n" for line in lines)


def ldif_entries(certificates: Sequence[x509.Certificate], base: str) -> str:
    """LDAP entries below `base` (`ou=direct,dc=example,dc=org`), in LDIF: one for each address or domain."""
    entries: dict[str, list[bytes]] = {}
    for subject, each in _subjects(certificates):
        entries.setdefault(subject, []).append(each.public_bytes(Encoding.DER))
    lines: list[str] = []
    for subject, values in entries.items():
        head = [f"dn: cn={escape_rdn(subject)},{base}", "objectClass: inetOrgPerson"]
        head += [f"{name}: {subject}" for name in ("cn", "sn", "mail")]
        lines += [*head, *(f"userCertificate;binary:: {base64.b64encode(value).decode()}" for value in values), ""]
    return "".join(f"{folded}\n" for line in lines for folded in _folded(line))


def _subjects(certificates: Sequence[x509.Certificate]) -> list[tuple[str, x509.Certificate]]:
    found = []
    for each in certificates:
        names = names_of(each)
        found += [(subject, each) for subject in (*names.addresses, *names.domains)]
    return found


def _zone_name(name: str) -> str:
    """`name` for a zone file, in which some characters of a local part mean something (RFC 1035, 5.1)."""
    return "".join(f"\\{each}" if each in '"();@$\\' else each for each in name)


def _folded(line: str) -> list[str]:
    """`line` in LDIF's lines of 76 characters (RFC 2849)."""
    return [line[:76], *(f" {line[at : at + 75]}" for at in range(76, len(line), 75))]
