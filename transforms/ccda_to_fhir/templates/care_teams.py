"""Care teams: who takes care of the patient, as what, and since when."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, shown
from transforms.ccda_to_fhir.datatypes.times import period
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, status_of
from transforms.elements import append, put, unknown_concept

MEMBER = "2.16.840.1.113883.10.20.22.4.500.1"
TYPE = "2.16.840.1.113883.10.20.22.4.500.2"
_STATUSES = {
    "active": "active",
    "new": "proposed",
    "held": "suspended",
    "suspended": "suspended",
    "completed": "inactive",
    "aborted": "inactive",
    "cancelled": "inactive",
    "nullified": "entered-in-error",
}


@template("2.16.840.1.113883.10.20.22.4.500", sections=[("85847-2", "organizer")], any_mood=True)
def care_team_organizer(organizer: Node, run: Run) -> list[Resource]:
    """Care Team Organizer: a CareTeam with its members; a negated one is inactive."""
    resource = start("CareTeam", organizer, run, profile="us-core-careteam")
    organizer.target = resource
    resource["status"] = _status(organizer)
    concept = codeable_concept(organizer.get("code"), run)
    put(resource, "name", shown(concept))
    append(resource, "category", concept)
    for each in taken(organizer, resource, TYPE, codes=("86744-0",), names=("observation",), relation="component"):
        append(resource, "category", codeable_concept(each.get("value"), run))
    put(resource, "period", period(organizer.get("effectiveTime"), run))
    for each in taken(organizer, resource, MEMBER, codes=("85847-2",), names=("act",), relation="component"):
        append(resource, "participant", *_members(each, run))
    put_notes(resource, organizer, run, relation="component")
    put_authors(resource, organizer, run, "", "")
    return [resource]


@template(MEMBER, sections=[("85847-2", "act")], any_mood=True)
def care_team_member_act(act: Node, run: Run) -> list[Resource]:
    """Care Team Member Act outside of an organizer: a CareTeam of this one member."""
    resource = start("CareTeam", act, run, profile="us-core-careteam")
    act.target = resource
    resource["status"] = _status(act)
    append(resource, "participant", *_members(act, run))
    put_notes(resource, act, run)
    put_authors(resource, act, run, "", "")
    return [resource]


def _status(node: Node) -> str:
    status = _STATUSES.get(status_of(node), "active")
    if is_negated(node) and status != "entered-in-error":
        return "inactive"
    return "proposed" if is_planned(node) and status == "active" else status


def _members(act: Node, run: Run) -> list[Element]:
    """The participants that a Care Team Member Act names."""
    found: list[Element] = []
    act.value("code", "code")
    for each in act.all("performer"):
        function = each.get("sdtc:functionCode") or each.get("functionCode")
        entity = each.get("assignedEntity")
        who = actor(entity, run, function).reference
        member: Element = {}
        role = codeable_concept(function, run)
        if role is None and entity is not None:
            role = codeable_concept(entity.get("code"), run)
        member["role"] = [role or unknown_concept()]
        put(member, "member", who)
        put(member, "period", period(act.get("effectiveTime"), run))
        if who is not None:
            found.append(member)
    return found
