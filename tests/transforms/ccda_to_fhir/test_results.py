"""Results: a value that was denied or is to come is no result, and what was looked at is known."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

VALUE = '<value xsi:type="PQ" value="1.015" unit="1"/>'
RANGE = """<referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="1.005" unit="1"/>
<high value="1.030" unit="1"/></value></observationRange></referenceRange>"""
SPECIMEN = """<specimen><specimenRole><id root="1.2.9" extension="S1"/><specimenPlayingEntity>
<code code="119297000" codeSystem="2.16.840.1.113883.6.96"/><name>Blood</name><desc>lilac cap</desc>
</specimenPlayingEntity></specimenRole></specimen>"""
COLLECTION = """<component><procedure classCode="PROC" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.415"/>
<code code="17636008" codeSystem="2.16.840.1.113883.6.96"/><effectiveTime value="20260301"/>
<targetSiteCode code="7569003" codeSystem="2.16.840.1.113883.6.96"/></procedure></component>"""
COMMENT = """<component><act classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.64"/>
<code code="48767-8" codeSystem="2.16.840.1.113883.6.1"/><text>drawn twice</text></act></component>"""


def result(
    number: str = "o1", attributes: str = "", status: str = "completed", mood: str = "EVN", inner: str = VALUE
) -> str:
    """A result observation."""
    return f"""<observation classCode="OBS" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.2" extension="2015-08-01"/><id root="1.2.3" extension="{number}"/>
<code code="5811-5" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="{status}"/>
<effectiveTime value="20260302"/>{inner}</observation>"""


def organizer(*components: str, status: str = "completed", attributes: str = "", before: str = "") -> str:
    """A result organizer."""
    inner = "".join(f"<component>{each}</component>" if "<observation" in each else each for each in components)
    return f"""<organizer classCode="BATTERY" moodCode="EVN"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.1"/><id root="1.2.3" extension="r1"/>
<code code="24357-6" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="{status}"/>{before}{inner}</organizer>"""


def test_a_report_has_its_results_their_times_and_ranges() -> None:
    found = convert_entries("30954-2", organizer(result(inner=VALUE + RANGE), result("o2"), COMMENT))
    report = only(found, "DiagnosticReport")
    first, second = resources(found, "Observation")
    assert [each["reference"].rpartition(":")[2] for each in report["result"]] == [first["id"], second["id"]]
    assert (report["status"], code(report["code"]), report["effectiveDateTime"]) == ("final", "24357-6", "2026-03-02")
    assert first["valueQuantity"]["value"].__str__() == "1.015"
    assert str(first["referenceRange"][0]["high"]["value"]) == "1.030"
    assert code(first["category"][0]) == "laboratory"
    assert [each["text"] for each in extensions(report, "DiagnosticReport.note")] == ["drawn twice"]


@pytest.mark.parametrize(
    ("attributes", "status", "expected", "has_value"),
    [
        ("", "completed", "final", True),
        ("", "active", "registered", True),
        ("", "aborted", "cancelled", True),
        ("", "nullified", "entered-in-error", True),
        (' negationInd="true"', "completed", "cancelled", False),
        (' negationInd="true"', "nullified", "entered-in-error", False),
    ],
)
def test_status_of_a_result(attributes: str, status: str, expected: str, has_value: bool) -> None:
    found = only(convert_entries("30954-2", result("o1", attributes, status)), "Observation")
    assert (found["status"], "valueQuantity" in found) == (expected, has_value)


@pytest.mark.parametrize(
    ("attributes", "status", "expected"),
    [
        ("", "active", "registered"),
        ("", "nullified", "entered-in-error"),
        (' negationInd="true"', "completed", "cancelled"),
    ],
)
def test_status_of_a_report_holds_for_its_results(attributes: str, status: str, expected: str) -> None:
    found = convert_entries("30954-2", organizer(result(), status=status, attributes=attributes))
    assert only(found, "DiagnosticReport")["status"] == expected
    if expected in ("entered-in-error", "cancelled"):
        assert only(found, "Observation")["status"] == expected


def test_a_result_that_is_to_come_is_a_request() -> None:
    found = convert_entries("30954-2", result(mood="RQO", inner=""))
    assert resources(found, "Observation") == []
    assert only(found, "ServiceRequest")["intent"] == "order"


def test_a_value_that_is_not_known_says_why() -> None:
    found = only(convert_entries("30954-2", result(inner='<value xsi:type="PQ" nullFlavor="UNK"/>')), "Observation")
    assert code(found["dataAbsentReason"]) == "unknown"


def test_what_was_looked_at() -> None:
    found = convert_entries("30954-2", organizer(COLLECTION, result(), before=SPECIMEN))
    specimen = only(found, "Specimen")
    assert only(found, "DiagnosticReport")["specimen"][0]["reference"].endswith(specimen["id"])
    assert (code(specimen["type"]), specimen["identifier"][0]["value"]) == ("119297000", "S1")
    assert [each["text"] for each in specimen["note"]] == ["Blood", "lilac cap"]
    assert specimen["collection"]["collectedDateTime"] == "2026-03-01"
    assert code(specimen["collection"]["bodySite"]) == "7569003"


def test_a_collection_without_a_specimen_is_one() -> None:
    found = convert_entries("30954-2", organizer(COLLECTION, result()))
    assert only(found, "Specimen")["collection"]["collectedDateTime"] == "2026-03-01"
