"""PRT behind an order or a result: who took part, with which device, where."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import CORE, add_extension, extension, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.codes import cne_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import ei_device_udi_carrier
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import put_first
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

_EVENT_LOCATION = f"{CORE}event-location"
_BARCODES = ("(01)", "=/", "+")
"""What the human readable form of a UDI begins with, by GS1, ICCBBA and HIBCC."""


def prt_device(prt: SourceSegment, run: Run) -> Element | None:
    """PRT[Device]: a reference to it."""
    number = prt.first(10)
    carrier = ei_device_udi_carrier(prt.first(16))
    device: Resource = {"resourceType": "Device"}
    key: tuple[str, ...] = ()
    if number is not None and _is_barcode(number):
        text = number[1]
        device["udiCarrier"] = [{**(carrier or {}), "carrierHRF": text}]
        key = ("udi", text)
    elif number is not None:
        identifier = ei_identifier(number, run)
        if identifier is not None:
            device["identifier"] = [identifier]
            key = identifier_key(identifier, run)
    if carrier is not None and "udiCarrier" not in device:
        device["udiCarrier"] = [carrier]
        key = key or ("udi", carrier["deviceIdentifier"], prt.raw(20))
    if not key:
        return None
    put_field_time(device, "manufactureDate", prt, 17, run)
    put_field_time(device, "expirationDate", prt, 18, run)
    put(device, "lotNumber", prt.text(19))
    put(device, "serialNumber", prt.text(20))
    put(device, "distinctIdentifier", prt.text(21))
    put_first(device, "type", prt, 22, run, cne_codeable_concept)
    return run.share(device, *key)


def prt_observation_location(prt: SourceSegment, run: Run, observation: Resource) -> None:
    """PRT[Observation-Location]: where it was observed."""
    place = pl_location(prt.first(9), run)
    address = xad_address(prt.first(14), run, prt.where(14))
    if place is not None and address is not None:
        run.referred(place).setdefault("address", address)
    elif address is not None:
        place = run.share({"resourceType": "Location", "mode": "instance", "address": address}, run.sender, prt.raw(14))
    if place is not None:
        add_extension(observation, extension(_EVENT_LOCATION, "valueReference", place))


def _is_barcode(ei: Value) -> bool:
    """Whether the identifier is the whole text of a UDI label."""
    return ei.peek(1).startswith(_BARCODES)
