"""Family history: what relatives have, and what they do not."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import LOINC, codeable_concept, concept_or_absent
from transforms.ccda_to_fhir.datatypes.names import human_names
from transforms.ccda_to_fhir.datatypes.quantities import quantity
from transforms.ccda_to_fhir.datatypes.times import put_day, put_time, start_of
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_said_of, status_of
from transforms.ccda_to_fhir.templates.problems import AGE
from transforms.elements import OWN, add_extension, append, coded, extension, put, unknown_concept

OBSERVATION = "2.16.840.1.113883.10.20.22.4.46"
DEATH = "2.16.840.1.113883.10.20.22.4.47"
FAMILY_HISTORY = "10157-6"
CODE = f"{OWN}ccda-code"
"""What kind of finding it is, as the document codes it."""
GENDER = "http://hl7.org/fhir/administrative-gender"
_GENDERS = {"F": "female", "M": "male", "UN": "other"}
_STATUSES = {"completed": "completed", "active": "partial", "nullified": "entered-in-error"}


@template("2.16.840.1.113883.10.20.22.4.45", "2.16.840.1.113883.10.20.1.23", sections=[("10157-6", "organizer")])
def family_history_organizer(organizer: Node, run: Run) -> list[Resource]:
    """Family History Organizer: a FamilyMemberHistory; what a relative does not have, an Observation that denies it."""
    resource = start("FamilyMemberHistory", organizer, run, "patient")
    organizer.target = resource
    resource["status"] = _STATUSES.get(status_of(organizer), "completed")
    put_time(resource, "date", start_of(organizer.get("effectiveTime")), run)
    _put_relative(resource, organizer.get("subject/relatedSubject"), run)
    for _, each in statements(organizer, "component"):
        if each.name == "observation" and is_said_of(each, organizer) and not is_negated(organizer):
            _put_condition(resource, each, run)
    put_notes(resource, organizer, run, relation="component")
    put_authors(resource, organizer, run, "", "")
    return [resource]


@template(OBSERVATION, "2.16.840.1.113883.10.20.1.22", sections=[("10157-6", "observation")])
def family_history_observation(observation: Node, run: Run) -> list[Resource]:
    """Family History Observation that no relative's history holds, or that is denied: an Observation.

    Its code says that it is about relatives, whatever the document's says: no reader may take it for the patient's.
    """
    resource = observation_of(observation, run)
    add_extension(resource, extension(CODE, "valueCodeableConcept", resource["code"]))
    resource["code"] = coded(LOINC, FAMILY_HISTORY, "History of family member diseases")
    return [resource]


def _put_relative(resource: Resource, relative: Node | None, run: Run) -> None:
    resource["relationship"] = unknown_concept()
    if relative is None:
        return
    relative.target = resource
    resource["relationship"] = concept_or_absent(relative.get("code"), run)
    subject = relative.get("subject")
    if subject is None:
        return
    for name in human_names(subject, run):
        put(resource, "name", name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip())
    code = subject.value("administrativeGenderCode", "code")
    if code:
        gender = _GENDERS.get(code, "unknown")
        resource["sex"] = coded(GENDER, gender, gender.capitalize())
    put_day(resource, "bornDate", subject.get("birthTime"), run)
    put_day(resource, "deceasedDate", subject.get("sdtc:deceasedTime"), run)
    if "deceasedDate" not in resource and subject.value("sdtc:deceasedInd"):
        resource["deceasedBoolean"] = subject.value("sdtc:deceasedInd") == "true"


def _put_condition(resource: Resource, observation: Node, run: Run) -> None:
    observation.target = resource
    condition: Element = {"code": concept_or_absent(observation.get("value"), run)}
    kind = codeable_concept(observation.get("code"), run)
    if kind is not None and not any(each.get("code") in _NO_KIND for each in kind.get("coding", ())):
        append(condition, "extension", extension(CODE, "valueCodeableConcept", kind))
    for each in taken(observation, resource, AGE, codes=("445518008",), names=("observation",)):
        put(condition, "onsetAge", quantity(each.get("value"), run))
    for each in taken(observation, resource, DEATH, names=("observation",)):
        condition["outcome"] = concept_or_absent(each.get("value"), run)
        condition["contributedToDeath"] = True
    if "onsetAge" not in condition:
        span: Element = {}
        put_time(span, "start", start_of(observation.get("effectiveTime")), run)
        if "start" in span:
            condition["onsetPeriod"] = span
    for note in _notes(observation, resource, run):
        append(condition, "note", note)
    append(resource, "condition", condition)


_NO_KIND = ("55607006", "ASSERTION", "64572001", "29308-4")
"""Codes that say no more than that it is a problem, a disease, or a diagnosis."""


def _notes(observation: Node, resource: Resource, run: Run) -> list[Element]:
    held: Element = {}
    put_notes(held, observation, run)
    for each in observation.each("entryRelationship/act"):
        if each.target is held:
            each.target = resource
    found: list[Element] = held.get("note", [])
    return found
