"""Message ids: time-ordered when a message is received, derived when a step makes a child."""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, with its time zone."""

_VERSION_7 = 0x7000
_VERSION_8 = 0x8000
_VARIANT = 0x8000_0000_0000_0000


def utc_now() -> datetime:
    """The wall clock; the edges pass it in, the core is given it."""
    return datetime.now(UTC)


class _Noise:
    """Random bytes of the system, drawn in blocks: a draw for each id would cost more than the id."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def ten(self) -> bytes:
        """Ten bytes that were never given before."""
        at = self._at
        if at + 10 > len(self._block):
            self._block = os.urandom(4000)
            at = 0
        self._at = at + 10
        return self._block[at : at + 10]


_noise = _Noise()
# A forked process must not give out its parent's bytes again.
os.register_at_fork(after_in_child=_noise.__init__)  # type: ignore[misc]


def new_id(now: datetime, random: bytes | None = None) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) as 32 hexadecimal digits; `random` is 10 bytes, the system's unless given."""
    noise = int.from_bytes(_noise.ten() if random is None else random, "big")
    high = (int(now.timestamp() * 1000) << 16) | _VERSION_7 | (noise >> 68)
    return f"{(high << 64) | _VARIANT | (noise & 0x3FFF_FFFF_FFFF_FFFF):032x}"


def derived_id(parent: str, label: str) -> str:
    """The id of the child that a step called `label` makes of `parent`: the same inputs give the same id.

    A UUID of version 8 (RFC 9562, 5.8) that keeps its parent's time stamp, so that children lie beside their parents in
    the journal's index (docs/decisions/derived-ids.md).
    """
    digest = hashlib.blake2b(f"{parent}\0{label}".encode(), digest_size=10).digest()
    noise = int.from_bytes(digest, "big")
    tail = _VERSION_8 | (noise >> 68)
    low = _VARIANT | (noise & 0x3FFF_FFFF_FFFF_FFFF)
    return f"{parent[:12]}{tail:04x}{low:016x}"


def first_id_at(moment: datetime) -> str:
    """The smallest id that a message received at `moment` can have: the lower bound of a search by time."""
    return f"{int(moment.timestamp() * 1000):012x}" + "0" * 20
