"""Immunizations: one that was refused was not given."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, only, resources

REFUSAL = """<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.53"/><code code="PATOBJ" codeSystem="2.16.840.1.113883.5.8"/>
<statusCode code="completed"/></observation></entryRelationship>"""


def immunization(attributes: str = "", status: str = "completed", inner: str = "", mood: str = "EVN") -> str:
    """An immunization activity."""
    return f"""<substanceAdministration classCode="SBADM" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.52"/><id root="1.2.3" extension="i1"/><statusCode code="{status}"/>
<effectiveTime value="20151115"/><repeatNumber value="2"/><doseQuantity value="0.5" unit="mL"/>
<consumable><manufacturedProduct><manufacturedMaterial><code code="43" codeSystem="2.16.840.1.113883.12.292"/>
<lotNumberText>L7</lotNumberText></manufacturedMaterial><manufacturerOrganization><name>Vaccines Inc</name>
</manufacturerOrganization></manufacturedProduct></consumable>{inner}</substanceAdministration>"""


@pytest.mark.parametrize(
    ("attributes", "status", "expected"),
    [
        ("", "completed", "completed"),
        (' negationInd="true"', "completed", "not-done"),
        (' negationInd="true"', "nullified", "entered-in-error"),
        ("", "aborted", "not-done"),
    ],
)
def test_status_of_an_immunization(attributes: str, status: str, expected: str) -> None:
    resource = only(convert_entries("11369-6", immunization(attributes, status)), "Immunization")
    assert resource["status"] == expected


def test_what_was_given() -> None:
    found = convert_entries("11369-6", immunization())
    resource = only(found, "Immunization")
    assert (code(resource["vaccineCode"]), resource["lotNumber"]) == ("43", "L7")
    assert resource["vaccineCode"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/cvx"
    assert resource["occurrenceDateTime"] == "2015-11-15"
    assert resource["protocolApplied"] == [{"doseNumberPositiveInt": 2}]
    assert resource["manufacturer"]["reference"].endswith(only(found, "Organization")["id"])


def test_why_it_was_not_given() -> None:
    found = convert_entries("11369-6", immunization(' negationInd="true"', inner=REFUSAL))
    assert code(only(found, "Immunization")["statusReason"]) == "PATOBJ"


def test_one_that_is_planned_was_not_given() -> None:
    found = convert_entries("11369-6", immunization(mood="INT"))
    assert resources(found, "Immunization") == []
    assert only(found, "MedicationRequest")["intent"] == "order"
