"""IAM: an allergy that has an identity of its own, so that it can be changed and taken back."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, add_extension, append, coded, extension
from transforms.v2_to_fhir.allergies import CLINICAL, VERIFICATION, allergy, take_back
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.datatypes.people import person_key
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.related import related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

_VERIFICATIONS = {"U": "unconfirmed", "P": "unconfirmed", "S": "unconfirmed", "D": "unconfirmed"} | {
    "C": "confirmed",
    "I": "confirmed",
}
"""What each allergy clinical status (table 0438) says of how sure it is; E, erroneous, takes the allergy back."""
_TYPES = {"AL": "allergy", "IN": "intolerance"}
"""The sensitivities to a causative agent (table 0436) that FHIR has a type for."""


def iam_allergy_intolerance(iam: SourceSegment, run: Run, patient: Resource) -> Resource:
    """IAM[AllergyIntolerance]."""
    identifier = ei_identifier(iam.first(7), run)
    key = identifier_key(identifier, run) if identifier is not None else ()
    resource = allergy(iam, run, patient, *key)
    append(resource, "identifier", identifier)
    _put_clinicians_code(resource, iam, run)
    sensitivity = iam.first(9)
    if sensitivity is not None and "type" not in resource and sensitivity.peek(1) in _TYPES:
        resource["type"] = _TYPES[sensitivity[1]]
    if iam.has(11):
        put_field_time(resource, "onsetDateTime", iam, 11, run)
    elif iam.has(12):
        resource["onsetString"] = iam.text(12)
    put_field_time(resource, "recordedDate", iam, 13, run)
    _put_recorder(resource, iam, run, patient)
    _put_status(resource, iam, run)
    return resource


def _put_clinicians_code(resource: Resource, iam: SourceSegment, run: Run) -> None:
    found = cwe_codeable_concept(iam.first(27), run, iam.where(27)) or {}
    append(resource["code"], "coding", *found.get("coding", []))
    if "text" in found:
        resource["code"].setdefault("text", found["text"])


def _put_recorder(resource: Resource, iam: SourceSegment, run: Run, patient: Resource) -> None:
    relation = iam.first(15)
    if relation is not None and relation[1] == "SEL":
        resource["recorder"] = run.refer(patient)
        return
    names = [name for name in (xpn_human_name(value, run, iam.where(14)) for value in iam[14]) if name is not None]
    if relation is not None and names:
        person = related_person(run, patient, names, relation[1])
        append_each(person, "relationship", iam, 15, run, cwe_codeable_concept, codes="Relationship", table="0063")
        resource["recorder"] = run.refer(person)
    elif names:
        practitioner: Element = {"resourceType": "Practitioner", "name": names}
        resource["recorder"] = run.share(practitioner, *person_key(None, names[0], run))


def _put_status(resource: Resource, iam: SourceSegment, run: Run) -> None:
    status = iam.first(17)
    code = status.peek(1) if status is not None else ""
    concept = cwe_codeable_concept(status, run, iam.where(17), table="0438") or {}
    # Another action (A, U) says no more than that the allergy is there: it stays unread, and so is kept.
    is_deleted = iam.raw(6).partition("^")[0] == "D" and iam.text(6) == "D"
    if is_deleted or code == "E":
        take_back(resource)
    elif code in _VERIFICATIONS:
        resource["verificationStatus"] = coded(VERIFICATION, _VERIFICATIONS[code])
        if code == "I":
            resource["clinicalStatus"] = coded(CLINICAL, "inactive")
    if concept:
        # Both elements allow only the codes of FHIR, so the sender's own stands beside.
        told = resource.get("verificationStatus") or resource["clinicalStatus"]
        add_extension(told, extension(ALTERNATE_CODES, "valueCodeableConcept", concept))
