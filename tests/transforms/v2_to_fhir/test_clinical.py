"""AL1, IAM, DG1, PR1, ACC, DB1 and PDA: what is known of the patient's health."""

from __future__ import annotations

import pytest

from schemas.fhir import Element
from tests.transforms.v2_to_fhir.conversion import PID, convert_text, extensions, only, resources
from tests.transforms.v2_to_fhir.test_adt import PV1, codes, kept, placed, reference, told

SNOMED = "http://snomed.info/sct"


def allergy(segment: str) -> Element:
    """The AllergyIntolerance of an AL1 or IAM."""
    return only(convert_text("ADT^A60", PID, segment), "AllergyIntolerance")


@pytest.mark.parametrize(
    ("kind", "category", "type_"),
    [
        ("DA", ["medication"], "allergy"),
        ("FA", ["food"], "allergy"),
        ("EA", ["environment"], "allergy"),
        ("PA", ["environment"], "allergy"),
        ("AA", ["biologic"], "allergy"),
        ("MA", None, "allergy"),
        ("MC", None, None),
    ],
)
def test_the_kind_of_an_allergen_is_a_category_with_the_senders_code_beside(
    kind: str, category: list[str] | None, type_: str | None
) -> None:
    found = allergy(f"AL1|1|{kind}|70618^Penicillin^RXNORM")
    assert found.get("category") == category
    assert found.get("type") == type_
    (beside,) = found["_category"]
    assert codes(extensions(beside, "alternate-codes")[0]) == [kind]


@pytest.mark.parametrize(("severity", "criticality"), [("SV", "high"), ("MI", "low"), ("MO", None), ("U", None)])
def test_the_severity_of_an_allergy_is_its_criticality(severity: str, criticality: str | None) -> None:
    found = allergy(f"AL1|1|DA|70618^Penicillin^RXNORM|{severity}|Hives~Nausea|20200301")
    assert found.get("criticality") == criticality
    assert codes(extensions(found["_criticality"], "alternate-codes")[0]) == [severity]
    assert found["reaction"] == [{"manifestation": [{"text": "Hives"}, {"text": "Nausea"}]}]
    assert found["onsetDateTime"] == "2020-03-01"
    assert codes(found["clinicalStatus"]) == ["active"]


@pytest.mark.parametrize(
    ("allergen", "code"),
    [
        ("716186003^No known allergy^SCT", "716186003"),
        ("409137002^No known drug allergies^SCT", "409137002"),
        ("NKA", "716186003"),
        ("NKDA", "409137002"),
        ("^NKDA", "409137002"),
        ("^No Known Allergies", "716186003"),
        ("^No known allergies (NKA)", "716186003"),
        ("^No Known Drug Allergies", "409137002"),
        ("^no known medication allergy", "409137002"),
        ("^No known food allergies", "429625007"),
        ("00^No known environmental allergies^L", "428607008"),
        ("^No known latex allergy", "1003774007"),
        ("^None", "716186003"),
    ],
)
def test_that_no_allergy_is_known_is_said_as_such(allergen: str, code: str) -> None:
    found = allergy(f"AL1|1|DA|{allergen}|SV|Hives")
    assert found["code"]["coding"][0]["code"] == code
    assert found["code"]["coding"][0]["system"] == SNOMED
    assert not found.keys() & {"type", "criticality", "reaction"}
    assert {"AL1-4", "AL1-5"} <= kept(found)


@pytest.mark.parametrize(
    "allergen", ["^Penicillin", "^No known allergies except penicillin", "^Nuts", "^Nonesuch", "^Unknown substance"]
)
def test_an_allergen_is_never_taken_for_the_statement_that_there_is_none(allergen: str) -> None:
    assert "coding" not in allergy(f"AL1|1|DA|{allergen}")["code"]


def test_one_allergy_in_two_messages_has_one_id() -> None:
    first = allergy("AL1|1|DA|70618^Penicillin^RXNORM|SV")
    again = allergy("AL1|3|DA|70618^Penicillin^RXNORM|MI")
    other = allergy("AL1|1|DA|70619^Ampicillin^RXNORM|SV")
    assert first["id"] == again["id"] != other["id"]
    assert allergy("IAM|1|DA|70618^Penicillin|||A|A1^STANNE")["id"] == allergy("IAM|2|DA|X|||U|A1^STANNE")["id"]


