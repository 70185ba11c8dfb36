"""Devices and supplies that are no medicine."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.devices import UDI_ORGANIZER, device, put_udi
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.planned import INTENTS, STATUSES
from transforms.ccda_to_fhir.products import product_concept, product_of
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import carry, read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, is_stated, mood_of, status_of

_USES = {
    "active": "active",
    "completed": "completed",
    "aborted": "stopped",
    "cancelled": "stopped",
    "held": "on-hold",
    "suspended": "on-hold",
    "nullified": "entered-in-error",
}


@template(
    "2.16.840.1.113883.10.20.22.4.50",
    "2.16.840.1.113883.10.20.22.4.43",
    sections=[("46264-8", "supply")],
    any_mood=True,
)
def non_medicinal_supply_activity(supply: Node, run: Run) -> list[Resource]:
    """Non-Medicinal Supply Activity, Planned Supply: the Device with the statement that it is used, or the request.

    A negated one names no device that the patient has: it is carried by its class.
    """
    if is_negated(supply):
        return carry(supply, run)
    used = _device(supply, run)
    if is_planned(supply):
        return [_request(supply, used, run)]
    resource = start("DeviceUseStatement", supply, run)
    supply.target = resource
    resource["status"] = _USES.get(status_of(supply), "active")
    resource["device"] = run.refer(used)
    put_when(resource, "timing", supply.get("effectiveTime"), run)
    for each in taken(supply, resource, UDI_ORGANIZER, names=("organizer",)):
        put_udi(used, each, run)
    put_notes(resource, supply, run)
    put_authors(resource, supply, run, "source", "recordedOn")
    return [resource]


@template("2.16.840.1.113883.10.20.22.4.135", any_mood=True)
def medical_equipment_organizer(organizer: Node, run: Run) -> list[Resource]:
    """Medical Equipment Organizer: the devices and procedures that it holds."""
    organizer.value("code", "code")
    organizer.value("statusCode", "code")
    found: list[Resource] = []
    for _, inner in statements(organizer, "component"):
        found += read_entry(inner, run)
    if found:
        organizer.target = found[0]
    return found or carry(organizer, run)


def _device(supply: Node, run: Run) -> Resource:
    for each in supply.all("participant"):
        role = each.get("participantRole")
        if each.attr("typeCode") in ("PRD", "DEV") and role is not None:
            return device(role, run, is_of_patient=is_stated(supply))
    resource = run.add("Device", *run.own_key(supply))
    resource["type"] = product_concept(product_of(supply), run)
    if is_stated(supply):
        resource["patient"] = run.refer(run.patient)
    return resource


def _request(supply: Node, used: Resource, run: Run) -> Resource:
    resource = start("DeviceRequest", supply, run)
    supply.target = resource
    resource["status"] = STATUSES.get(status_of(supply), "active")
    resource["intent"] = INTENTS.get(mood_of(supply), "plan")
    resource["codeReference"] = run.refer(used)
    put_when(resource, "occurrence", supply.get("effectiveTime"), run)
    put_notes(resource, supply, run)
    put_authors(resource, supply, run, "requester", "authoredOn")
    return resource
