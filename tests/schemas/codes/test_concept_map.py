"""The maps that ship: what hospitals write, what FHIR R4 takes, and back."""

import csv
import doctest
import os
from pathlib import Path

import pytest

from schemas.codes import Coding, concept_map, map_names
from schemas.codes.data import rows

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (
    Path(os.environ.get("HIE_CORPUS") or ROOT.parent / "shared" / "corpus").parent
    / "maps"
    / "v2-to-fhir"
    / "tables"
    / "codesystems.csv"
)
DOCUMENT_GUIDE = GUIDE.parents[2] / "ccda-on-fhir" / "concept_maps.csv"
CCDA_CORRECTIONS = rows("ccda_corrections.csv")
THO = "http://terminology.hl7.org/CodeSystem/"

EXPECTED = [
    ("AdministrativeSex", "A", "other", "Other", "http://hl7.org/fhir/administrative-gender"),
    ("AdministrativeSex", "F", "female", "Female", "http://hl7.org/fhir/administrative-gender"),
    ("PatientClass[EncounterClass]", "I", "IMP", "inpatient encounter", THO + "v3-ActCode"),
    ("PatientClass[EncounterClass]", "E", "EMER", "emergency", THO + "v3-ActCode"),
    ("PatientClass[EncounterClass]", "R", "R", "Recurring patient", THO + "v2-0004"),
    ("PatientClass[EncounterClass]", "OBSENC", "OBSENC", "observation encounter", THO + "v3-ActCode"),
    ("PatientClass[EncounterStatus]", "P", "planned", "Planned", "http://hl7.org/fhir/encounter-status"),
    ("MaritalStatus", "M", "M", "Married", THO + "v3-MaritalStatus"),
    ("MaritalStatus", "U", "UNK", "unknown", THO + "v3-NullFlavor"),
    ("NameType", "L", "official", "Official", "http://hl7.org/fhir/name-use"),
    ("AddressType[Use]", "BA", "old", "Old / Incorrect", "http://hl7.org/fhir/address-use"),
    (
        "ObservationResultStatusCodesInterpretation",
        "C",
        "corrected",
        "Corrected",
        "http://hl7.org/fhir/observation-status",
    ),
    ("ResultStatus[Non-Queries]", "R", "partial", "Partial", "http://hl7.org/fhir/diagnostic-report-status"),
    ("InterpretationCodes", "HH", "HH", "Critical high", THO + "v3-ObservationInterpretation"),
    ("IdentifierType", "MR", "MR", "Medical record number", THO + "v2-0203"),
    ("Relationship", "SPO", "SPS", "spouse", THO + "v3-RoleCode"),
    ("Religion", "BAP", "1009", "Baptist", THO + "v3-ReligiousAffiliation"),
    ("ProviderRole", "AT", "ATND", "attender", THO + "v3-ParticipationType"),
    ("RouteOfAdministration", "IM", "IM", "Injection, intramuscular", THO + "v3-RouteOfAdministration"),
    ("PrimaryLanguage", "en", "en", "English", "urn:ietf:bcp:47"),
    ("TelecommunicationEquipmentType", "CP", "phone", "Phone", "http://hl7.org/fhir/contact-point-system"),
    ("UniversalIDType", "L", "L,M,N", "Local", THO + "v2-0301"),
    ("BodyParts", "KIDN", "KIDN", "Kidney", THO + "v2-0550"),
    ("ParticipantOrganizationUnitType", "dept", "dept", "Hospital Department", THO + "organization-type"),
    ("ConfidentialityClassification", "R", "R", "restricted", THO + "v3-Confidentiality"),
    ("TestServiceDefaultDurationUnits", "min", "min", "minute", "http://unitsofmeasure.org"),
]

OURS = {"FillerStatusCodes[ServiceRequest]", "TelecommunicationEquipmentType[Use]"}

