"""IN2: what else is known of an insurance: our own map of what Coverage and the insured can take."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import IDENTIFIER_TYPE, append, coded
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.pid import SSN
from transforms.v2_to_fhir.source import SourceSegment

_NUMBERS = ((6, "MC"), (8, "MA"), (10, "MI"))
"""The numbers of Medicare, Medicaid and the military, and their types (table 0203)."""
_UNKNOWN = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def in2_coverage(in2: SourceSegment, run: Run, coverage: Resource) -> Resource:
    """The numbers and the relationship that IN2 adds to the insurance of the IN1 before."""
    for field, kind in _NUMBERS:
        number = in2.text(field)
        if number:
            append(coverage, "identifier", {"type": coded(IDENTIFIER_TYPE, kind), "value": number})
    for value in in2[61]:
        number_of_member = cx_identifier(value, run, in2.where(61))
        if number_of_member is not None:
            number_of_member.setdefault("type", coded(IDENTIFIER_TYPE, "MB"))
            append(coverage, "identifier", number_of_member)
            coverage.setdefault("subscriberId", number_of_member["value"])
            coverage.pop("_subscriberId", None)
    relation = cwe_codeable_concept(in2.first(72), run, in2.where(72), "Relationship", "0063")
    if relation is not None and _is_unknown(coverage):
        coverage["relationship"] = relation
    subscriber = run.referred(coverage["subscriber"]) if "subscriber" in coverage else None
    if subscriber is not None:
        _put_insured(subscriber, in2, run)
    return coverage


def _put_insured(subscriber: Resource, in2: SourceSegment, run: Run) -> None:
    number = in2.text(2)
    if number:
        append(subscriber, "identifier", {"type": coded(IDENTIFIER_TYPE, "SS"), "system": SSN, "value": number})
    append_each(subscriber, "telecom", in2, 63, run, xtn_contact_point, use="home")
    append_each(subscriber, "telecom", in2, 64, run, xtn_contact_point, use="work")


def _is_unknown(coverage: Resource) -> bool:
    codings = coverage.get("relationship", {}).get("coding", [])
    return "relationship" not in coverage or any(each.get("system") == _UNKNOWN for each in codings)
