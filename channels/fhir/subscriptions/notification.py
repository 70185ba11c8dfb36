"""What a subscriber is sent: a history Bundle whose first entry is the status of its subscription, as Parameters (R4).

How much it has of the events is the subscription's to say: nothing (`empty`), the address of the focus (`id-only`), or
the focus and what goes with it (`full-resource`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from channels.fhir.subscriptions.wanted import BACKPORT, Content
from channels.subscriptions import Happened, Told
from schemas.fhir import Element, Resource
from schemas.fhir.read import read_exact
from schemas.fhir.topic import TOPIC
from schemas.ids import derived_id

Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]
"""Why a status is told (subscription-notification-type)."""

ERRORS = "http://terminology.hl7.org/CodeSystem/subscription-error"

_PROFILE = f"{BACKPORT}StructureDefinition/backport-subscription-"


def status(told: Told, kind: Kind, id: str, events: Iterable[Element] = ()) -> Resource:
    """The status of a subscription, told as `kind`; `id` is 32 hexadecimal digits."""
    subscribed = told.subscription
    parameters: list[Element] = [
        {"name": "subscription", "valueReference": {"reference": f"{subscribed.base}/Subscription/{subscribed.id}"}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": subscribed.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(told.events)},
        *events,
    ]
    if subscribed.error:
        coded: Element = {"coding": [{"system": ERRORS, "code": subscribed.error}]}
        coded |= {"text": subscribed.detail} if subscribed.detail else {}
        parameters.append({"name": "error", "valueCodeableConcept": coded})
    profile = f"{_PROFILE}status-r4"
    return {"resourceType": "Parameters", "id": _uuid(id), "meta": {"profile": [profile]}, "parameter": parameters}


def notification(
    told: Told, kind: Kind, id: str, now: datetime, content: Content, events: Sequence[Happened] = ()
) -> Resource:
    """The Bundle that tells of `events`; one `id` gives one Bundle, so that a repeat is known as one."""
    base = told.subscription.base
    seen = [_Event(each, base) for each in events]
    said = status(told, kind, derived_id(id, "status"), [_about(each, content) for each in seen])
    first = {
        "fullUrl": f"urn:uuid:{said['id']}",
        "resource": said,
        "request": {"method": "GET", "url": f"{base}/Subscription/{told.subscription.id}/$status"},
        "response": {"status": "200"},
    }
    entries = {} if content == "empty" else {url: entry for each in seen for url, entry in each.entries(content)}
    return {
        "resourceType": "Bundle",
        "id": _uuid(id),
        "meta": {"profile": [f"{_PROFILE}notification-r4"]},
        "type": "history",
        "timestamp": now.isoformat(timespec="milliseconds"),
        "entry": [first, *entries.values()],
    }


def focus_of(told: Told, happened: Happened) -> Resource | None:
    """What an event is about, as `full-resource` has it; None where that is not kept any more."""
    entries = _Event(happened, told.subscription.base).entries("full-resource")
    return next((entry["resource"] for _, entry in entries), None)


class _Event:
    """One event with its resources, each under its address at `base`."""

    def __init__(self, happened: Happened, base: str) -> None:
        self.happened = happened
        resources = _resources(happened.body)
        self._base = base
        addresses = {f"urn:uuid:{each['id']}": self._address(each) for each in resources}
        self._resources = [_placed(each, addresses) for each in resources]

    @property
    def addresses(self) -> list[str]:
        """The focus first."""
        return [self._address(each) for each in self._resources]

    def entries(self, content: Content) -> Iterable[tuple[str, Element]]:
        """By the address: what was done there, and the resource if that is sent. A later event's replaces an earlier
        one's."""
        is_new = self.happened.kind == "new" and self.happened.event not in ("transfer", "discharge")
        for number, each in enumerate(self._resources if content == "full-resource" else self._resources[:1]):
            created = is_new and number == 0
            request = {"method": "POST", "url": each["resourceType"]} if created else _put(each)
            entry: Element = {"fullUrl": self._address(each)}
            if content == "full-resource":
                entry["resource"] = each
            response = {"status": "201" if created else "200"}
            yield self._address(each), {**entry, "request": request, "response": response}

    def _address(self, resource: Resource) -> str:
        return f"{self._base}/{resource['resourceType']}/{resource['id']}"


def _about(event: _Event, content: Content) -> Element:
    happened = event.happened
    parts: list[Element] = [
        {"name": "event-number", "valueString": str(happened.number)},
        {"name": "timestamp", "valueInstant": happened.at.isoformat(timespec="milliseconds")},
    ]
    if content != "empty" and event.addresses:
        focus, *others = event.addresses
        parts.append({"name": "focus", "valueReference": {"reference": focus}})
        if content == "full-resource":
            parts += [{"name": "additional-context", "valueReference": {"reference": each}} for each in others]
    return {"name": "notification-event", "part": parts}


def _put(resource: Resource) -> Element:
    return {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}


def _resources(body: bytes) -> list[Resource]:
    if not body:
        return []
    return [each["resource"] for each in read_exact(body).get("entry", ()) if "resource" in each]


def _placed(value: Any, addresses: Mapping[str, str]) -> Any:
    """`value` with references to the resources by their addresses."""
    if isinstance(value, dict):
        made = {name: _placed(each, addresses) for name, each in value.items()}
        if isinstance(made.get("reference"), str):
            made["reference"] = addresses.get(made["reference"], made["reference"])
        return made
    return [_placed(each, addresses) for each in value] if isinstance(value, list) else value


def _uuid(id: str) -> str:
    return str(UUID(id))
