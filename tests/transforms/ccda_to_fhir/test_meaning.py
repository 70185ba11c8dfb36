"""What is denied, left open, taken back or yet to be is never told as what is so."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

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


DENIED = ' negationInd="true"'
TIME = '<effectiveTime><low value="20260203"/></effectiveTime>'
SNOMED = 'codeSystem="2.16.840.1.113883.6.96"'
IMPLANT = """<participant typeCode="{}"><participantRole classCode="MANU"><id root="1.2.3" extension="d1"/>
<playingDevice><code code="2478003" codeSystem="2.16.840.1.113883.6.96"/></playingDevice></participantRole>
</participant>"""


def statement(
    name: str, root: str, inner: str, attributes: str = "", mood: str = "EVN", status: str = "completed"
) -> str:
    return f"""<{name} classCode="ACT" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.{root}"/><id root="1.2.3" extension="s1"/>
<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/><statusCode code="{status}"/>{TIME}{inner}</{name}>"""


def coded_value(attributes: str, text: str = "") -> str:
    return f'<value xsi:type="CD" {attributes}><originalText>{text}</originalText></value>'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (coded_value('nullFlavor="OTH"', "Asthma"), "refuted"),
        (
            f'<value xsi:type="CD" nullFlavor="OTH"><translation code="195967001" {SNOMED}/></value>',
            "refuted",
        ),
        (coded_value('nullFlavor="NI"', "No known problems"), ""),
        (coded_value('nullFlavor="NI"'), ""),
        (coded_value(f'code="55607006" {SNOMED}', "Problem"), ""),
    ],
)
def test_that_one_problem_is_denied_is_not_that_there_are_none(value: str, expected: str) -> None:
    resource = only(convert_entries("11450-4", statement("observation", "4", value, DENIED)), "Condition")
    assert code(resource.get("verificationStatus", {"coding": [{"code": ""}]})) == expected
    assert ("160245001" in str(resource["code"])) is (not expected)


@pytest.mark.parametrize(
    ("name", "is_of_all"),
    [("Penicillin", False), ("No known drug allergies", True), ("NKDA", True), ("", True)],
)
def test_that_one_allergy_is_denied_is_not_that_there_are_none(name: str, is_of_all: bool) -> None:
    entity = f"""<participant typeCode="CSM"><participantRole><playingEntity><code nullFlavor="OTH"/><name>{name}</name>
</playingEntity></participantRole></participant>"""
    entry = statement("observation", "7", f'<value xsi:type="CD" code="416098002" {SNOMED}/>{entity}', DENIED)
    resource = only(convert_entries("48765-2", entry), "AllergyIntolerance")
    assert ("code" in resource) is is_of_all
    assert bool(extensions(resource, "allergyintolerance-substanceExposureRisk")) is not is_of_all


def test_what_an_allergy_that_is_denied_would_do_has_not_happened() -> None:
    reaction = f"""<entryRelationship typeCode="MFST"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.9"/><value xsi:type="CD" code="247472004" {SNOMED}/></observation>
