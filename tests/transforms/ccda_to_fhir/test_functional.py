"""Functional and mental status, and the scales that they are found by: a denial stays one, at any depth."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

T = "2.16.840.1.113883.10.20.22.4."
ABLE = '<value xsi:type="CD" code="165245003" codeSystem="2.16.840.1.113883.6.96"/>'
SECTIONS = {
    "67": ("47420-5", "functional-status"),
    "127": ("47420-5", "functional-status"),
    "128": ("47420-5", "functional-status"),
    "74": ("10190-7", "cognitive-status"),
    "505": ("29762-2", "disability-status"),
    "69": ("51848-0", "survey"),
    "86": ("51848-0", "survey"),
    "72": ("47420-5", "social-history"),
    "109": ("29762-2", "social-history"),
    "111": ("29762-2", "social-history"),
}
ORGANIZERS = {"66": "67", "75": "74"}


def observation(
    template: str,
    *inner: str,
    number: str = "o1",
    attributes: str = "",
    status: str = "completed",
    mood: str = "EVN",
    value: str = ABLE,
    name: str = "54522-8",
) -> str:
    """An observation of that template."""
    parts = "".join(f'<entryRelationship typeCode="COMP">{each}</entryRelationship>' for each in inner)
    return f"""<observation classCode="OBS" moodCode="{mood}"{attributes}><templateId root="{T}{template}"/>
<id root="1.2.3" extension="{number}"/><code code="{name}" codeSystem="2.16.840.1.113883.6.1"/>
<statusCode code="{status}"/><effectiveTime value="20260302"/>{value}{parts}</observation>"""


def organizer(
    template: str, *inner: str, attributes: str = "", status: str = "completed", mood: str = "EVN", first: str = ""
) -> str:
    """An organizer of that template."""
    parts = "".join(f"<component>{each}</component>" for each in inner)
    return f"""<organizer classCode="CLUSTER" moodCode="{mood}"{attributes}>{first}<templateId root="{T}{template}"/>
