"""A certificate as a command shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True, slots=True)
class Shown:
    """What people want to know of a certificate; `status` is good, ends-soon, expired or not-yet."""

    names: tuple[str, ...]
    subject: str
    issuer: str
    use: str
    start: datetime
    end: datetime
    days_left: int
    status: str
    sha256: str


def shown_certificate(certificate: x509.Certificate, now: datetime, soon: timedelta = timedelta(days=30)) -> Shown:
    """What is to be shown of `certificate`, which ends soon when it has less than `soon` left."""
    from channels.direct.keys import fingerprint  # noqa: PLC0415 - only a command that shows one pays for it
    from channels.direct.trust.binding import names_of  # noqa: PLC0415
    from channels.direct.trust.crl import is_authority  # noqa: PLC0415
    from channels.direct.trust.usage import may_encrypt, may_sign  # noqa: PLC0415

    names = names_of(certificate)
    uses = [("signs", may_sign(certificate)), ("opens", may_encrypt(certificate))]
    use = "authority" if is_authority(certificate) else " and ".join(name for name, may in uses if may) or "nothing"
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Shown(
        (*names.addresses, *names.domains),
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        use,
        start,
        end,
        (end - now).days,
        _status(start, end, now, soon),
        fingerprint(certificate),
    )


def _status(start: datetime, end: datetime, now: datetime, soon: timedelta) -> str:
    if now > end:
        return "expired"
    if now < start:
        return "not-yet"
    return "ends-soon" if end - now < soon else "good"
