"""Rosters into the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from engine.registry.load import FileLoading, Step
from engine.registry.numbers import NumberSet
from engine.registry.persons import to_text
from engine.registry.rosters import Member
from engine.registry.tables import member_keys, members
from transforms.matching import blocking

_SPAN = 20_000
"""Numbers of members that one transaction looks through for those who have ended."""
_NUMBERS = 0x686965_02  # PostgreSQL's advisory locks are numbers, told apart in one database


class RosterLoading(FileLoading[Member]):
    """The loading of one roster.

    Who is new is a member from `since` on, or from the day of `now` where a roster is loaded anew; who is there no more
    ends on that day. So an earlier day still knows its members.
    """

    def __init__(self, source: str, digest: str, entries: Iterable[Member], now: datetime) -> None:
        super().__init__(source, digest, entries, now)
        self._today = int(f"{now:%Y%m%d}")
        self._open = (members.c.roster == source) & (members.c.until.is_(None) | (members.c.until > self._today))
        self._last = 0
        """The last number that was given before: who ends is among those."""
        self._seen = NumberSet()

    def _begin(self, connection: Connection) -> None:
        super()._begin(connection)
        self._last = connection.execute(select(func.max(members.c.seq))).scalar() or 0

    def _take(self, entries: Sequence[Member], connection: Connection) -> None:
        names = [entry.member for entry in entries]
        columns = (members.c.seq, members.c.member, members.c.person, members.c.since, members.c.until)
        of_names = (members.c.roster == self.source) & members.c.member.in_(names)
        known: dict[tuple[str, int | None], Any] = {}
        for row in connection.execute(select(*columns).where(of_names)):
            has_ended = row.until is not None and row.until <= self._today
            known[row.member, row.until if has_ended else None] = row
        fresh: list[tuple[Member, str, int | None]] = []
        replaced: list[int] = []
        for entry in entries:
            before, text = known.get((entry.member, None)), to_text(entry.person)
            if before is None and entry.until is not None:
                before = known.get((entry.member, entry.until))  # who has ended is listed still
            if before is None:
                since = entry.since if self._is_new or entry.since else self._today
                fresh.append((entry, text, since))
            elif (before.person, before.since, before.until) != (text, entry.since or before.since, entry.until):
                replaced.append(before.seq)
                fresh.append((entry, text, entry.since or before.since))
            else:
                self._seen.add(before.seq)
        _remove(connection, replaced)
        for seq in _insert(connection, self.source, fresh):
            self._seen.add(seq)
        self._counts["changed"] += len(replaced)
        self._counts["added"] += len(fresh) - len(replaced)

    def _leaving(self) -> Iterator[Step]:
        for first in range(0, self._last + 1, _SPAN):
            yield partial(self._end_of_span, first)

    def _end_of_span(self, first: int, connection: Connection) -> None:
        """Let those end whose numbers are in the span that begins at `first`, and who are in the roster no more."""
        in_span = members.c.seq.between(first, first + _SPAN - 1)
        rows = connection.execute(select(members.c.seq).where(self._open, in_span))
        gone = [{"number": seq} for (seq,) in rows if seq not in self._seen]
        if gone:
            ending = update(members).where(members.c.seq == bindparam("number")).values(until=self._today)
            connection.execute(ending, gone)
        self._counts["ended"] += len(gone)


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
