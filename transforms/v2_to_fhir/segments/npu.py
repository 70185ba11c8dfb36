"""NPU: the status of a bed: our own map, for the guide has none."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.datatypes.codes import put_code
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

BED_STATUS = "http://terminology.hl7.org/CodeSystem/v2-0116"


def npu_location(npu: SourceSegment, run: Run) -> Resource | None:
    """The bed and its status."""
    place = pl_location(npu.first(1), run)
    if place is None:
        return None
    bed = run.referred(place)
    put_bed_status(bed, npu.text(2), run, npu.where(2))
    return bed


def put_bed_status(bed: Resource, code: str, run: Run, where: str) -> None:
    """Put the status of a bed (table 0116) into its Location."""
    held: Element = {}
    put_code(held, "code", code, "BedStatus", run, where, "0116")
    if "code" in held:
        bed["operationalStatus"] = {"system": BED_STATUS, "code": held["code"]}
