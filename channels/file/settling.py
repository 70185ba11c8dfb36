"""Files still being written: a file is whole once it has stopped changing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from channels.file.folder import Entry


class Settling:
    """Tells which files have kept size and modification time for as long as `settle`.

    Time is observed here and not compared with the file's own clock: a server's clock may differ, and some copying
    programs set the final modification time before they write the content.
    """

    def __init__(self, settle: timedelta) -> None:
        self._settle = settle.total_seconds()
        self._seen: dict[str, tuple[Entry, float]] = {}

    def whole(self, entries: Iterable[Entry], now: float) -> list[Entry]:
        """Those of `entries`, in their order, that have not changed for long enough at `now` (seconds, monotonic).

        An empty file is one that is not written yet.
        """
        seen = self._seen
        self._seen = {}
        whole: list[Entry] = []
        for entry in entries:
            before, since = seen.get(entry.name, (entry, now))
            if before != entry:
                since = now
            self._seen[entry.name] = (entry, since)
            if entry.size and now - since >= self._settle:
                whole.append(entry)
        return whole
