"""The provider directory into the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from engine.registry.load import AT_ONCE, FileLoading, Step, groups
from engine.registry.numbers import NpiSet
from engine.registry.reads import provider_text, terms_of
from engine.registry.tables import provider_terms, providers
from transforms.registry import Provider


class DirectoryLoading(FileLoading[Provider]):
    """The loading of one directory file. Who is in the file no more leaves the directory; of two files that have one
    NPI the one loaded last counts."""

    def __init__(self, source: str, digest: str, entries: Iterable[Provider], now: datetime) -> None:
        super().__init__(source, digest, entries, now)
        self._seen = NpiSet()

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

    def _leaving(self) -> Iterator[Step]:
        yield self._leave

    def _leave(self, connection: Connection) -> None:
        held = connection.execute(select(providers.c.npi).where(providers.c.source == self.source)).scalars()
        gone = [npi for npi in held if npi not in self._seen]
        for some in groups(gone, AT_ONCE):
            _remove(connection, some)
        self._counts["ended"] = len(gone)


def _remove(connection: Connection, numbers: Sequence[str]) -> None:
    if numbers:
        connection.execute(delete(provider_terms).where(provider_terms.c.npi.in_(numbers)))
        connection.execute(delete(providers).where(providers.c.npi.in_(numbers)))
