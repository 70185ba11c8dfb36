"""Rosters into the registry: what has changed of a roster since it was loaded last, and nothing else.

A roster of a million members is loaded some at a time, each time in a transaction of its own, so that senders hardly
wait for it. One that was cut off is taken up again from its first line, and finds what is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from engine.journal.entry import microseconds
from engine.registry.persons import to_text
from engine.registry.rosters import Member
from engine.registry.tables import changes, member_keys, members, rosters
from transforms.matching import blocking

T = TypeVar("T")

_SPAN = 20_000
"""Numbers of members that one transaction looks through for those who have ended."""
AT_ONCE = 500
"""Members in one transaction: a tenth of a second in which senders wait for it."""


class Loaded(NamedTuple):
    """What loading a roster changed."""

    added: int
    changed: int
    ended: int
    entries: int


class Loading:
    """The loading of one roster: `steps` gives the work of one transaction after another; then `loaded` says what came
    of it, None where the roster came from a file of the same digest already.

    Who is new is a member from `since` on, or from the day of `now` where a roster is loaded anew; who is there no more
    ends on that day. So an earlier day still knows its members.
    """

    def __init__(self, roster: str, digest: str, entries: Iterable[Member], now: datetime) -> None:
        self.roster = roster
        self.read = 0
        self._digest = digest
        self._entries = entries
        self._now = now
        self._today = int(f"{now:%Y%m%d}")
        self._open = (members.c.roster == roster) & (members.c.until.is_(None) | (members.c.until > self._today))
        self._is_new = True
        self._is_same = False
        self._last = 0
        """The last number that was given before: who ends is among those."""
        self._seen = bytearray()
        self._counts = {"added": 0, "changed": 0, "ended": 0}

    @property
    def loaded(self) -> Loaded | None:
        """What came of it."""
        return None if self._is_same else Loaded(**self._counts, entries=self.read)

    def steps(self) -> Iterator[Callable[[Connection], object]]:
        """The work of one transaction after another; raises what the entries raise, and then nobody has ended."""
        yield self._begin
        if self._is_same:
            return
        for some in groups(self._entries, AT_ONCE):
            yield partial(self._take, some)
            self.read += len(some)
        for first in range(0, self._last + 1, _SPAN):
            yield partial(self._end_of_span, first)
        yield self._finish

    def _begin(self, connection: Connection) -> None:
        held = connection.execute(select(rosters.c.digest).where(rosters.c.name == self.roster)).scalar()
        self._is_new, self._is_same = held is None, held == self._digest
        self._last = connection.execute(select(func.max(members.c.seq))).scalar() or 0

    def _take(self, entries: Sequence[Member], connection: Connection) -> None:
        names = [entry.member for entry in entries]
        columns = (members.c.seq, members.c.member, members.c.person, members.c.since, members.c.until)
        rows = connection.execute(select(*columns).where(self._open, members.c.member.in_(names)))
        known = {row.member: row for row in rows}
        fresh: list[tuple[Member, str, int | None]] = []
        replaced: list[int] = []
        for entry in entries:
            before, text = known.get(entry.member), to_text(entry.person)
            if before is None:
                since = entry.since if self._is_new or entry.since else self._today
                fresh.append((entry, text, since))
            elif (before.person, before.since, before.until) != (text, entry.since or before.since, entry.until):
                replaced.append(before.seq)
                fresh.append((entry, text, entry.since or before.since))
            else:
                self._see(before.seq)
        _remove(connection, replaced)
        for seq in _insert(connection, self.roster, fresh):
            self._see(seq)
        self._counts["changed"] += len(replaced)
        self._counts["added"] += len(fresh) - len(replaced)

    def _end_of_span(self, first: int, connection: Connection) -> None:
        """Let those end whose numbers are in the span that begins at `first`, and who are in the roster no more."""
        in_span = members.c.seq.between(first, first + _SPAN - 1)
        rows = connection.execute(select(members.c.seq).where(self._open, in_span))
        gone = [{"number": seq} for (seq,) in rows if not self._is_seen(seq)]
        if gone:
            ending = update(members).where(members.c.seq == bindparam("number")).values(until=self._today)
            connection.execute(ending, gone)
        self._counts["ended"] += len(gone)

    def _finish(self, connection: Connection) -> None:
        connection.execute(delete(rosters).where(rosters.c.name == self.roster))
        row = {"name": self.roster, "digest": self._digest, "loaded": microseconds(self._now), "entries": self.read}
        connection.execute(insert(rosters).values(row))
        note_load(connection, self.roster, self._counts, self._now)

    def _see(self, seq: int) -> None:
        byte, bit = divmod(seq, 8)
        if byte >= len(self._seen):
            self._seen.extend(bytes(max(byte + 1 - len(self._seen), 1 << 16)))
        self._seen[byte] |= 1 << bit

    def _is_seen(self, seq: int) -> bool:
        byte, bit = divmod(seq, 8)
        return byte < len(self._seen) and bool(self._seen[byte] >> bit & 1)


def note_load(connection: Connection, roster: str, counts: Mapping[str, int], now: datetime) -> None:
    """Note in the registry's changes what the engine loaded of a file of the site."""
    detail = ", ".join(f"{number} {what}" for what, number in counts.items())
    row = {"at": microseconds(now), "who": "site files", "what": "load", "subject": roster, "detail": detail}
    connection.execute(insert(changes).values(row))


def _insert(connection: Connection, roster: str, entries: Sequence[tuple[Member, str, int | None]]) -> Sequence[int]:
    """Insert members with their keys; the number of each."""
    if not entries:
        return ()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_NUMBERS)))
    first = (connection.execute(select(func.max(members.c.seq))).scalar() or 0) + 1
    rows = [
        {
            "seq": first + n,
            "roster": roster,
            "member": entry.member,
            "person": text,
            "since": since,
            "until": entry.until,
        }
        for n, (entry, text, since) in enumerate(entries)
    ]
    connection.execute(insert(members), rows)
    keys = [
        {"key": key, "member": first + n}
        for n, (entry, _, _) in enumerate(entries)
        for key in blocking.keys(entry.person)
    ]
    if keys:
        connection.execute(insert(member_keys), keys)
    return range(first, first + len(entries))


def _remove(connection: Connection, numbers: Sequence[int]) -> None:
    if numbers:
        connection.execute(delete(member_keys).where(member_keys.c.member.in_(numbers)))
        connection.execute(delete(members).where(members.c.seq.in_(numbers)))


_NUMBERS = 0x686965_02  # PostgreSQL's advisory locks are numbers, told apart in one database


def groups(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    """`entries`, `size` at a time."""
    walk = iter(entries)
    while some := list(islice(walk, size)):
        yield some
