"""The header: who wrote, keeps and signed the document, whom and what it is about."""

from __future__ import annotations

from typing import Any

from tests.transforms.ccda_to_fhir.conversion import (
    AUTHOR,
    NOW,
    PATIENT,
    code,
    convert_body,
    document,
    extensions,
    only,
    resources,
    section,
)
from transforms.ccda_to_fhir import Options, convert

PERSON = """<assignedPerson><name><given>{}</given><family>Hill</family></name></assignedPerson>"""
MORE = f"""<author><time value="2026"/><assignedAuthor><id root="9.9"/><assignedAuthoringDevice>
<manufacturerModelName>Box</manufacturerModelName><softwareName>EHR 7</softwareName></assignedAuthoringDevice>
<representedOrganization><name>Mill Clinic</name></representedOrganization></assignedAuthor></author>
<informant><relatedEntity classCode="PRS"><code code="MTH" codeSystem="2.16.840.1.113883.5.111"/><relatedPerson>
<name><given>Joan</given><family>Vale</family></name></relatedPerson></relatedEntity></informant>
<custodian><assignedCustodian><representedCustodianOrganization><id root="2.16.840.1.113883.19.6" extension="3"/>
<name>Mill Clinic</name></representedCustodianOrganization></assignedCustodian></custodian>
<legalAuthenticator><time value="20260312"/><signatureCode code="S"/><assignedEntity><id root="1.1" extension="a"/>
{PERSON.format("Lee")}</assignedEntity></legalAuthenticator>
<participant typeCode="IND"><associatedEntity classCode="ECON"><associatedPerson><name><given>Max</given>
<family>Vale</family></name></associatedPerson></associatedEntity></participant>
<documentationOf><serviceEvent classCode="PCPR"><effectiveTime><low value="2025"/><high value="2026"/></effectiveTime>
<performer typeCode="PRF"><functionCode code="PCP" codeSystem="2.16.840.1.113883.5.88"/><assignedEntity>
<id root="1.1" extension="b"/>{PERSON.format("Kim")}</assignedEntity></performer></serviceEvent></documentationOf>
<relatedDocument typeCode="RPLC"><parentDocument><id root="2.16.840.1.113883.19.5.1" extension="D0"/></parentDocument>
</relatedDocument>
<componentOf><encompassingEncounter><id root="1.1" extension="v1"/><code code="IMP"
codeSystem="2.16.840.1.113883.5.4"/><effectiveTime><low value="20260301"/><high value="20260310"/></effectiveTime>
<dischargeDispositionCode code="01" codeSystem="2.16.840.1.113883.12.112"/><encounterParticipant typeCode="ATND">
<assignedEntity><id root="1.1" extension="b"/></assignedEntity></encounterParticipant><location><healthCareFacility>
<id root="1.1" extension="w"/><location><name>Ward 3</name></location></healthCareFacility></location>
</encompassingEncounter></componentOf>"""


def converted(more: str = MORE) -> Any:
    """The conversion of a document with that much more in its header."""
    return convert_body(section("1"), header=PATIENT + AUTHOR + more)


def test_the_composition() -> None:
    found = converted()
    composition = only(found, "Composition")
    assert found.bundle["entry"][0]["resource"] is composition
    assert found.bundle["identifier"] == {"system": "urn:oid:2.16.840.1.113883.19.5.1", "value": "D1"}
    assert (composition["title"], composition["confidentiality"], composition["language"]) == ("Summary", "N", "en-US")
    assert composition["date"] == found.bundle["timestamp"] == "2026-03-12T08:30:15+01:00"
    assert code(composition["type"]) == "34133-9"
    assert composition["relatesTo"][0]["targetIdentifier"]["value"] == "D0"
    assert composition["event"][0]["period"] == {"start": "2025", "end": "2026"}


def test_those_who_take_part() -> None:
    found = converted()
    composition = only(found, "Composition")
    kinds = {each["resource"]["id"]: each["resource"] for each in found.bundle["entry"]}

    def of(reference: dict[str, str]) -> Any:
        return kinds[reference["reference"].removeprefix("urn:uuid:")]

    assert [of(each)["resourceType"] for each in composition["author"]] == ["Practitioner", "Device"]
    assert of(composition["custodian"])["name"] == "Mill Clinic"
    (attester,) = composition["attester"]
    assert (attester["mode"], of(attester["party"])["name"][0]["given"]) == ("legal", ["Lee"])
    relatives = {each["name"][0]["given"][0]: each for each in resources(found, "RelatedPerson")}
    assert code(relatives["Joan"]["relationship"][0]) == "MTH"
    assert of(extensions(composition, "InformantExtension")[0]) is relatives["Joan"]
    ((kind, who, role),) = extensions(composition, "ccda-participant")
    assert (kind["valueCode"], role["valueCode"]) == ("IND", "ECON")
    assert of(who["valueReference"]) is relatives["Max"]


def test_one_who_is_named_by_identifier_alone_is_who_has_it_elsewhere() -> None:
    found = converted()
    encounter = only(found, "Encounter")
    (participant,) = encounter["participant"]
    (kim,) = [each for each in resources(found, "Practitioner") if each["name"][0]["given"] == ["Kim"]]
    assert participant["individual"]["reference"].endswith(kim["id"])
    assert (encounter["status"], encounter["class"]["code"]) == ("finished", "IMP")
    assert encounter["period"] == {"start": "2026-03-01", "end": "2026-03-10"}
    assert only(found, "Location")["name"] == "Ward 3"
    assert code(encounter["hospitalization"]["dischargeDisposition"]) == "01"


def test_every_author_is_named_by_a_provenance() -> None:
    agents = [each["agent"][0]["who"]["reference"] for each in resources(converted(), "Provenance")]
    assert len(agents) == 2


def test_a_time_without_an_offset_keeps_its_day_unless_the_document_has_a_zone() -> None:
    entry = """<observation classCode="OBS" moodCode="EVN"><code code="8302-2"/><effectiveTime value="202603011015"/>
</observation>"""
    for made, zone, expected in (
        ("20260312083015+0100", "", "2026-03-01T10:15:00+01:00"),
        ("20260312", "", "2026-03-01"),
        ("20260312", "-06:00", "2026-03-01T10:15:00-06:00"),
    ):
        found = convert(document(section("1", entry), time=made), Options(time_zone=zone), NOW)
        assert only(found, "Observation")["effectiveDateTime"] == expected
        assert ("CCDA-111" in {each.code for each in found.findings}) == (len(expected) == 10)


def test_a_patient_of_whom_little_is_known() -> None:
    header = """<recordTarget><patientRole><id nullFlavor="UNK"/><patient><name nullFlavor="UNK"/>
<administrativeGenderCode nullFlavor="UNK"/><birthTime nullFlavor="UNK"/><raceCode nullFlavor="ASKU"/></patient>
</patientRole></recordTarget>"""
    patient = only(convert_body(section("1"), header=header), "Patient")
    assert (patient["gender"], "birthDate" in patient) == ("unknown", False)
    ((category, text),) = extensions(patient, "us-core-race")
    assert (category["valueCoding"]["code"], text["valueString"]) == ("ASKU", "Asked but no answer")


def test_a_document_without_structure_is_kept_whole() -> None:
    body = '<nonXMLBody><text mediaType="application/pdf" representation="B64">JVBERi0=</text></nonXMLBody>'
    reference = only(convert_body(body), "DocumentReference")
    assert reference["content"][0]["attachment"] == {"contentType": "application/pdf", "data": "JVBERi0="}
