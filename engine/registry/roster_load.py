"""Rosters into the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ClauseElement

from engine.registry.load import MAY_VANISH, FileLoading, Steps, alone, paced
from engine.registry.numbers import NumberSet
from engine.registry.persons import from_text, to_text
from engine.registry.rosters import Member
from engine.registry.tables import member_keys, members
from transforms.matching import blocking

_SPAN = 500
"""Numbers of members that are looked through at once for those who have ended."""
_WINDOW = 50_000
"""Members whose keys are sorted and written together. Keys lie anywhere among those of all members: in the order of
the members, nearly each would have a page of the database written for it alone."""

_UNFILE = delete(member_keys).where(
    member_keys.c.key == bindparam("old_key"), member_keys.c.member == bindparam("old_member")
)
_REMOVE = delete(members).where(members.c.seq == bindparam("number"))
_PARTS = 9  # bits, by which keys are parted before they are sorted
_PLACES = 20  # bits for a member's place in its window


class _Fresh(NamedTuple):
    """A member that is new or other than before, and the number and person of what it replaces."""

    seq: int
    member: str
    person: str
    since: int | None
    until: int | None
    replaced: int | None = None
    former: str = ""


class _Keys:
    """The keys of a window, each with the place in it of the member that is filed under it.

    Plain numbers, of which there are hundreds of thousands, cost the garbage collector nothing. They are sorted a few
    at a time: while a list is sorted no other thread runs.
    """

    def __init__(self) -> None:
        self._parts: list[list[int]] = [[] for _ in range(1 << _PARTS)]

    def add(self, key: int, place: int) -> None:
        """File `place` under `key`, of 63 bits."""
        self._parts[key >> (63 - _PARTS)].append(key << _PLACES | place)

    def in_order(self) -> Iterator[int]:
        """The keys with their places, the least first."""
        for part in self._parts:
            yield from sorted(part)


class RosterLoading(FileLoading[Member]):
    """The loading of one roster.

    Who is new is a member from `since` on, or from the day of `now` where a roster is loaded anew; who is there no more
    ends on that day. So an earlier day still knows its members. Who changes is known throughout: keys are there before
    the member, and the former member leaves as the new one comes.
    """

    def __init__(
        self,
        source: str,
        digest_of: Callable[[], str],
        entries: Iterable[Member],
        now: datetime,
        *,
        may_vanish: int = MAY_VANISH,
    ) -> None:
        super().__init__(source, digest_of, entries, now, may_vanish=may_vanish)
        self._today = int(f"{now:%Y%m%d}")
        self._open = (members.c.roster == source) & (members.c.until.is_(None) | (members.c.until > self._today))
        self._last = self._number = 0
        """The last number that was given before: who ends is among those; and the last one that is given."""
        self._seen = NumberSet()
        self._pending: list[_Fresh] = []
        self._keys = _Keys()

    def _begin(self, connection: Connection) -> None:
        super()._begin(connection)
        self._last = self._number = _last_number(connection)

    def _taking(self) -> Steps:
        entries = iter(self._entries)
        before = -1
        while before < self.read:
            before = self.read
            yield from paced(islice(entries, _WINDOW), self._compare, 100)
            yield from paced(self._keys.in_order(), self._insert_keys, 500)
            yield from paced(self._pending, self._insert, 100)
            self._keys, self._pending = _Keys(), []

    def _compare(self, entries: Sequence[Member], connection: Connection) -> None:
        """See who of `entries` is new or other. SQLite has one process that loads, which writes them later, many at
        once; PostgreSQL, where nobody waits for it, at once."""
        is_shared = connection.dialect.name == "postgresql"
        if is_shared:
            alone(connection)
            self._number = _last_number(connection)
        known = self._known([entry.member for entry in entries], connection)
        for entry in entries:
            before, text = known.get((entry.member, None)), to_text(entry.person)
            if before is None and entry.until is not None:
                before = known.get((entry.member, entry.until))  # who has ended is listed still
            if before is None:
                self._counts["added"] += 1
                self._take(entry, text, entry.since if self._is_new or entry.since else self._today, None)
            elif (before.person, before.since, before.until) != (text, entry.since or before.since, entry.until):
                self._counts["changed"] += 1
                self._seen.add(before.seq)
                self._take(entry, text, entry.since or before.since, before)
            else:
                self._seen.add(before.seq)
        self.read += len(entries)
        if is_shared:
            self._insert_keys(list(self._keys.in_order()), connection)
            self._insert(self._pending, connection)
            self._keys, self._pending = _Keys(), []

    def _known(self, names: Sequence[str], connection: Connection) -> dict[tuple[str, int | None], Any]:
        """The members of these ids that are there, each with the day on which it ended."""
        columns = (members.c.seq, members.c.member, members.c.person, members.c.since, members.c.until)
        found: dict[tuple[str, int | None], Any] = {}
        for row in connection.execute(
            select(*columns).where(members.c.roster == self.source, members.c.member.in_(names))
        ):
            has_ended = row.until is not None and row.until <= self._today
            found[row.member, row.until if has_ended else None] = row
        return found

    def _take(self, entry: Member, text: str, since: int | None, before: Any) -> None:
        self._number += 1
        place = len(self._pending)
        for key in blocking.keys(entry.person):
            self._keys.add(key, place)
        replaced = (before.seq, before.person) if before is not None else ()
        self._pending.append(_Fresh(self._number, entry.member, text, since, entry.until, *replaced))

    def _insert_keys(self, keys: Sequence[int], connection: Connection) -> None:
        first = self._pending[0].seq if self._pending else 0
        # Those of a load that was cut off are there already.
        made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        _execute(made(member_keys).on_conflict_do_nothing(), _filed(keys, first), connection)

    def _insert(self, fresh: Sequence[_Fresh], connection: Connection) -> None:
        """Insert members whose keys are there, in the place of what they replace."""
        former = [(each.replaced, each.former) for each in fresh if each.replaced is not None]
        old = [(key, number) for number, person in former for key in blocking.keys(from_text(person))]
        _execute(_UNFILE, old, connection)
        _execute(_REMOVE, [(number,) for number, _ in former], connection)
        rows = [(each.seq, self.source, each.member, each.person, each.since, each.until) for each in fresh]
        _execute(insert(members), rows, connection)

    def _counting(self) -> Steps:
        self._held = self._counts["changed"]
        yield from paced(range(0, self._last + 1, _SPAN), self._count, 20)

    def _count(self, spans: Sequence[int], connection: Connection) -> None:
        held, gone = self._those_open(spans, connection)
        self._held += held
        self._gone += len(gone)

    def _leaving(self) -> Steps:
        yield from paced(range(0, self._last + 1, _SPAN), self._end, 20)

    def _end(self, spans: Sequence[int], connection: Connection) -> None:
        """Let those end whose numbers are in the spans that begin at `spans`, and who are in the roster no more."""
        gone = [{"number": seq} for seq in self._those_open(spans, connection)[1]]
        if gone:
            ending = update(members).where(members.c.seq == bindparam("number")).values(until=self._today)
            connection.execute(ending, gone)
        self._counts["ended"] += len(gone)

    def _those_open(self, spans: Sequence[int], connection: Connection) -> tuple[int, list[int]]:
        """How many were members in the spans that begin at `spans`, and the numbers of those who are in the file no
        more."""
        in_spans = members.c.seq.between(spans[0], min(spans[-1] + _SPAN - 1, self._last))
        held = connection.execute(select(members.c.seq).where(self._open, in_spans)).scalars().all()
        return len(held), [seq for seq in held if seq not in self._seen]


def _last_number(connection: Connection) -> int:
    return connection.execute(select(func.max(members.c.seq))).scalar() or 0


def _filed(keys: Sequence[int], first: int) -> list[tuple[int, int]]:
    """Each key with the number of its member, where the window begins with the number `first`."""
    places = (1 << _PLACES) - 1
    return [(key >> _PLACES, first + (key & places)) for key in keys]


def _execute(statement: ClauseElement, rows: Sequence[tuple[Any, ...]], connection: Connection) -> None:
    """Run `statement` on `rows` by the driver itself: SQLAlchemy would take longer than the database."""
    if rows:
        text = str(statement.compile(dialect=connection.dialect))
        connection.exec_driver_sql(text, list(rows))
