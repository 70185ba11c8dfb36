"""Problems: refuted, in error, over; in the category of their section."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

ASTHMA = 'code="195967001" codeSystem="2.16.840.1.113883.6.96" displayName="Asthma"'


def problem(
    value: str = ASTHMA,
    negated: str = "",
    concern: str = "",
    status: str = "active",
    time: str = '<low value="20120806"/>',
    inner: str = "",
) -> str:
    """A problem concern act with one problem."""
    return f"""<act classCode="ACT" moodCode="EVN"{concern}><templateId root="2.16.840.1.113883.10.20.22.4.3"/>
<id root="1.2.3" extension="c1"/><code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="{status}"/>
<effectiveTime><low value="2012"/></effectiveTime><entryRelationship typeCode="SUBJ">
<observation classCode="OBS" moodCode="EVN"{negated}><templateId root="2.16.840.1.113883.10.20.22.4.4"/>
<id root="1.2.3" extension="p1"/><code code="55607006" codeSystem="2.16.840.1.113883.6.96"/>
<text><reference value="#p1"/></text><statusCode code="completed"/><effectiveTime>{time}</effectiveTime>
<value xsi:type="CD" {value}/>{inner}</observation></entryRelationship></act>"""


@pytest.mark.parametrize(
    ("section", "category"),
    [("11450-4", "problem-list-item"), ("46240-8", "encounter-diagnosis"), ("75310-3", "health-concern")],
)
def test_the_section_makes_the_category(section: str, category: str) -> None:
    resource = only(convert_entries(section, problem()), "Condition")
    assert code(resource["category"][0]) == category
    assert (code(resource["code"]), resource["onsetDateTime"]) == ("195967001", "2012-08-06")


@pytest.mark.parametrize(("negated", "concern"), [(' negationInd="true"', ""), ("", ' negationInd="true"')])
def test_a_negated_problem_is_never_an_active_one(negated: str, concern: str) -> None:
    resource = only(convert_entries("11450-4", problem(negated=negated, concern=concern)), "Condition")
    assert code(resource["verificationStatus"]) == "refuted"
    assert "clinicalStatus" not in resource


def test_no_known_problems() -> None:
    any_problem = 'code="55607006" codeSystem="2.16.840.1.113883.6.96"'
    resource = only(convert_entries("11450-4", problem(any_problem, ' negationInd="true"')), "Condition")
    assert code(resource["code"]) == "160245001"
    assert "clinicalStatus" not in resource


@pytest.mark.parametrize(
    ("status", "time", "clinical", "abated"),
    [
        ("active", '<low value="2012"/>', "active", None),
        ("completed", '<low value="2012"/>', "inactive", None),
        ("active", '<low value="2012"/><high value="201305"/>', "inactive", "2013-05"),
        ("active", '<low value="2012"/><high nullFlavor="UNK"/>', "inactive", None),
    ],
)
def test_what_is_over_is_not_active(status: str, time: str, clinical: str, abated: str | None) -> None:
    resource = only(convert_entries("11450-4", problem(status=status, time=time)), "Condition")
    assert code(resource["clinicalStatus"]) == clinical
    assert resource.get("abatementDateTime") == abated
    assert ("_abatementDateTime" in resource) == ("UNK" in time)


def test_a_problem_in_error() -> None:
    resource = only(convert_entries("11450-4", problem(status="nullified")), "Condition")
    assert code(resource["verificationStatus"]) == "entered-in-error"
    assert "clinicalStatus" not in resource


def test_text_and_original_text_come_from_the_narrative() -> None:
    text = """<table><thead><tr><th>Problem</th><th>Since</th></tr></thead><tbody>
<tr ID="p1"><td ID="n1">Asthma, mild</td><td>2012</td></tr></tbody></table>"""
    value = 'code="195967001" codeSystem="2.16.840.1.113883.6.96"><originalText><reference value="#n1"/></originalText'
    entry = problem(value).replace("originalText/>", "originalText></value>")
    resource = only(convert_entries("11450-4", entry, text=text), "Condition")
    assert resource["code"]["text"] == "Asthma, mild"
    assert "<th>Since</th>" in resource["text"]["div"]
    assert "<td>2012</td>" in resource["text"]["div"]


def test_a_value_has_its_translations() -> None:
    value = ASTHMA + '><translation code="J45.909" codeSystem="2.16.840.1.113883.6.90"/></value'
    resource = only(convert_entries("11450-4", problem(value).replace("</value/>", "</value>")), "Condition")
    systems = [each["system"] for each in resource["code"]["coding"]]
    assert systems == ["http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"]


def test_what_is_within_and_has_no_place_is_a_resource_of_its_own() -> None:
    inner = """<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN"><code code="75328-5"
codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/><value xsi:type="ST">Good</value></observation>
</entryRelationship>"""
    found = convert_entries("11450-4", problem(inner=inner))
    observation = only(found, "Observation")
    assert observation["valueString"] == "Good"
    (reference,) = extensions(only(found, "Condition"), "ccda-related")
    assert reference["reference"].endswith(observation["id"])


def test_two_entries_with_one_identifier_that_say_different_things_are_two() -> None:
    other = problem('code="38341003" codeSystem="2.16.840.1.113883.6.96"')
    assert len(resources(convert_entries("11450-4", problem(), other), "Condition")) == 2
    assert len(resources(convert_entries("11450-4", problem(), problem()), "Condition")) == 1
