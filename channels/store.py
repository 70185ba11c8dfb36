"""What an end must remember from one message to another: notices that it owes, answers that it waits for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol


class Kept(NamedTuple):
    """One thing that is kept under `kind` and `key` until it `expires`: text without patient data.

    It comes up at `due`, where it has such a time.
    """

    kind: str
    key: str
    value: str
    expires: datetime
    due: datetime | None = None


Change = Callable[[Kept | None], Kept | None]
"""What becomes of something kept: given None where nothing is kept; None takes it away."""


class Store(Protocol):
    """A small durable store that all ends of a site share. Every call may raise `OSError`: it cannot be asked now."""

    async def get(self, kind: str, key: str) -> Kept | None:
        """What is kept under `kind` and `key`, unless it has expired."""
        ...

    async def put(self, *kept: Kept) -> None:
        """Keep these, durable on return, in place of what was kept under the same kinds and keys."""
        ...

    async def change(self, kind: str, key: str, change: Change) -> Kept | None:
        """Replace what is kept under `kind` and `key` by what `change` makes of it, and give that; nobody else changes
        it meanwhile. `change` must not depend on being called once."""
        ...

    async def due(self, kind: str, until: datetime, most: int) -> list[Kept]:
        """Up to `most` of `kind` that are due, the longest due first. They are due again at `until`, so that whoever
        asks next does not get them as well, and nothing is forgotten should this process end."""
        ...


class MemoryStore:
    """A store for as long as the process lives: for an end outside of an engine."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._kept: dict[tuple[str, str], Kept] = {}

    async def get(self, kind: str, key: str) -> Kept | None:
        """See `Store`."""
        kept = self._kept.get((kind, key))
        return kept if kept is not None and kept.expires > self._now() else None

    async def put(self, *kept: Kept) -> None:
        """See `Store`."""
        self._kept.update({(each.kind, each.key): each for each in kept})

    async def change(self, kind: str, key: str, change: Change) -> Kept | None:
        """See `Store`."""
        changed = change(await self.get(kind, key))
        if changed is None:
            self._kept.pop((kind, key), None)
        else:
            self._kept[kind, key] = changed
        return changed

    async def due(self, kind: str, until: datetime, most: int) -> list[Kept]:
        """See `Store`."""
        now = self._now()
        waiting = [
            (each.due, each)
            for each in self._kept.values()
            if each.kind == kind and each.due is not None and each.due <= now and each.expires > now
        ]
        found = [each for _, each in sorted(waiting, key=lambda pair: pair[0])[:most]]
        for each in found:
            self._kept[each.kind, each.key] = each._replace(due=until)
        return found
