"""CareTeam to the Care Team Organizer (4.500) and its members (4.500.1)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of
from transforms.fhir_to_ccda.element import Element, make, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    add_organization,
    authors,
    comment,
    status,
    told_time,
)
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import party_of, performer_of
from transforms.fhir_to_ccda.parties import shown as shown_party
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

TEAM = (f"{T}500", "2019-07-01")
MEMBER = (f"{T}500.1", "2019-07-01")

_STATUSES = {"proposed": "new", "active": "active", "suspended": "suspended", "inactive": "completed"}


@entry("CareTeam", home="team")
def care_team(resource: Node, row: Row, run: Run) -> Element | None:
    """The organizer of a CareTeam, a member in each part of it; None of one entered in error."""
    run.mark(resource)
    made = make("organizer", *templates(TEAM), classCode="CLUSTER", moodCode="EVN")
    made.extend(ids_of(resource, run))
    code = coded("code", "86744-0", LOINC, "Care Team")
    for each in resource.all("category"):
        inner = cd_of(each, run, "translation")
        made_of = list(inner)
        code.append(inner)
        code.extend([child for child in made_of if str(child.tag).endswith("}translation")])
    name = resource.text("name")
    if name:
        code.append(make("originalText", text=name))
        row.tell("Team", name)
    _order(code)
    made.append(code)
    state = resource.text("status")
    made.append(make("sdtc:text", make("reference", value=f"#{row.id}")))
    made.append(status(_STATUSES.get(state, "active")))
    low, high = period_of(resource.one("period"), run)
    made.append(low_high(low, high, kind="IVL_TS"))
    made.extend(authors(resource, run))
    for place, each in enumerate(resource.all("participant")):
        made.append(make("component", _member(each, row, run, f"{run.own_id(resource)}/{place}")))
    for each in resource.all("note"):
        made.append(make("component", comment(each.text("text"), row, run, each)))
    row.tell("Status", state if state != "active" else "")
    return made


def _member(participant: Node, row: Row, run: Run, key: str) -> Element:
    made = make("act", *templates(MEMBER), classCode="PCPR", moodCode="EVN")
    made.append(make("id", root=run.uuid("member", key)))
    made.append(coded("code", "85847-2", LOINC, "Patient Care team information"))
    low, high = period_of(participant.one("period"), run)
    made.append(status("completed" if high else "active"))
    made.append(low_high(low, high, kind="IVL_TS"))
    roles = participant.all("role")
    party = party_of(participant.one("member"), run)
    function = cd_of(roles[0], run, "sdtc:functionCode") if roles else None
    one = performer_of(party, run, function=function)
    if participant.has("onBehalfOf"):
        behalf = party_of(participant.one("onBehalfOf"), run)
        if behalf is not None and party is not None and not party.organization:
            add_organization(one, behalf, run)
    made.append(one)
    who = shown_party(participant.one("member"), run)
    what = ", ".join(filter(None, map(shown, roles)))
    row.tell("Members", f"{who} ({what})" if who and what else who or what)
    row.tell("Since", told_time(participant, "period"))
    return made


def _order(code: Element) -> None:
    """originalText before the translations, as the data type has it."""
    code[:] = sorted(code, key=lambda each: not str(each.tag).endswith("}originalText"))
