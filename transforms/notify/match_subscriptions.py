"""The step `match_subscriptions`."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.fhir import Element, Resource, dumps
from schemas.fhir.read import read_exact
from schemas.fhir.topic import FOCUS, About
from schemas.message import FHIR, Message
from transforms.registry import Registry
from transforms.step import StepError, sets, step


@step
@sets("subscription.id", "subscription.focus")
def match_subscriptions(message: Message, *, registry: Registry) -> Iterator[Message]:
    """Give a message for each FHIR subscription of the subscriber whose filters let the event through; nothing where
    there is none.

    The message is a collection of the event's resources, the Encounter first. The commit that makes it gives the event
    its number in the subscription. Put it behind `adt_to_alert_bundle`, and send it by the end `subscription`.
    """
    get = message.get
    if message.format != FHIR or not get("subscriber.id") or not get("notice.key"):
        hint = "put notify_event, match_panel, tell_once and adt_to_alert_bundle before this step"
        raise StepError("there is no FHIR notice to a subscriber", hint)
    entries = [each for each in read_exact(message.body).get("entry", ()) if _type(each) != "MessageHeader"]
    entries.sort(key=lambda each: _type(each) != FOCUS)
    if not entries or _type(entries[0]) != FOCUS:
        raise StepError(f"the notice has no {FOCUS}", "put adt_to_alert_bundle before this step")
    about = _about(message, [each["resource"] for each in entries])
    body = b""
    for subscription in registry.subscriptions(get("subscriber.id"), message.received):
        if all(each.holds(about) for each in subscription.filters):
            body = body or dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})
            told = {"subscription.id": subscription.id, "subscription.focus": f"{FOCUS}/{entries[0]['resource']['id']}"}
            yield message.derive(f"match_subscriptions/{subscription.id}", body=body, attributes=told)


def _type(entry: Element) -> object:
    return entry["resource"]["resourceType"]


def _about(message: Message, resources: list[Resource]) -> About:
    patients = [each for each in resources if each["resourceType"] == "Patient"]
    identifiers = [each for patient in patients for each in patient.get("identifier", ())]
    return About(
        message.get("notice.event"),
        message.get("notice.sender"),
        frozenset(each["id"] for each in patients),
        frozenset((each.get("system", ""), each["value"]) for each in identifiers if "value" in each),
    )
