"""The person of a PID and of a Patient."""

from __future__ import annotations

import pytest

from schemas.fhir import dumps
from schemas.message import FHIR
from tests.transforms.written import message
from transforms.matching import Address, Name, Person
from transforms.notify.person import person_of
from transforms.v2_to_fhir import Options, convert

HEAD = "MSH|^~\\&|ADT1|STANNE|||20261125||ADT^A01|M1|P|2.5.1\n"
PID = (
    "PID|1|77^^^OLD|4711^^^STANNE&1.2.3&ISO^MR~900-45-6789^^^&2.16.840.1.113883.4.1&ISO^SS||"
    "O'Brien-Hale^Rosalind^Jane^Jr^^^L~Ward^Rosalind^^^^^M~Smoke^Top^^^^^S||19700312|F||"
    "|12 Main St^Apt 2^Springfield^IL^62704-1111|"
    "|(217)555-0123^PRN^PH~^NET^Internet^r@x.example|^WPN^PH^^1^217^5550199\n"
)


def test_a_pid_is_read_whole() -> None:
    assert person_of(message(HEAD + PID)) == Person(
        identifiers=frozenset({("STANNE", "4711"), ("urn:oid:1.2.3", "4711"), ("OLD", "77")}),
        names=(Name(("obrien", "hale"), ("rosalind", "jane"), "jr"), Name(("ward",), ("rosalind",))),
        birth_date="19700312",
        sex="F",
        addresses=(Address(("12", "main", "st"), "springfield", "62704"),),
        phones=frozenset({"2175550123", "2175550199"}),
        ssn4="6789",
    )


def test_the_patient_that_the_message_becomes_is_the_same_person() -> None:
    sent = message(HEAD + PID)
    converted = convert(sent.er7, Options(), sent.received)
    assert converted.bundle is not None
    of_patient = person_of(message(dumps(converted.bundle), FHIR))
    of_pid = person_of(sent)
    assert of_patient is not None
    assert of_pid is not None
    assert (of_patient.birth_date, of_patient.sex, of_patient.ssn4) == (of_pid.birth_date, "F", "6789")
    assert of_patient.phones == of_pid.phones
    assert of_patient.addresses == of_pid.addresses
    assert set(of_pid.names) <= set(of_patient.names)
    assert ("urn:oid:1.2.3", "4711") in of_patient.identifiers & of_pid.identifiers


@pytest.mark.parametrize("given", ["BABY BOY", "Babygirl", "UNKNOWN", "Infant A", "twin b"])
def test_a_newborn_has_no_name_yet(given: str) -> None:
    found = person_of(message(f"{HEAD}PID|1||1^^^A||Oxenham^{given}\n"))
    assert found is not None
    assert found.names == (Name(("oxenham",)),)


@pytest.mark.parametrize(
    ("body", "format"), [(HEAD + "PV1|1|I\n", "hl7v2"), (b'{"resourceType":"Observation"}', FHIR), ("text", "text")]
)
def test_what_is_about_nobody(body: str | bytes, format: str) -> None:
    assert person_of(message(body, format)) is None


@pytest.mark.parametrize(("kind", "is_hers"), [("MR", True), ("", True), ("MC", True), ("SN", False), ("AN", False)])
def test_a_number_that_a_family_shares_is_nobodys(kind: str, is_hers: bool) -> None:
    of_pid = person_of(message(f"{HEAD}PID|1||4711^^^HERON^{kind}||Oxenham^Rosalind\n"))
    coding = [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind}] if kind else []
    number = {"system": "HERON", "value": "4711", "type": {"coding": coding}}
    of_patient = person_of(message(dumps({"resourceType": "Patient", "identifier": [number]}), FHIR))
    assert of_pid is not None
    assert of_patient is not None
    assert of_pid.identifiers == of_patient.identifiers == ({("HERON", "4711")} if is_hers else set())
