"""The outbound `subscription` end: what FHIR clients subscribed to, sent to where they want it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from channels.ends import EndContext, Outcome, OutcomeCode
from channels.fhir.subscriptions import state
from channels.fhir.subscriptions.notification import Kind, notification
from channels.fhir.subscriptions.wanted import Wanted, wanted_of
from channels.http.reply import Reply, judge_status
from channels.subscriptions import Book, Subscribed, Told
from channels.tls import ClientTls
from schemas.finding import Finding, Severity
from schemas.message import Message
from schemas.values import Duration

if TYPE_CHECKING:
    from channels.fhir.subscriptions.posting import Poster, Unsent

_LOOK = 1.0  # seconds
_AT_ONCE = 50
_LEASE = timedelta(minutes=2)
_WAIT = timedelta(seconds=5)
_NOT_SENT = {401, 403, 404, 405, 407, 410}  # the address or the credentials are wrong, and not the notification


class SubscriptionOutbound:
    """Notifies the subscription that each message names (`match_subscriptions`), under the event's own number, as the
    subscription wants it: empty, with ids, or with the resources; in JSON or XML.

    Verifies new endpoints by a handshake and sends heartbeats, of all subscriptions of the site. What an endpoint does
    not take is sent again; failures in a row make the subscription an error, and one that lasts turns it off. A
    deleted or ended subscription, and a patient who is no member of the panel any more or has opted out meanwhile,
    refuse the message.

    Args:
        tls: TLS; without it, https trusts the system's authorities.
        timeout: How long an endpoint may take, where its subscription does not say less.
        off_after: After how long without a success a subscription is turned off.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        tls: ClientTls | None = None,
        timeout: Duration = timedelta(seconds=30),
        off_after: Duration = timedelta(hours=24),
    ) -> None:
        self._context = context
        self._tls = tls or ClientTls()
        self._timeout = timeout.total_seconds()
        self._off_after = off_after
        self._poster: Poster | None = None
        self._last: dict[str, datetime] = {}

    async def deliver(self, message: Message) -> Outcome:
        """Send the notification that `message` is; see `channels.ends.Outbound`."""
        try:
            return await self._deliver(message)
        except OSError as error:
            return Outcome(OutcomeCode.DEFERRED, f"the subscriptions cannot be looked up: {error}")

    async def work(self) -> None:
        """Send handshakes and heartbeats as they are due, until cancelled; see `channels.ends.Busy`."""
        # Side by side and not waited for, so that a slow endpoint holds up nobody else's.
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    for told in await self._book.due(self._context.now() + _LEASE, _AT_ONCE):
                        tasks.create_task(self._attend(told))
                except OSError as error:
                    self._report(error)
                await asyncio.sleep(_LOOK)

    async def close(self) -> None:
        """Close the connections."""
        if self._poster is not None:
            await self._poster.close()

    @property
    def _book(self) -> Book:
        assert self._context.subscriptions is not None, "there is no engine around this end"
        return self._context.subscriptions

    async def _deliver(self, message: Message) -> Outcome:
        sending = await self._book.sending(message.id)
        if sending is None:
            if not message.get("subscription.id"):
                return Outcome(OutcomeCode.REFUSED, "it names no subscription; put match_subscriptions before this end")
            return Outcome(OutcomeCode.REFUSED, "the subscription was deleted")
        told, now = sending.told, self._context.now()
        subscribed = told.subscription
        if subscribed.status == "off" or (subscribed.ends is not None and subscribed.ends <= now):
            return Outcome(OutcomeCode.REFUSED, f"the subscription is off: {subscribed.detail or 'its end has come'}")
        if sending.refused:
            return Outcome(OutcomeCode.REFUSED, sending.refused)
        if not subscribed.verified:
            detail = "its endpoint has not answered a handshake yet"
            return Outcome(OutcomeCode.DEFERRED, detail, retry_after=_WAIT)
        wanted = wanted_of(subscribed)
        bundle = notification(told, "event-notification", message.id, now, wanted.content, (sending.event,))
        reply = await self._post(wanted, told, bundle, message.id)
        outcome = _outcome(reply, self._context.now())
        await self._note(told, wanted, reply)
        return outcome

    def _report(self, error: OSError) -> None:
        what = f"what is due to subscriptions waits: {error}"
        self._context.report(Finding("FHIR-417", self._context.channel, what, severity=Severity.WARNING))

    async def _attend(self, told: Told) -> None:
        try:
            await self._do_what_is_due(told)
        except OSError as error:  # it is due again when the lease is over
            self._report(error)

    async def _do_what_is_due(self, told: Told) -> None:
        """Its end, a handshake, or a heartbeat."""
        subscribed, now = told.subscription, self._context.now()
        if subscribed.ends is not None and subscribed.ends <= now:
            await self._change(subscribed, state.ended)
        elif not told.practice.name:
            await self._change(subscribed, lambda found: replace(found, due=None))
        elif subscribed.status == "requested":
            await self._shake(told)
        elif subscribed.status in ("active", "error") and subscribed.verified:
            await self._beat(told)

    async def _shake(self, told: Told) -> None:
        wanted = wanted_of(told.subscription)
        reply = await self._say(told, wanted, "handshake")
        error = _error(reply)
        now = self._context.now()
        if error is None:
            await self._change(told.subscription, lambda found: state.verified(found, wanted, now))
        else:
            await self._change(told.subscription, lambda found: state.unverified(found, *error, now))

    async def _beat(self, told: Told) -> None:
        wanted, now = wanted_of(told.subscription), self._context.now()
        last = self._last.get(told.subscription.id)
        if wanted.heartbeat is not None and (last is None or last + wanted.heartbeat <= now):
            await self._note(told, wanted, await self._say(told, wanted, "heartbeat"), always=True)
            return
        since = last or now
        await self._change(told.subscription, lambda found: state.scheduled(found, wanted, since))

    async def _say(self, told: Told, wanted: Wanted, kind: Kind) -> Reply | Unsent:
        id = self._context.new_id()
        bundle = notification(told, kind, id, self._context.now(), "empty")
        return await self._post(wanted, told, bundle, id)

    async def _post(self, wanted: Wanted, told: Told, bundle: dict[str, object], id: str) -> Reply | Unsent:
        if self._poster is None:
            # Here and not above: the web libraries cost a third of a second that only a site with this end should pay.
            from channels.fhir.subscriptions.posting import Poster  # noqa: PLC0415

            self._poster = Poster(self._tls, self._timeout, self._context.report)
        return await self._poster.post(wanted, told.practice.address, bundle, id)

    async def _note(self, told: Told, wanted: Wanted, reply: Reply | Unsent, *, always: bool = False) -> None:
        """Have the subscription be as the answer leaves it. Success upon success changes nothing, and is not written:
        a heartbeat that comes due finds when the last notification went."""
        subscribed, now, error = told.subscription, self._context.now(), _error(reply)
        if error is not None:
            await self._change(subscribed, lambda found: state.failed(found, wanted, *error, self._off_after, now))
            return
        self._last[subscribed.id] = now
        if always or subscribed.failures or subscribed.status != "active":
            await self._change(subscribed, lambda found: state.notified(found, wanted, now))

    async def _change(self, subscribed: Subscribed, change: Callable[[Subscribed], Subscribed]) -> None:
        """Change it, unless its client has changed it meanwhile: what was tried was another subscription then."""

        def unless_changed(found: Told) -> Subscribed:
            its = found.subscription
            return change(its) if its.version == subscribed.version and its.status != "off" else its

        await self._book.change(subscribed.id, unless_changed)


def _error(reply: Reply | Unsent) -> tuple[str, str] | None:
    """What failed, by its code and for the operator; None where the endpoint took it."""
    if not isinstance(reply, Reply):
        return reply.error, reply.detail
    if 200 <= reply.status < 300:
        return None
    return "error-response", f"the endpoint answered {reply.status}"


def _outcome(reply: Reply | Unsent, now: datetime) -> Outcome:
    """What became of the delivery. No route waits for one endpoint: it may serve many."""
    if not isinstance(reply, Reply):
        return Outcome(OutcomeCode.DEFERRED, reply.detail)
    if reply.status in _NOT_SENT:
        return Outcome(OutcomeCode.DEFERRED, f"the endpoint answered {reply.status}", reply.body)
    return replace(judge_status(reply, now), unreachable=False)
