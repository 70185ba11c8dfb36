"""Accept: a message is journaled, and only then is its sender told that we have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from channels.ends import Receipt, ReceiptCode
from engine.channel import Channel
from engine.journal import Entry, Event, Journal, JournalError, Keys, Status, Waiting
from schemas.hl7v2 import Hl7Error
from schemas.ids import Clock
from schemas.message import HL7V2, Message

_ACCEPTED = Receipt(ReceiptCode.ACCEPTED)
# HL7 table 0357
_SEQUENCE_ERROR = "100"
_REQUIRED_FIELD_MISSING = "101"

Committed = Callable[[list[Waiting]], None]
"""Told what this process journaled into a queue, in the order of places."""


class Acceptor:
    """The accept function of one channel; `search` are the site's own named paths; `committed` wakes the router."""

    def __init__(
        self, channel: Channel, journal: Journal, clock: Clock, committed: Committed, search: Mapping[str, str]
    ) -> None:
        self.channel = channel
        self._journal = journal
        self._clock = clock
        self._committed = committed
        self._search = tuple(search.items())
        self._order = asyncio.Lock()
        self.accepted = 0
        self.rejected = 0
        self.failed = 0
        self.repeated = 0

    async def accept(self, message: Message) -> Receipt:
        """Journal `message`; the receipt says what to tell its sender. Never raises for what a message holds."""
        keys, damage = self._keys(message)
        try:
            if damage is not None:
                return await self._reject(message, keys, damage)
            if self.channel.repeats is not None and keys.control_id:
                # One at a time, so that two equal messages cannot both be the first.
                async with self._order:
                    return await self._unless_repeat(message, keys, self.channel.repeats)
            return await self._append(message, keys)
        except JournalError as error:
            self.failed += 1
            return Receipt(ReceiptCode.FAILED, error.reason)

    def _keys(self, message: Message) -> tuple[Keys, Receipt | None]:
        if message.format != HL7V2:
            return Keys(terms=self._terms(message)), None
        try:
            er7 = message.er7
        except Hl7Error as error:
            return Keys(), Receipt(ReceiptCode.REJECTED, str(error), error.where or "MSH", _SEQUENCE_ERROR)
        kind, event, control_id = er7.get("MSH-9.1"), er7.get("MSH-9.2"), er7.get("MSH-10")
        keys = Keys(f"{kind}^{event}" if event else kind, control_id, er7.get("PID-3.1"), self._terms(message))
        for value, where in ((kind, "MSH-9"), (control_id, "MSH-10")):
            if not value:
                return keys, Receipt(ReceiptCode.REJECTED, f"{where} is missing", where, _REQUIRED_FIELD_MISSING)
        return keys, None

    def _terms(self, message: Message) -> tuple[tuple[str, str], ...]:
        if not self._search:
            return ()
        return tuple((name, value) for name, path in self._search for value in dict.fromkeys(message.get_all(path)))

    async def _append(self, message: Message, keys: Keys) -> Receipt:
        queue = self.channel.name
        numbers = await self._journal.append((Entry(message, queue, Status.RECEIVED, True, keys),))
        place = numbers.get(message.id)
        if place is not None:
            self._committed([Waiting(place, message, status=Status.RECEIVED)])
        self.accepted += 1
        return _ACCEPTED

    async def _reject(self, message: Message, keys: Keys, damage: Receipt) -> Receipt:
        self.rejected += 1
        detail = f"{damage.where}: {damage.reason}" if damage.where not in damage.reason else damage.reason
        entry = Entry(message, self.channel.name, Status.REJECTED, False, keys, detail=detail, settled=self._clock())
        await self._journal.append((entry,))
        return damage

    async def _unless_repeat(self, message: Message, keys: Keys, window: timedelta) -> Receipt:
        first = await self._journal.repeat_of(message, keys.control_id, message.received - window)
        if first is None:
            return await self._append(message, keys)
        self.repeated += 1
        await self._journal.record((), (Event(first, self._clock(), "repeat", "acknowledged again, not routed twice"),))
        return Receipt(ReceiptCode.ACCEPTED, f"a repeat of {first}")
