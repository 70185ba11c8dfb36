"""Advance directives: what the patient wants, and where it is written."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.attachments import attachment
from transforms.ccda_to_fhir.datatypes.codes import concept_or_absent
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.nulls import absent_concept
from transforms.ccda_to_fhir.datatypes.times import instant
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.people import actor, related_person
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.elements import OWN, add_extension, append, put

AGENT = f"{OWN}ccda-healthcare-agent"
"""Who decides for the patient who cannot (participant CST)."""
VERIFIED = f"{OWN}ccda-verified"
"""When somebody made sure that the directive holds (participant VRF)."""


@template(
    "2.16.840.1.113883.10.20.22.4.48",
    "2.16.840.1.113883.10.20.1.17",
    sections=[("42348-3", "observation")],
)
def advance_directive_observation(observation: Node, run: Run) -> list[Resource]:
    """Advance Directive Observation: an Observation of what the patient wants, with who verified it and who decides.

    No Consent: which treatment is permitted or not is for people to conclude from the value.
    """
    resource = observation_of(observation, run)
    for each in observation.all("participant"):
        role = each.get("participantRole")
        if role is None:
            continue
        if each.attr("typeCode") == "VRF":
            append(resource, "performer", actor(role, run).reference)
            time = instant(each.get("time"), run)
            add_extension(resource, *([{"url": VERIFIED, "valueInstant": time}] if time else ()))
        elif each.attr("typeCode") in ("CST", "IND"):
            who = related_person(role, run)
            add_extension(resource, *([{"url": AGENT, "valueReference": who}] if who is not None else ()))
    for each in observation.each("reference/externalDocument"):
        append(resource, "derivedFrom", run.refer(_document(each, run)))
    return [resource]


def _document(node: Node, run: Run) -> Resource:
    """The DocumentReference of a document outside of this one."""
    resource = run.make("DocumentReference", node)
    node.target = resource
    resource["status"] = "current"
    resource["subject"] = run.refer(run.patient)
    put(resource, "identifier", identifiers(node, run))
    resource["type"] = concept_or_absent(node.get("code"), run)
    resource["category"] = [absent_concept("")]
    resource["content"] = [{"attachment": attachment(node.get("text"), run) or {"title": "unknown"}}]
    return resource
