"""What is said within an entry and is denied, taken back, left open or yet to be is no fact of that entry."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from schemas.fhir import Resource
from tests.transforms.ccda_to_fhir.conversion import convert_entries, resources
from transforms.ccda_to_fhir import Conversion

T = "2.16.840.1.113883.10.20.22.4."
SNOMED = 'codeSystem="2.16.840.1.113883.6.96"'
LOINC = 'codeSystem="2.16.840.1.113883.6.1"'
TIME = '<effectiveTime><low value="20260203"/></effectiveTime>'
PRODUCT = """<consumable><manufacturedProduct><manufacturedMaterial><code code="1" codeSystem="2.16.840.1.113883.6.88"/>
</manufacturedMaterial></manufacturedProduct></consumable>"""
MARK = "195967001"
"""The code that the statements within hold: wherever it stands, something is said of it."""


class Case(NamedTuple):
    """A statement within an entry, and the element of the resource that it goes into where it says that it is so."""

    section: str
    around: str
    within: str
    kind: str
    element: str
    to_come: bool = False
    """Whether that it is to be says so as well: instructions, orders."""


class Said(NamedTuple):
    """What a statement says of itself; without more, that it is so."""

    attributes: str = ""
    mood: str = "EVN"
    status: str = "completed"


SO = Said()


def entry(name: str, root: str, more: str = "", mood: str = "EVN") -> str:
    """An entry, with `{}` where statements go: at its end, where `more` has no place for them."""
    more = more if "{}" in more else f"{more}{{}}"
    return f"""<{name} classCode="ACT" moodCode="{mood}"><templateId root="{T}{root}"/><id root="1.2.3" extension="x1"/>
<code code="73761001" {SNOMED}/><statusCode code="active"/>{TIME}{more}</{name}>"""


def value(code: str = MARK) -> str:
    """A coded value."""
    return f'<value xsi:type="CD" code="{code}" {SNOMED}/>'


def within(
    root: str,
    inner: str = "",
    kind: str = "observation",
    code: str = "",
    type: str = "",
    link: str = "entryRelationship",
) -> str:
    """A statement within an entry, whose attributes, mood and status are `{attributes}`, `{mood}`, `{status}`."""
    coded = f'<code code="{code}" {LOINC}/>' if code else ""
    return f"""<{link} typeCode="{type or "COMP"}"><{kind} classCode="OBS" moodCode="{{mood}}"{{attributes}}>
