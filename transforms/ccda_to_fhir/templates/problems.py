"""Problems, health concerns and diagnoses."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import LOINC, SNOMED, codeable_concept, coding, concept_or_absent, mapped
from transforms.ccda_to_fhir.datatypes.quantities import quantity
from transforms.ccda_to_fhir.datatypes.times import end_of, put_time, start_of
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import read_entry, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_stated, says_none, says_so, status_of, wrapper_of
from transforms.elements import CORE, OWN, US_CORE, add_extension, append, coded, extension

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
OBSERVATION = "2.16.840.1.113883.10.20.22.4.4"
STATUS = "2.16.840.1.113883.10.20.22.4.6"
AGE = "2.16.840.1.113883.10.20.22.4.31"
DATE_OF_DIAGNOSIS = "2.16.840.1.113883.10.20.22.4.502"
ONSET_AGE = f"{OWN}ccda-onset-age"
"""The age at onset where the time of onset is known as well, which leaves no place for it."""
ABATEMENT = f"{OWN}ccda-abatement"
"""When what has no course ended: R4 has no place for it without one (con-4)."""
_OVER = ("inactive", "remission", "resolved")
_ANY_PROBLEM = ("55607006", "64572001", "404684003", "373930000")
"""Problem, disease, finding: what is negated where no problem is known."""
_NO_KIND = ("55607006", "ASSERTION")
"""Codes of problem observations that say no more than that it is a problem."""


@template(
    "2.16.840.1.113883.10.20.22.4.3",
    sections=[("11450-4", "act"), ("11348-0", "act"), ("46241-6", "act"), ("11535-2", "act"), ("29308-4", "act")],
    codes=[("CONC", "act")],
    any_mood=True,
)
def problem_concern_act(act: Node, run: Run) -> list[Resource]:
    """Problem Concern Act: each problem that the concern is about."""
    coding(act.get("code"))
    found: list[Resource] = []
    for link in act.all("entryRelationship"):
        observation = link.get("observation")
        if observation is not None and (observation.keeps(OBSERVATION) or link.attr("typeCode") in ("SUBJ", "")):
            found += read_entry(observation, run) if observation.template_ids else problem_observation(observation, run)
    return found


@template(
    "2.16.840.1.113883.10.20.22.4.80",
    "2.16.840.1.113883.10.20.22.4.33",
    "2.16.840.1.113883.10.20.22.4.34",
    "2.16.840.1.113883.10.20.22.4.51",
    "2.16.840.1.113883.10.20.22.4.65",
    codes=[("29308-4", "act")],
    any_mood=True,
)
def encounter_diagnosis(act: Node, run: Run) -> list[Resource]:
    """Encounter Diagnosis, and those at admission, at discharge, before and after an operation: each problem of it."""
    found = problem_concern_act(act, run)
    act.value("statusCode", "code")
    return found


@template(
    OBSERVATION,
    "2.16.840.1.113883.10.20.1.28",
    general=True,
    sections=[("11450-4", "observation"), ("11348-0", "observation"), ("46241-6", "observation")],
    any_mood=True,
)
def problem_observation(observation: Node, run: Run) -> list[Resource]:
    """Problem Observation: a Condition, in the category of its section."""
    resource = start("Condition", observation, run)
    observation.target = resource
    _put_status(resource, observation, run)
    _put_category(resource, observation, run)
    if "code" not in resource or not is_negated(observation):
        resource["code"] = concept_or_absent(observation.get("value"), run)
    _put_times(resource, observation, run)
    for act in taken(observation, resource, DATE_OF_DIAGNOSIS, codes=("77975-1",)):
        asserted: Element = {"url": f"{CORE}condition-assertedDate"}
        put_time(asserted, "valueDateTime", start_of(act.get("effectiveTime")), run)
        if "valueDateTime" in asserted:
            add_extension(resource, asserted)
    for each in taken(observation, resource, types=("SPRT",), names=("observation",)):
        each.target = None
        for evidence in filter(says_so, read_entry(each, run)):
            append(resource, "evidence", {"detail": [run.refer(evidence)]})
    put_notes(resource, observation, run)
    put_authors(resource, observation, run)
    return [resource]


def _put_status(resource: Resource, observation: Node, run: Run) -> None:
    """Course and certainty: a negated problem is refuted, one in error has no course (con-5)."""
    statuses = [
        mapped(each.get("value"), "CF-ProblemStatus", run)
        for each in taken(observation, resource, STATUS, codes=("33999-4",))
    ]
    if status_of(observation) == "nullified":
        resource["verificationStatus"] = coded(VERIFICATION, "entered-in-error", "Entered in Error")
        return
    negated = is_negated(observation)
    if negated and _put_none_known(resource, observation, run):
        return
    if negated:
        resource["verificationStatus"] = coded(VERIFICATION, "refuted", "Refuted")
    elif not is_stated(observation):
        resource["verificationStatus"] = coded(VERIFICATION, "unconfirmed", "Unconfirmed")
    act = wrapper_of(observation)
    code = next(filter(None, statuses), "")
    if not code and act is not None:
        code = concept_map("CF-ConditionClinicalStatus").code(act.value("statusCode", "code").lower())
    high = end_of(observation.get("effectiveTime"))
    is_over = high is not None and (bool(high.peek("value")) or high.peek("nullFlavor") == "UNK")
    if is_over and code not in _OVER:
        # con-4 of R4: what has abated is not active. A status that the document states weighs less than its end.
        code = "inactive" if code else "resolved"
    if negated and code not in _OVER:
        return
    code = code or "active"
    resource["clinicalStatus"] = coded(CLINICAL, code, code.capitalize())


def _put_none_known(resource: Resource, observation: Node, run: Run) -> bool:
    """Whether the negated problem is any problem: then the Condition is the statement that none is known."""
    value = observation.get("value")
    concept = codeable_concept(value, run) or {}
    stated = text_of(value.get("originalText"), run) if value is not None else ""
    codes = [each["code"] for each in concept.get("coding", ())]
    is_any = any(each in _ANY_PROBLEM for each in codes) or not (codes or (stated and not says_none(stated)))
    if value is None or not is_any:
        return False
    resource["code"] = coded(SNOMED, "160245001", "No current problems or disability")
    resource["code"]["text"] = stated or "No known problems"
    return True


def _put_category(resource: Resource, observation: Node, run: Run) -> None:
    found = concept_map("CF-ProblemCategory").find(run.section_code)
    code = found[0].code if found else "encounter-diagnosis" if _is_diagnosis(observation, run) else "problem-list-item"
    system = found[0].system if found else CATEGORY
    append(resource, "category", coded(system, code, code.replace("-", " ").title()))
    if run.options.profile == "us-core":
        profile = "encounter-diagnosis" if code == "encounter-diagnosis" else "problems-health-concerns"
        resource["meta"] = {"profile": [f"{US_CORE}us-core-condition-{profile}"]}
    kind = codeable_concept(observation.get("code"), run) or {}
    codings = [each for each in kind.get("coding", ()) if each["code"] not in _NO_KIND]
    if codings or (kind and "coding" not in kind):
        append(resource, "category", {**kind, **({"coding": codings} if codings else {})})


def _is_diagnosis(observation: Node, run: Run) -> bool:
    """Whether the problem is the diagnosis of a visit: by the act it is within, or by its section."""
    act = wrapper_of(observation)
    code = coding(act.get("code")) if act is not None else None
    is_named = code is not None and code["code"] in ("29308-4", "11535-2", "46241-6") and code.get("system") == LOINC
    return is_named or run.section_code in ("46241-6", "11535-2", "29308-4")


def _put_times(resource: Resource, observation: Node, run: Run) -> None:
    span = observation.get("effectiveTime")
    put_time(resource, "onsetDateTime", start_of(span), run)
    for age in taken(observation, resource, AGE, codes=("445518008",)):
        found = quantity(age.get("value"), run)
        if found is not None and "onsetDateTime" not in resource:
            resource.pop("_onsetDateTime", None)
            resource["onsetAge"] = found
        elif found is not None:
            add_extension(resource, extension(ONSET_AGE, "valueAge", found))
    high = end_of(span)
    if high is not None and "clinicalStatus" not in resource:
        ended: Element = {"url": ABATEMENT}
        put_time(ended, "valueDateTime", high, run)
        if "valueDateTime" in ended:
            add_extension(resource, ended)
    elif high is not None:
        put_time(resource, "abatementDateTime", high, run)
        if "abatementDateTime" not in resource and high.peek("nullFlavor") != "UNK":
            resource.pop("_abatementDateTime", None)
