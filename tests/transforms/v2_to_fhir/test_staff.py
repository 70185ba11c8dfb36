"""MFN^M02: staff and practitioners, and those who are no longer."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import convert_text, only, resources

STF = "STF|S77|77^^^STANNE^EI|Lisk^Oriana^^^Dr|PHY^Physician^L|F|19750301|A|CARD^Cardiology^L||^WPN^PH^^1^608^5550118"


@pytest.mark.parametrize(
    ("event", "flag", "active"),
    [("MAD", "A", True), ("MUP", "I", False), ("MDL", "A", False), ("MDC", "A", False), ("MUP", "", None)],
)
def test_who_is_deleted_is_not_active(event: str, flag: str, active: bool | None) -> None:
    stf = STF.replace("|A|CARD", f"|{flag}|CARD")
    found = convert_text("MFN^M02^MFN_M02", "MFI|PRA||UPD|||NE", f"MFE|{event}|1||S77|CWE", stf)
    assert only(found, "Practitioner").get("active") is active
    assert ("FHIR-134" in {each.code for each in found.findings}) == (event in ("MDL", "MDC"))


def test_what_is_said_of_a_practitioner() -> None:
    pra = "PRA|S77||D^Doctor^L||Cardiology^L^C|9306778249^NPI||20040101"
    found = convert_text("MFN^M02^MFN_M02", "MFE|MAD|1||S77|CWE", STF, pra)
    person, role = only(found, "Practitioner"), only(found, "PractitionerRole")
    assert [each["value"] for each in person["identifier"]] == ["77", "S77", "9306778249"]
    assert (person["gender"], person["birthDate"]) == ("female", "1975-03-01")
    assert [each["coding"][0]["code"] for each in role["code"]] == ["PHY", "D"]
    assert role["specialty"] == [{"text": "Cardiology"}]
    assert role["period"] == {"start": "2004-01-01"}


def test_nothing_fails_where_everything_is_missing() -> None:
    found = convert_text("MFN^M02", "PRA", "MFE", "STF", "PRA", "STF")
    assert len(resources(found, "Practitioner")) == 2
