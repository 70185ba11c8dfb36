"""The assertions that were used, so that none is used twice."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from hashlib import sha256


class Seen:
    """Remembers for `during`, which is as long as an assertion can be valid, and `most` at once.

    In the memory of this process: see docs/decisions/fhir-access.md for what that means with several.
    """

    def __init__(self, during: timedelta, most: int = 100_000) -> None:
        self._during = during
        self._most = most
        self._known: set[bytes] = set()
        self._order: deque[tuple[datetime, bytes]] = deque()

    def is_full(self, now: datetime) -> bool:
        """Whether nothing more can be remembered now."""
        while self._order and self._order[0][0] + self._during < now:
            self._known.discard(self._order.popleft()[1])
        return len(self._known) >= self._most

    def is_new(self, client: str, jti: str, now: datetime) -> bool:
        """Whether `client` did not use `jti` before; it has, from now on."""
        mark = sha256(f"{len(client)} {client} {jti}".encode("utf-8", "surrogatepass")).digest()
        if mark in self._known:
            return False
        self._known.add(mark)
        self._order.append((now, mark))
        return True
