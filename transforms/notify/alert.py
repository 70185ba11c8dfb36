"""An ADT message as a FHIR notification (Da Vinci Unsolicited Notifications 1.1): one event of one patient's visit."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.fhir import Element, Resource
from schemas.fhir.bundled import references
from transforms.elements import NPI, US_CORE, absent, append, coded
from transforms.identity import resource_id
from transforms.notify.notice import Notice

ALERTS = "http://hl7.org/fhir/us/davinci-alerts/"
PROFILE = f"{ALERTS}StructureDefinition/"
EVENTS = f"{ALERTS}CodeSystem/notification-event"
REASONS = "http://terminology.hl7.org/CodeSystem/message-reasons-encounter"
PANEL = "urn:hie-engine:panel:"
"""What the system of a member's id in a subscriber's own panel begins with."""

_CODES = {"arrival": "admit", "transfer": "transfer", "discharge": "discharge"}
_PROFILES = {
    "Encounter": ("adt-notification-encounter", "us-core-encounter"),
    "Condition": ("adt-notification-condition", "us-core-condition-encounter-diagnosis"),
    "Coverage": ("adt-notification-coverage", "us-core-coverage"),
}
_MINIMUM = ("Encounter", "Patient", "Practitioner", "Organization", "Location")
"""What a notice of the least content is made of: whose visit, where, with whom, and when."""
_LEAST: Mapping[str, tuple[str, ...]] = {
    "Encounter": (
        "identifier",
        *("status", "class", "type", "subject", "participant", "location", "period", "serviceProvider"),
    ),
}
_BILLING = coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PBILLACCT", "patient billing account")
_DEEPEST = 6  # site, building, floor, point of care, room, bed
_NAMES = ("name", "_name", "active")


def alert(bundle: Resource, notice: Notice) -> Resource | str:
    """The notification of what `bundle`, the conversion of an ADT message, says of its visit; or why there is none.

    Made of the header, the visit and what these lead to, and nothing else: the visit is the focus.
    """
    resources: list[Resource] = [entry["resource"] for entry in bundle["entry"]]
    header = next((each for each in resources if each["resourceType"] == "MessageHeader"), None)
    visit = next((each for each in resources if each["resourceType"] == "Encounter"), None)
    if header is None or visit is None:
        return "the message tells of no visit"
    known = {f"urn:uuid:{each['id']}": each for each in resources}
    sender = next((each for each in (header.get("sender"), visit.get("serviceProvider")) if _leads(each, known)), None)
    visit = _put_known(known, _visit(visit, known, sender, notice))
    for each in [*known.values()]:
        if each["resourceType"] == "Patient":
            _put_known(known, _patient(each, notice))
        elif each["resourceType"] in ("Condition", "Coverage"):
            _put_known(known, _profiled(each, visit))
        elif each["resourceType"] == "Account":
            _put_known(known, {**each, "type": _BILLING})
    _put_npi(known, visit["location"][0]["location"]["reference"], notice.institution_npi)
    if notice.is_least:
        known = {url: _least(each) for url, each in known.items() if each["resourceType"] in _MINIMUM}
        visit = known[f"urn:uuid:{visit['id']}"]
    first = _header(header, visit, known, sender, notice)
    return {
        "resourceType": "Bundle",
        "id": resource_id("Bundle", bundle["id"], notice.subscriber),
        "meta": {"profile": [f"{PROFILE}notifications-bundle"]},
        **{name: bundle[name] for name in ("identifier",) if name in bundle},
        "type": "message",
        **{name: bundle[name] for name in ("timestamp", "_timestamp") if name in bundle},
        "entry": [
            {"fullUrl": f"urn:uuid:{each['id']}", "resource": each}
            for each in (first, *_connected(first, visit, known))
        ],
    }


def _put_known(known: dict[str, Resource], resource: Resource) -> Resource:
    known[f"urn:uuid:{resource['id']}"] = resource
    return resource


def _header(
    header: Resource, visit: Resource, known: Mapping[str, Resource], sender: Element | None, notice: Notice
) -> Resource:
    code = f"notification-{_CODES.get(notice.phase, 'admit')}"
    made: Resource = {
        "resourceType": "MessageHeader",
        "id": resource_id("MessageHeader", header["id"], notice.subscriber),
        "meta": {
            "profile": [
                f"{PROFILE}notifications-messageheader",
                f"{PROFILE}{_CODES[notice.phase]}-notification-messageheader",
            ]
        },
        "eventCoding": {"system": EVENTS, "code": code, "display": f"{code.split('-')[1].capitalize()} Notification"},
        "source": header["source"],
        "focus": [{"reference": f"urn:uuid:{visit['id']}"}],
    }
    if ":" in notice.address:
        destination: Element = {"endpoint": notice.address}
        if notice.title:
            destination["name"] = notice.title
        made["destination"] = [destination]
    if sender is not None:
        made["sender"] = sender
        made["responsible"] = visit["serviceProvider"]
    author = next((each["individual"] for each in visit["participant"] if _is_practitioner(each, known)), None)
    if author is not None:
        made["author"] = author
    if notice.kind == "update":
        made["reason"] = coded(REASONS, "edit", "Edit")
    elif notice.kind == "withdrawal":
        made["reason"] = {"text": "withdrawn: what was told of this event is taken back"}
    return made


def _visit(visit: Resource, known: dict[str, Resource], sender: Element | None, notice: Notice) -> Resource:
    """The visit with what a notification needs of it: who takes part, where, and for a withdrawal that it is none."""
    made = {
        **visit,
        "meta": {"profile": [f"{PROFILE}{_PROFILES['Encounter'][0]}", f"{US_CORE}{_PROFILES['Encounter'][1]}"]},
    }
    if notice.kind == "withdrawal" and notice.phase == "arrival":
        made["status"] = "cancelled"
    _put_time(made, notice)
    if sender is not None and not _leads(visit.get("serviceProvider"), known):
        made["serviceProvider"] = sender
    reason = "masked" if notice.is_least else "unknown"
    people = [each for each in visit.get("participant", ()) if _is_practitioner(each, known)]
    made["participant"] = people or [absent("unknown")]
    places = [each for each in visit.get("location", ()) if _leads(each.get("location"), known)]
    if not places:
        place: Resource = {"resourceType": "Location", "id": resource_id("Location", visit["id"], "unknown")}
        place["_name"] = absent(reason)
        known[f"urn:uuid:{place['id']}"] = place
        places = [{"location": {"reference": f"urn:uuid:{place['id']}"}}]
    made["location"] = places
    accounts = [url for url, each in known.items() if each["resourceType"] == "Account"]
    if accounts:
        made["account"] = [{"reference": url} for url in accounts]
    return made


def _put_npi(known: dict[str, Resource], url: str, npi: str) -> None:
    """The facility's NPI (EVN-7), where it is a place: above the bed and the ward."""
    for _ in range(_DEEPEST):
        above = known[url].get("partOf", {}).get("reference", "")
        url = above if above in known else url
    if npi:
        place = known[url]
        number = {"system": NPI, "value": npi}
        _put_known(known, {**place, "identifier": [number, *place.get("identifier", ())]})


