"""The step `tell_once`: what a subscriber wants to hear, once, and when."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.message import Message
from transforms.notify.digest import DIGEST
from transforms.notify.events import PHASES, Kind, Phase, key_of
from transforms.registry import Registry, Subscriber, Told
from transforms.step import StepError, sets, step


class Telling(NamedTuple):
    """What there is to tell: which kind of notice, of which event, in which phase of the visit."""

    kind: Kind
    event: str
    phase: Phase


@step
@sets("notice.key", "notice.kind", "notice.event", "notice.phase", "deliver.after", "deliver.digest")
def tell_once(message: Message, *, registry: Registry) -> Message | None:
    """Let a notice pass once: what the subscriber wants to hear and was not told yet, what changed of it, or that it is
    taken back.

    A repeat, an update without a change, and an update or withdrawal of what the subscriber was never told are
    filtered. In the subscriber's quiet hours a notice waits for their end, with a `digest` for its time of day, when
    all that has gathered is told in one message. Put it behind `notify_event` and `match_panel`, in the channel's
    steps. What `match_panel` leaves to a person passes.
    """
    if message.get("match.verdict") == "review":
        return message
    name = message.get("subscriber.id")
    subscriber = next((each for each in registry.subscribers(message.get("match.panel")) if each.name == name), None)
    if subscriber is None or not message.get("notice.visit"):
        raise StepError("there is no notice to a subscriber", "put notify_event and match_panel before tell_once")
    found = _telling(message, subscriber, registry)
    if found is None:
        return None
    key = key_of(message.get("notice.visit"), found.phase)
    facts = {"notice.kind": found.kind, "notice.event": found.event, "notice.phase": found.phase, "notice.key": key}
    after = told_after(subscriber, message.received)
    if after is not None:
        facts["deliver.after"] = after.isoformat()
    if subscriber.digest is not None:
        facts[DIGEST] = subscriber.name
    return message.derive("tell_once", attributes=facts)


def _telling(message: Message, subscriber: Subscriber, registry: Registry) -> Telling | None:
    """What there is to tell `subscriber` of what happened, by what it was told of the visit before."""
    kind, event, digest = (message.get(f"notice.{name}") for name in ("kind", "event", "digest"))

    def last(phase: Phase) -> Told | None:
        """What it was told last of that phase, unless that was taken back."""
        told = registry.told(subscriber.name, key_of(message.get("notice.visit"), phase), message.origin)
        return told[-1] if told and told[-1].kind != "withdrawal" else None

    if kind == "update":
        known = next(((phase, told) for phase in PHASES if (told := last(phase)) is not None), None)
        if known is None or known[1].digest == digest:
            return None
        return Telling("update", known[1].event, known[0])
    phase = next(each for each in PHASES if each == message.get("notice.phase"))
    before = last(phase)
    if kind == "withdrawal":
        return None if before is None else Telling("withdrawal", before.event, phase)
    if event not in subscriber.events or (before is not None and before.digest == digest):
        return None
    # A patient is transferred more than once in a visit, and is admitted from the emergency department.
    is_new = before is None or phase == "transfer" or before.event != event
    return Telling("new" if is_new else "update", event, phase)


def told_after(subscriber: Subscriber, now: datetime) -> datetime | None:
    """The time before which `subscriber` wants not to be told what happens `now`; None where it may be told at once."""
    zone = ZoneInfo(subscriber.zone)
    local = now.astimezone(zone)
    if subscriber.digest is not None:
        return _next(local, subscriber.digest)
    quiet = subscriber.quiet
    if quiet is None or not _is_within(local.time(), quiet.start, quiet.end):
        return None
    return _next(local, quiet.end)


def _is_within(clock: time, start: time, end: time) -> bool:
    return start <= clock < end if start <= end else clock >= start or clock < end


def _next(local: datetime, clock: time) -> datetime:
    """The next time that the clock on the wall of `local`'s zone shows `clock`, in UTC: once a day, though an hour of
    it comes twice, and in its place where the hour is left out."""
    days = (local.date() + timedelta(days=number) for number in range(2))
    first, second = (datetime.combine(day, clock, local.tzinfo).astimezone(UTC) for day in days)
    return first if first > local else second
