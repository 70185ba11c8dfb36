"""Messages of referrals for the tests: one that says everything, and readers of what is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from schemas.hl7v2 import Er7
from schemas.message import HL7V2, Message
from transforms.refer import Act, Appointment, Attached, Coded, Identifier, Party, ReferralMessage
from transforms.refer.read import read

SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"
NOW = datetime(2026, 3, 12, 15, 0, tzinfo=timezone(timedelta(hours=1)))
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
TAXONOMY = "http://nucc.org/provider-taxonomy"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
PATIENT = {
    "resourceType": "Patient",
    "id": "221419f5-ae74-5108-8797-00c92dfc5857",
    "identifier": [
        {"type": {"coding": [{"system": TYPES, "code": "MR"}]}, "system": "urn:oid:2.999.1.5", "value": "P-17"},
        {"type": {"coding": [{"system": TYPES, "code": "PI"}]}, "system": "urn:oid:2.999.2.5", "value": "77"},
    ],
    "name": [{"use": "official", "family": "Okonjo-Vale", "given": ["Thessaly", "Marguerite"]}],
    "gender": "female",
    "birthDate": "1961-04-17",
}
REFERRAL = Identifier("R|1", "urn:oid:2.999.1.15")
INITIATOR = Party(
    npi="9880425977",
    identifiers=(Identifier("777", "urn:oid:2.999.1.10"),),
    family="Harrowgate",
    given=("Dunstan", "T."),
    organization="Eastmere Family Practice",
    direct="front@practice.example",
    phone="+1 608 555 0150",
)
RECIPIENT = Party(
    npi="9992033313",
    family="Pellworth",
    given=("Imogen",),
    organization="St. Anne Cardiology",
    specialty=Coded("207RC0000X", TAXONOMY, "Cardiovascular Disease"),
    direct="cards@stanne.example",
    phone="+1 608 555 0160",
)
REQUEST = ReferralMessage(
    act=Act.REQUEST,
    referral=REFERRAL,
    at=NOW,
    patient=PATIENT,
    control_id="REF-1",
    initiator=INITIATOR,
    recipient=RECIPIENT,
    service=Coded("183519002", "http://snomed.info/sct", "Referral to cardiology"),
    priority="urgent",
    until=datetime(2026, 6, 12, tzinfo=UTC),
    reason=(Coded("R07.9", ICD, "Chest pain"), Coded(text="Evaluate & treat")),
)
DOCUMENTS = (
    Attached(b"%PDF-1.4 of nothing", "application/pdf", "Letter", "2.25.1234"),
    Attached(b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", "text/xml"),
    Attached(b"https://images.example/study/1\r\n", "text/uri-list"),
    Attached(b"caf\xc3\xa9", "text/plain; charset=UTF-8"),
)
APPOINTMENT = Appointment(
    Identifier("A-5", "urn:hie-engine:authority:SCHED"),
    datetime(2026, 4, 1, 14, 0, tzinfo=UTC),
    datetime(2026, 4, 1, 14, 30, tzinfo=UTC),
    "Clinic 4 ^ 2nd floor",
)


def act(act: Act, **facts: object) -> ReferralMessage:
    """A later message of the referral of `REQUEST`."""
    plain = ReferralMessage(
        act, REFERRAL, NOW, PATIENT, control_id="M-2", filler=Identifier("F-9", "urn:oid:2.999.2.15")
    )
    return replace(plain, initiator=INITIATOR, **facts)  # type: ignore[arg-type]


def received(body: bytes | Er7, **options: object) -> ReferralMessage:
    """What a body of HL7 v2 says."""
    message = Message("0" * 32, "test", HL7V2, body if isinstance(body, bytes) else body.encode(), NOW)
    return read(message, **options)  # type: ignore[arg-type]
