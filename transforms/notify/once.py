"""The step `tell_once`: what a subscriber wants to hear, once, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.message import HL7V2, Message
from transforms.notify.digest import DIGEST
from transforms.notify.events import PHASES, Kind, Phase, key_of, least_digest_of
from transforms.registry import Registry, Subscriber, Told
from transforms.step import Nothing, StepError, sets, step

_SKEW = timedelta(minutes=1)
"""By how much the clocks of two engines may differ: what is newer by less is not taken for newer."""


_UNTOLD = "the subscriber was not told of it"
_OLD = "the subscriber was told what is newer"


class Telling(NamedTuple):
    """What there is to tell: which kind of notice, of which event, in which phase of the visit."""

    kind: Kind
    event: str
    phase: Phase
    digest: str


@step
@sets(
    *("notice.key", "notice.kind", "notice.event", "notice.phase", "notice.digest"),
    *("deliver.after", "deliver.digest"),
)
def tell_once(message: Message, *, registry: Registry) -> Message | Nothing:
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
    if isinstance(found, str):
        return Nothing(found)
    key = key_of(message.get("notice.visit"), found.phase)
    facts = {"notice.kind": found.kind, "notice.event": found.event, "notice.phase": found.phase, "notice.key": key}
    facts["notice.digest"] = found.digest
    after = told_after(subscriber, message.received)
    if after is not None:
        facts["deliver.after"] = after.isoformat()
    if subscriber.digest is not None:
        facts[DIGEST] = subscriber.name
    return message.derive("tell_once", attributes=facts)


def _telling(message: Message, subscriber: Subscriber, registry: Registry) -> Telling | str:
    """What there is to tell `subscriber` of what happened, by what it was told of the visit before; or why nothing.

    A message that is routed late (a replay, a doubtful match that was settled) says nothing over what is newer. What
    never arrived is told when the hospital repeats it, and taken back all the same: who knows whether it did arrive?
    """
    kind, event = message.get("notice.kind"), message.get("notice.event")

    def digest_in(phase: Phase) -> str:
        """A digest of what it is told: where that is the least, what else changes is no news."""
        is_least = subscriber.content == "minimum" and phase != "transfer" and message.format == HL7V2
        return least_digest_of(message.er7) if is_least else message.get("notice.digest")

    def standing(phase: Phase) -> list[Told] | None:
        """What it was told of that phase and was not taken back; None where what it was told last is newer."""
        told = registry.told(subscriber.name, key_of(message.get("notice.visit"), phase), message.origin)
        return None if told and told[-1].at > message.received + _SKEW else _standing(told)

    if kind == "update":
        latest = next(((each, found) for each in PHASES if (found := standing(each)) != []), None)
        if latest is None:
            return _UNTOLD
        if not latest[1]:
            return _OLD
        last, digest = latest[1][-1], digest_in(latest[0])
        if _is_repeated(last, last.event, digest):
            return "nothing has changed that was told"
        return Telling("update", last.event, latest[0], digest)
    phase = next(each for each in PHASES if each == message.get("notice.phase"))
    told = standing(phase)
    if told is None:
        return _OLD
    digest = digest_in(phase)
    if kind == "withdrawal":
        return Telling("withdrawal", told[-1].event, phase, digest) if told else _UNTOLD
    # A patient may be transferred to and fro, and the same again is a repeat there where nothing came between.
    same = told[-1:] if phase == "transfer" else told
    if event not in subscriber.events:
        return f"{subscriber.name} does not want to hear of {event}"
    if any(_is_repeated(each, event, digest) for each in same):
        return "it was told already"
    # A patient is transferred more than once in a visit, and is admitted from the emergency department.
    is_new = phase == "transfer" or all(each.lost for each in told) or told[-1].event != event
    return Telling("new" if is_new else "update", event, phase, digest)


def _standing(told: Sequence[Told]) -> list[Told]:
    """That of `told` which was not taken back. A withdrawal that never arrived took nothing back."""
    found: list[Told] = []
    for each in told:
        if each.kind != "withdrawal":
            found.append(each)
        elif not each.lost:
            found.clear()
    return found


def _is_repeated(told: Told, event: str, digest: str) -> bool:
    return (told.event, told.digest) == (event, digest) and not told.lost


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
