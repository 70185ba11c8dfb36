"""What partners do that an operator should know of: reported, and not again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from schemas.finding import Finding, Severity

_PEERS = 1000

CONNECTIONS = {
    "HTTP-105": ("showed a certificate that is not in client_names", "its connection was closed"),
    "HTTP-106": ("opened a connection too many", "raise `connections`, or find out why a sender opens so many"),
}
"""What `channels.http.server` notices."""


class Noticed:
    """Reports what peers do at `place` (`http 0.0.0.0:8080`); `known` has what and hint by number."""

    def __init__(self, report: Callable[[Finding], None], place: str, known: Mapping[str, tuple[str, str]]) -> None:
        self._report = report
        self._place = place
        self._known = known
        self._seen: Counter[tuple[str, str]] = Counter()

    def report(self, code: str, peer: str) -> None:
        """Report what `peer` did; of what it does again and again, the 1st, 2nd, 4th, 8th time and so on."""
        if (code, peer) not in self._seen and len(self._seen) >= _PEERS:
            self._seen.clear()
        self._seen[code, peer] += 1
        times = self._seen[code, peer]
        if times & (times - 1) == 0:
            what, hint = self._known[code]
            again = f" (time {times})" if times > 1 else ""
            self._report(Finding(code, self._place, f"{peer} {what}{again}", hint, Severity.WARNING))
