"""Entries whose template is not known, carried by their class: what they say is kept, and nothing is made of it."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.attachments import attachment
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, concept_or_absent
from transforms.ccda_to_fhir.datatypes.times import put_day, start_of
from transforms.ccda_to_fhir.entry import start
from transforms.ccda_to_fhir.extensions import IN_ERROR, NEGATED
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.planned import planned
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import PLANNED, is_negated, status_of
from transforms.elements import append, extension, put


@template(moods=PLANNED)
def requested(statement: Node, run: Run) -> list[Resource]:
    """What has not happened: a ServiceRequest."""
    return [planned(statement, run)]


@template(carries=["observation"])
def carried_observation(observation: Node, run: Run) -> list[Resource]:
    """An observation: an Observation."""
    return [observation_of(observation, run)]


@template(carries=["act", "supply", "regionOfInterest"])
def carried_act(act: Node, run: Run) -> list[Resource]:
    """An act of another class: a Basic, which says if it is denied or in error."""
    resource = start("Basic", act, run)
    act.target = resource
    resource["code"] = concept_or_absent(act.get("code"), run)
    put_day(resource, "created", start_of(act.get("effectiveTime")), run)
    _qualify(resource, act)
    put_authors(resource, act, run, "author", "")
    return [resource]


@template(carries=["organizer"])
def carried_organizer(organizer: Node, run: Run) -> list[Resource]:
    """An organizer: a List of what it holds."""
    resource = start("List", organizer, run)
    organizer.target = resource
    resource["status"] = "entered-in-error" if status_of(organizer) == "nullified" else "current"
    resource["mode"] = "snapshot"
    _qualify(resource, organizer)
    put(resource, "code", codeable_concept(organizer.get("code"), run))
    for _, inner in statements(organizer, "component"):
        for made in read_entry(inner, run):
            append(resource, "entry", {"item": run.refer(made)})
    put_authors(resource, organizer, run, "source", "")
    return [resource]


def _qualify(resource: Resource, node: Node) -> None:
    """Say by a modifier that `node` is denied or was entered in error: nobody may read it and pass over that."""
    if is_negated(node):
        append(resource, "modifierExtension", extension(NEGATED, "valueBoolean", True))
    if status_of(node) == "nullified":
        append(resource, "modifierExtension", extension(IN_ERROR, "valueBoolean", True))


@template(carries=["observationMedia"])
def carried_observation_media(media: Node, run: Run) -> list[Resource]:
    """A picture or sound in the narrative: a Media."""
    resource = start("Media", media, run)
    media.target = resource
    resource["status"] = "completed"
    resource["content"] = attachment(media.get("value"), run) or {"title": "unknown"}
    return [resource]
