"""SPM: the specimen."""

from __future__ import annotations

from transforms.elements import OWN
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of
from transforms.fhir_to_v2.datatypes.entities import eip_of, specimen_numbers
from transforms.fhir_to_v2.datatypes.identifiers import cx_of, ei_of
from transforms.fhir_to_v2.datatypes.quantities import cq_of
from transforms.fhir_to_v2.datatypes.times import dtm_of, period_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.nte import ntes_of

_NUMBERS = ("PGN", "FGN", "PLAC", "FILL", "SHIP", "")


def spm_of(specimen: Node, run: Run) -> Line:
    """Specimen[SPM]."""
    spm = run.line("SPM", specimen)
    spm.put(1, str(_number(run)))
    spm.put(2, eip_of(specimen, run))
    spm.put(3, *(specimen_numbers(each, run) for each in specimen.all("parent")))
    spm.put(4, cwe_of(specimen.one("type"), run, "SpecimenType", "0487"))
    container = specimen.one("container")
    spm.put(6, cwe_of(container.one("additiveCodeableConcept"), run, "AdditivePreservative", "0371"))
    collection = specimen.one("collection")
    spm.put(7, cwe_of(collection.one("method"), run, "SpecimenCollectionMethod", "0488"))
    spm.put(8, cwe_of(collection.one("bodySite"), run, "SpecimenSourceSite"))
    for each in collection.extensions(f"{OWN}body-site-modifier") if collection.has("extension") else ():
        spm.put(9, cwe_of(each.one("valueCodeableConcept"), run, "", "0542"))
    spm.put(12, cq_of(collection.one("quantity")))
    begin, end = period_of(collection.one("collectedPeriod"), run)
    spm.put(17, {1: dtm_of(collection, "collectedDateTime", run) or begin, 2: end})
    spm.put(18, dtm_of(specimen, "receivedTime", run))
    rejected = specimen.extensions(f"{OWN}specimen-reject-reason") if specimen.has("extension") else []
    if specimen.peek("status") in ("available", "unavailable") or specimen.has("_status"):
        spm.put(20, code_of(specimen, "status", run, "YesNoIndicator[AvailabilityStatus]"))
    specimen.text("status")
    spm.put(21, *(cwe_of(each.one("valueCodeableConcept"), run, "SpecimenRejectReason", "0490") for each in rejected))
    spm.put(24, *(cwe_of(each, run, "SpecimenCondition", "0493") for each in specimen.all("condition")))
    spm.put(27, cwe_of(container.one("type"), run, "ContainerType"))
    spm.put(30, cx_of(specimen.one("accessionIdentifier"), run))
    for identifier in specimen.all("identifier"):
        kind = identifier.one("type").one("coding").peek("code")
        if kind == "SHIP":
            spm.put(32, ei_of(identifier, run))
        elif kind not in _NUMBERS:
            spm.put(31, cx_of(identifier, run))
    notes = [each for each in specimen.all("note") if not each.has("authorReference") and not each.has("extension")]
    if all(len(each.names()) == 1 for each in notes):
        spm.put(14, *(each.text("text") for each in notes))
    else:
        ntes_of(specimen, run)
    return spm


def _number(run: Run) -> int:
    """SPM-1: which specimen of its order this is."""
    count = 0
    for line in reversed(run.lines):
        if line.name in ("OBR", "PID"):
            break
        count += line.name == "SPM"
    return count
