"""Rosters into the registry: what has changed of a roster since it was loaded last, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from engine.journal.entry import microseconds
from engine.registry.persons import to_text
from engine.registry.rosters import Member
from engine.registry.tables import member_keys, members, rosters
from transforms.matching import blocking

T = TypeVar("T")

_AT_ONCE = 2_000


class Loaded(NamedTuple):
    """What loading a roster changed."""

    added: int
    changed: int
    ended: int
    entries: int


def load_roster(
    connection: Connection,
    name: str,
    digest: str,
    entries: Iterable[Member],
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Loaded | None:
    """Make `entries` the roster `name`; None where the roster came from a file of the same `digest` already.

    Who is new is a member from `since` on, or from the day of `now` where a roster is loaded anew; who is there no more
    ends on that day. So an earlier day still knows its members. `progress` is told how many entries are read.
    """
    held = connection.execute(select(rosters.c.digest).where(rosters.c.name == name)).scalar()
    if held == digest:
        return None
    today = int(f"{now:%Y%m%d}")
    open_now = (members.c.roster == name) & (members.c.until.is_(None) | (members.c.until > today))
    known = {
        row.member: (row.seq, row.person, row.since, row.until)
        for row in connection.execute(
            select(members.c.seq, members.c.member, members.c.person, members.c.since, members.c.until).where(open_now)
        )
    }
    added = changed = read = 0
    for some in _groups(entries, _AT_ONCE):
        read += len(some)
        fresh: list[tuple[Member, int | None]] = []
        for entry in some:
            before = known.pop(entry.member, None)
            if before is None:
                fresh.append((entry, entry.since if held is None or entry.since else today))
                added += 1
            elif before[1:] != (to_text(entry.person), entry.since or before[2], entry.until):
                _end(connection, [before[0]], None)
                fresh.append((entry, entry.since or before[2]))
                changed += 1
        _insert(connection, name, fresh)
        progress(read)
    _end(connection, [seq for seq, *_ in known.values()], today)
    connection.execute(delete(rosters).where(rosters.c.name == name))
    connection.execute(insert(rosters).values(name=name, digest=digest, loaded=microseconds(now), entries=read))
    return Loaded(added, changed, len(known), read)


def _insert(connection: Connection, roster: str, entries: list[tuple[Member, int | None]]) -> None:
    if not entries:
        return
    # One writer at a time loads a roster, so that the numbers after the last are free.
    first = (connection.execute(select(func.max(members.c.seq))).scalar() or 0) + 1
    rows = [
        {
            "seq": first + n,
            "roster": roster,
            "member": entry.member,
            "person": to_text(entry.person),
            "since": since,
            "until": entry.until,
        }
        for n, (entry, since) in enumerate(entries)
    ]
    connection.execute(insert(members), rows)
    keys = [
        {"key": key, "member": first + n} for n, (entry, _) in enumerate(entries) for key in blocking.keys(entry.person)
    ]
    if keys:
        connection.execute(insert(member_keys), keys)


def _end(connection: Connection, numbers: list[int], day: int | None) -> None:
    """Let members end on `day`; where that is None they are replaced, and nothing of them stays."""
    if not numbers:
        return
    given = [{"number": number} for number in numbers]
    if day is None:
        connection.execute(delete(member_keys).where(member_keys.c.member == bindparam("number")), given)
        connection.execute(delete(members).where(members.c.seq == bindparam("number")), given)
    else:
        connection.execute(update(members).where(members.c.seq == bindparam("number")).values(until=day), given)


def _groups(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    walk = iter(entries)
    while some := list(islice(walk, size)):
        yield some
