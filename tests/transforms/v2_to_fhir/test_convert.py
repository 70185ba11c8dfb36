"""What a site decides, and what holds for every conversion."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.fhir import Resource, dumps
from schemas.hl7v2 import Er7
from schemas.tables import CodeMap
from transforms.v2_to_fhir import Conversion, Options, convert

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
HEADER = "MSH|^~\\&|ADTREG|STANNE|HIE|REGION|20260312083015+0100||ADT^A01^ADT_A01|M1|P|2.5.1"
PID = "PID|1||77^^^STANNE^MR||Vale^Ann||19610417|F"
PV1 = "PV1|1|I|4W^412^B^STANNE||||||||||||||||V9^^^STANNE^VN"


def converted(*segments: str, header: str = HEADER, options: Options | None = None) -> Conversion:
    """The conversion of a message of these segments."""
    text = "\r".join((header, *segments)) + "\r"
    return convert(Er7.parse(text.encode()), options or Options(), NOW)


def bundle(*segments: str, header: str = HEADER, options: Options | None = None) -> Resource:
    """The bundle of a message of these segments."""
    found = converted(*segments, header=header, options=options).bundle
    assert found is not None
    return found


def placed(segment: str, **fields: str) -> str:
    """A segment with texts put into its fields: `placed("PV1|1|I", f44="20260312")`."""
    parts = segment.split("|")
    for name, text in fields.items():
        number = int(name[1:])
        parts += [""] * (number + 1 - len(parts))
        parts[number] = text
    return "|".join(parts)


def only(found: Resource, resource_type: str) -> Resource:
    """The one resource of that type in a bundle."""
    resources = [entry["resource"] for entry in found["entry"] if entry["resource"]["resourceType"] == resource_type]
    assert len(resources) == 1
    return resources[0]


def kept(resource: Resource) -> dict[str, str]:
    """The elements that were kept with a resource: address to text."""
    found = {}
    for each in resource.get("extension", []):
        if each["url"] == "urn:hie-engine:v2-element":
            path, value = each["extension"]
            found[path["valueString"]] = value["valueString"]
    return found


def references(value: Any) -> list[str]:
    """Every literal reference in a value."""
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [each for inner in value.values() for each in references(inner)]
    return [each for inner in value for each in references(inner)] if isinstance(value, list) else []


# identity


def test_two_messages_about_one_patient_and_visit_give_the_same_ids() -> None:
    admitted = bundle(PID, PV1)
    discharged = bundle(
        "PID|1||88^^^REG^SS~77^^^STANNE^MR||Vale^Annabel",
        placed(PV1, f45="20260313120000+0100"),
        header=HEADER.replace("A01", "A03").replace("M1", "M2"),
    )
    for kind in ("Patient", "Encounter"):
        assert only(admitted, kind)["id"] == only(discharged, kind)["id"]
    assert only(discharged, "Encounter")["status"] == "finished"
    assert admitted["id"] != discharged["id"]


def test_another_identifier_is_another_patient() -> None:
    assert only(bundle(PID), "Patient")["id"] != only(bundle(PID.replace("77", "78")), "Patient")["id"]
    assert only(bundle(PID), "Patient")["id"] != only(bundle(PID.replace("STANNE", "MERCY")), "Patient")["id"]


def test_patients_without_an_identifier_are_never_taken_for_one() -> None:
    nameless = "PID|1||||Vale^Ann"
    first = only(bundle(nameless), "Patient")["id"]
    assert first != only(bundle(nameless, header=HEADER.replace("M1", "M2")), "Patient")["id"]
    assert first == only(bundle(nameless), "Patient")["id"]


def test_an_identifier_without_an_authority_counts_within_its_facility() -> None:
    pid = "PID|1||77"
    other = HEADER.replace("STANNE", "MERCY")
    assert only(bundle(pid), "Patient")["id"] != only(bundle(pid, header=other), "Patient")["id"]


def test_by_facility_an_authority_of_another_facility_is_another() -> None:
    apart = Options(authorities="by_facility")
    other = HEADER.replace("|STANNE|", "|MERCY|")
    assert only(bundle(PID), "Patient")["id"] == only(bundle(PID, header=other), "Patient")["id"]
    assert (
        only(bundle(PID, options=apart), "Patient")["id"]
        != only(bundle(PID, header=other, options=apart), "Patient")["id"]
    )


def test_the_site_says_which_identifier_is_the_patients() -> None:
    pid = "PID|1||77^^^STANNE^MR~88^^^REG^PI"
    registry = Options(patient_identifiers=("PI",))
    assert only(bundle(pid, options=registry), "Patient")["id"] == only(bundle("PID|1||88^^^REG^PI"), "Patient")["id"]


def test_one_person_in_several_places_is_one_practitioner() -> None:
    doctor = "9992033313^Pellworth^Imogen^^^Dr^MD^^NPI"
    found = bundle(PID, f"PV1|1|I|||||{doctor}|{doctor}|||||||||{doctor}||V9")
    practitioner = only(found, "Practitioner")
    assert practitioner["identifier"][0]["system"] == "http://hl7.org/fhir/sid/us-npi"
    assert len(only(found, "Encounter")["participant"]) == 3


# bundles


@pytest.mark.parametrize("kind", ["message", "transaction", "batch", "collection"])
def test_every_reference_leads_to_a_resource_of_the_bundle(kind: Any) -> None:
    found = bundle(PID, PV1, options=Options(bundle=kind, server="https://fhir.example.org/r4/"))
    targets = {entry.get("fullUrl") for entry in found["entry"]}
    targets |= {f"{e['resource']['resourceType']}/{e['resource'].get('id')}" for e in found["entry"]}
    assert found["type"] == kind
    assert references(found)
    assert [each for each in references(found) if each not in targets] == []


def test_a_message_bundle_begins_with_its_header_and_says_what_it_is_about() -> None:
    found = bundle(PID, PV1)
    header = found["entry"][0]["resource"]
    assert header["resourceType"] == "MessageHeader"
    about = [found["entry"][n]["fullUrl"] for n in range(len(found["entry"]))]
    assert all(each["reference"] in about for each in header["focus"])
    assert (found["identifier"]["value"], found["timestamp"]) == ("M1", "2026-03-12T08:30:15+01:00")


def test_a_transaction_puts_by_identifier_what_has_one() -> None:
    found = bundle(PID, PV1, options=Options(bundle="transaction"))
    urls = {entry["resource"]["resourceType"]: entry["request"] for entry in found["entry"]}
    assert urls["Patient"] == {
        "method": "PUT",
        "url": "Patient?identifier=urn%3Ahie-engine%3Aauthority%3ASTANNE%7C77",
    }
    assert urls["MessageHeader"]["url"].startswith("MessageHeader/")
    assert "identifier" not in found
    # Who knows it under another id would have to refuse one that is given (R4, http.html#cond-update).
    given = {entry["resource"]["resourceType"]: "id" in entry["resource"] for entry in found["entry"]}
    assert (given["Patient"], given["MessageHeader"]) == (False, True)


def test_a_transaction_does_not_put_over_what_a_message_only_mentions() -> None:
    result = HEADER.replace("ADT^A01^ADT_A01", "ORU^R01^ORU_R01")
    doctor = "9992033313^Pellworth^Imogen^^^Dr^MD^^NPI"
    segments = (PID, PV1, f"OBR|1|P1^A|F1^LAB|BMP^Panel^L||||||||||||{doctor}|||||||||F", "OBX|1|ST|X^x^L||y||||||F")
    for mentioned, method in (("create", "POST"), ("update", "PUT")):
        options = Options(bundle="transaction", mentioned=mentioned)  # type: ignore[arg-type]
        found = bundle(*segments, header=result, options=options)
        requests = {entry["resource"]["resourceType"]: entry["request"] for entry in found["entry"]}
        for kind in ("Patient", "Encounter", "Practitioner"):
            assert requests[kind]["method"] == method, kind
        assert requests["DiagnosticReport"]["method"] == requests["Observation"]["method"] == "PUT"
    created = bundle(*segments, header=result, options=Options(bundle="transaction"))
    patient = next(e for e in created["entry"] if e["resource"]["resourceType"] == "Patient")["request"]
    token = "urn%3Ahie-engine%3Aauthority%3ASTANNE%7C77"
    assert patient == {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={token}"}


def test_a_patient_is_looked_up_by_the_identifier_that_is_the_patients() -> None:
    found = bundle("PID|1||88^^^REG^SS~77^^^STANNE^MR", options=Options(bundle="transaction"))
    request = next(e for e in found["entry"] if e["resource"]["resourceType"] == "Patient")["request"]
    assert request["url"].endswith("STANNE%7C77")


def test_a_batch_refers_by_address() -> None:
    found = bundle(PID, PV1, options=Options(bundle="batch", server="https://fhir.example.org/r4/"))
    patient = only(found, "Patient")
    assert only(found, "Encounter")["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert f"https://fhir.example.org/r4/Patient/{patient['id']}" in {entry["fullUrl"] for entry in found["entry"]}


def test_the_same_input_gives_the_same_bytes() -> None:
    assert dumps(bundle(PID, PV1)) == dumps(bundle(PID, PV1))


def test_provenance_names_the_message_and_the_transformation_with_its_version() -> None:
    found = bundle(PID)
    all_of_them = [e["resource"] for e in found["entry"] if e["resource"]["resourceType"] == "Provenance"]
    assert all(each["entity"][0]["what"]["identifier"]["value"] == "M1" for each in all_of_them)
    makers = [agent["who"].get("display", "") for each in all_of_them for agent in each["agent"]]
    assert any(re.match(r"hie \d+\.\d+\.\d+, v2_to_fhir", maker) for maker in makers)


def test_software_is_a_device_that_the_message_came_through() -> None:
    found = bundle("SFT|Maker^^^^^&1.2&ISO^XX^^^77|4.1|AdtSender|b42|built for us|20250102", "SFT|Hub|2|Relay", PID)
    header = only(found, "MessageHeader")
    assert (header["source"]["software"], header["source"]["version"]) == ("AdtSender", "4.1")
    devices = [entry["resource"] for entry in found["entry"] if entry["resource"]["resourceType"] == "Device"]
    assert [each["deviceName"][0]["name"] for each in devices] == ["AdtSender", "Relay"]
    version = devices[0]["version"][0]
    assert (version["value"], version["extension"][0]["valueDateTime"]) == ("4.1", "2025-01-02")
    source = next(each["resource"] for each in found["entry"] if "entity" in each["resource"])
    assert [each["role"] for each in source["entity"]] == ["source", "source", "derivation"]


# nothing is lost in silence


def test_what_no_map_reads_is_kept_and_told() -> None:
    found = converted(PID, placed(PV1, f22="20", f41="x^y"))
    assert found.bundle is not None
    encounter = only(found.bundle, "Encounter")
    assert kept(encounter) == {"PV1-22": "20", "PV1-41": "x^y"}
    assert ("FHIR-101", "PV1-41") in {(each.code, each.where) for each in found.findings}


def test_a_component_that_no_map_reads_is_kept_by_its_address() -> None:
    patient = only(bundle("PID|1||77^^^STANNE^MR^^^^^^LOCAL~88^^^REG^SS"), "Patient")
    assert kept(patient) == {"PID-3.11": "LOCAL"}


def test_a_null_is_kept_as_one() -> None:
    patient = only(bundle(PID.replace("19610417", '""')), "Patient")
    assert "birthDate" not in patient
    assert kept(patient) == {"PID-7": '""'}


def test_the_site_may_have_it_only_reported() -> None:
    found = converted(placed(PID, f37="x"), options=Options(unmapped_field="report"))
    assert found.bundle is not None
    assert kept(only(found.bundle, "Patient")) == {}
    assert [(each.code, each.where) for each in found.findings] == [("FHIR-102", "PID-37")]


@pytest.mark.parametrize(
    ("choice", "holder", "code"),
    [("basic", "Basic", "FHIR-101"), ("extension", "Patient", "FHIR-101"), ("drop", "", "FHIR-103")],
)
def test_z_segments_go_where_the_site_wants_them(choice: Any, holder: str, code: str) -> None:
    found = converted(PID, "ZPI|1|cat^Tom", options=Options(z_segments=choice))
    assert found.bundle is not None
    holders = {
        entry["resource"]["resourceType"]: kept(entry["resource"])
        for entry in found.bundle["entry"]
        if "ZPI-2" in kept(entry["resource"])
    }
    assert holders == ({holder: {"ZPI-1": "1", "ZPI-2": "cat^Tom"}} if holder else {})
    assert code in {each.code for each in found.findings}


def test_a_function_of_the_site_reads_a_segment() -> None:
    def pets(segment: Any, run: Any) -> Resource:
        run.patient["extension"] = [{"url": "https://vet.example/pet", "valueString": segment.text(2)}]
        resource: Resource = run.patient
        return resource

    patient = only(bundle(PID, "ZPI|1|Tom", options=Options(segments={"ZPI": pets})), "Patient")
    assert patient["extension"][0] == {"url": "https://vet.example/pet", "valueString": "Tom"}
    assert kept(patient) == {"ZPI-1": "1"}


# race and ethnicity

RACES = [
    ("2106-3^White^HL70005", ["2106-3"], "White"),
    ("2106-3", ["2106-3"], "White"),
    ("2106-3^White^CDCREC~2054-5^Black^CDCREC", ["2106-3", "2054-5"], "White, Black"),
    ("1586-7^Shoshone^CDCREC", ["1586-7"], "Shoshone"),
    ("1586-7^^CDCREC", ["1586-7"], "1586-7"),
    ("UNK", ["UNK"], "Unknown"),
]


@pytest.mark.parametrize(("race", "codes", "text"), RACES)
def test_race_is_the_extension_of_us_core(race: str, codes: list[str], text: str) -> None:
    (found,) = only(bundle(placed(PID, f10=race)), "Patient")["extension"]
    assert found["url"] == "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
    *categories, last = found["extension"]
    assert [each["valueCoding"]["code"] for each in categories] == codes
    assert last == {"url": "text", "valueString": text}


@pytest.mark.parametrize(
    ("group", "code"), [("H^^HL70189", "2135-2"), ("N", "2186-5"), ("2135-2^Hispanic^CDCREC", "2135-2")]
)
def test_ethnicity_is_the_extension_of_us_core(group: str, code: str) -> None:
    (found,) = only(bundle(placed(PID, f22=group)), "Patient")["extension"]
    assert found["url"] == "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
    assert found["extension"][0]["valueCoding"]["code"] == code


def test_a_race_of_another_system_is_kept_as_it_is() -> None:
    (found,) = only(bundle(placed(PID, f10="W^Wendish^L")), "Patient")["extension"]
    assert found["url"] == "urn:hie-engine:race"
    assert found["valueCodeableConcept"]["coding"][0]["code"] == "W"


# time


def test_no_time_zone_is_invented() -> None:
    header = HEADER.replace("+0100", "")
    stay = placed(PV1, f44="20260312082500")
    found = converted(PID, stay, header=header)
    assert found.bundle is not None
    period = only(found.bundle, "Encounter")["period"]
    assert period["start"] == "2026-03-12"
    assert period["_start"]["extension"] == [{"url": "urn:hie-engine:v2-time", "valueString": "20260312082500"}]
    assert ("FHIR-111", "PV1-44") in {(each.code, each.where) for each in found.findings}


def test_the_headers_offset_is_that_of_the_message() -> None:
    stay = placed(PV1, f44="20260312082500")
    period = only(bundle(PID, stay), "Encounter")["period"]
    assert period["start"] == "2026-03-12T08:25:00+01:00"
    assert period["_start"]["extension"] == [{"url": "urn:hie-engine:v2-time", "valueString": "20260312082500"}]


def test_the_sites_zone_is_that_of_a_sender_who_gives_none() -> None:
    header = HEADER.replace("+0100", "")
    stay = placed(PV1, f44="20260712082500")
    found = bundle(PID, stay, header=header, options=Options(time_zone="America/Chicago"))
    assert only(found, "Encounter")["period"]["start"] == "2026-07-12T08:25:00-05:00"


def test_what_is_no_time_is_kept_beside() -> None:
    found = converted(PID.replace("19610417", "17.4.1961"))
    assert found.bundle is not None
    patient = only(found.bundle, "Patient")
    assert "birthDate" not in patient
    assert {"url": "urn:hie-engine:v2-time", "valueString": "17.4.1961"} in patient["_birthDate"]["extension"]
    assert ("FHIR-112", "PID-7") in {(each.code, each.where) for each in found.findings}


# codes and systems

MAP = "code,system,to_code,to_display,to_system,sender\n"


def test_the_sites_code_comes_first_and_the_senders_stays() -> None:
    codes = CodeMap.read(MAP + "CAR,,394579002,Cardiology,SCT,STANNE\n", "services.csv")
    found = bundle(PID, "PV1|1|I||||||||CAR|||||||||V9", options=Options(codes=codes))
    coding = only(found, "Encounter")["serviceType"]["coding"]
    assert coding[0] == {"system": "http://snomed.info/sct", "code": "394579002", "display": "Cardiology"}
    assert "CAR" in [each["code"] for each in coding]


def test_a_code_map_of_another_sender_does_not_count() -> None:
    codes = CodeMap.read(MAP + "CAR,,394579002,Cardiology,SCT,MERCY\n", "services.csv")
    found = bundle(PID, "PV1|1|I||||||||CAR|||||||||V9", options=Options(codes=codes))
    assert "394579002" not in [each["code"] for each in only(found, "Encounter")["serviceType"]["coding"]]


def test_a_code_that_no_map_has_keeps_its_text_and_is_told() -> None:
    found = converted(PID.replace("|F", "|Q"))
    assert found.bundle is not None
    patient = only(found.bundle, "Patient")
    beside = patient["_gender"]["extension"][0]["valueCodeableConcept"]["coding"][0]
    assert (patient["gender"], beside["code"]) == ("unknown", "Q")
    assert ("FHIR-121", "PID-8") in {(each.code, each.where) for each in found.findings}


def test_a_site_may_stop_at_a_code_that_no_map_has() -> None:
    found = converted(PID.replace("|F", "|Q"), options=Options(unmapped_code="fail"))
    assert found.bundle is None
    assert (found.findings[-1].code, found.findings[-1].where) == ("FHIR-121", "PID-8")


def test_the_sites_systems_stand_for_its_authorities() -> None:
    systems = CodeMap.read(MAP + "STANNE,,https://stanne.example/mrn,,,\n", "systems.csv")
    patient = only(bundle(PID, options=Options(systems=systems)), "Patient")
    assert patient["identifier"][0]["system"] == "https://stanne.example/mrn"


@pytest.mark.parametrize(
    ("authority", "system"),
    [
        ("STANNE", "urn:hie-engine:authority:STANNE"),
        ("STANNE&2.16.840.1.113883.19&ISO", "urn:oid:2.16.840.1.113883.19"),
        ("&6F9619FF-8B86-D011-B42D-00CF4FC964FF&UUID", "urn:uuid:6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
        ("&https://stanne.example/mrn&URI", "https://stanne.example/mrn"),
        ("A B|", "urn:hie-engine:authority:A%20B"),
    ],
)
def test_an_authority_is_a_system(authority: str, system: str) -> None:
    patient = only(bundle(f"PID|1||77^^^{authority.rstrip('|')}^MR"), "Patient")
    assert patient["identifier"][0]["system"] == system


# what cannot be converted


def test_a_message_without_a_map_is_told_and_gives_nothing() -> None:
    found = converted(header=HEADER.replace("ADT^A01^ADT_A01", "ZZZ^Z01"))
    assert found.bundle is None
    assert [(each.code, each.where) for each in found.findings] == [("FHIR-001", "MSH-9")]


def test_a_function_of_the_site_that_fails_gives_a_finding_and_no_half_bundle() -> None:
    def pets(segment: Any, run: Any) -> Resource:
        raise ValueError(segment.text(2))

    found = converted(PID, "ZPI|1|Tom", options=Options(segments={"ZPI": pets}))
    assert found.bundle is None
    assert (found.findings[-1].code, found.findings[-1].where) == ("FHIR-002", "ZPI")
    assert "ValueError in test_convert.py" in found.findings[-1].what
    assert "Tom" not in str(found.findings[-1])


def test_findings_never_quote_a_value() -> None:
    found = converted(
        "PID|1||77^^^STANNE^MR||Secretname^Ann||17.4.1961|Secretsex|||||||||Secretstatus^^L",
        "PV1|1|Secretclass||||||||||||||||||||||||||||||||||||||||||Secretdate",
    )
    assert found.findings
    assert not any("Secret" in str(each) for each in found.findings)
