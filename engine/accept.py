"""Accept: a message is journaled, and only then is its sender told that we have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from channels.ends import Receipt, ReceiptCode
from engine.channel import Channel
from engine.journal import Entry, Event, Journal, JournalError, Keys, Status, Waiting
from engine.keys import received_keys
from engine.repeats import Repeats
from schemas.fhir.error import FhirError
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
        self._search = search
        self._repeats = None if channel.repeats is None else Repeats(journal, channel.repeats)
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
            return await self._append(message, keys)
        except JournalError as error:
            self.failed += 1
            return Receipt(ReceiptCode.FAILED, error.reason)

    def _keys(self, message: Message) -> tuple[Keys, Receipt | None]:
        try:
            keys = received_keys(message, self._search)
        except Hl7Error as error:
            return Keys(), Receipt(ReceiptCode.REJECTED, str(error), error.where or "MSH", _SEQUENCE_ERROR)
        except FhirError as error:
            return Keys(), Receipt(ReceiptCode.REJECTED, str(error), error.where)
        if message.format == HL7V2:
            for value, where in ((message.er7.get("MSH-9.1"), "MSH-9"), (keys.control_id, "MSH-10")):
                if not value:
                    return keys, Receipt(ReceiptCode.REJECTED, f"{where} is missing", where, _REQUIRED_FIELD_MISSING)
        return keys, None

    async def _append(self, message: Message, keys: Keys) -> Receipt:
        if self._repeats is None:
            await asyncio.shield(self._submit(message, keys))
        elif first := await self._repeats.first_of(
            message, keys.control_id, lambda repeat_key: self._submit(message, keys, repeat_key)
        ):
            self.repeated += 1
            event = Event(first, self._clock(), "repeat", "acknowledged again, not routed twice")
            await self._journal.record((), (event,))
            return Receipt(ReceiptCode.ACCEPTED, f"a repeat of {first}")
        self.accepted += 1
        return _ACCEPTED

    def _submit(self, message: Message, keys: Keys, repeat_key: str | None = None) -> asyncio.Future[dict[str, int]]:
        """Have `message` journaled; the router is told when that is done, whether or not the sender still waits."""
        entry = Entry(message, self.channel.name, Status.RECEIVED, True, keys, repeat_key=repeat_key)
        done = self._journal.append((entry,))
        done.add_done_callback(lambda future: self._durable(future, message))
        return done

    def _durable(self, done: asyncio.Future[dict[str, int]], message: Message) -> None:
        place = None if done.cancelled() or done.exception() is not None else done.result().get(message.id)
        if place is not None:
            self._committed([Waiting(place, message, status=Status.RECEIVED)])

    async def _reject(self, message: Message, keys: Keys, damage: Receipt) -> Receipt:
        self.rejected += 1
        detail = f"{damage.where}: {damage.reason}" if damage.where not in damage.reason else damage.reason
        entry = Entry(message, self.channel.name, Status.REJECTED, False, keys, detail=detail, settled=self._clock())
        await self._journal.append((entry,))
        return damage
