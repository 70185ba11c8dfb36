"""The provider directory into the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, delete, insert, select

from engine.registry.load import MAY_VANISH, FileLoading, Steps, next_size, paced
from engine.registry.numbers import NpiSet
from engine.registry.reads import provider_text, terms_of
from engine.registry.tables import provider_terms, providers
from transforms.registry import Provider


class DirectoryLoading(FileLoading[Provider]):
    """The loading of one directory file. Who is in the file no more leaves the directory; of two files that have one
    NPI the one loaded last counts."""

    def __init__(
        self,
        source: str,
        digest_of: Callable[[], str],
        entries: Iterable[Provider],
        now: datetime,
        *,
        may_vanish: int = MAY_VANISH,
    ) -> None:
        super().__init__(source, digest_of, entries, now, may_vanish=may_vanish)
        self._seen = NpiSet()
        self._through, self._is_through = "", False
        """The NPI up to which providers were looked through, and whether that is all."""

    def _taking(self) -> Steps:
        yield from paced(self._entries, self._take, 200)

    def _take(self, entries: Sequence[Provider], connection: Connection) -> None:
        numbers = [entry.npi for entry in entries]
        query = select(providers.c.npi, providers.c.source, providers.c.data).where(providers.c.npi.in_(numbers))
        known = {row.npi: (row.source, row.data) for row in connection.execute(query)}
        made = [(entry, provider_text(entry)) for entry in entries]
        fresh = [(entry, text) for entry, text in made if known.get(entry.npi) != (self.source, text)]
        _remove(connection, [entry.npi for entry, _ in fresh])
        if fresh:
            rows = [{"npi": entry.npi, "source": self.source, "data": text} for entry, text in fresh]
            connection.execute(insert(providers), rows)
        terms = [{"term": term, "npi": entry.npi} for entry, _ in fresh for term in sorted(terms_of(entry))]
        if terms:
            connection.execute(insert(provider_terms), terms)
        for number in numbers:
            self._seen.add(number)
        changed = sum(entry.npi in known for entry, _ in fresh)
        self._counts["changed"] += changed
        self._counts["added"] += len(fresh) - changed
        self.read += len(entries)

    def _counting(self) -> Steps:
        yield from self._all(self._count)

    def _count(self, size: int, connection: Connection) -> None:
        held, gone = self._next(size, connection)
        self._held += held
        self._gone += len(gone)

    def _leaving(self) -> Steps:
        yield from self._all(self._leave)

    def _leave(self, size: int, connection: Connection) -> None:
        _, gone = self._next(size, connection)
        _remove(connection, gone)
        self._counts["ended"] += len(gone)

    def _all(self, work: Callable[[int, Connection], None]) -> Steps:
        """`work` on so many providers after another, until all are looked through."""
        self._through, self._is_through = "", False
        size = 500
        while not self._is_through:
            seconds = yield partial(work, size)
            size = next_size(size, seconds)

    def _next(self, size: int, connection: Connection) -> tuple[int, list[str]]:
        """How many of the next `size` providers are of this file, and those of them who are in it no more."""
        query = select(providers.c.npi, providers.c.source).where(providers.c.npi > self._through)
        rows = connection.execute(query.order_by(providers.c.npi).limit(size)).all()
        self._through, self._is_through = rows[-1].npi if rows else "", len(rows) < size
        own = [npi for npi, source in rows if source == self.source]
        return len(own), [npi for npi in own if npi not in self._seen]


def _remove(connection: Connection, numbers: Sequence[str]) -> None:
    if numbers:
        connection.execute(delete(provider_terms).where(provider_terms.c.npi.in_(numbers)))
        connection.execute(delete(providers).where(providers.c.npi.in_(numbers)))
