"""Social history: what was denied, taken back or is to come is said of nobody, and an intention is no request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources
from transforms.ccda_to_fhir import Conversion

T = "2.16.840.1.113883.10.20."
LOINC = "2.16.840.1.113883.6.1"
SNOMED = "2.16.840.1.113883.6.96"
SMOKES = f'<value xsi:type="CD" code="449868002" codeSystem="{SNOMED}"/>'
FEMALE = '<value xsi:type="CD" code="F" codeSystem="2.16.840.1.113883.5.1"/>'
PREGNANT = f'<value xsi:type="CD" code="77386006" codeSystem="{SNOMED}"/>'
WISHES = f'<value xsi:type="CD" code="454401000124105" codeSystem="{SNOMED}"/>'
UNKNOWN = '<value xsi:type="CD" nullFlavor="UNK"/>'
TEMPLATES: dict[str, tuple[str, str]] = {
    f"{T}22.4.38": ("74013-4", '<value xsi:type="PQ" value="2" unit="{drinks}/d"/>'),
    f"{T}22.4.78": ("72166-2", SMOKES),
    f"{T}22.4.85": ("11367-0", SMOKES),
    f"{T}22.4.511": ("401201003", '<value xsi:type="REAL" value="30.5"/>'),
    f"{T}15.3.8": ("82810-3", PREGNANT),
    f"{T}22.4.281": ("86645-9", WISHES),
    f"{T}22.4.503": ("11341-5", '<value xsi:type="CD" code="37-2011" codeSystem="2.16.840.1.114222.4.5.327"/>'),
    f"{T}22.4.504": ("86188-0", '<value xsi:type="CD" code="561720" codeSystem="2.16.840.1.114222.4.5.327"/>'),
    f"{T}22.4.200": ("76689-9", FEMALE),
    f"{T}22.4.507": ("46098-0", f'<value xsi:type="CD" code="248152002" codeSystem="{SNOMED}"/>'),
    f"{T}34.3.45": ("76691-5", f'<value xsi:type="CD" code="446141000124107" codeSystem="{SNOMED}"/>'),
    f"{T}22.4.506": ("95370-3", '<value xsi:type="CD" code="65" codeSystem="2.16.840.1.113883.5.140"/>'),
    f"{T}22.4.501": ("76690-7", f'<value xsi:type="CD" code="20430005" codeSystem="{SNOMED}"/>'),
    f"{T}22.4.509": ("95541-9", '<value xsi:type="ST">quiet</value>'),
    f"{T}22.4.510": ("75773-2", '<value xsi:type="ST">no ventilator</value>'),
}
OF_THE_PATIENT = ("us-core-birthsex", "us-core-sex", "us-core-genderIdentity", "us-core-tribal-affiliation")


def observation(
    template: str,
    *,
    attributes: str = "",
    status: str = "completed",
    mood: str = "EVN",
    name: str = "",
    value: str | None = None,
    time: str = '<effectiveTime value="20260302"/>',
    inner: str = "",
    system: str = LOINC,
) -> str:
    """An observation of that template, with the code and the value that it has usually."""
    usual, told = TEMPLATES[template]
    return f"""<observation classCode="OBS" moodCode="{mood}"{attributes}><templateId root="{template}"/>
<id root="1.2.3" extension="o1"/><code code="{name or usual}" codeSystem="{system}"/><statusCode code="{status}"/>
{time}{told if value is None else value}{inner}</observation>"""


def converted(template: str, **parts: Any) -> Conversion:
    """A document whose social history has that one observation."""
    return convert_entries("29762-2", observation(template, **parts))


def values(resource: dict[str, Any]) -> list[str]:
    """The names of the values that a resource has."""
    return [name for name in resource if name.startswith("value")]


def of_the_patient(found: Conversion) -> list[Any]:
    """What the Patient has of the social history."""
    patient = only(found, "Patient")
    return [each for each in patient.get("extension", []) if each["url"].endswith(OF_THE_PATIENT)]


@pytest.mark.parametrize("template", TEMPLATES)
def test_meaning_is_never_reversed(template: str) -> None:
    said = only(converted(template), "Observation")
    assert (said["status"], len(values(said)), code(said["category"][0])) == ("final", 1, "social-history")

    denied = converted(template, attributes=' negationInd="true"')
    negated = only(denied, "Observation")
    assert (negated["status"], values(negated), of_the_patient(denied)) == ("cancelled", [], [])
    assert extensions(negated, "ccda-negated") != []

    void = converted(template, status="nullified")
    assert only(void, "Observation")["status"] == "entered-in-error"
    assert of_the_patient(void) == []
    dropped = converted(template, status="aborted")
    assert only(dropped, "Observation")["status"] == "cancelled"
    assert of_the_patient(dropped) == []

    for mood in ("RQO", "PRP"):
        request = converted(template, mood=mood)
        assert resources(request, "Observation") == []
        assert only(request, "ServiceRequest")["intent"] in ("order", "proposal")
        assert of_the_patient(request) == []

    unknown = converted(template, value='<value xsi:type="CD" nullFlavor="NI"/>')
    nothing = only(unknown, "Observation")
    assert (values(nothing), code(nothing["dataAbsentReason"])) == ([], "unknown")
    assert of_the_patient(unknown) == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ("72166-2", "2026-03-02", None)),
        ({"name": "ASSERTION"}, ("72166-2", "2026-03-02", None)),
        ({"name": "229819007", "system": SNOMED}, ("229819007", "2026-03-02", None)),
        ({"time": '<effectiveTime><low value="2009"/></effectiveTime>'}, ("72166-2", None, {"start": "2009"})),
    ],
)
def test_smoking(parts: dict[str, str], expected: tuple[str, str | None, dict[str, str] | None]) -> None:
    found = only(converted(f"{T}22.4.78", **parts), "Observation")
    assert (code(found["code"]), found.get("effectiveDateTime"), found.get("effectivePeriod")) == expected
    profile = "us-core-simple-observation" if expected[1] is None else "us-core-smokingstatus"
    assert found["meta"]["profile"][0].endswith(profile)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ('<effectiveTime value="20260302"/>', "2026-03-02"),
        ('<effectiveTime><low value="20260303"/><high value="20260401"/></effectiveTime>', "2026-03-03"),
        ('<effectiveTime><low nullFlavor="UNK"/><high value="20260401"/></effectiveTime>', "2026-04-01"),
        ('<author><time value="20260404"/><assignedAuthor><id root="1.2.8"/></assignedAuthor></author>', "2026-04-04"),
    ],
)
def test_a_pregnancy_has_one_time(time: str, expected: str) -> None:
    found = only(converted(f"{T}15.3.8", name="ASSERTION", time=time), "Observation")
    assert (code(found["code"]), found["effectiveDateTime"]) == ("82810-3", expected)
    assert not {"effectivePeriod", "_effectiveDateTime"} & found.keys()


@pytest.mark.parametrize("template", [f"{T}15.3.8", f"{T}22.4.281"])
def test_that_a_pregnancy_is_not_known_is_a_value(template: str) -> None:
    found = only(converted(template, value=UNKNOWN), "Observation")
    assert code(found["valueCodeableConcept"]) == "UNK"
    assert "dataAbsentReason" not in found
    denied = only(converted(template, value=UNKNOWN, attributes=' negationInd="1"'), "Observation")
    assert "valueCodeableConcept" not in denied


def due(attributes: str = "", status: str = "completed", mood: str = "EVN") -> str:
    """The estimated date of delivery."""
    return f"""<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="{mood}"{attributes}>