ALLOWED = {  # the required bindings of FHIR R4 4.0.1
    "AddressType[Type]": "postal physical both",
    "AddressType[Use]": "home work temp old billing",
    "AdministrativeSex": "male female other unknown",
    "AllergenType[AllergyIntoleranceCategory]": "food medication environment biologic",
    "AllergySeverity[AllergyIntolerance.criticality]": "low high unable-to-assess",
    "AllergySeverity[AllergyIntolerance.reaction.severity]": "mild moderate severe",
    "AllergyType": "allergy intolerance",
    "CompletionStatus": "completed entered-in-error not-done",
    "EventRelatedPeriod": "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS"
    " WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV",
    "Event[EncounterStatus]": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    "ExtendedPriorityCodes": "routine urgent asap stat",
    "FillerStatusCodes[Appointment]": "proposed pending booked arrived fulfilled cancelled noshow entered-in-error"
    " checked-in waitlist",
    "FillerStatusCodes[ServiceRequest]": "draft active on-hold revoked completed entered-in-error unknown",
    "NameAssemblyOrder": "NL1 NL2 NL3 NL4 F G UNK",
    "NameType": "usual official temp nickname anonymous old maiden",
    "ObservationResultStatusCodesInterpretation": "registered preliminary final amended corrected cancelled"
    " entered-in-error unknown",
    "OrderControlCode[ServiceRequest.status]": "draft active on-hold revoked completed entered-in-error unknown",
    "OrderStatus": "draft active on-hold revoked completed entered-in-error unknown",
    "PatientClass[EncounterStatus]": "planned arrived triaged in-progress onleave finished cancelled entered-in-error"
    " unknown",
    "ResultStatus[Non-Queries]": "registered partial preliminary final amended corrected appended cancelled"
    " entered-in-error unknown",
    "SegmentActionCode": "GET HEAD POST PUT DELETE PATCH",
    "TelecommunicationEquipmentType": "phone fax email pager url sms other",
    "TelecommunicationEquipmentType[Use]": "home work temp old mobile",
    "TelecommunicationUseCode": "home work temp old mobile",
    "TestServiceDefaultDurationUnits": "s min h d wk mo a",
    "YesNoIndicator": "true false",
    "YesNoIndicator[AvailabilityStatus]": "available unavailable unsatisfactory entered-in-error",
}


@pytest.mark.parametrize(("name", "code", "target", "display", "system"), EXPECTED)
def test_a_code_becomes(name: str, code: str, target: str, display: str, system: str) -> None:
    assert concept_map(name).find(code) == (Coding(target, display, system),)
    assert concept_map(name).code(code) == target


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AdministrativeSex", "X"),
        ("AdministrativeSex", "f"),
        ("AdministrativeSex", ""),
        ("ContainerType", ""),
        ("EventRelatedPeriod", "ICM"),
        ("HospitalService", "150"),  # a ward of the sender's, not FHIR's service-type 150
        ("PlanId", "A"),
    ],
)
def test_nothing_is_made_up(name: str, code: str) -> None:
    assert concept_map(name).find(code) == ()
    assert concept_map(name).code(code) == ""


def test_several_codings_come_in_the_guides_order() -> None:
    assert [each.code for each in concept_map("SegmentActionCode").find("U")] == ["PUT", "PATCH"]


def test_an_unknown_map_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        concept_map("Sex")


@pytest.mark.parametrize(
    ("name", "system", "target", "code"),
    [
        ("PatientClass[EncounterClass]", THO + "v3-ActCode", "AMB", "O"),
        ("PatientClass[EncounterClass]", THO + "v3-ActCode", "OBSENC", ""),
        ("PatientClass[EncounterClass]", "http://example.org", "AMB", ""),
        ("MaritalStatus", THO + "v3-MaritalStatus", "T", "P"),
        ("MaritalStatus", THO + "v3-MaritalStatus", "L", "E"),
        ("Relationship", THO + "v3-RoleCode", "SPS", "SPO"),
    ],
)
def test_back(name: str, system: str, target: str, code: str) -> None:
    assert concept_map(name).back(system, target) == code


