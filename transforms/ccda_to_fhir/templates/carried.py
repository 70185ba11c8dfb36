"""Entries whose template is not known, carried by their class: what they say is kept, and nothing is made of it."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.attachments import attachment
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, concept_or_absent
from transforms.ccda_to_fhir.datatypes.times import put_day, put_when, start_of
from transforms.ccda_to_fhir.encompassing import put_kind, put_span
from transforms.ccda_to_fhir.entry import is_negated, is_planned, put_notes, start, status_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.planned import planned
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.elements import absent, append, put


@template(carries=["observation"])
def carried_observation(observation: Node, run: Run) -> list[Resource]:
    """An observation: an Observation; one that is planned: a ServiceRequest."""
    return [planned(observation, run)] if is_planned(observation) else [observation_of(observation, run)]


@template(carries=["procedure"])
def carried_procedure(procedure: Node, run: Run) -> list[Resource]:
    """A procedure: a Procedure; one that is planned: a ServiceRequest."""
    if is_planned(procedure):
        return [planned(procedure, run)]
    resource = start("Procedure", procedure, run)
    procedure.target = resource
    status = concept_map("CF-ProcedureStatus").code(status_of(procedure)) or "unknown"
    resource["status"] = "not-done" if is_negated(procedure) and status != "entered-in-error" else status
    resource["code"] = concept_or_absent(procedure.get("code"), run)
    put_when(resource, "performed", procedure.get("effectiveTime"), run)
    if not any("performed" in name for name in resource):
        resource["_performedDateTime"] = absent("unknown")
    for each in procedure.all("targetSiteCode"):
        append(resource, "bodySite", codeable_concept(each, run))
    for each in procedure.all("performer"):
        who = actor(each.get("assignedEntity"), run).reference
        append(resource, "performer", {"actor": who} if who is not None else None)
    put_notes(resource, procedure, run)
    put_authors(resource, procedure, run, "recorder", "")
    return [resource]


@template(carries=["encounter"])
def carried_encounter(encounter: Node, run: Run) -> list[Resource]:
    """An encounter: an Encounter, cancelled where it is negated; one that is planned: a ServiceRequest."""
    if is_planned(encounter):
        return [planned(encounter, run)]
    resource = start("Encounter", encounter, run)
    encounter.target = resource
    put_kind(resource, encounter.get("code"), run)
    put_span(resource, encounter, run)
    if is_negated(encounter):
        resource["status"] = "cancelled"
    put_authors(resource, encounter, run, "", "")
    return [resource]


@template(carries=["act", "supply", "substanceAdministration", "regionOfInterest"])
def carried_act(act: Node, run: Run) -> list[Resource]:
    """An act of another class: a Basic; one that is planned: a ServiceRequest."""
    if is_planned(act) and act.name == "act":
        return [planned(act, run)]
    resource = start("Basic", act, run)
    act.target = resource
    resource["code"] = concept_or_absent(act.get("code"), run)
    put_day(resource, "created", start_of(act.get("effectiveTime")), run)
    put_authors(resource, act, run, "author", "")
    return [resource]


@template(carries=["organizer"])
def carried_organizer(organizer: Node, run: Run) -> list[Resource]:
    """An organizer: a List of what it holds."""
    resource = start("List", organizer, run)
    organizer.target = resource
    resource["status"] = "entered-in-error" if status_of(organizer) == "nullified" else "current"
    resource["mode"] = "snapshot"
    put(resource, "code", codeable_concept(organizer.get("code"), run))
    for _, inner in statements(organizer, "component"):
        for made in read_entry(inner, run):
            append(resource, "entry", {"item": run.refer(made)})
    put_authors(resource, organizer, run, "source", "")
    return [resource]


@template(carries=["observationMedia"])
def carried_observation_media(media: Node, run: Run) -> list[Resource]:
    """A picture or sound in the narrative: a Media."""
    resource = start("Media", media, run)
    media.target = resource
    resource["status"] = "completed"
    resource["content"] = attachment(media.get("value"), run) or {"title": "unknown"}
    return [resource]