@pytest.mark.parametrize(
    ("action", "status", "verification", "clinical"),
    [
        ("A", "", None, "active"),
        ("A", "C", "confirmed", "active"),
        ("U", "U", "unconfirmed", "active"),
        ("A", "S", "unconfirmed", "active"),
        ("A", "I", "confirmed", "inactive"),
        ("A", "E", "entered-in-error", None),
        ("D", "", "entered-in-error", None),
        ("D", "C", "entered-in-error", None),
    ],
)
def test_an_allergy_holds_as_its_status_and_action_say(
    action: str, status: str, verification: str | None, clinical: str | None
) -> None:
    found = allergy(placed(f"IAM|1|DA|70618^Penicillin^RXNORM|||{action}|A1^STANNE", f17=status))
    assert codes(found.get("verificationStatus", {})) == ([verification] if verification else [])
    assert codes(found.get("clinicalStatus", {})) == ([clinical] if clinical else [])


def test_who_told_of_an_allergy_and_when_it_began() -> None:
    iam = placed("IAM|1|DA|70618^Penicillin^RXNORM|||A|A1^STANNE", f9="IN", f12="as a child", f13="20260312")
    kin = convert_text("ADT^A60", PID, placed(iam, f14="Vale^Corin", f15="SPO"))
    assert only(kin, "AllergyIntolerance")["recorder"] == reference(only(kin, "RelatedPerson"))
    assert only(kin, "AllergyIntolerance")["onsetString"] == "as a child"
    assert only(kin, "AllergyIntolerance")["recordedDate"] == "2026-03-12"
    self_ = convert_text("ADT^A60", PID, placed(iam, f15="SEL"))
    assert only(self_, "AllergyIntolerance")["recorder"] == reference(only(self_, "Patient"))
    nurse = convert_text("ADT^A60", PID, placed(iam, f14="Roe^Ned"))
    assert only(nurse, "AllergyIntolerance")["recorder"] == reference(only(nurse, "Practitioner"))


def test_an_allergy_without_a_code_has_one_that_says_so() -> None:
    assert codes(allergy("AL1|1|DA")["code"]) == ["unknown"]


# diagnoses


