"""Devices that are used on a patient or implanted: product instances and their unique device identifiers."""

from __future__ import annotations

import re

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.times import put_time, start_of
from transforms.ccda_to_fhir.entry import taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import organization
from transforms.ccda_to_fhir.run import Run
from transforms.elements import US_CORE, absent, append, put

PRODUCT_INSTANCE = "2.16.840.1.113883.10.20.22.4.37"
UDI_ORGANIZER = "2.16.840.1.113883.10.20.22.4.311"
FDA = "2.16.840.1.113883.3.3719"
"""The root of a unique device identifier of the United States, whole as people read it."""
UDI = "http://hl7.org/fhir/NamingSystem/fda-udi"
GS1 = "http://hl7.org/fhir/NamingSystem/gs1-di"
_GS1 = re.compile(r"\(01\)(\d{14})", re.ASCII)
_TEXTS = {
    "2.16.840.1.113883.10.20.22.4.315": "lotNumber",
    "2.16.840.1.113883.10.20.22.4.319": "serialNumber",
    "2.16.840.1.113883.10.20.22.4.308": "distinctIdentifier",
}
_TIMES = {
    "2.16.840.1.113883.10.20.22.4.316": "manufactureDate",
    "2.16.840.1.113883.10.20.22.4.309": "expirationDate",
}
_NAMES = {
    "2.16.840.1.113883.10.20.22.4.301": "user-friendly-name",
    "2.16.840.1.113883.10.20.22.4.302": "manufacturer-name",
    "2.16.840.1.113883.10.20.22.4.317": "model-name",
}
_DEVICE_IDENTIFIER = "2.16.840.1.113883.10.20.22.4.304"


def device(role: Node, run: Run, *, is_of_patient: bool = True) -> Resource:
    """The Device that a participantRole (a Product Instance) is, with what its identifier carries.

    One that was not used, or is yet to be, is none of the patient's.
    """
    resource = run.make("Device", role)
    role.target = resource
    if is_of_patient and run.options.profile == "us-core":
        resource["meta"] = {"profile": [f"{US_CORE}us-core-implantable-device"]}
    for number in identifiers(role, run):
        if number.get("system") in (f"urn:oid:{FDA}", UDI):
            append(resource, "udiCarrier", _carrier(number["value"]))
        append(resource, "identifier", number)
    playing = role.get("playingDevice")
    concept = codeable_concept(playing.get("code"), run) if playing is not None else None
    put(resource, "type", concept or codeable_concept(role.get("code"), run))
    if playing is not None:
        for name, kind in (("manufacturerModelName", "model-name"), ("softwareName", "other")):
            text = playing.string(name)
            append(resource, "deviceName", {"name": text, "type": kind} if text else None)
    if "type" not in resource:
        resource["type"] = {"text": "unknown"}
    put(resource, "owner", organization(role.get("scopingEntity"), run))
    if is_of_patient:
        resource["patient"] = run.refer(run.patient)
    return resource


def _carrier(text: str) -> Element:
    """The udiCarrier of an identifier as people read it; the part for the model is told in those of GS1."""
    element: Element = {"carrierHRF": text, "issuer": UDI}
    found = _GS1.match(text)
    if found is not None:
        element["deviceIdentifier"] = found[1]
        element["issuer"] = GS1
    else:
        element["_deviceIdentifier"] = absent("unknown")
    return element


def put_udi(resource: Resource, organizer: Node, run: Run) -> None:
    """Put what a UDI Organizer says of the device into its resource, part by part."""
    organizer.target = resource
    organizer.value("statusCode", "code")
    organizer.value("code", "code")
    for each in taken(organizer, resource, names=("observation",), relation="component"):
        each.value("code", "code")
        value = each.get("value")
        if value is None:
            continue
        _put_part(resource, each, value, run)


def _put_part(resource: Resource, observation: Node, value: Node, run: Run) -> None:
    for root in observation.template_ids:
        if root in _TEXTS:
            put(resource, _TEXTS[root], value.attr("extension") or value.text)
        elif root in _TIMES:
            put_time(resource, _TIMES[root], start_of(value), run)
        elif root in _NAMES:
            append(resource, "deviceName", {"name": value.text, "type": _NAMES[root]} if value.text else None)
        elif root == _DEVICE_IDENTIFIER:
            carrier: Element = (resource.get("udiCarrier") or [{}])[0]
            carrier.pop("_deviceIdentifier", None)
            put(carrier, "deviceIdentifier", value.attr("extension"))
            put(carrier, "issuer", f"urn:oid:{value.attr('root')}" if value.attr("root") else "")
            resource["udiCarrier"] = [carrier]
        else:
            continue
        return
    append(resource, "property", _property(observation, value, run))


def _property(observation: Node, value: Node, run: Run) -> Element | None:
    """What else is said of the device: its safety in a magnetic resonance tomograph, latex, its status."""
    kind, said = codeable_concept(observation.get("code"), run), codeable_concept(value, run)
    return None if kind is None or said is None else {"type": kind, "valueCode": [said]}
