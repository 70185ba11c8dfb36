"""Functional and mental status: what a person can do and perceive, and how the mind works."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import concept_or_absent
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.entry import put_notes, start
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import claim, observation_of, put_span
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.screening import FUNCTIONAL, FUNCTIONAL_SECTION, MENTAL_SECTION, put_subject, subject_of
from transforms.ccda_to_fhir.statement import is_negated, status_of
from transforms.ccda_to_fhir.templates.problems import problem_observation
from transforms.ccda_to_fhir.templates.scales import put_members
from transforms.elements import append

SIMPLE = "us-core-simple-observation"


@template(
    "2.16.840.1.113883.10.20.22.4.67",
    "2.16.840.1.113883.10.20.22.4.74",
    "2.16.840.1.113883.10.20.22.4.127",
    "2.16.840.1.113883.10.20.22.4.128",
    "2.16.840.1.113883.10.20.1.44",
    sections=[(FUNCTIONAL_SECTION, "observation"), (MENTAL_SECTION, "observation")],
)
def status_observation(observation: Node, run: Run) -> list[Resource]:
    """Functional Status, Mental Status, Sensory Status, Self-Care Activities: an Observation, in US Core's category."""
    resource = observation_of(observation, run)
    put_subject(resource, subject_of(observation, run) or FUNCTIONAL)
    put_members(resource, observation, run)
    claim(resource, SIMPLE, run)
    return [resource]


@template("2.16.840.1.113883.10.20.22.4.505", codes=[("89571-4", "observation")])
def disability_status(observation: Node, run: Run) -> list[Resource]:
    """Disability Status: an Observation, with the scale by which it was found as a member."""
    return status_observation(observation, run)


@template(
    "2.16.840.1.113883.10.20.22.4.72",
    "2.16.840.1.113883.10.20.22.4.109",
    "2.16.840.1.113883.10.20.22.4.111",
)
def circumstance(observation: Node, run: Run) -> list[Resource]:
    """Caregiver Characteristics, Characteristics of Home Environment, Cultural and Religious Observation."""
    return [observation_of(observation, run, "social-history", SIMPLE)]


@template("2.16.840.1.113883.10.20.22.4.68", "2.16.840.1.113883.10.20.22.4.73", any_mood=True)
def status_problem(observation: Node, run: Run) -> list[Resource]:
    """Functional or Cognitive Status Problem Observation (R1.1): a Condition."""
    return problem_observation(observation, run)


@template(
    "2.16.840.1.113883.10.20.22.4.66",
    "2.16.840.1.113883.10.20.22.4.75",
    sections=[(FUNCTIONAL_SECTION, "organizer"), (MENTAL_SECTION, "organizer")],
)
def status_organizer(organizer: Node, run: Run) -> list[Resource]:
    """Functional or Mental Status Organizer: an Observation without a value, with each that it holds as a member."""
    resource = start("Observation", organizer, run, profile=SIMPLE)
    organizer.target = resource
    status = status_of(organizer)
    is_void = is_negated(organizer) or status in ("aborted", "cancelled")
    resource["status"] = "entered-in-error" if status == "nullified" else "cancelled" if is_void else "final"
    put_subject(resource, subject_of(organizer, run) or FUNCTIONAL)
    resource["code"] = concept_or_absent(organizer.get("code"), run)
    for _, inner in statements(organizer, "component"):
        for made in read_entry(inner, run):
            if made["resourceType"] == "Observation" and made is not resource:
                append(resource, "hasMember", run.refer(made))
    put_when(resource, "effective", organizer.get("effectiveTime"), run)
    put_span(resource, "hasMember", run)
    for each in organizer.all("performer"):
        append(resource, "performer", actor(each.get("assignedEntity"), run).reference)
    put_notes(resource, organizer, run, relation="component")
    put_authors(resource, organizer, run, "", "")
    claim(resource, SIMPLE, run)
    return [resource]
