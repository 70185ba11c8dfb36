"""The numbers that an order and its results go by: the placer's, the filler's, those of their groups."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.authorities import put_type
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, ei_identifier, identifier_key
from transforms.v2_to_fhir.elements import of_field
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

PLACER, FILLER = "PLAC", "FILL"


def put_order_numbers(resource: Resource, orc: SourceSegment | None, obr: SourceSegment | None, run: Run) -> None:
    """Put the placer's and the filler's number, ORC and OBR alike, into the identifiers of `resource`."""
    for field, kind in ((2, PLACER), (3, FILLER)):
        for segment in (obr, orc):
            if segment is not None and segment.has(field):
                append(resource, "identifier", ei_identifier(segment.first(field), run, kind))


def put_alternate_numbers(order: Resource, orc: SourceSegment | None, obr: SourceSegment | None, run: Run) -> None:
    """Put the alternate placer numbers (OBR-53, ORC-33) into the identifiers of an order."""
    for segment, field in ((obr, 53), (orc, 33)):
        if segment is None:
            continue
        for value in segment[field]:
            identifier = cx_identifier(value, run, segment.where(field))
            if identifier is not None:
                put_type(identifier, PLACER)
                append(order, "identifier", of_field(identifier, segment, field))


def group_numbers(orc: SourceSegment, run: Run) -> tuple[Element | None, Element | None]:
    """ORC-4 and ORC-38: the placer's and the filler's number of the group that the order belongs to.

    ORC-4 is an EI, but an EIP in HL7 v2.8.2: told by parts of its first component.
    """
    group = orc.first(4)
    placer: Element | None = None
    filler: Element | None = None
    if group is not None and (not group.is_simple(1) or not group.is_simple(2)):
        placer = ei_identifier(group.part(1), run, "PGN")
        filler = ei_identifier(group.part(2), run, "FGN")
    elif group is not None:
        placer = ei_identifier(group, run, "PGN")
    if orc.has(38):
        filler = ei_identifier(orc.first(38), run, "FGN")
    return placer, filler


def order_key(kind: str, orc: SourceSegment | None, obr: SourceSegment | None, run: Run) -> tuple[str, ...]:
    """What identifies an order (its placer's number first) or a report (its filler's), with the service of OBR-4.

    One number often stands for several services, and one service for the isolates of a culture: OBR-4 and OBR-26
    belong to the key, and where that is not enough, how often it was met.
    """
    told = _service(obr)
    for field in (2, 3) if kind == "ServiceRequest" else (3, 2):
        for segment in (obr, orc):
            number = ei_identifier(segment.first(field), run) if segment is not None and segment.has(field) else None
            if number is not None:
                return _counted(kind, (*identifier_key(number, run), *told), run)
    patient = run.patient["id"] if run.patient is not None else ""
    return _counted(kind, (run.sender, run.control_id, patient, *told), run)


def number_key(identifier: Element) -> tuple[str, str, str]:
    """The system and value of an order's number, and whose it is."""
    kind = identifier.get("type", {}).get("coding", [{}])[0].get("code", "")
    return (identifier.get("system", ""), identifier["value"], kind)


def _service(obr: SourceSegment | None) -> tuple[str, str]:
    service = obr.first(4) if obr is not None else None
    if obr is None or service is None:
        return ("", "")
    return (service.peek(1) or service.peek(2) or service.peek(4), obr.raw(26))


def _counted(kind: str, key: tuple[str, ...], run: Run) -> tuple[str, ...]:
    number = run.count("\x1f".join((kind, *key)))
    return key if number == 1 else (*key, str(number))
