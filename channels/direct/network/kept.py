"""What is costly to get, kept until its own time; of those who ask at once, one gets it for all."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from channels.direct.network.error import NetworkError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FAILED = timedelta(minutes=1)
"""How long it is remembered that something could not be had, so that a stranger cannot have it asked for at will."""


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """A value: it is asked for anew after `renew`, and does not count after `until` though nothing newer is had."""

    value: V
    renew: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    found: Found[V] | None
    error: NetworkError | None
    renew: datetime


class Kept(Generic[K, V]):
    """At most `most` values; the one that was asked for longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[_Entry[V]]] = {}

    async def get(self, key: K, now: datetime, ask: Callable[[], Awaitable[Found[V]]]) -> V:
        """The value of `key`: what is kept, else what `ask` finds; an older one in its time stands in for a failure.

        Raises the `NetworkError` that `ask` raises, and for a minute again without asking.
        """
        entry = self._entries.get(key)
        if entry is None or entry.renew <= now:
            task = self._asking.get(key)
            if task is None:
                task = asyncio.create_task(self._ask(key, now, ask, entry.found if entry else None))
                self._asking[key] = task
                task.add_done_callback(lambda _done: self._asking.pop(key, None))
            entry = await asyncio.shield(task)  # who gives up waiting must not end it for the others
        else:
            self._entries.move_to_end(key)
        if entry.found is None:
            assert entry.error is not None
            raise entry.error.with_traceback(None)
        return entry.found.value

    async def _ask(
        self, key: K, now: datetime, ask: Callable[[], Awaitable[Found[V]]], earlier: Found[V] | None
    ) -> _Entry[V]:
        try:
            found = await ask()
            entry = _Entry(found, None, found.renew)
        except NetworkError as error:
            entry = _Entry(earlier if earlier and earlier.until > now else None, error, now + FAILED)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry
