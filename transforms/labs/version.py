"""Which version of a result a message brings, and whether it may go over another (HL7 v2.9, tables 0123 and 0085)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, NamedTuple

from transforms.labs.orders import Order

Status = Literal["registered", "preliminary", "final", "corrected", "cancelled"]

_OF_ORDER: dict[str, Status] = {
    **{"O": "registered", "I": "registered", "S": "registered", "N": "registered"},
    **{"A": "preliminary", "P": "preliminary", "R": "preliminary", "M": "preliminary"},
    **{"F": "final", "C": "corrected", "X": "cancelled", "Y": "cancelled", "Z": "cancelled"},
}
"""What a status of OBR-25 (table 0123) comes to; A, some results, and R, not verified yet, are no final ones."""
_OF_RESULT: dict[str, Status] = {
    **{"I": "registered", "O": "registered", "N": "registered", "P": "preliminary", "R": "preliminary"},
    **{"S": "preliminary", "B": "preliminary", "V": "preliminary", "A": "preliminary"},
    **{"F": "final", "U": "final", "C": "corrected", "D": "corrected", "W": "corrected", "X": "cancelled"},
}
"""What a status of OBX-11 (table 0085) comes to; a deleted (D) or wrong (W) one corrects what was sent before."""
_STAGES: dict[str, int] = {"registered": 0, "preliminary": 1, "final": 2, "corrected": 2, "cancelled": 2}
_RANKS: dict[str, int] = {"final": 1, "corrected": 2, "cancelled": 3}
TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d+)?)?([+-]\d{4})?\Z", re.ASCII)
"""A DTM, however exact: year, month, day, hour, minute, second and offset, each None where it is not said."""
_UNTOLD = {"OBR": (1, 22, 28), "OBX": (1,), "NTE": (1,), "SPM": (1,)}
"""Fields whose change is no other result: numbers of lines, when the report was made, who gets a copy."""


class Version(NamedTuple):
    """A version of a result: its status, when the laboratory made it (`time`, as HL7 writes it), and a digest of what
    it says, which is the same however often that is sent."""

    status: Status
    time: str
    digest: str

    def __str__(self) -> str:
        return f"{self.status} {self.time or '-'} {self.digest}"

    @classmethod
    def parse(cls, written: str) -> Version | None:
        """The version that `str` wrote; None where that is none."""
        status, _, rest = written.partition(" ")
        time, _, digest = rest.partition(" ")
        known = next((each for each in _STAGES if each == status), None)
        return None if known is None or not digest else cls(known, "" if time == "-" else time, digest)  # type: ignore[arg-type]

    def says_the_same(self, other: Version) -> bool:
        """Whether whoever was told `other` learns nothing new."""
        return (self.status, self.digest) == (other.status, other.digest)

    def is_behind(self, told: Version) -> bool:
        """Whether this must not go over `told`: a lower status, or an older report of the same one.

        A correction goes over all but a newer correction. A preliminary result never goes over a final one, whenever it
        was made; a final one always over a preliminary. Where times cannot be compared the order is final, corrected,
        cancelled.
        """
        mine, theirs = _STAGES[self.status], _STAGES[told.status]
        if mine != theirs:
            return mine < theirs
        if self.status == "corrected" != told.status:
            return False
        earlier = _compare(self.time, told.time)
        if earlier:
            return earlier < 0
        return _RANKS.get(self.status, 0) < _RANKS.get(told.status, 0)


def version_of(family: Sequence[Order]) -> Version:
    """The version of the result that `family`, an order with its children, brings."""
    root = family[0]
    made = root.obr.text(22)
    if not made:
        msh = root.first("MSH")
        made = msh.text(7) if msh is not None else ""
    return Version(_status(family), made if TIME.match(made) else "", _digest(family))


def key_of(family: Sequence[Order]) -> str:
    """What a result is told under: the laboratory's number, else the placer's, and what was ordered.

    Where an order has no number, the patient, the test and the time of collection stand for it, in a digest.
    """
    root = family[0]
    number = root.filler or root.placer
    msh, pid = root.first("MSH"), root.first("PID")
    sender = (msh.text(4) or msh.text(3)) if msh is not None else ""
    plain = f"result {sender} {number} {root.code}"
    if number and len(plain) <= 200 and plain.isprintable():
        return plain
    facts = [sender, number, root.code]
    if not number:
        facts += [pid.raw(3) if pid is not None else "", root.obr.text(7)]
    return f"result {_hashed(facts)}"


def _status(family: Sequence[Order]) -> Status:
    """The status of the order (OBR-25); a corrected observation makes a correction of any that is no cancellation.

    Without OBR-25 the least of the observations' rules: one that is preliminary makes the whole preliminary.
    """
    orders = [found for order in family if (found := _OF_ORDER.get(order.obr.text(25))) is not None]
    results = [found for order in family for obx in order.named("OBX") if (found := _OF_RESULT.get(obx.text(11)))]
    own: Status = orders[0] if orders else min(results, key=_STAGES.__getitem__, default="final")
    if own == "final" and "corrected" in (*orders, *results):
        return "corrected"
    return own


def _digest(family: Sequence[Order]) -> str:
    return _hashed(list(_said(family)))


def _said(family: Sequence[Order]) -> Iterator[str]:
    pid = family[0].first("PID")
    if pid is not None:
        yield from (pid.raw(number) for number in (3, 5, 7, 8))
    for order in family:
        for segment in order.segments:
            untold = _UNTOLD.get(segment.name)
            if untold is not None:
                yield segment.name
                fields = (
                    (number, segment.raw(number)) for number in range(1, segment.last + 1) if number not in untold
                )
                yield from (f"{number} {text}" for number, text in fields if text)


def _hashed(texts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _compare(one: str, other: str) -> int:
    """-1, 0 or 1 as `one` is earlier than `other`, the same, or later; 0 where that cannot be said."""
    mine, theirs = TIME.match(one), TIME.match(other)
    if mine is None or theirs is None or (mine[7] is None) != (theirs[7] is None):
        return 0
    exact = min(_exactness(mine), _exactness(theirs))
    times = [_time(each, exact) for each in (mine, theirs)]
    if times[0] is None or times[1] is None:
        return 0
    return (times[0] > times[1]) - (times[0] < times[1])


def _exactness(found: re.Match[str]) -> int:
    return sum(each is not None for each in found.groups()[:6])


def _time(found: re.Match[str], exact: int) -> datetime | None:
    parts = [int(each) for each in found.groups()[:6] if each is not None][:exact]
    year, month, day, *clock = [*parts, *[1] * (3 - len(parts))]
    offset = found[7] or "+0000"
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes)) if minutes < 1440 else UTC
    try:
        return datetime(year, month, day, *clock, tzinfo=zone)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
