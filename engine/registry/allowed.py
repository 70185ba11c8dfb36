"""Whether a subscriber may still hear of a patient, asked when it is about to: hours after the event, perhaps."""

from __future__ import annotations

from schemas.ids import Clock
from schemas.message import Message
from transforms.matching import Model
from transforms.notify.panel import by_roster
from transforms.notify.person import person_of
from transforms.registry import Registry


def why_not(registry: Registry, clock: Clock, received: Message, notice: Message) -> str:
    """Why the subscriber of `notice` may not be told today of the patient of the `received` message; "" where it may.

    Which member it is was decided when the notice was made (`match_panel`); here it must still be one, with nobody
    having decided otherwise, and must not have opted out. Raises `RegistryError`.
    """
    get = notice.attributes.get
    panel, member, subscriber = get("match.panel", ""), get("subscriber.member", ""), get("subscriber.id", "")
    if all(each.name != subscriber for each in registry.subscribers(panel)):
        return "its subscriber is none of the panel any more"
    person = person_of(received)
    if person is None:
        return "the message names no patient"
    today = clock().date()
    found = [each for each in registry.members(person, today) if (each.panel, each.member) == (panel, member)]
    if not found or any(each.same is False for each in found):
        return "the patient is no member of the panel any more"
    if any(roster in ("", subscriber) for roster, _ in by_roster(registry.opted_out(person, today), person, Model())):
        return "the patient has opted out"
    return ""
