"""The notices that we owe: processed once a mail is taken, dispatched or failed once its delivery is settled.

What is owed is kept in the commit of its message, so that no crash forgets a notice; it is given up after a day.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from channels.direct.error import DirectError
from channels.direct.mime import Address, Entity, MailFacts, MimeError
from channels.direct.notices import Mdn, NoticeKind, wants_final_delivery, write_mdn
from channels.direct.smtp.relay import Relay
from channels.ends import EndContext, Fate
from channels.store import Kept
from schemas.finding import Finding, Severity

if TYPE_CHECKING:
    from channels.direct.agent import Agent

log = logging.getLogger(__name__)

_KEPT = timedelta(days=8)  # longer than a route may retry by default
_GIVEN_UP = timedelta(days=1)
_LEASE = timedelta(seconds=15)  # a notice that is sent twice, since another process took over, does no harm
_LOOKED_AGAIN = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds until a delivery is asked about, again and again
_TRIED_AGAIN = (10.0, 60.0, 300.0, 1800.0)  # seconds until a notice is tried again
_AT_ONCE = 8
_MOST = 64
_EVERY = 1.0  # seconds
_UNDELIVERED = "The message could not be delivered at its destination."


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed for one recipient of a message: `about` is its Message-ID, `to` who gets the notices.

    `final` says that word of the final delivery was asked for. `step` counts how often it was looked at or tried since
    `processed` changed last.
    """

    message: str
    recipient: str
    about: str
    to: str
    final: bool
    since: str
    processed: bool = False
    step: int = 0


class Postman:
    """Sends the notices that one inbound end owes, by `agent` and `relay`."""

    def __init__(self, context: EndContext, agent: Agent, relay: Relay) -> None:
        self._context = context
        self._agent = agent
        self._relay = relay
        self._kind = f"direct.owed.{context.channel}"
        self._bell = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def owed(self, message: str, mail: Entity, facts: MailFacts, recipients: Iterable[str]) -> list[Kept]:
        """What is owed for `message`, the mail with these facts, to those of its `recipients`: to be kept with it."""
        now = self._context.now()
        about = facts.message_id.strip("<>")
        final = wants_final_delivery(mail.headers.get("disposition-notification-options"))
        to = _asker(mail, facts)
        return [self._kept(Owed(message, each, about, to, final, now.isoformat()), now) for each in recipients]

    async def again(self, kept: Iterable[Kept]) -> None:
        """Owe these anew: their mail came a second time, and the first notice may be lost. Raises `OSError`."""
        await self._context.store.put(*kept)
        self.ring()

    def ring(self) -> None:
        """Something is owed that was not before."""
        self._bell.set()

    async def run(self) -> None:
        """Send what is owed, until cancelled."""
        while True:
            self._bell.clear()
            try:
                found = await self._context.store.due(self._kind, self._context.now() + _LEASE, _MOST)
                after = await asyncio.gather(*map(self._turn, found))
                if after:
                    await self._context.store.put(*after)
            except OSError as error:  # the journal's; what was taken comes up again
                self._report("DIR-342", f"notices wait: {error}")
                found = []
            if len(found) < _MOST:
                try:
                    await asyncio.wait_for(self._bell.wait(), _EVERY)
                except TimeoutError:
                    continue

    async def _turn(self, kept: Kept) -> Kept:
        async with self._turns:
            owed = Owed(**orjson.loads(kept.value))
            try:
                return await (self._watch(owed) if owed.processed else self._process(owed))
            except OSError:
                raise
            except Exception as error:  # a defect with one must not hold up the others
                log.exception("a notice for message %s could not be made", owed.message)
                return self._later(owed, Problem(f"a defect ({type(error).__name__}; see the log)", temporary=True))

    async def _process(self, owed: Owed) -> Kept:
        now = self._context.now()
        problem = await self._send(owed, NoticeKind.PROCESSED)
        if problem is None:
            return self._kept(replace(owed, processed=True, step=0), now + _seconds(_LOOKED_AGAIN, 0))
        return self._later(owed, problem)

    async def _watch(self, owed: Owed) -> Kept:
        """Ask what became of the message, and say so where that is asked for, or where it failed."""
        fate = await self._context.fate(owed.message)
        if fate is not None and not fate.settled:
            return self._kept(
                replace(owed, step=owed.step + 1), self._context.now() + _seconds(_LOOKED_AGAIN, owed.step)
            )
        if fate is None or (is_delivered(fate) and not owed.final):
            return self._done(owed)
        kind = NoticeKind.DISPATCHED if is_delivered(fate) else NoticeKind.FAILED
        problem = await self._send(owed, kind)
        return self._done(owed) if problem is None else self._later(owed, problem)

    def _later(self, owed: Owed, problem: Problem) -> Kept:
        now = self._context.now()
        if problem.temporary and now - datetime.fromisoformat(owed.since) < _GIVEN_UP:
            return self._kept(replace(owed, step=owed.step + 1), now + _seconds(_TRIED_AGAIN, owed.step))
        self._report("DIR-341", f"a notice that we owe is given up: {problem.what}")
        return self._done(owed)

    async def _send(self, owed: Owed, kind: NoticeKind) -> Problem | None:
        """Send one notice; why it could not be sent."""
        domain = owed.recipient.rpartition("@")[2]
        failure = _UNDELIVERED if kind is NoticeKind.FAILED else ""
        try:
            mdn = Mdn(kind, owed.recipient, owed.to, owed.about, domain, failure)
            mail = write_mdn(mdn, self._context.now(), f"{os.urandom(16).hex()}@{domain}")
            sent = await self._agent.send(mail, [owed.to])
        except DirectError as error:
            return Problem(str(error), temporary=error.code.startswith("keys-"))
        for parcel in sent.parcels:
            relayed = await self._relay.send(owed.recipient, parcel.recipients, parcel.mail)
            if relayed.error or relayed.refused:
                code = next((code for code, _ in relayed.refused.values()), 400 if relayed.transient else 500)
                return Problem(relayed.error or f"the relay answered {code}", temporary=code < 500)
        if not sent.parcels:
            verdict = next(iter(sent.verdicts.values()))
            return Problem(verdict.reason, verdict.temporary)
        return None

    def _kept(self, owed: Owed, due: datetime) -> Kept:
        expires = datetime.fromisoformat(owed.since) + _KEPT
        return Kept(
            self._kind, f"{owed.message}.{owed.recipient.lower()}", orjson.dumps(asdict(owed)).decode(), expires, due
        )

    def _done(self, owed: Owed) -> Kept:
        """Nothing is owed any more: expired, and so gone with the next that is put, in the same commit."""
        now = self._context.now()
        return self._kept(owed, now)._replace(expires=now, due=None)

    def _report(self, code: str, what: str) -> None:
        self._context.report(Finding(code, f"direct {self._context.channel}", what, severity=Severity.WARNING))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a notice could not be sent, and whether that may change."""

    what: str
    temporary: bool


def is_delivered(fate: Fate) -> bool:
    """Whether a settled message arrived by every route that took it, and by one at least."""
    return fate.status == "routed" and bool(fate.routes) and all(each.status == "delivered" for each in fate.routes)


def _asker(mail: Entity, facts: MailFacts) -> str:
    """Who gets the notices: the one that Disposition-Notification-To names, else the author."""
    try:
        return Address.parse(mail.headers.get("disposition-notification-to")).spec
    except MimeError:
        return facts.sender.spec


def _seconds(pauses: tuple[float, ...], step: int) -> timedelta:
    return timedelta(seconds=pauses[min(step, len(pauses) - 1)])
