"""SPM and SAC: the specimen, and what it is in."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, ei_identifier, eip_identifiers, identifier_key
from transforms.v2_to_fhir.datatypes.quantities import cq_quantity
from transforms.v2_to_fhir.datatypes.times import dr_period, put_date_time, put_field_time
from transforms.v2_to_fhir.elements import append_each, put_first
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value


def spm_specimen(spm: SourceSegment, run: Run) -> Resource:
    """SPM[Specimen]."""
    identifiers = eip_identifiers(spm.first(2), run)
    specimen = specimen_of(identifiers, run) or run.add("Specimen", *_key_in_message(run))
    append_each(specimen, "identifier", spm, 31, run, cx_identifier)
    append(specimen, "identifier", ei_identifier(spm.first(32), run, "SHIP"))
    put_first(specimen, "accessionIdentifier", spm, 30, run, cx_identifier)
    put_code(specimen, "status", spm.text(20), "YesNoIndicator[AvailabilityStatus]", run, spm.where(20), "0136")
    put_first(specimen, "type", spm, 4, run, cwe_codeable_concept, codes="SpecimenType", table="0487")
    if run.patient is not None:
        specimen["subject"] = run.refer(run.patient)
    put_field_time(specimen, "receivedTime", spm, 18, run)
    for value in spm[3]:
        parent = specimen_of(eip_identifiers(value, run), run)
        if parent is not None and parent is not specimen:
            append(specimen, "parent", run.refer(parent))
    put(specimen, "collection", _collection(spm, run))
    container: Element = {}
    put_first(container, "type", spm, 27, run, cwe_codeable_concept, codes="ContainerType")
    put_first(
        container,
        "additiveCodeableConcept",
        spm,
        6,
        run,
        cwe_codeable_concept,
        codes="AdditivePreservative",
        table="0371",
    )
    append(specimen, "container", container)
    append_each(specimen, "condition", spm, 24, run, cwe_codeable_concept, codes="SpecimenCondition", table="0493")
    for value in spm[14]:
        append(specimen, "note", {"text": value.whole()})
    _put_rejection(specimen, spm, run)
    return specimen


def sac_specimen(sac: SourceSegment, run: Run, specimen: Resource | None) -> Resource:
    """SAC[Specimen], our own: the container that the open specimen is in, or that stands for one."""
    number = ei_identifier(sac.first(3), run)
    accession = ei_identifier(sac.first(2), run)
    if specimen is None:
        known = number or accession
        specimen = run.add("Specimen", *(identifier_key(known, run) if known is not None else _key_in_message(run)))
        if run.patient is not None:
            specimen["subject"] = run.refer(run.patient)
        put_first(specimen, "type", sac, 6, run, cwe_codeable_concept, codes="SpecimenType", table="0070")
    if accession is not None:
        specimen.setdefault("accessionIdentifier", accession)
    container: Element = {}
    if number is not None:
        container["identifier"] = [number]
    put_first(container, "type", sac, 9, run, cwe_codeable_concept)
    append(specimen, "container", container)
    return specimen


def specimen_of(identifiers: list[Element], run: Run) -> Resource | None:
    """The Specimen that has these identifiers, the filler's or else the placer's counting; None without any."""
    if not identifiers:
        return None
    number = identifiers[-1]
    key: tuple[str, ...] = identifier_key(number, run)
    if "system" not in number and len(number["value"]) <= 3:
        # Numbers such as 1 and 2 tell the specimens of one order apart, and those of no others.
        key = (*_owner(run), *key)
    elif run.patient is not None:
        key = (run.patient["id"], *key)
    specimen = run.add("Specimen", *key)
    for each in identifiers:
        append(specimen, "identifier", each)
    return specimen


def _collection(spm: SourceSegment, run: Run) -> Element:
    collection: Element = {}
    when = spm.first(17)
    if when is not None and when.has(2):
        put(collection, "collectedPeriod", dr_period(when, run, spm.where(17)))
    elif when is not None:
        dr_date_time(collection, "collectedDateTime", when, run, spm.where(17))
    put_first(collection, "quantity", spm, 12, run, cq_quantity)
    put_first(collection, "method", spm, 7, run, cwe_codeable_concept, codes="SpecimenCollectionMethod", table="0488")
    put_first(collection, "bodySite", spm, 8, run, cwe_codeable_concept, codes="SpecimenSourceSite")
    for value in spm[9]:
        found = cwe_codeable_concept(value, run, spm.where(9), "", "0542")
        if found is not None:
            add_extension(collection, extension(f"{OWN}body-site-modifier", "valueCodeableConcept", found))
    return collection


def dr_date_time(element: Element, name: str, dr: Value, run: Run, where: str) -> None:
    """DR[dateTime]: the start of a range as the time of something."""
    put_date_time(element, name, dr[1], run, where)


def _put_rejection(specimen: Resource, spm: SourceSegment, run: Run) -> None:
    """SPM-21: a specimen that was rejected, and why."""
    for value in spm[21]:
        reason = cwe_codeable_concept(value, run, spm.where(21), "SpecimenRejectReason", "0490")
        if reason is not None:
            specimen["status"] = "unsatisfactory"
            add_extension(specimen, extension(f"{OWN}specimen-reject-reason", "valueCodeableConcept", reason))


def _owner(run: Run) -> tuple[str, ...]:
    owner = run.report or run.order
    return (owner["id"],) if owner is not None else (run.sender, run.control_id)


def _key_in_message(run: Run) -> tuple[str, ...]:
    key = (*_owner(run), "specimen")
    return (*key, str(run.count("\x1f".join(key))))
