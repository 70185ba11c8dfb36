"""Social history: how a person lives, smokes, drinks and works; whether she is pregnant, or wants to be."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import LOINC, NULL_FLAVOR, concept_or_absent
from transforms.ccda_to_fhir.datatypes.nulls import ABSENT_SYSTEM
from transforms.ccda_to_fhir.datatypes.times import put_time
from transforms.ccda_to_fhir.encompassing import ACT_CODE
from transforms.ccda_to_fhir.entry import taken
from transforms.ccda_to_fhir.extensions import NEGATED
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import claim, component_of, observation_of
from transforms.ccda_to_fhir.planned import planned
from transforms.ccda_to_fhir.provenance import authors_of
from transforms.ccda_to_fhir.registry import by_code, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.screening import put_subject, subject_of
from transforms.ccda_to_fhir.statement import is_planned, mood_of
from transforms.elements import append, coded, put

SOCIAL_HISTORY = "29762-2"
INDUSTRY = "2.16.840.1.113883.10.20.22.4.504"
DELIVERY = "2.16.840.1.113883.10.20.15.3.1"
_ASSERTION = "ASSERTION"
_NO_CODES = (ABSENT_SYSTEM, ACT_CODE)
_DELIVERY_CODES = ("11778-8", "11779-6", "11780-4")
"""When the child is due: of any method, by the last menstruation, by ultrasound."""
_PREFERENCES = {"95541-9": "care-experience-preference", "75773-2": "treatment-intervention-preference"}


@template(
    "2.16.840.1.113883.10.20.22.4.38",
    "2.16.840.1.113883.10.20.22.4.509",
    "2.16.840.1.113883.10.20.22.4.510",
    "2.16.840.1.113883.10.20.1.33",
    general=True,
    sections=[(SOCIAL_HISTORY, "observation")],
    any_mood=True,
)
def social_history_observation(observation: Node, run: Run) -> list[Resource]:
    """Social History Observation: an Observation of the social history; by its code what that has a template for."""
    special = by_code(observation)
    if special is not None:
        return special(observation, run)
    return [planned(observation, run)] if is_planned(observation) else social_history(observation, run)


def social_history(observation: Node, run: Run) -> list[Resource]:
    """An Observation of the social history."""
    resource = observation_of(observation, run, "social-history", "us-core-simple-observation")
    put_subject(resource, subject_of(observation, run))
    put_subject(resource, _PREFERENCES.get(observation.value("code", "code"), ""))
    return [resource]


@template("2.16.840.1.113883.10.20.22.4.78", codes=[("72166-2", "observation")])
def smoking_status(observation: Node, run: Run) -> list[Resource]:
    """Smoking Status: an Observation of US Core's smoking status where it is one value at one time."""
    return _tobacco(observation, run, "72166-2", "Tobacco smoking status")


@template(
    "2.16.840.1.113883.10.20.22.4.85",
    "2.16.840.1.113883.10.20.22.4.511",
    codes=[("11367-0", "observation")],
)
def tobacco_use(observation: Node, run: Run) -> list[Resource]:
    """Tobacco Use: as the smoking status; what holds over a span of time has a period."""
    return _tobacco(observation, run, "11367-0", "History of Tobacco use")


@template("2.16.840.1.113883.10.20.15.3.8", codes=[("82810-3", "observation")])
def pregnancy_observation(observation: Node, run: Run) -> list[Resource]:
    """Pregnancy Observation: an Observation of the pregnancy status, with when the child is due as a component."""
    resource = observation_of(observation, run, "social-history", "us-core-observation-pregnancystatus")
    resource["code"] = _named(observation, run, "82810-3", "Pregnancy status")
    _put_one_time(resource, observation, run)
    _put_unknown(resource, observation)
    for due in taken(observation, resource, DELIVERY, codes=_DELIVERY_CODES, names=("observation",)):
        component = component_of(due, resource, run)
        component["code"] = _named(due, run, "11778-8", "Delivery date Estimated")
        append(resource, "component", component)
    claim(resource, "us-core-observation-pregnancystatus", run, "effectiveDateTime", "valueCodeableConcept")
    return [resource]


@template("2.16.840.1.113883.10.20.22.4.281", codes=[("86645-9", "observation")], any_mood=True)
def pregnancy_intention(observation: Node, run: Run) -> list[Resource]:
    """Pregnancy Intention in Next Year: an Observation of what is intended, whose mood is INT before C-CDA 4.0."""
    if is_planned(observation) and mood_of(observation) != "INT":
        return [planned(observation, run)]
    resource = observation_of(observation, run, "social-history", "us-core-observation-pregnancyintent")
    _put_one_time(resource, observation, run)
    _put_unknown(resource, observation)
    claim(resource, "us-core-observation-pregnancyintent", run, "effectiveDateTime", "valueCodeableConcept")
    return [resource]


@template("2.16.840.1.113883.10.20.22.4.503", codes=[("11341-5", "observation")])
def occupation(observation: Node, run: Run) -> list[Resource]:
    """Occupation: an Observation of US Core's occupation, with the industry as a component."""
    found = social_history(observation, run)
    resource = found[0]
    for industry in taken(observation, resource, INDUSTRY, codes=("86188-0",), names=("observation",)):
        append(resource, "component", component_of(industry, resource, run))
    claim(resource, "us-core-observation-occupation", run, "valueCodeableConcept")
    return found


@template(INDUSTRY, codes=[("86188-0", "observation")])
def industry_observation(observation: Node, run: Run) -> list[Resource]:
    """Occupation Industry that stands for itself: an Observation of the social history."""
    return social_history(observation, run)


def _tobacco(observation: Node, run: Run, code: str, display: str) -> list[Resource]:
    resource = observation_of(observation, run, "social-history", "us-core-simple-observation")
    resource["code"] = _named(observation, run, code, display)
    if resource["status"] in ("final", "entered-in-error"):
        claim(resource, "us-core-smokingstatus", run, "effectiveDateTime", "valueCodeableConcept")
    return [resource]


def _named(observation: Node, run: Run, code: str, display: str) -> Element:
    """The code of an observation; where that only says that something is asserted, the one that its template means."""
    own = concept_or_absent(observation.get("code"), run)
    if observation.value("code", "code") not in ("", _ASSERTION):
        return own
    made = coded(LOINC, code, display)
    append(made, "coding", *(each for each in own.get("coding", ()) if each.get("system") not in _NO_CODES))
    put(made, "text", own.get("text"))
    return made


def _put_one_time(resource: Resource, observation: Node, run: Run) -> None:
    """Put the first time that is told as the one at which it holds: a point, a start, an end, when it was written."""
    span = observation.get("effectiveTime")
    low, high = (span.get("low"), span.get("high")) if span is not None else (None, None)
    written = (author.time for author in authors_of(observation, run))
    times = [each for each in (span, low, high, *written) if each is not None and each.peek("value")]
    if not times:
        return
    for name in ("effectivePeriod", "effectiveDateTime", "_effectiveDateTime"):
        resource.pop(name, None)
    put_time(resource, "effectiveDateTime", times[0], run)


def _put_unknown(resource: Resource, observation: Node) -> None:
    """Put that a value is not known as the value: so have it US Core's two profiles of pregnancy."""
    value = observation.get("value")
    if value is not None and value.peek("nullFlavor") == "UNK" and "dataAbsentReason" in resource:
        if any(each["url"] == NEGATED for each in resource.get("extension", ())):
            return
        del resource["dataAbsentReason"]
        resource["valueCodeableConcept"] = coded(NULL_FLAVOR, "UNK", "Unknown")
