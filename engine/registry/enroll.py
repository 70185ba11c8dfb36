"""The provider directory into the registry: what has changed of a file since it was loaded last, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, delete, insert, select

from engine.journal.entry import microseconds
from engine.registry.load import AT_ONCE, Loaded, groups, note_load
from engine.registry.reads import provider_text, terms_of
from engine.registry.tables import provider_terms, providers, rosters
from transforms.registry import Provider


class Enrolling:
    """The loading of one directory file: `steps` gives the work of one transaction after another; then `loaded` says
    what came of it, None where the file is the one of the same digest that was loaded last.

    Who is in the file no more leaves the directory. Of two files that have one NPI the one loaded last counts.
    """

    def __init__(self, source: str, digest: str, entries: Iterable[Provider], now: datetime) -> None:
        self.roster = source
        self.read = 0
        self._digest = digest
        self._entries = entries
        self._now = now
        self._is_same = False
        self._seen: set[str] = set()
        self._counts = {"added": 0, "changed": 0, "ended": 0}

    @property
    def loaded(self) -> Loaded | None:
        """What came of it."""
        return None if self._is_same else Loaded(**self._counts, entries=self.read)

    def steps(self) -> Iterator[Callable[[Connection], object]]:
        """The work of one transaction after another; raises what the entries raise, and then nobody has left."""
        yield self._begin
        if self._is_same:
            return
        for some in groups(self._entries, AT_ONCE):
            yield partial(self._take, some)
            self.read += len(some)
        yield self._end

    def _begin(self, connection: Connection) -> None:
        held = connection.execute(select(rosters.c.digest).where(rosters.c.name == self.roster)).scalar()
        self._is_same = held == self._digest

    def _take(self, entries: Sequence[Provider], connection: Connection) -> None:
        numbers = [entry.npi for entry in entries]
        query = select(providers.c.npi, providers.c.source, providers.c.data).where(providers.c.npi.in_(numbers))
        known = {row.npi: (row.source, row.data) for row in connection.execute(query)}
        made = [(entry, provider_text(entry)) for entry in entries]
        fresh = [(entry, text) for entry, text in made if known.get(entry.npi) != (self.roster, text)]
        _remove(connection, [entry.npi for entry, _ in fresh])
        if fresh:
            rows = [{"npi": entry.npi, "source": self.roster, "data": text} for entry, text in fresh]
            connection.execute(insert(providers), rows)
        terms = [{"term": term, "npi": entry.npi} for entry, _ in fresh for term in sorted(terms_of(entry))]
        if terms:
            connection.execute(insert(provider_terms), terms)
        self._seen.update(numbers)
        changed = sum(entry.npi in known for entry, _ in fresh)
        self._counts["changed"] += changed
        self._counts["added"] += len(fresh) - changed

    def _end(self, connection: Connection) -> None:
        held = connection.execute(select(providers.c.npi).where(providers.c.source == self.roster)).scalars()
        gone = [npi for npi in held if npi not in self._seen]
        for some in groups(gone, AT_ONCE):
            _remove(connection, some)
        self._counts["ended"] = len(gone)
        connection.execute(delete(rosters).where(rosters.c.name == self.roster))
        row = {"name": self.roster, "digest": self._digest, "loaded": microseconds(self._now), "entries": self.read}
        connection.execute(insert(rosters).values(row))
        note_load(connection, self.roster, self._counts, self._now)


def _remove(connection: Connection, numbers: Sequence[str]) -> None:
    if numbers:
        connection.execute(delete(provider_terms).where(provider_terms.c.npi.in_(numbers)))
        connection.execute(delete(providers).where(providers.c.npi.in_(numbers)))
