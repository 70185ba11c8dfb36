"""ROL and PRT: who takes part in a visit or a procedure, or cares for the patient."""

from __future__ import annotations

from typing import NamedTuple

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import xon_of
from transforms.fhir_to_v2.datatypes.codes import cwe_of, has_code
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of, pln_of
from transforms.fhir_to_v2.datatypes.locations import pl_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import period_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run

_ROLES = "http://terminology.hl7.org/CodeSystem/v2-0443"
_PARTICIPATIONS = "http://terminology.hl7.org/CodeSystem/v2-0912"


class _Places(NamedTuple):
    """Where ROL and PRT have the same things; the end follows the begin, the telephone the address."""

    code: int
    person: int
    begin: int
    address: int
    location: int
    organization: int
    codes: str
    table: str


_PLACES = {
    "ROL": _Places(3, 4, 5, 11, 13, 14, "ProviderRole", "0443"),
    "PRT": _Places(4, 5, 11, 14, 9, 8, "Participation", "0912"),
}
_GUIDE = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "http://snomed.info/sct")


def is_role_of_segment(role: Node) -> bool:
    """Whether a PractitionerRole is one that a ROL or PRT gave, by the tables that its codes are of."""
    return role.peek("resourceType") == "PractitionerRole" and any(
        coding.peek("system") in (_ROLES, _PARTICIPATIONS, *_GUIDE)
        for code in role.all("code")
        for coding in code.all("coding")
    )


def rols_of_patient(patient: Node, run: Run) -> None:
    """PractitionerRole and CareTeam[ROL, PRT]: those who care for the patient."""
    for provider in patient.all("generalPractitioner"):
        role = run.resolve(provider) if provider.has("reference") else EMPTY
        if is_role_of_segment(role):
            _write(role, role.one("practitioner"), EMPTY, run)
    for team in run.of_type("CareTeam"):
        if not run.refers(team.one("subject"), patient):
            continue
        for participant in team.all("participant"):
            if not has_code(participant.one("role"), "768832004"):  # the case manager of IN3-21
                line = _write(EMPTY, participant.one("member"), participant, run)
                line.sources.append(team)
                run.done.add(team.path)


def rols_of_encounter(encounter: Node, run: Run) -> None:
    """Encounter.participant[ROL, PRT]: those whose part a ROL or PRT told."""
    for participant in encounter.all("participant"):
        role = participant_role(participant, run)
        if role:
            _write(role, role.one("practitioner"), participant, run)


def is_role_of_procedure(performer: Node) -> bool:
    """Whether a performer is one whom a ROL gave."""
    codings = performer.one("function").all("coding")
    return any(each.peek("system") in (_ROLES, _GUIDE[0]) for each in codings)


def rols_of_procedure(performers: list[Node], procedure: Node, run: Run) -> None:
    """Procedure.performer[ROL]."""
    for performer in performers:
        line = run.line("ROL" if run.tables.has_segment("ROL") else "PRT", procedure)
        places = _PLACES[line.name]
        line.put(2, "UC")
        line.put(places.code, cwe_of(performer.one("function"), run, places.codes, places.table))
        line.put(places.person, xcn_of(performer.one("actor"), run))
        if performer.has("onBehalfOf"):
            line.put(places.organization, xon_of(performer.one("onBehalfOf"), run))


def participant_role(participant: Node, run: Run) -> Node:
    """The PractitionerRole of a participant of a visit, where a ROL or PRT gave it; else an empty node."""
    individual = participant.one("individual")
    role = run.resolve(individual) if individual.has("reference") else EMPTY
    return role if is_role_of_segment(role) else EMPTY


def _write(role: Node, person: Node, participant: Node, run: Run) -> Line:
    codes = role.all("code") or participant.all("role")
    is_prt = any(each.peek("system") == _PARTICIPATIONS for code in codes for each in code.all("coding"))
    name = "PRT" if is_prt or not run.tables.has_segment("ROL") else "ROL"
    places = _PLACES[name]
    line = run.line(name, role)
    for each in participant.all("type"):
        each.skip("coding", "text")
    member = run.resolve(person) if person.has("reference") else EMPTY
    organization = role.one("organization") if role else participant.one("onBehalfOf")
    if member.peek("resourceType") == "Organization":
        organization, person = person, EMPTY
    begin, end = period_of(participant.one("period") if participant.has("period") else role.one("period"), run)
    line.put(2, "UC")
    line.put(places.code, *(cwe_of(code, run, places.codes, places.table) for code in codes))
    if person:
        line.put(places.person, xcn_of(person, run))
    line.put(places.begin, begin)
    line.put(places.begin + 1, end)
    for resource in (role, member):
        line.put(places.address, *(xad_of(each, run) for each in resource.all("address")))
        line.put(places.address + 1, *(xtn_of(each, run) for each in resource.all("telecom")))
    if role.has("location"):
        line.put(places.location, pl_of(role.one("location"), run))
    if organization:
        line.put(places.organization, xon_of(organization, run))
    if name == "PRT":
        line.put(6, *(cwe_of(each, run) for each in role.all("specialty")))
        line.put(24, *(pln_of(each, run) for each in role.all("identifier")))
    else:
        line.put(1, ei_of(role.one("identifier"), run))
    return line
