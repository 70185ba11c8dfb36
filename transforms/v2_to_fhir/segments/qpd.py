"""QPD, RCP, QAK, QRD, QRF, QID and DSC: what was asked, and how much was found."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

_MOST_FIELDS = 64


def query_parameters(segment: SourceSegment, run: Run) -> Resource:
    """A segment of a query, which the guide does not map, as a parameter of the query; each field is a part of it.

    The parts are named as HL7 v2 addresses fields (`QPD-1`), those of a query by fields as the query names them
    (`@PID.5.1`). FHIR's own searches and operations ask otherwise than v2's; what was asked stays as it was asked.
    """
    parameters = run.add("Parameters", run.sender, run.control_id, "query")
    parts: list[Element] = []
    for field in range(1, _MOST_FIELDS):
        for value in segment[field]:
            parts += _part(value, segment.where(field))
    if parts:
        parameters.setdefault("parameter", []).append({"name": segment.name, "part": parts})
    return parameters


def _part(value: Value, where: str) -> list[Element]:
    name = value.peek(1)
    if name.startswith("@") and len(value.parts) > 1:
        value.mark(1)
        return [{"name": name, "valueString": value.rest(2)}] if value.rest(2) else []
    text = value.whole()
    return [{"name": where, "valueString": text}] if text else []