<id root="1.2.3" extension="g1"/><code code="d5" codeSystem="2.16.840.1.113883.6.254"/><statusCode code="{status}"/>
{parts}</organizer>"""


@pytest.mark.parametrize("template", SECTIONS)
def test_meaning_is_never_reversed(template: str) -> None:
    section, category = SECTIONS[template]
    said = only(convert_entries(section, observation(template)), "Observation")
    assert (said["status"], code(said["valueCodeableConcept"])) == ("final", "165245003")
    assert category in [code(each) for each in said["category"]]

    negated = only(convert_entries(section, observation(template, attributes=' negationInd="true"')), "Observation")
    assert (negated["status"], "valueCodeableConcept" in negated) == ("cancelled", False)
    assert extensions(negated, "ccda-negated") != []

    for status, expected in (("nullified", "entered-in-error"), ("aborted", "cancelled"), ("active", "registered")):
        found = only(convert_entries(section, observation(template, status=status)), "Observation")
        assert found["status"] == expected

    planned = convert_entries(section, observation(template, mood="INT"))
    assert (resources(planned, "Observation"), only(planned, "ServiceRequest")["intent"]) == ([], "plan")

    unknown = only(
        convert_entries(section, observation(template, value='<value xsi:type="CD" nullFlavor="ASKU"/>')), "Observation"
    )
    assert (code(unknown["dataAbsentReason"]), "valueCodeableConcept" in unknown) == ("asked-unknown", False)


@pytest.mark.parametrize("template", ORGANIZERS)
def test_an_organizer_has_its_observations_as_members(template: str) -> None:
    inner = ORGANIZERS[template]
    section, category = SECTIONS[inner]
    found = convert_entries(section, organizer(template, observation(inner)))
    panel, member = resources(found, "Observation")
    assert [each["reference"].rpartition(":")[2] for each in panel["hasMember"]] == [member["id"]]
    assert (code(panel["code"]), panel["effectiveDateTime"]) == ("d5", "2026-03-02")
    assert [code(each["category"][0]) for each in (panel, member)] == [category, category]


@pytest.mark.parametrize("template", ORGANIZERS)
@pytest.mark.parametrize(
    ("attributes", "status", "expected"),
    [
        (' negationInd="true"', "completed", "cancelled"),
        ("", "nullified", "entered-in-error"),
        (' negationInd="true"', "nullified", "entered-in-error"),
    ],
)
def test_what_an_organizer_denies_its_members_deny(template: str, attributes: str, status: str, expected: str) -> None:
    section, _ = SECTIONS[ORGANIZERS[template]]
    entry = organizer(template, observation(ORGANIZERS[template]), attributes=attributes, status=status)
    assert [each["status"] for each in resources(convert_entries(section, entry), "Observation")] == [expected] * 2


@pytest.mark.parametrize("template", ORGANIZERS)
def test_an_organizer_that_is_planned_is_a_request(template: str) -> None:
    section, _ = SECTIONS[ORGANIZERS[template]]
    found = convert_entries(section, organizer(template, mood="INT"))
    assert (resources(found, "Observation"), only(found, "ServiceRequest")["intent"]) == ([], "plan")


def test_an_older_organizer_that_is_one_of_results_as_well_is_of_function() -> None:
    first = f'<templateId root="{T}1"/>'
    entry = organizer("66", observation("67").replace("<id ", f'<templateId root="{T}2"/><id '), first=first)
    found = convert_entries("47420-5", entry)
    assert resources(found, "DiagnosticReport") == []
    assert {code(each["category"][0]) for each in resources(found, "Observation")} == {"functional-status"}


def test_a_scale_has_its_answers_as_members() -> None:
    answers = [observation("86", number=f"a{each}", name=f"8812{each}-{each + 5}") for each in (1, 2)]
    scale = observation("69", *answers, value='<value xsi:type="INT" value="2"/>', name="88121-9")
    found = convert_entries("29762-2", scale)
    first, *members = resources(found, "Observation")
    assert (first["valueInteger"], len(first["hasMember"]), len(members)) == (2, 2, 2)
    assert [code(each["code"]) for each in members] == ["88121-6", "88122-7"]
    assert {tuple(code(kind) for kind in each["category"]) for each in (first, *members)} == {("survey", "sdoh")}
    assert all(each["meta"]["profile"][0].endswith("screening-assessment") for each in (first, *members))


def test_a_scale_within_a_status_is_its_member_and_of_its_kind() -> None:
    found = convert_entries("10190-7", observation("74", observation("69", number="o2")))
    status, scale = resources(found, "Observation")
    assert len(status["hasMember"]) == 1
    assert [code(each) for each in scale["category"]] == ["survey", "cognitive-status"]


def test_a_scale_of_members_alone_says_nothing_of_its_value() -> None:
    found = convert_entries("29762-2", observation("69", observation("86", number="o2"), value=""))
    assert "dataAbsentReason" not in resources(found, "Observation")[0]
    assert "dataAbsentReason" in only(convert_entries("29762-2", observation("69", value="")), "Observation")


@pytest.mark.parametrize("template", ["68", "73"])
@pytest.mark.parametrize(("attributes", "verified"), [("", None), (' negationInd="true"', "refuted")])
def test_a_problem_of_function_is_a_condition(template: str, attributes: str, verified: str | None) -> None:
    found = only(convert_entries("47420-5", observation(template, attributes=attributes)), "Condition")
    assert (code(found["code"]), code(found.get("verificationStatus"))) == ("165245003", verified)
    assert ("clinicalStatus" in found) == (verified is None)


@pytest.mark.parametrize("section", ["47420-5", "10190-7"])
def test_the_section_says_what_no_template_does(section: str) -> None:
    found = only(convert_entries(section, observation("0")), "Observation")
    assert code(found["category"][0]) == {"47420-5": "functional-status", "10190-7": "cognitive-status"}[section]