<templateId root="{T}{root}"/><id root="1.2.9" extension="{root}"/>{coded}<statusCode code="{{status}}"/>{TIME}{inner}
</{kind}></{link}>"""


def stated(statement: str, more: str = "{}") -> str:
    """A statement that is so, with `more` in it."""
    said = statement.format(**SO._asdict())
    end = said.rindex("</", 0, said.rindex("</"))
    return f"{said[:end]}{more}{said[end:]}"


QUANTITY = '<value xsi:type="PQ" value="80" unit="mm[Hg]"/>'
AGE = within("31", '<value xsi:type="PQ" value="40" unit="a"/>', code="445518008", type="SUBJ")
ALLERGY, PROBLEM = entry("observation", "7", value("419199007")), entry("observation", "4", value("38341003"))
MEDICATION = entry("substanceAdministration", "16", PRODUCT)
DEVICE = f"""<participant typeCode="PRD"><participantRole classCode="MANU"><templateId root="{T}37"/>
<id root="1.2.3" extension="d1"/></participantRole></participant>"""
PERFORMER = f'<performer><assignedEntity><id root="1.2.4" extension="{MARK}"/></assignedEntity></performer>'
RELATIVE = entry("organizer", "45", '<subject><relatedSubject><code code="FTH"/></relatedSubject></subject>')
RELATED = stated(within("46", value("22298006"), link="component"))
CASES = {
    "reaction": Case("48765-2", ALLERGY, within("9", value(), type="MFST"), "AllergyIntolerance", "reaction"),
    "severity": Case(
        "48765-2",
        ALLERGY.format(stated(within("9", value("247472004"), type="MFST"))),
        within("8", value("24484000"), code="SEV", type="SUBJ"),
        "AllergyIntolerance",
        "reaction.severity",
    ),
    "criticality": Case(
        "48765-2", ALLERGY, within("145", '<value code="CRITH"/>'), "AllergyIntolerance", "criticality"
    ),
    "age at onset": Case(
        "11450-4", entry("observation", "4", value("38341003")).replace(TIME, ""), AGE, "Condition", "onsetAge"
    ),
    "evidence": Case("11450-4", PROBLEM, within("2", value(), type="SPRT"), "Condition", "evidence"),
    "diagnosis": Case(
        "46240-8",
        entry("encounter", "49"),
        within("80", stated(within("4", value(), type="SUBJ"), ""), "act", "29308-4"),
        "Encounter",
        "diagnosis",
    ),
    "diagnosis within its act": Case(
        "46240-8",
        entry("encounter", "49", stated(within("80", kind="act", code="29308-4"))),
        within("4", value(), type="SUBJ"),
        "Encounter",
        "diagnosis",
    ),
    "indication": Case(
        "47519-4", entry("procedure", "14"), within("19", value(), type="RSON"), "Procedure", "reasonCode"
    ),
    "indication of a medicine": Case(
        "10160-0", MEDICATION, within("19", value(), type="RSON"), "MedicationRequest", "reasonCode"
    ),
    "sig": Case(
        "10160-0",
        MEDICATION,
        within("147", "<text>twice a day</text>", "substanceAdministration", "76662-6"),
        "MedicationRequest",
        "dosageInstruction.text",
        to_come=True,
    ),
    "instruction": Case(
        "10160-0",
        MEDICATION,
        within("20", "<text>with food</text>", "act", type="SUBJ"),
        "MedicationRequest",
        "dosageInstruction.patientInstruction",
        to_come=True,
    ),
    "supply order": Case(
        "10160-0",
        MEDICATION,
        within("17", '<repeatNumber value="2"/>', "supply", type="REFR"),
        "MedicationRequest",
        "dispenseRequest",
        to_come=True,
    ),
    "reaction to a vaccine": Case(
        "11369-6",
        entry("substanceAdministration", "52", PRODUCT),
        within("9", value(), type="CAUS"),
        "Immunization",
        "reaction",
    ),
    "refusal": Case(
        "11369-6",
        entry("substanceAdministration", "52", PRODUCT),
        within("53", code="PATOBJ", type="RSON"),
        "Immunization",
        "statusReason",
    ),
    "when the child is due": Case(
        "29762-2",
        entry("observation", "15.3.8", value("77386006")).replace(f"{T}15.3.8", "2.16.840.1.113883.10.20.15.3.8"),
        within("x", '<value xsi:type="TS" value="20260901"/>', code="11778-8"),
        "Observation",
        "component",
    ),
    "industry": Case(
        "29762-2", entry("observation", "503", value("1")), within("504", value()), "Observation", "component"
    ),
    "diastolic pressure": Case(
        "8716-3",
        entry("organizer", "26", stated(within("27", QUANTITY, code="8480-6", link="component"), "") + "{}"),
        within("27", QUANTITY, code="8462-4", link="component").replace('extension="27"', 'extension="28"'),
        "Observation",
        "component",
    ),
    "collection of the specimen": Case(
        "30954-2",
        entry("organizer", "1", '<specimen><specimenRole><id root="1.2.7" extension="s"/></specimenRole></specimen>'),
        within("415", kind="procedure", link="component"),
        "Specimen",
        "collection",
    ),
    "condition of a relative": Case(
        "10157-6", RELATIVE, within("46", value(), link="component"), "FamilyMemberHistory", "condition"
    ),
    "age of a relative": Case("10157-6", RELATIVE.format(RELATED), AGE, "FamilyMemberHistory", "condition.onsetAge"),
    "death of a relative": Case(
        "10157-6",
        RELATIVE.format(RELATED),
        within("47", value(), type="CAUS"),
        "FamilyMemberHistory",
        "condition.outcome",
    ),
    "member of a care team": Case(
        "85847-2",
        entry("organizer", "500"),
        within("500.1", PERFORMER, "act", link="component"),
        "CareTeam",
        "participant",
    ),
    "progress toward a goal": Case(
        "61146-7",
        entry("observation", "121", mood="GOL"),
        within("110", value(), type="REFR"),
        "Goal",
        "achievementStatus",
    ),
    "what a goal is for": Case(
        "61146-7",
        entry("observation", "121", mood="GOL"),
        within("132", "<text>asthma</text>", "act", type="RSON"),
        "Goal",
        "addresses",
    ),
    "lot of a device": Case(
        "46264-8",
        entry("supply", "50", DEVICE + stated(within("311", kind="organizer"))),
        within("315", '<value xsi:type="ED">L7</value>', link="component"),
        "Device",
        "lotNumber",
    ),
    "note": Case("47519-4", entry("procedure", "14"), within("64", "<text>calm</text>", "act"), "Procedure", "note"),
    "plan of an insurance": Case(
        "48768-6",
        entry("act", "61"),
        within("x", "<text>Gold</text>", "act", type="REFR").replace("{mood}", "DEF"),
        "Coverage",
        "class",
        to_come=True,
    ),
}
NOT_SO = {
    "denied": Said(' negationInd="true"'),
    "denied in figures": Said(' negationInd="1"'),
    "in error": Said(status="nullified"),
    "given up": Said(status="aborted"),
    "cancelled": Said(status="cancelled"),
    "left open": Said(' nullFlavor="UNK"'),
    "intended": Said(mood="INT"),
    "ordered": Said(mood="RQO"),
    "promised": Said(mood="PRMS"),
}


def converted(case: Case, said: Said) -> Conversion:
    """What becomes of the entry whose statement within says that of itself."""
    return convert_entries(case.section, case.around.format(case.within.format(**said._asdict())))


def around(case: Case, conversion: Conversion) -> list[Resource]:
    """The resources of the kind that the statement would go into, without one that the statement became itself."""
    found = resources(conversion, case.kind)
    return found[:1] if case.kind in ("MedicationRequest", "CareTeam") else found


def stands(resource: Resource, path: str) -> bool:
    """Whether there is something at that path of names of a resource."""
    found: object = resource
    for name in path.split("."):
        found = found[0] if isinstance(found, list) and found else found
        found = found.get(name) if isinstance(found, dict) else None
    return found is not None


@pytest.mark.parametrize("name", CASES)
def test_what_is_stated_within_an_entry_is_said_of_it(name: str) -> None:
    case = CASES[name]
    assert any(stands(each, case.element) for each in around(case, converted(case, SO)))


@pytest.mark.parametrize("reason", NOT_SO)
@pytest.mark.parametrize("name", CASES)
def test_what_is_not_so_is_no_fact_of_the_entry_around(name: str, reason: str) -> None:
    case = CASES[name]
    found = around(case, converted(case, NOT_SO[reason]))
    assert found, "the entry around is there all the same"
    is_so = case.to_come and NOT_SO[reason].mood != "EVN"
    assert any(stands(each, case.element) for each in found) is is_so


@pytest.mark.parametrize("reason", NOT_SO)
@pytest.mark.parametrize("name", [each for each, case in CASES.items() if MARK in case.within])
def test_what_is_not_so_is_not_lost(name: str, reason: str) -> None:
    assert MARK in json.dumps(converted(CASES[name], NOT_SO[reason]).bundle, default=str)
