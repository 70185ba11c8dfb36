"""Which codes HL7's tables have."""

import pytest

from schemas.codes import has_code

CDC = "urn:oid:2.16.840.1.113883.6.238"
V2 = "http://terminology.hl7.org/CodeSystem/v2-"


@pytest.mark.parametrize(
    ("uri", "code", "has"),
    [
        (f"{V2}0203", "MR", True),
        (f"{V2}0203", "MRN", False),
        (f"{V2}0001", "f", False),
        (f"{V2}0103", "P", True),
        (f"{V2}0131", "", False),
        (f"{V2}9999", "X", True),
        (CDC, "2106-3", True),
        (CDC, "R5.01.001", True),
        (CDC, "U", False),
        (CDC, "White", False),
        ("http://loinc.org", "no such code", True),
        ("", "X", True),
    ],
)
def test_tables_of_hl7_have_their_codes_and_others_are_not_judged(uri: str, code: str, has: bool) -> None:
    assert has_code(uri, code) is has
