"""A reason that is denied is none, and a note that is denied or yet to be written is no note."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import convert_entries, only, resources

INDICATION = """<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.19"/><id root="1.2.3" extension="i1"/>
<code code="404684003" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="{status}"/>
<value xsi:type="CD" code="195967001" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>"""
PRODUCT = """<consumable><manufacturedProduct><manufacturedMaterial><code code="1" codeSystem="2.16.840.1.113883.6.88"/>
</manufacturedMaterial></manufacturedProduct></consumable>"""
ENTRIES = {
    "Procedure": ("47519-4", "procedure", "14", ""),
    "Encounter": ("46240-8", "encounter", "49", ""),
    "MedicationRequest": ("10160-0", "substanceAdministration", "16", PRODUCT),
    "Immunization": ("11369-6", "substanceAdministration", "52", PRODUCT),
}


@pytest.mark.parametrize(
    ("attributes", "status", "mood", "is_reason"),
    [
        ("", "completed", "EVN", True),
        (' negationInd="true"', "completed", "EVN", False),
        ("", "nullified", "EVN", False),
        ("", "active", "INT", False),
    ],
)
@pytest.mark.parametrize("kind", ENTRIES)
def test_a_reason_that_is_denied_is_none(kind: str, attributes: str, status: str, mood: str, is_reason: bool) -> None:
    section, name, root, more = ENTRIES[kind]
    inner = INDICATION.format(attributes=attributes, status=status, mood=mood)
    found = convert_entries(
        section,
        f"""<{name} classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.{root}"/>
<id root="1.2.3" extension="x1"/><code code="73761001" codeSystem="2.16.840.1.113883.6.96"/>
<statusCode code="completed"/><effectiveTime value="20260301"/>{more}{inner}</{name}>""",
    )
    resource = only(found, kind)
    assert ("reasonCode" in resource or "reasonReference" in resource) is is_reason
    if not is_reason:
        assert resources(found, "Observation") or resources(found, "ServiceRequest"), "and it is not lost"


def note(attributes: str = "", mood: str = "EVN", status: str = "completed") -> str:
    return f"""<act classCode="ACT" moodCode="{mood}"{attributes}><templateId root="2.16.840.1.113883.10.20.22.4.202"/>
<id root="1.2.3" extension="n1"/><code code="34109-9" codeSystem="2.16.840.1.113883.6.1"/><text>seen today</text>
<statusCode code="{status}"/><effectiveTime value="20260301"/></act>"""


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (note(), "current"),
        (note(status="nullified"), "entered-in-error"),
        (note(' negationInd="true"'), "entered-in-error"),
    ],
)
def test_a_note_that_is_denied_is_none(entry: str, status: str) -> None:
    assert only(convert_entries("34109-9", entry), "DocumentReference")["status"] == status


def test_a_note_that_is_to_be_written_is_a_request() -> None:
    found = convert_entries("34109-9", note(mood="INT"))
    assert resources(found, "DocumentReference") == []
    assert only(found, "ServiceRequest")["intent"] == "plan"
