"""What our outbound ends have sent and wait for word of, and what notices make of it; kept in the site's store.

A message goes out under a Message-ID that names its delivery, so that a notice finds it wherever it comes in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import orjson

from channels.direct.notices import Effect, Notice, Tracking
from channels.ends import EndContext, Outcome, OutcomeCode
from channels.store import Kept

_KIND = "direct.sent"
_ID = re.compile(r"([0-9a-f]{32})\.[0-9a-f]{16}@")
_REMEMBERED = timedelta(days=7)
"""How long what is not closed is kept after its last time: the retries of a delivery may last longer than that time."""


SpeaksFor = Callable[[str], bool]
"""Whether the sender of a notice speaks for an address, in lower case."""


def for_anybody(_address: str) -> bool:
    """Where the transport vouches for notices: a HISP speaks for all recipients of its customer's mail."""
    return True


class Sent(NamedTuple):
    """What is known of one delivery; `to_go` are the recipients for whom the relay has not taken it yet."""

    tracking: Tracking
    to_go: tuple[str, ...]


def new_message_id(delivery: str, unique: str, domain: str) -> str:
    """A Message-ID, plain, for the message with the id `delivery`; `unique` is 16 hexadecimal digits."""
    return f"{delivery}.{unique}@{domain}"


class Correspondence:
    """The deliveries that wait for notices, by the store and the journal of `context`. Calls may raise `OSError`."""

    def __init__(self, context: EndContext) -> None:
        self._context = context

    async def find(self, delivery: str) -> Sent | None:
        """What is known of a delivery, None when it was never sent or is closed."""
        kept = await self._context.store.get(_KIND, delivery)
        return None if kept is None else _read(kept)

    async def open(self, delivery: str, sent: Sent) -> None:
        """Remember a delivery, in place of what was known of it."""
        await self._context.store.put(_kept(delivery, sent))

    async def relayed(
        self, delivery: str, times: Tracking, to_go: Sequence[str], refused: Mapping[str, str]
    ) -> Sent | None:
        """The relay has taken a delivery, but for those recipients `to_go` that it may take it for later, and those
        that it `refused`, and why. Notices count from now, by the `times`; what is known now."""
        now = self._context.now()

        def change(sent: Sent) -> Sent:
            tracking = replace(sent.tracking, processed_by=times.processed_by, dispatched_by=times.dispatched_by)
            for address, why in refused.items():
                tracking = tracking.fail(address, why, now)
            return Sent(tracking, tuple(to_go))

        return await self._change(delivery, change)

    async def expire(self, delivery: str) -> Sent | None:
        """What is known of a delivery now that a time may have run out."""
        now = self._context.now()
        return await self._change(delivery, lambda sent: sent._replace(tracking=sent.tracking.expire(now)))

    async def close(self, delivery: str) -> None:
        """Forget a delivery: its outcome is told, and if it is to go out once more it goes as a new one."""
        await self._context.store.change(_KIND, delivery, lambda _: None)

    async def apply(self, notice: Notice, speaks_for: SpeaksFor, report: bytes) -> Effect:
        """Take in `notice`, and tell the engine where that settles a delivery; what it changed.

        It settles those recipients alone that its sender `speaks_for`. `report` is the notice's mail, kept as the
        partner's reply.
        """
        found = _ID.match(notice.message_id)
        if found is None:
            return Effect.UNKNOWN
        delivery, now = found.group(1), self._context.now()
        effect = Effect.UNKNOWN

        def change(sent: Sent) -> Sent:
            nonlocal effect
            effect = Effect.UNKNOWN
            if sent.tracking.message_id != notice.message_id:
                return sent
            tracking, effect, _ = sent.tracking.apply(notice, now, speaks_for)
            return sent._replace(tracking=tracking)

        sent = await self._change(delivery, change)
        if sent is not None and effect is not Effect.UNKNOWN:
            await self._tell(delivery, sent, report)
        return effect

    async def _tell(self, delivery: str, sent: Sent, report: bytes) -> None:
        outcome = outcome_of(sent.tracking, report)
        if outcome.code is not OutcomeCode.PENDING:
            await self._context.settle(delivery, outcome)
            await self.close(delivery)
        elif not sent.to_go:
            await self._context.settle(delivery, outcome)

    async def _change(self, delivery: str, how: Callable[[Sent], Sent]) -> Sent | None:
        def change(kept: Kept | None) -> Kept | None:
            return None if kept is None else _kept(delivery, how(_read(kept)))

        kept = await self._context.store.change(_KIND, delivery, change)
        return None if kept is None else _read(kept)


def outcome_of(tracking: Tracking, reply: bytes = b"") -> Outcome:
    """The outcome of a delivery by what is known of it; pending until its next time where somebody is waited for."""
    outcome = tracking.outcome()
    if outcome is not None:
        return Outcome(outcome.code, outcome.detail, reply)
    settled = len(tracking.delivered) + len(tracking.failed)
    detail = f"waits for notices of {len(tracking.recipients) - settled} of {len(tracking.recipients)} recipients"
    return Outcome(OutcomeCode.PENDING, detail, reply, until=tracking.deadline)


def _kept(delivery: str, sent: Sent) -> Kept:
    value = orjson.dumps({"tracking": sent.tracking.dumps(), "to_go": sent.to_go})
    return Kept(_KIND, delivery, value.decode(), sent.tracking.dispatched_by + _REMEMBERED)


def _read(kept: Kept) -> Sent:
    found = orjson.loads(kept.value)
    return Sent(Tracking.loads(found["tracking"]), tuple(found["to_go"]))