def _put_time(visit: Resource, notice: Notice) -> None:
    """When it happened, where PV1 does not say: an arrival begins the visit, a discharge ends it."""
    end = {"arrival": "start", "discharge": "end"}.get(notice.phase)
    if end is None or notice.kind == "withdrawal" or not notice.occurred:
        return
    period = visit.get("period", {})
    if notice.kind == "new" and end not in period and f"_{end}" not in period:
        visit["period"] = {**period, end: notice.occurred}
    if notice.phase == "discharge":
        visit["status"] = "finished"


def _is_practitioner(participant: Element, known: Mapping[str, Resource]) -> bool:
    who = participant.get("individual")
    return _leads(who, known) and known[who["reference"]]["resourceType"] == "Practitioner"  # type: ignore[index]


def _leads(reference: Element | None, known: Mapping[str, Resource]) -> bool:
    return reference is not None and reference.get("reference") in known


def _profiled(resource: Resource, visit: Resource) -> Resource:
    """A diagnosis or an insurance as a notification has it."""
    ours, theirs = _PROFILES[resource["resourceType"]]
    made = {**resource, "meta": {"profile": [f"{PROFILE}{ours}", f"{US_CORE}{theirs}"]}}
    if resource["resourceType"] == "Condition":
        made.setdefault("encounter", {"reference": f"urn:uuid:{visit['id']}"})
    return made


def _patient(patient: Resource, notice: Notice) -> Resource:
    """The patient, who is known to the subscriber by the number of its own panel."""
    if not notice.member:
        return patient
    made = {**patient, "identifier": [*patient.get("identifier", ())]}
    append(made, "identifier", {"system": f"{PANEL}{notice.roster}", "value": notice.member})
    return made


def _least(resource: Resource) -> Resource:
    """What the least content says of a resource: of a patient the name and the subscriber's own number."""
    names = _LEAST.get(resource["resourceType"], _NAMES)
    made = {name: value for name, value in resource.items() if name in ("resourceType", "id", "meta", *names)}
    if resource["resourceType"] == "Patient":
        own = [each for each in resource.get("identifier", ()) if each.get("system", "").startswith(PANEL)]
        made["identifier"] = own or [absent("masked")]
        made.pop("gender", None)
        made["_gender"] = absent("masked")
    if resource["resourceType"] == "Practitioner":
        made["identifier"] = [absent("masked")]
    return made


def _connected(header: Resource, visit: Resource, known: Mapping[str, Resource]) -> list[Resource]:
    """What the header leads to, and what is said of that visit or its patient: each once, the visit first."""
    found: dict[str, Resource] = {}
    waiting = [f"urn:uuid:{visit['id']}", *_leading(header)]
    about = {f"urn:uuid:{visit['id']}", *(each for each in _leading(visit) if each in known)}
    waiting += [url for url, each in known.items() if each["resourceType"] in _PROFILES and about & {*_leading(each)}]
    while waiting:
        url = waiting.pop(0)
        if url in known and url not in found:
            found[url] = known[url]
            waiting += _leading(known[url])
    return list(found.values())


def _leading(resource: Resource) -> list[str]:
    return [each.text for each in references(resource, "")]