</entryRelationship>"""
    found = convert_entries("48765-2", statement("observation", "7", reaction, DENIED))
    assert "reaction" not in only(found, "AllergyIntolerance")
    assert resources(found, "Observation") == []
    assert "247472004" in str(only(found, "AllergyIntolerance")["extension"]), "and it is kept as it is written"


@pytest.mark.parametrize(
    ("attributes", "mood", "status"),
    [(' nullFlavor="UNK"', "EVN", "completed"), ("", "INT", "active"), ("", "EVN", "aborted")],
)
@pytest.mark.parametrize(
    ("section", "root", "kind"), [("48765-2", "7", "AllergyIntolerance"), ("11450-4", "4", "Condition")]
)
def test_what_is_left_open_or_to_come_is_not_confirmed(
    section: str, root: str, kind: str, attributes: str, mood: str, status: str
) -> None:
    entry = statement("observation", root, coded_value(f'code="195967001" {SNOMED}'), attributes, mood, status)
    assert code(only(convert_entries(section, entry), kind)["verificationStatus"]) == "unconfirmed"


@pytest.mark.parametrize(
    ("section", "name", "root", "kind"),
    [
        ("10160-0", "substanceAdministration", "16", "MedicationRequest"),
        ("11369-6", "substanceAdministration", "52", "MedicationRequest"),
        ("47519-4", "procedure", "14", "Procedure"),
        ("30954-2", "observation", "2", "Observation"),
        ("30954-2", "organizer", "1", "DiagnosticReport"),
    ],
)
def test_of_what_is_left_open_the_status_is_not_known(section: str, name: str, root: str, kind: str) -> None:
    found = convert_entries(section, statement(name, root, PRODUCT, ' nullFlavor="NASK"'))
    assert only(found, kind)["status"] == "unknown"
    assert resources(found, "Immunization") == []


@pytest.mark.parametrize("root", ["110", "144", "46", "45", "2", "69", "9"])
def test_whatever_is_to_come_is_a_request(root: str) -> None:
    name = "organizer" if root == "45" else "observation"
    found = convert_entries("18776-5", statement(name, root, "", mood="RQO"))
    assert only(found, "ServiceRequest")["intent"] == "order"
    assert resources(found, "Observation") == resources(found, "FamilyMemberHistory") == []


def test_what_has_no_mood_has_that_of_what_it_is_within() -> None:
    inner = statement("observation", "2", "").replace(' moodCode="EVN"', "")
    found = convert_entries("30954-2", statement("organizer", "1", f"<component>{inner}</component>", mood="RQO"))
    assert resources(found, "Observation") == []


@pytest.mark.parametrize(
    ("entry", "is_of_patient"),
    [
        (statement("procedure", "14", IMPLANT.format("DEV")), True),
        (statement("procedure", "14", IMPLANT.format("DEV"), DENIED), False),
        (statement("procedure", "14", IMPLANT.format("DEV"), status="nullified"), False),
        (statement("supply", "50", IMPLANT.format("PRD")), True),
        (statement("supply", "50", IMPLANT.format("PRD"), mood="RQO"), False),
        (statement("supply", "50", IMPLANT.format("PRD"), status="nullified"), False),
    ],
)
def test_a_device_that_was_not_used_is_none_that_the_patient_has(entry: str, is_of_patient: bool) -> None:
    assert ("patient" in only(convert_entries("47519-4", entry), "Device")) is is_of_patient


def test_a_procedure_that_was_not_done_has_no_outcome() -> None:
    value = f'<value xsi:type="CD" code="385669000" {SNOMED}/>'
    denied = only(convert_entries("47519-4", statement("observation", "13", value, DENIED)), "Procedure")
    assert "outcome" not in denied
    assert code(extensions(denied, "ccda-negated")[0]) == "385669000"


@pytest.mark.parametrize("attributes", ["", DENIED])
def test_what_a_relative_has_is_not_said_of_the_patient(attributes: str) -> None:
    entry = statement("observation", "46", f'<value xsi:type="CD" code="22298006" {SNOMED}/>', attributes)
    assert code(only(convert_entries("10157-6", entry), "Observation")["code"]) == "10157-6"


def test_a_precondition_that_is_none_makes_no_dose_one_as_needed() -> None:
    entry = statement("substanceAdministration", "16", f'{PRODUCT}<precondition nullFlavor="NA"/>')
    resource = only(convert_entries("10160-0", entry), "MedicationRequest")
    assert "asNeeded" not in str(resource.get("dosageInstruction"))


@pytest.mark.parametrize("attributes", [' typeCode="SUBJ"', ' typeCode="SUBJ" negationInd="true"'])
def test_that_a_concern_has_no_such_subject_denies_it(attributes: str) -> None:
    allergy = statement("observation", "7", f'<value xsi:type="CD" code="419199007" {SNOMED}/>')
    act = statement("act", "30", f"<entryRelationship{attributes}>{allergy}</entryRelationship>", status="active")
    found = only(convert_entries("48765-2", act), "AllergyIntolerance")
    assert (code(found["code"]) == "716186003") is ("negationInd" in attributes)


def test_what_is_not_the_reason_is_none() -> None:
    inner = INDICATION.format(attributes="", status="completed", mood="EVN").replace("RSON", 'RSON" negationInd="true')
    found = convert_entries("47519-4", statement("procedure", "14", inner))
    assert "reasonCode" not in only(found, "Procedure")
