"""RXR: by which route and where on the body a medicine or vaccine is given."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.elements import put_first
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment


def rxr_immunization(rxr: SourceSegment, run: Run, immunization: Resource) -> None:
    """RXR[Immunization]."""
    _put_route_and_site(immunization, rxr, run)


def rxr_medication_request(rxr: SourceSegment, run: Run, resource: Resource) -> None:
    """RXR[MedicationRequest]; a dispense says it of its instruction as well. A further route is another instruction."""
    dosages: list[Element] = resource.setdefault("dosageInstruction", [{}])
    open_ones = [each for each in dosages if "route" not in each and "site" not in each]
    if not open_ones:
        open_ones = [{}]
        dosages += open_ones
    device = cwe_codeable_concept(rxr.first(3), run, rxr.where(3), table="0164")
    for dosage in open_ones:
        _put_route_and_site(dosage, rxr, run)
        put_first(dosage, "method", rxr, 4, run, cwe_codeable_concept, codes="AdministrationMethod", table="0165")
        if device is not None:
            add_extension(dosage, extension(f"{OWN}administration-device", "valueCodeableConcept", device))
        append(dosage, "additionalInstruction", cwe_codeable_concept(rxr.first(5), run, rxr.where(5)))


def rxr_medication_administration(rxr: SourceSegment, run: Run, administration: Resource) -> None:
    """RXR behind the RXA of an administration, which the guide does not map: route, site and method of the dose."""
    dosage: Element = administration.get("dosage", {})
    if "route" in dosage or "site" in dosage:
        return
    _put_route_and_site(dosage, rxr, run)
    put_first(dosage, "method", rxr, 4, run, cwe_codeable_concept, codes="AdministrationMethod", table="0165")
    put(administration, "dosage", dosage)


def _put_route_and_site(element: Element, rxr: SourceSegment, run: Run) -> None:
    put_first(element, "route", rxr, 1, run, cwe_codeable_concept, codes="RouteOfAdministration", table="0162")
    put_first(element, "site", rxr, 2, run, cwe_codeable_concept, codes="BodyParts", table="0163")
