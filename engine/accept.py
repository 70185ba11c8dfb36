"""Accept: a message is journaled, and only then is its sender told that we have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from channels.ends import Receipt, ReceiptCode
from channels.store import Kept
from engine.journal import Entry, Event, Journal, JournalError, Keys, Numbers, Status, Work, resolve
from engine.keys import received_keys
from engine.repeats import Repeats
from engine.route import Journaled
from engine.routing import Routing
from schemas.fhir.error import FhirError
from schemas.hl7v2 import Hl7Error
from schemas.ids import Clock
from schemas.message import HL7V2, Message

_ACCEPTED = Receipt(ReceiptCode.ACCEPTED)
# HL7 table 0357
_SEQUENCE_ERROR = "100"
_REQUIRED_FIELD_MISSING = "101"


class Acceptor:
    """The accept function of one channel; `search` are the site's own named paths.

    A message is routed as it arrives where that is quick, and then journaled together with its children, unless others
    that came before still wait for the router. `journaled` is told of every row.
    """

    def __init__(
        self, routing: Routing, journal: Journal, clock: Clock, journaled: Journaled, search: Mapping[str, str]
    ) -> None:
        channel = routing.channel
        self._queue = channel.queue()
        self._routing = routing
        self._journal = journal
        self._clock = clock
        self._tell = journaled
        self._search = search
        self._loop = asyncio.get_running_loop()
        self._repeats = None if channel.repeats is None else Repeats(journal, channel.repeats)
        self.accepted = 0
        self.rejected = 0
        self.failed = 0
        self.repeated = 0

    def accept(self, message: Message, keep: Sequence[Kept] = ()) -> asyncio.Future[Receipt]:
        """Journal `message` and what its end must `keep`; the receipt says what to tell its sender. Never raises for
        what a message holds.

        What is handed over is journaled whether or not the sender still waits. A repeat, or a message that is
        rejected, leaves nothing to keep.
        """
        keys, damage = examine(message, self._search)
        if damage is None and self._repeats is not None:
            return self._loop.create_task(self._accept_once(self._repeats, message, keys, keep))
        answer: asyncio.Future[Receipt] = self._loop.create_future()
        if damage is None:
            self._submit(message, keys, partial(self._answer, answer, _ACCEPTED), keep)
        else:
            self._reject(message, keys, damage, partial(self._answer, answer, damage))
        return answer

    def _answer(self, answer: asyncio.Future[Receipt], receipt: Receipt, work: Work) -> None:
        if isinstance(work.result, JournalError):
            self.failed += 1
            receipt = Receipt(ReceiptCode.FAILED, work.result.reason)
        elif receipt is _ACCEPTED:
            self.accepted += 1
        if not answer.done():
            answer.set_result(receipt)

    async def _accept_once(self, repeats: Repeats, message: Message, keys: Keys, keep: Sequence[Kept]) -> Receipt:
        def submit(repeat_key: str | None) -> asyncio.Future[Numbers]:
            future: asyncio.Future[Numbers] = self._loop.create_future()
            self._submit(message, keys, partial(resolve, future), keep, repeat_key)
            return future

        try:
            first = await repeats.first_of(message, keys.control_id, submit)
            if not first:
                self.accepted += 1
                return _ACCEPTED
            self.repeated += 1
            event = Event(first, self._clock(), "repeat", "acknowledged again, not routed twice")
            await self._journal.record((), (event,))
            return Receipt(ReceiptCode.ACCEPTED, f"a repeat of {first}", first=first)
        except JournalError as error:
            self.failed += 1
            return Receipt(ReceiptCode.FAILED, error.reason)

    def _submit(
        self,
        message: Message,
        keys: Keys,
        done: Callable[[Work], None],
        keep: Sequence[Kept] = (),
        repeat_key: str | None = None,
    ) -> None:
        """Have `message` journaled; when that is done `done` is told, and then the stages."""
        entry = Entry(message, self._queue, Status.RECEIVED, True, keys, repeat_key=repeat_key)
        self._journal.submit(Work(partial(self._durable, done), (entry,), routed=self._routed(entry), kept=keep))

    def _routed(self, entry: Entry) -> Sequence[Entry]:
        """`entry` as it is once it is routed, and its children; nothing where that is left to the router."""
        if not self._routing.is_quick:
            return ()
        try:
            routed = self._routing.of(entry.message)
        except Exception:  # a defect: the message is journaled all the same, and the router meets the defect loudly
            return ()
        itself = entry._replace(status=routed.status, open=False, detail=routed.detail, settled=routed.at)
        return (itself, *routed.children)

    def _durable(self, done: Callable[[Work], None], work: Work) -> None:
        done(work)  # the sender first, and then what is to be done with its message
        self._routing.committed(work.entries[0].message.id)
        if not isinstance(work.result, JournalError):
            itself = work.entries[0]
            if not itself.open:
                self._routing.counts[itself.status] += 1
            self._tell(work.entries, work.result)

    def _reject(self, message: Message, keys: Keys, damage: Receipt, done: Callable[[Work], None]) -> None:
        self.rejected += 1
        detail = f"{damage.where}: {damage.reason}" if damage.where not in damage.reason else damage.reason
        entry = Entry(message, self._queue, Status.REJECTED, False, keys, detail=detail, settled=self._clock())
        self._journal.submit(Work(done, (entry,)))


def examine(message: Message, search: Mapping[str, str]) -> tuple[Keys, Receipt | None]:
    """What `message` can be found by, and the refusal where it is too damaged to be taken."""
    try:
        keys = received_keys(message, search)
    except Hl7Error as error:
        return Keys(), Receipt(ReceiptCode.REJECTED, str(error), error.where or "MSH", _SEQUENCE_ERROR)
    except FhirError as error:
        return Keys(), Receipt(ReceiptCode.REJECTED, str(error), error.where)
    if message.format == HL7V2:
        for value, where in ((message.er7.get("MSH-9.1"), "MSH-9"), (keys.control_id, "MSH-10")):
            if not value:
                return keys, Receipt(ReceiptCode.REJECTED, f"{where} is missing", where, _REQUIRED_FIELD_MISSING)
    return keys, None
