"""Whether a certificate is trusted, and why."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is stable (`trusted`, `revoked`), `reason` says it for people, `hint` what to do next.

    `path` is the certificate and those above it up to the anchor, where there is one. `temporary` says that judging
    again later may end otherwise: something could not be asked.
    """

    trusted: bool
    code: str
    reason: str
    hint: str = ""
    path: tuple[x509.Certificate, ...] = ()
    temporary: bool = False
