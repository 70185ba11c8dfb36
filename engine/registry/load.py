"""Files into the registry: what has changed of one since it was loaded last, and nothing else.

A roster of a million members is loaded some at a time, each time in a transaction of its own, so that senders hardly
wait for it. A load that was cut off is taken up again from its first line, and finds what is there already.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Connection, delete, insert, select

from engine.journal.entry import microseconds
from engine.registry.tables import changes, rosters

T = TypeVar("T")

Step = Callable[[Connection], object]
"""The work of one transaction."""

AT_ONCE = 500
"""Entries in one transaction: a tenth of a second in which senders wait for it."""


class Loaded(NamedTuple):
    """What loading a file changed."""

    added: int
    changed: int
    ended: int
    entries: int


class FileLoading(ABC, Generic[T]):
    """The loading of one file under the name `source`: `steps` gives the work of one transaction after another; then
    `loaded` says what came of it, None where what is loaded came from a file of the same digest already. `read` counts
    the entries so far.
    """

    def __init__(self, source: str, digest: str, entries: Iterable[T], now: datetime) -> None:
        self.source = source
        self.read = 0
        self._digest = digest
        self._entries = entries
        self._now = now
        self._is_new = True
        self._is_same = False
        self._counts = {"added": 0, "changed": 0, "ended": 0}

    @property
    def loaded(self) -> Loaded | None:
        """What came of it."""
        return None if self._is_same else Loaded(**self._counts, entries=self.read)

    def steps(self) -> Iterator[Step]:
        """The work of one transaction after another; raises what the entries raise, and then nobody has left."""
        yield self._begin
        if self._is_same:
            return
        for some in groups(self._entries, AT_ONCE):
            yield partial(self._take, some)
            self.read += len(some)
        yield from self._leaving()
        yield self._finish

    def _begin(self, connection: Connection) -> None:
        held = connection.execute(select(rosters.c.digest).where(rosters.c.name == self.source)).scalar()
        self._is_new, self._is_same = held is None, held == self._digest

    @abstractmethod
    def _take(self, entries: Sequence[T], connection: Connection) -> None:
        """Take in `entries`, and count what is new or other than before."""

    @abstractmethod
    def _leaving(self) -> Iterator[Step]:
        """The work that lets those go who are in the file no more, and counts them."""

    def _finish(self, connection: Connection) -> None:
        connection.execute(delete(rosters).where(rosters.c.name == self.source))
        at = microseconds(self._now)
        row = {"name": self.source, "digest": self._digest, "loaded": at, "entries": self.read}
        connection.execute(insert(rosters).values(row))
        detail = ", ".join(f"{number} {what}" for what, number in self._counts.items())
        change = {"at": at, "who": "site files", "what": "load", "subject": self.source, "detail": detail}
        connection.execute(insert(changes).values(change))


def groups(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    """`entries`, `size` at a time."""
    walk = iter(entries)
    while some := list(islice(walk, size)):
        yield some
