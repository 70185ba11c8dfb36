"""What was found at one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cryptography import x509

from channels.direct.cms.certificate import read_certificate

Bound = Literal["address", "domain"]
"""What was asked for: the address's own certificates, or its organisation's."""

MOST = 50
"""How many certificates of one place are looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Certificates from one place: `source` is file, dns or ldap, `where` says which for people.

    They are one set (Applicability Statement, 4): certificates of several places are never mixed.
    """

    source: str
    bound: Bound
    where: str
    certificates: tuple[x509.Certificate, ...]


def read_each(values: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    """The certificates among `values`, DER, each once; what is none, or overlong, is passed over."""
    found: dict[x509.Certificate, None] = {}
    for value in values:
        certificate = read_certificate(value)
        if certificate is not None:
            found[certificate] = None
        if len(found) == MOST:
            break
    return tuple(found)
