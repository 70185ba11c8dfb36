"""Device to a Product Instance (4.37), and to the procedure that put it in or the supply that it is."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import cd_of, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, onset_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comments,
    indications,
    references,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

INSTANCE = (f"{T}37", "")
SUPPLY = (f"{T}50", "2014-06-09")

_FDA = "2.16.840.1.113883.3.3719"
"""The root of unique device identifiers (FDA)."""


def device_participant(device: Node, run: Run, type: str = "DEV") -> Element:
    """The participant that a Device is: its unique identifier, its kind, its maker."""
    run.mark(device)
    role = make("participantRole", *templates(INSTANCE), classCode="MANU")
    carriers = [carrier for each in device.all("udiCarrier") if (carrier := each.text("carrierHRF"))]
    role.extend([make("id", root=_FDA, extension=each, assigningAuthorityName="FDA") for each in carriers])
    for each in device.all("udiCarrier"):
        if each.text("deviceIdentifier") and not carriers:
            role.append(make("id", root=_FDA, extension=f"(01){each.text('deviceIdentifier')}"))
    if not carriers or device.has("identifier"):
        role.extend(ids_of(device, run))
    playing = make("playingDevice", cd_of(device.one("type"), run))
    model = device.text("modelNumber") or device.one("deviceName").text("name")
    if model:
        playing.append(make("manufacturerModelName", text=model))
    role.append(playing)
    maker = device.text("manufacturer")
    scoping = make("scopingEntity", null("id"))
    if maker:
        scoping.append(make("desc", text=maker))
    role.append(scoping)
    return make("participant", role, typeCode=type)


def told(device: Node, row: Row) -> None:
    """Tell a reader of a device."""
    row.tell("Device", shown(device.one("type")) or device.one("deviceName").peek("name"))
    for each in device.all("udiCarrier"):
        row.tell("UDI", each.peek("carrierHRF") or each.peek("deviceIdentifier"))
    row.tell("Maker", device.peek("manufacturer"))
    for name in ("lotNumber", "serialNumber", "expirationDate", "manufactureDate", "distinctIdentifier"):
        row.tell(_HEADINGS[name], device.text(name))


_HEADINGS = {
    "lotNumber": "Lot",
    "serialNumber": "Serial number",
    "expirationDate": "Expires",
    "manufactureDate": "Made",
    "distinctIdentifier": "Distinct identifier",
}


@entry("Device", sections=("equipment", "procedures"))
def device_supply(resource: Node, row: Row, run: Run) -> Element | None:
    """The supply of a Device that stands for itself; None of one entered in error."""
    made = _supply(run.uuid("supply", run.own_id(resource)), row)
    made.append(status("active" if resource.text("status") == "active" else "completed"))
    made.append(device_participant(resource, run, "PRD"))
    made.extend(authors(resource, run))
    made.extend(comments(resource, row, run))
    told(resource, row)
    row.tell("Status", resource.peek("status"))
    return made


@entry("DeviceUseStatement", home="equipment")
def device_use(resource: Node, row: Row, run: Run) -> Element | None:
    """The supply of a device that a patient uses; None of one entered in error."""
    run.mark(resource)
    made = _supply("", row)
    made[0:0] = ids_of(resource, run)
    state = resource.text("status")
    if state == "intended":
        made.set("moodCode", "INT")
    made.append(status({"completed": "completed", "stopped": "aborted", "on-hold": "suspended"}.get(state, "active")))
    low, high = onset_of(resource, "timing", run)
    if resource.choice("timing") == "timingDateTime" and low:
        made.append(make("effectiveTime", value=low))
    elif low or high:
        made.append(low_high(low, high, kind="IVL_TS"))
    device = run.resolve(resource.one("device"))
    made.append(device_participant(device, run, "PRD"))
    made.extend(authors(resource, run, ("source", "recordedOn")))
    made.extend(indications(resource, row, run))
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "basedOn", "derivedFrom"))
    told(device, row)
    row.tell("Period", told_time(resource, "timing"))
    row.tell("Status", state)
    return made


def _supply(id: str, row: Row) -> Element:
    made = make("supply", *templates(SUPPLY), classCode="SPLY", moodCode="EVN")
    if id:
        made.append(make("id", root=id))
    made.append(text_reference(row))
    return made