<templateId root="{T}15.3.1"/><code code="11778-8" codeSystem="{LOINC}"/><statusCode code="{status}"/>
<value xsi:type="TS" value="20260914"/></observation></entryRelationship>"""


def test_when_a_child_is_due_is_a_component() -> None:
    (component,) = only(converted(f"{T}15.3.8", inner=due()), "Observation")["component"]
    assert (code(component["code"]), component["valueDateTime"]) == ("11778-8", "2026-09-14")


@pytest.mark.parametrize("parts", [(' negationInd="true"',), ("", "nullified"), ("", "completed", "RQO")])
def test_a_date_of_delivery_that_does_not_hold_is_no_component(parts: tuple[str, ...]) -> None:
    found = converted(f"{T}15.3.8", inner=due(*parts))
    assert "component" not in resources(found, "Observation")[0]
    assert sum(len(resources(found, each)) for each in ("Observation", "ServiceRequest")) == 2


def test_an_intention_to_be_pregnant_is_no_request() -> None:
    found = converted(f"{T}22.4.281", mood="INT", time='<effectiveTime><low value="20260304"/></effectiveTime>')
    assert resources(found, "ServiceRequest") == []
    intended = only(found, "Observation")
    assert (code(intended["code"]), intended["effectiveDateTime"]) == ("86645-9", "2026-03-04")


def test_an_occupation_has_its_industry() -> None:
    inner = f'<entryRelationship typeCode="REFR">{observation(f"{T}22.4.504")}</entryRelationship>'
    found = only(converted(f"{T}22.4.503", inner=inner), "Observation")
    assert [code(each["code"]) for each in found["component"]] == ["86188-0"]
    assert found["meta"]["profile"][0].endswith("us-core-observation-occupation")
    negated = inner.replace('moodCode="EVN"', 'moodCode="EVN" negationInd="true"')
    both = resources(converted(f"{T}22.4.503", inner=negated), "Observation")
    assert ["component" in each for each in both] == [False, False]


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        (f"{T}22.4.200", None, {"us-core-birthsex": "F"}),
        (f"{T}22.4.200", UNKNOWN, {"us-core-birthsex": "UNK"}),
        (f"{T}22.4.507", None, {"us-core-sex": "248152002"}),
        (f"{T}34.3.45", None, {"us-core-genderIdentity": "446141000124107"}),
        (f"{T}34.3.45", UNKNOWN, {"us-core-genderIdentity": "UNK"}),
        (f"{T}22.4.506", None, {"us-core-tribal-affiliation": "65"}),
    ],
)
def test_the_patient_has_it_too(template: str, value: str | None, expected: dict[str, str]) -> None:
    found = converted(template, value=value)
    assert len(resources(found, "Observation")) == 1
    told = {}
    for each in of_the_patient(found):
        inner = each.get("extension", [each])[0]
        concept = inner.get("valueCodeableConcept")
        told[each["url"].rpartition("/")[2]] = code(concept) if concept else inner["valueCode"]
    assert told == expected


@pytest.mark.parametrize("template", [f"{T}22.4.38", "2.16.840.1.113883.3.1"])
def test_the_code_says_what_no_template_does(template: str) -> None:
    entry = observation(f"{T}22.4.200").replace(f"{T}22.4.200", template)
    assert [each["valueCode"] for each in of_the_patient(convert_entries("29762-2", entry))] == ["F"]


def test_a_question_about_food_is_about_social_needs() -> None:
    found = only(converted(f"{T}22.4.38", name="88122-7", value='<value xsi:type="ST">often</value>'), "Observation")
    assert [code(each) for each in found["category"]] == ["social-history", "sdoh"]