@pytest.mark.parametrize(
    ("name", "target", "code"),
    [
        ("AdministrativeSex", "other", "O"),
        ("AdministrativeSex", "unknown", "U"),
        ("AdministrativeSex", "nothing", ""),
        ("NameType", "official", "L"),
        ("TelecommunicationEquipmentType", "phone", "PH"),
        ("ObservationResultStatusCodesInterpretation", "entered-in-error", "W"),
        ("OrderControlCode[ServiceRequest.status]", "active", "NW"),
        ("Event[EncounterStatus]", "planned", "A05"),
    ],
)
def test_back_by_code_alone(name: str, target: str, code: str) -> None:
    assert concept_map(name).back_code(target) == code


def test_all_maps_of_the_guide_ship() -> None:
    assert len([name for name in map_names() if not name.startswith(("CF-", "FC-"))]) == 99 + len(OURS)
    assert set(map_names()) > OURS


@pytest.mark.parametrize("name", map_names())
def test_back_leads_to_a_code_with_the_same_target(name: str) -> None:
    shipped = concept_map(name)
    for code, codings in shipped.targets.items():
        assert code
        assert len(set(codings)) == len(codings) > 0
        for coding in codings:
            assert coding.code
            back = shipped.back(coding.system, coding.code)
            assert coding in shipped.find(back)
            assert coding.code in {each.code for each in shipped.find(shipped.back_code(coding.code))}


def test_a_target_has_a_display_and_the_uri_of_a_system() -> None:
    for name, _, code, display, system in rows("concept_maps.csv"):
        if code:
            assert display, (name, code)
            assert system.startswith(("http://", "urn:")) or name == "PrincipalLanguageOfMessage", (name, code)
            assert " " not in system and not system.endswith("/"), (name, code)


@pytest.mark.parametrize("name", ALLOWED)
def test_a_required_binding_takes_every_target(name: str) -> None:
    targets = {row[2] for row in rows("concept_maps.csv") if row[0] == name and row[2]}
    assert targets <= set(ALLOWED[name].split())


def _text(*parts: str) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in parts)


def test_every_correction_is_what_ships() -> None:
    maps = rows("concept_maps.csv")
    shipped = {(name, f"{system}|{code}|{display}") for name, _, code, display, system in maps}
    as_written = {(name, source, f"{system}|{code}|{display}") for name, source, code, display, system in maps}
    for name, source, guide, ours, reason in rows("corrections.csv"):
        assert reason
        assert (name, source, guide) not in as_written
        assert not ours or (name, ours) in shipped


def test_every_row_of_the_guide_ships_or_is_a_listed_correction(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = {
        _text(name, source, f"{system}|{code}|{display}")
        for name, source, code, display, system in rows("concept_maps.csv")
    }
    corrected = {_text(*row[:3]) for row in rows("corrections.csv")}
    seen = 0
    if GUIDE.is_file():
        with GUIDE.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["mapped"] == "1":
                    target = f"{row['fhir_system']}|{row['fhir_code']}|{row['fhir_display']}"
                    key = _text(row["map"], row["code"], target)
                    assert key in shipped or key in corrected, key
                    seen += 1
        assert seen > 4700
    with capsys.disabled():
        print(f"\n{seen} rows of the guide compared")


def test_every_row_of_the_document_guide_ships_or_is_a_listed_correction(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = {(name, source, code) for name, source, code, _, _ in rows("ccda_maps.csv")}
    corrected = {
        (name, source, guide.partition("|")[2]) for name, source, guide, _, reason in CCDA_CORRECTIONS if reason
    }
    seen = 0
    if DOCUMENT_GUIDE.is_file():
        with DOCUMENT_GUIDE.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (row["map"].removeprefix("ConceptMap-"), row["source_code"], row["target_code"])
                assert key in shipped or key in corrected, key
                seen += 1
        assert seen > 290
    with capsys.disabled():
        print(f"\n{seen} rows of the document guide's concept maps compared")


def test_the_examples_of_the_manual() -> None:
    assert doctest.testfile(str(ROOT / "docs" / "codes.md"), module_relative=False).failed == 0


def test_the_manual_names_our_own_maps() -> None:
    page = (ROOT / "docs" / "codes.md").read_text("utf-8")
    assert [name for name in sorted(OURS) if f"`{name}`" not in page] == []
