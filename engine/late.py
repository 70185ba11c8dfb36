"""Late: a notice that waited, for the end of quiet hours or for a partner, is asked about again before it goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from channels.ends import Gathering, Outbound, Outcome, OutcomeCode, Together
from engine.journal import Journal, JournalError
from engine.journal.waiting import read_message
from schemas.ids import Clock
from schemas.message import Message
from transforms.registry import RegistryError

WhyNot = Callable[[Message, Message], str]
"""Why a notice about that received message may not be told any more (`engine.registry.allowed`); "" where it may."""

LATE = timedelta(minutes=15)
"""How old a notice is that is asked about again. It takes about as long as to match it, which a feed's backlog of some
minutes should not pay for."""

_OF_NOTICES = ("notice.key", "match.panel", "subscriber.id")


class Asked:
    """The end `outbound`, to which no notice goes about whom its subscriber may not hear of any more."""

    def __init__(self, outbound: Outbound, journal: Journal, clock: Clock, why_not: WhyNot) -> None:
        self._outbound = outbound
        self._journal = journal
        self._clock = clock
        self._why_not = why_not
        self.together: Together | None = outbound.together if isinstance(outbound, Gathering) else None

    async def deliver(self, message: Message) -> Outcome:
        """What becomes of `message` at the end; refused where its subscriber may not hear of the patient any more."""
        instead = await self._instead(message) if self._is_late(message) else None
        return instead or await self._outbound.deliver(message)

    async def deliver_together(self, messages: Sequence[Message]) -> list[Outcome]:
        """The same of each of `messages`."""
        assert isinstance(self._outbound, Gathering)
        known = [await self._instead(message) if self._is_late(message) else None for message in messages]
        sent = [message for message, instead in zip(messages, known, strict=True) if instead is None]
        outcomes = iter(await self._outbound.deliver_together(sent) if sent else ())
        return [instead or next(outcomes) for instead in known]

    async def close(self) -> None:
        """Let go of connections."""
        await self._outbound.close()

    def _is_late(self, message: Message) -> bool:
        return self._clock() - message.received >= LATE and is_notice(message)

    async def _instead(self, message: Message) -> Outcome | None:
        """What becomes of `message` without the end; None where it goes there."""
        try:
            why = await why_unsent(message, self._journal, self._why_not)
        except (JournalError, RegistryError) as error:
            return Outcome(OutcomeCode.DEFERRED, str(error))
        return Outcome(OutcomeCode.REFUSED, why) if why else None


def is_notice(message: Message) -> bool:
    """Whether `message` tells a subscriber of a member of its panel. What goes to FHIR subscriptions is none here: it
    is asked about where it has its number."""
    found = message.attributes
    return all(name in found for name in _OF_NOTICES) and "subscription.id" not in found


async def why_unsent(notice: Message, journal: Journal, why_not: WhyNot) -> str:
    """Why `notice` is not sent any more; "" where it is. Raises `JournalError` and `RegistryError`."""
    received = await journal.read(partial(read_message, id=notice.parent or notice.id))
    why = why_not(received, notice) if received is not None else ""
    return f"not sent: {why}" if why else ""