def test_a_diagnosis_is_a_condition_of_the_patient_and_of_the_visit() -> None:
    dg1 = placed("DG1|1||R07.9^Chest pain^I10|Pain in the chest|20260312|A", f15="1", f16="7^Pellworth^Imogen")
    dg1 = placed(dg1, f19="20260313", f20="D1^STANNE", f22="D0^STANNE")
    found = convert_text("ADT^A01", PID, placed(PV1, f54="E1^^^STANNE"), dg1)
    condition, visit = only(found, "Condition"), only(found, "Encounter")
    assert condition["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10"
    assert condition["code"]["text"] == "Pain in the chest"
    assert condition["identifier"][0]["value"] == "D1"
    assert condition["recordedDate"] == "2026-03-13"
    assert condition["encounter"] == reference(visit)
    assert condition["asserter"] == reference(only(found, "Practitioner"))
    assert extensions(condition, "condition-dueTo")[0]["identifier"]["value"] == "D0"
    assert visit["diagnosis"][0]["condition"] == reference(condition)
    assert visit["diagnosis"][0]["rank"] == 1
    assert "AD" in codes(visit["diagnosis"][0]["use"])
    assert only(found, "EpisodeOfCare")["diagnosis"][0]["condition"] == reference(condition)


def test_the_old_field_of_the_coding_method_names_the_system() -> None:
    condition = only(convert_text("ADT^A01", PID, "DG1|1|I10|R07.9"), "Condition")
    assert condition["code"]["coding"][0]["system"] == "http://hl7.org/fhir/sid/icd-10"
    local = only(convert_text("ADT^A01", PID, "DG1|1|QX|R07.9"), "Condition")
    assert extensions(local["code"]["coding"][0], "v2-coding-system") == ["QX"]


def test_a_deleted_diagnosis_is_in_error_and_no_diagnosis_of_the_visit() -> None:
    found = convert_text("ADT^A08", PID, PV1, placed("DG1|1||R07.9^Chest pain^I10||20260312|A", f21="D"))
    assert codes(only(found, "Condition")["verificationStatus"]) == ["entered-in-error"]
    assert "diagnosis" not in only(found, "Encounter")


def test_one_number_of_two_patients_diagnoses_is_of_two_diagnoses() -> None:
    def ids(pid: str, number: str, visit: str) -> str:
        lines = (pid, placed(PV1, f19=f"{visit}^^^STANNE^VN"), placed("DG1|1||R07.9^Pain^I10", f20=number))
        return str(only(convert_text("ADT^A01", *lines), "Condition")["id"])

    other = "PID|1||78^^^STANNE^MR||Roe^Ned"
    assert ids(PID, "1^STANNE", "V9") == ids(PID, "1^STANNE", "V10") != ids(other, "1^STANNE", "V9")
    assert ids(PID, "1", "V9") == ids(PID, "1", "V9") != ids(PID, "1", "V10")


def test_one_diagnosis_in_two_parts_is_one_condition() -> None:
    found = convert_text("ADT^A03", PID, PV1, "DG1|1||R07.9^Pain^I10|||A", "DG1|2||R07.9^Pain^I10|||F")
    assert len(resources(found, "Condition")) == 1
    assert len(only(found, "Encounter")["diagnosis"]) == 2


# procedures


@pytest.mark.parametrize(
    ("when", "minutes", "performed"),
    [
        ("20260312084000+0100", "", {"performedDateTime": "2026-03-12T08:40:00+01:00"}),
        ("20260312", "15", {"performedDateTime": "2026-03-12"}),
        (
            "202603122350+0100",
            "15",
            {"performedPeriod": {"start": "2026-03-12T23:50:00+01:00", "end": "2026-03-13T00:05:00+01:00"}},
        ),
        ("20260312084000+0100", "many", {"performedDateTime": "2026-03-12T08:40:00+01:00"}),
        ("99991231235900+0000", "99", {"performedDateTime": "9999-12-31T23:59:00+00:00"}),
    ],
)
def test_when_a_procedure_was_done(when: str, minutes: str, performed: Element) -> None:
    found = only(convert_text("ADT^A01", PID, PV1, f"PR1|1||93000^ECG^C4||{when}||{minutes}"), "Procedure")
    assert {name: value for name, value in found.items() if name.startswith("performed")} == performed


def test_who_did_a_procedure_and_why() -> None:
    pr1 = placed("PR1|1||93000^ECG^C4|Heart trace|20260312|D", f8="1^A", f11="2^B", f12="3^C", f15="R07.9^Pain^I10")
    pr1 = placed(pr1, f16="26^Professional^C4", f19="P1^STANNE", f25="P0^STANNE")
    found = only(convert_text("ADT^A01", PID, PV1, pr1), "Procedure")
    assert [codes(each.get("function", {})) for each in found["performer"]] == [["88189002"], ["304292004"], []]
    assert codes(found["reasonCode"][0]) == ["R07.9"]
    assert codes(extensions(found, "procedure-code-modifier")[0]) == ["26"]
    assert found["partOf"] == [{"type": "Procedure", "identifier": found["partOf"][0]["identifier"]}]
    assert found["status"] == "unknown"


def test_a_deleted_procedure_is_in_error() -> None:
    found = only(convert_text("ADT^A01", PID, placed("PR1|1||93000^ECG^C4||20260312", f20="D")), "Procedure")
    assert found["status"] == "entered-in-error"


# accident, disability, death


def test_an_accident_stays_with_the_visit() -> None:
    found = convert_text("BAR^P01", PID, PV1, "ACC|20260312|O^Other^HL70050|Market||Y|N")
    (accident,) = [each for each in only(found, "Encounter")["extension"] if each["url"] == "urn:hie-engine:accident"]
    assert [each["url"] for each in accident["extension"]] == ["date", "type", "location", "jobRelated", "death"]


def test_a_disability_of_someone_else_is_not_the_patients() -> None:
    own = only(convert_text("ADT^A01", PID, "DB1|1|PT||Y|20200101"), "Patient")
    assert [each["url"] for each in own["extension"]] == ["urn:hie-engine:disability"]
    others = only(convert_text("ADT^A01", PID, "DB1|1|GT||Y|20200101"), "Patient")
    assert {"DB1-4", "DB1-5"} <= kept(others)


def test_what_the_patient_died_of() -> None:
    found = convert_text("ADT^A03", PID, PV1, "PDA|I46.9^Cardiac arrest^I10||Y|20260312|7^Pellworth^Imogen")
    observation = only(found, "Observation")
    assert codes(observation["code"]) == ["69453-9"]
    assert codes(observation["valueCodeableConcept"]) == ["I46.9"]
    assert observation["effectiveDateTime"] == "2026-03-12"
    assert "PDA-3" in kept(observation)


def test_no_finding_quotes_what_was_sent() -> None:
    found = convert_text("ADT^A60", PID, "AL1|1|Secretkind|^Secretallergen|Secretlevel", "PR1|1||1||x||Secretminutes")
    assert found.findings
    assert not any("Secret" in f"{each.what}{each.hint}{each.where}" for each in found.findings)
    assert "FHIR-121" in told(found)


def test_a_note_belongs_to_what_it_follows() -> None:
    found = convert_text(
        "ADT^A01", PID, PV1, "DG1|1||R07.9^Pain^I10", "NTE|1||since Tuesday", "AL1|1|DA|^Nuts", "NTE|1||mild"
    )
    assert [each["text"] for each in only(found, "Condition")["note"]] == ["since Tuesday"]
    assert [each["text"] for each in only(found, "AllergyIntolerance")["note"]] == ["mild"]
