"""Vital signs: a blood pressure is one, inhaled oxygen belongs to its saturation, and what is denied is no value."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, only, resources


def vital(
    loinc: str, value: str = '<value xsi:type="PQ" value="98" unit="%"/>', attributes: str = "", text: str = ""
) -> str:
    """A vital sign observation."""
    return f"""<component><observation classCode="OBS" moodCode="EVN"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.27"/><id root="1.2.3" extension="{loinc}"/>
<code code="{loinc}" codeSystem="2.16.840.1.113883.6.1"/>{text}<statusCode code="completed"/>
<effectiveTime value="20260302"/>{value}</observation></component>"""


def organizer(*components: str, status: str = "completed", attributes: str = "") -> str:
    """A vital signs organizer."""
    return f"""<organizer classCode="CLUSTER" moodCode="EVN"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.26"/><id root="1.2.3" extension="v1"/>
<code code="46680005" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="{status}"/>{"".join(components)}
</organizer>"""


PRESSURE = [
    vital(each, f'<value xsi:type="PQ" value="{n}" unit="mm[Hg]"/>') for each, n in (("8480-6", 115), ("8462-4", 75))
]


def test_systolic_and_diastolic_are_one_blood_pressure() -> None:
    found = convert_entries("8716-3", organizer(*PRESSURE, vital("8867-4")))
    panel, pressure, rate = resources(found, "Observation")
    assert code(panel["code"]) == "85353-1"
    assert [each["reference"].rpartition(":")[2] for each in panel["hasMember"]] == [pressure["id"], rate["id"]]
    assert code(pressure["code"]) == "85354-9"
    assert [(code(each["code"]), str(each["valueQuantity"]["value"])) for each in pressure["component"]] == [
        ("8480-6", "115"),
        ("8462-4", "75"),
    ]
    assert [each["value"] for each in pressure["identifier"]] == ["8480-6", "8462-4"]
    assert panel["effectiveDateTime"] == pressure["effectiveDateTime"] == "2026-03-02"


def test_one_half_of_a_pressure_stands_for_itself() -> None:
    _, systolic = resources(convert_entries("8716-3", organizer(PRESSURE[0])), "Observation")
    assert (code(systolic["code"]), str(systolic["valueQuantity"]["value"])) == ("8480-6", "115")


def test_inhaled_oxygen_belongs_to_its_saturation() -> None:
    flow = vital("3151-8", '<value xsi:type="PQ" value="6" unit="L/min"/>')
    found = convert_entries("8716-3", organizer(flow, vital("59408-5"), vital("3150-0")))
    _, saturation = resources(found, "Observation")
    assert {each["code"] for each in saturation["code"]["coding"]} == {"59408-5", "2708-6"}
    assert [code(each["code"]) for each in saturation["component"]] == ["3151-8", "3150-0"]


def test_inhaled_oxygen_alone_is_not_lost() -> None:
    _, flow = resources(convert_entries("8716-3", organizer(vital("3151-8"))), "Observation")
    assert code(flow["code"]) == "3151-8"


@pytest.mark.parametrize("attributes", [' negationInd="true"', ' negationInd="1"'])
def test_a_pressure_of_which_half_is_denied_is_two(attributes: str) -> None:
    denied = vital("8462-4", '<value xsi:type="PQ" value="75" unit="mm[Hg]"/>', attributes)
    _, *found = resources(convert_entries("8716-3", organizer(PRESSURE[0], denied)), "Observation")
    assert [(code(each["code"]), each["status"], "valueQuantity" in each) for each in found] == [
        ("8480-6", "final", True),
        ("8462-4", "cancelled", False),
    ]


def test_what_was_entered_in_error_stays_so() -> None:
    found = resources(
        convert_entries("8716-3", organizer(*PRESSURE, vital("8867-4"), status="nullified")), "Observation"
    )
    assert {each["status"] for each in found} == {"entered-in-error"}


def test_the_texts_of_both_halves_are_kept() -> None:
    texts = ("<text>systolic 115</text>", "<text>diastolic 75</text>")
    parts = [
        vital(each, '<value xsi:type="PQ" value="1" unit="mm[Hg]"/>', text=text)
        for each, text in zip(("8480-6", "8462-4"), texts, strict=True)
    ]
    _, pressure = resources(convert_entries("8716-3", organizer(*parts)), "Observation")
    assert "systolic 115" in pressure["text"]["div"]
    assert "diastolic 75" in pressure["text"]["div"]
    assert pressure["text"]["div"].count("<div") == pressure["text"]["div"].count("</div>") == 1


def test_a_panel_without_any_time_says_so() -> None:
    found = only(convert_entries("8716-3", organizer()), "Observation")
    assert "_effectiveDateTime" in found


def test_a_panel_and_its_members_of_one_identifier_are_each_their_own() -> None:
    found = convert_entries(
        "8716-3",
        """<organizer classCode="CLUSTER" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.26"/>
<id root="1.2.3"/><code code="46680005" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/><component>
<observation classCode="OBS" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.27"/><id root="1.2.3"/>
<code code="8867-4" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/><effectiveTime value="2024"/>
<value xsi:type="PQ" value="80" unit="/min"/></observation></component></organizer>""",
    )
    assert len(resources(found, "Observation")) == 2


TIMED_PRESSURE = """<component><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.27"/><id root="1.2.3" extension="{0}{2}"/><code code="{0}"
codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/><effectiveTime value="{2}"/>
<value xsi:type="PQ" value="{1}" unit="mm[Hg]"/></observation></component>"""


def test_pressures_of_several_times_are_paired_by_their_time() -> None:
    parts = [
        TIMED_PRESSURE.format(*part)
        for part in (("8480-6", 115, 2024), ("8480-6", 120, 2025), ("8462-4", 80, 2025), ("8462-4", 75, 2024))
    ]
    entry = f"""<organizer classCode="CLUSTER" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.26"/>
<id root="1.2.3"/><code code="46680005" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/>
{"".join(parts)}</organizer>"""
    found = resources(convert_entries("8716-3", entry), "Observation")
    pairs = [
        [int(part["valueQuantity"]["value"]) for part in each["component"]] for each in found if "component" in each
    ]
    assert sorted(pairs) == [[115, 75], [120, 80]]


def test_a_pressure_that_is_told_once_more_by_itself_is_the_same() -> None:
    parts = [TIMED_PRESSURE.format(*part) for part in (("8480-6", 115, 2024), ("8462-4", 75, 2024))]
    panel = f"""<organizer classCode="CLUSTER" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.26"/>
<id root="1.2.3"/><code code="46680005" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/>
{"".join(parts)}</organizer>"""
    alone = parts[0].removeprefix("<component>").removesuffix("</component>")
    _, pressure = resources(convert_entries("8716-3", panel, alone), "Observation")
    assert code(pressure["code"]) == "85354-9"
    assert "valueQuantity" not in pressure


@pytest.mark.parametrize(("other", "is_same"), [("8867-4", True), ("8302-2", False)])
def test_what_has_one_identifier_and_different_codes_is_not_one_thing(other: str, is_same: bool) -> None:
    ids = []
    for each in ("8867-4", other):
        entry = organizer(vital(each).replace(f'"1.2.3" extension="{each}"', '"1.2.3"'))
        _, measured = resources(convert_entries("8716-3", entry), "Observation")
        ids.append(measured["id"])
    assert (ids[0] == ids[1]) is is_same
