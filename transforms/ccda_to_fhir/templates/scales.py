"""Assessment scales: what was asked, each answer, and what they sum up to."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import claim, observation_of, put_span, supply_value
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.screening import put_subject, subject_of
from transforms.elements import append

SCALE = "2.16.840.1.113883.10.20.22.4.69"
ANSWER = "2.16.840.1.113883.10.20.22.4.86"


@template(SCALE, ANSWER, sections=[("51848-0", "observation")])
def assessment_scale_observation(observation: Node, run: Run) -> list[Resource]:
    """Assessment Scale Observation, Supporting Observation: an Observation of a survey, with its parts as members."""
    resource = observation_of(observation, run, "survey")
    put_subject(resource, subject_of(observation, run))
    put_members(resource, observation, run)
    claim(resource, "us-core-observation-screening-assessment", run)
    supply_value(resource, run)
    return [resource]


def put_members(resource: Resource, observation: Node, run: Run) -> None:
    """Put the scales and the answers that `observation` is composed of into `resource` as members."""
    for link, inner in statements(observation, "entryRelationship"):
        is_part = link.attr("typeCode") in ("COMP", "") and inner.keeps(SCALE, ANSWER)
        if inner.name != "observation" or not is_part or inner.target is not None:
            continue
        for made in read_entry(inner, run):
            if made["resourceType"] == "Observation" and made is not resource:
                append(resource, "hasMember", run.refer(made))
    put_span(resource, "hasMember", run)
