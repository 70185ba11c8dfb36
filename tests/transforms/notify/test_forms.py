"""The forms of a notice: what a practice reads, files or imports, and no more than it wants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from schemas.ccda.validate import validate as validate_document
from schemas.fhir.validate import validate as validate_resource
from schemas.finding import Severity
from schemas.hl7v2.validate import validate as validate_message
from schemas.message import Message
from tests.transforms.fhir_to_ccda.oracle import faults
from tests.transforms.written import message, run
from transforms.step import StepError

SAMPLES = Path(__file__).parents[3] / "samples/hl7v2"
FORMS = ("adt_to_text", "to_practice_adt", "adt_to_ccda", "adt_to_alert_bundle")
EVENTS = [
    ("adt_a01", "arrival", "admit"),
    ("adt_a02", "transfer", "transfer"),
    ("adt_a03", "discharge", "discharge"),
    ("adt_a04", "arrival", "outpatient"),
    ("adt_a06", "arrival", "admit"),
    ("adt_a08", "discharge", "discharge"),
    ("adt_a11", "arrival", "admit"),
    ("adt_a13", "discharge", "discharge"),
]
KINDS = ("new", "update", "withdrawal")
FACTS = {
    "subscriber_id": "riverside",
    "subscriber_title": "Riverside",
    "subscriber_member": "17",
    "match_panel": "riverside",
    "notice_phase": "arrival",
    "notice_kind": "new",
    "notice_event": "admit",
    "notice_visit": "STANNE V1",
}


def notice(body: bytes | str, **facts: str) -> Message:
    return message(body, **{**FACTS, **facts})


def sample(name: str, **facts: str) -> Message:
    return notice((SAMPLES / f"{name}.hl7").read_bytes(), **facts)


def form(step: str, sent: Message) -> Message:
    (made,) = run(step, sent)
    return made


# every form


@pytest.mark.parametrize("content", ["minimum", "full"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "phase", "event"), EVENTS)
def test_every_form_of_every_notice_is_valid(name: str, phase: str, event: str, kind: str, content: str) -> None:
    facts = {"notice_phase": phase, "notice_event": event, "notice_kind": kind, "subscriber_content": content}
    sent = sample(name, **facts)
    adt = form("to_practice_adt", sent)
    assert [str(each) for each in validate_message(adt.er7) if each.severity is Severity.ERROR] == []
    document = form("adt_to_ccda", sent)
    assert [str(each) for each in validate_document(document.ccda) if each.severity is Severity.ERROR] == []
    assert faults(document.body) == []
    bundle = form("adt_to_alert_bundle", sent).fhir
    found = validate_resource(bundle, level="davinci-alerts")
    assert [str(each) for each in found if each.severity is Severity.ERROR] == []
    assert form("adt_to_text", sent).body.isascii()


def everything() -> str:
    """An admission that says something in each field of each segment: `Q` with the segment and the field."""
    lengths = {
        "PID": 39,
        "PD1": 21,
        "NK1": 39,
        "PV1": 52,
        "PV2": 49,
        "OBX": 19,
        "AL1": 6,
        "DG1": 21,
        "GT1": 57,
        "IN1": 53,
    }
    told = {
        "EVN": {
            1: "A01",
            2: "20261125081500+0100",
            3: "20261124",
            4: "QEVN4",
            5: "QEVN5",
            6: "20261125080000+0100",
            7: "QEVN7",
        },
        "PID": {1: "1", 5: "Vale^Ann^^^^^L~Qmaiden^Qann^^^^^M", 7: "19700312", 8: "F", 29: "20261101"},
        "PV1": {
            1: "1",
            2: "I",
            7: "QPV1-7-1^Hale^Edith^^^Dr^MD^^QPV1-7-9~QPV1-7-second^QPV1-7",
            44: "20261125080000+0100",
        },
    }
    lines = [
        "MSH|^~\\&|QMSH3|STANNE|QMSH5|QMSH6|20261125082000+0100|QMSH8|ADT^A01^ADT_A01|QMSH10|P|2.5.1|QMSH13|QMSH14"
    ]
    for name in ("EVN", *lengths):
        known = told.get(name, {})
        fields = [known.get(n, f"Q{name}{n}^Q{name}{n}-2") for n in range(1, lengths.get(name, 7) + 1)]
        lines.append("|".join([name, *fields]))
    lines.append("ZPI|QZPI1|QZPI2")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", FORMS)
def test_the_least_content_is_the_least_and_nothing_else(step: str, kind: str) -> None:
    """42 CFR 482.24(d)(2): the patient, the treating practitioner, the institution; and the event and its time."""
    sent = notice(everything(), subscriber_content="minimum", notice_kind=kind)
    made = form(step, sent)
    text = made.body.decode()
    assert re.findall(r"Q[A-Za-z]+[\w-]*", text) == []
    assert not any(birth in text for birth in ("19700312", "1970-03-12"))
    for needed in ("Vale", "Ann", "Hale", "Edith", "STANNE", "17"):
        assert needed in text
    assert "20261125080000" in text or "2026-11-25" in text
    full = form(step, notice(everything(), notice_kind=kind)).body.decode()
    assert len(full) > len(text)
    assert not any("Q" in each.what + each.where for each in made.findings)


@pytest.mark.parametrize("step", FORMS)
def test_an_update_and_a_withdrawal_are_told_as_such(step: str) -> None:
    texts = {kind: form(step, sample("adt_a01", notice_kind=kind)).body.decode() for kind in KINDS}
    told = {
        "adt_to_text": ("Update of the notice of admission", "Withdrawn: notice of admission"),
        "to_practice_adt": ("ADT^A08^ADT_A01", "ADT^A11^ADT_A09"),
        "adt_to_ccda": ("<title>Update of the notice of admission", "<title>Withdrawn: notice of admission"),
        "adt_to_alert_bundle": ('"edit"', '"cancelled"'),
    }[step]
    for kind, words in zip(("update", "withdrawal"), told, strict=True):
        assert [each for each in KINDS if words in texts[each]] == [kind]


@pytest.mark.parametrize("step", FORMS)
def test_what_no_step_made_a_notice_of_stops_here(step: str) -> None:
    with pytest.raises(StepError, match="what happened"):
        form(step, message((SAMPLES / "adt_a01.hl7").read_bytes()))
    with pytest.raises(StepError, match="HL7 v2"):
        form(step, message(b"{}", "fhir", **FACTS))


@pytest.mark.parametrize("step", FORMS)
def test_the_same_notice_made_twice_is_the_same(step: str) -> None:
    assert form(step, sample("adt_a01")) == form(step, sample("adt_a01"))


# text


def test_a_text_says_what_matters_in_plain_words() -> None:
    made = form("adt_to_text", sample("adt_a03", notice_phase="discharge", notice_event="discharge"))
    assert made.format == "text"
    assert made.body.decode() == (
        "Notice of discharge\n\n"
        "Patient:        Ms Thessaly Marguerite Okonjo-Vale\n"
        "Your number:    17\n"
        "Born:           1961-04-17, female\n"
        "What:           discharged\n"
        "When:           2026-03-16 11:00 (UTC+01:00)\n"
        "Where:          STANNE\n"
        "Treated by:     Dr Imogen Pellworth MD (NPI 9992033313)\n"
        "Unit:           4W, room 407, bed A\n"
        "Admitted:       2026-03-12 08:25 (UTC+01:00)\n"
        "Discharged:     2026-03-16 11:00 (UTC+01:00)\n"
        "Disposition:    HOM\n"
        "Diagnoses:      Unstable angina (I20.0)\n"
        "Referred by:    Dr Dunstan Harrowgate MD (NPI 9880425977)\n"
        "Visit number:   VN-55120934\n"
        "Their number:   7704318\n"
    )


@pytest.mark.parametrize(
    ("phase", "event", "heading", "what"),
    [
        ("arrival", "admit", "Notice of admission", "admitted as an inpatient"),
        ("arrival", "emergency", "Notice of visit to the emergency department", "came to the emergency department"),
        ("arrival", "observation", "Notice of stay under observation", "taken under observation"),
        ("arrival", "outpatient", "Notice of outpatient visit", "came as an outpatient"),
        ("discharge", "outpatient", "Notice of end of outpatient visit", "visit ended"),
        ("transfer", "transfer", "Notice of transfer", "transferred"),
    ],
)
def test_each_event_has_its_words(phase: str, event: str, heading: str, what: str) -> None:
    lines = form("adt_to_text", sample("adt_a01", notice_phase=phase, notice_event=event)).body.decode().splitlines()
    assert lines[0] == heading
    assert f"What:           {what}" in lines


def test_a_text_cannot_be_made_to_say_what_it_does_not() -> None:
    body = (
        "MSH|^~\\&|A|STANNE|||20261125||ADT^A01|M1|P|2.5.1||||||UNICODE UTF-8\nEVN||20261125\n"
        "PID|1||7||Vale\\.br\\\\X0A\\Withdrawn: all^Ann\\X1B\\[2J\nPV1|1|I|||||1^" + "x" * 5000 + "\n"
    )
    lines = form("adt_to_text", notice(body)).body.decode().splitlines()
    assert not any(line.startswith("Withdrawn") for line in lines)
    assert all(each.isprintable() for each in lines)
    assert sum(map(len, lines)) < 1500


def test_the_institution_goes_by_the_name_that_the_site_gives_it() -> None:
    facts = {"notice_institution": "St. Anne's Hospital", "subscriber_content": "minimum"}
    for step in ("adt_to_text", "adt_to_ccda", "adt_to_alert_bundle"):
        assert "St. Anne's Hospital" in form(step, sample("adt_a01", **facts)).body.decode()


# the practice's ADT


@pytest.mark.parametrize(
    ("sent", "phase", "event", "kind", "told"),
    [
        ("A01", "arrival", "admit", "new", "ADT^A01^ADT_A01"),
        ("A04", "arrival", "emergency", "new", "ADT^A04^ADT_A01"),
        ("A01", "arrival", "observation", "new", "ADT^A01^ADT_A01"),
        ("A06", "arrival", "admit", "new", "ADT^A01^ADT_A01"),
        ("A10", "arrival", "outpatient", "new", "ADT^A04^ADT_A01"),
        ("A02", "transfer", "transfer", "new", "ADT^A02^ADT_A02"),
        ("A07", "transfer", "transfer", "new", "ADT^A02^ADT_A02"),
        ("A03", "discharge", "discharge", "new", "ADT^A03^ADT_A03"),
        ("A08", "discharge", "discharge", "update", "ADT^A08^ADT_A01"),
        ("A01", "arrival", "admit", "update", "ADT^A08^ADT_A01"),
        ("A11", "arrival", "admit", "withdrawal", "ADT^A11^ADT_A09"),
        ("A23", "arrival", "admit", "withdrawal", "ADT^A11^ADT_A09"),
        ("A12", "transfer", "transfer", "withdrawal", "ADT^A12^ADT_A12"),
        ("A13", "discharge", "discharge", "withdrawal", "ADT^A13^ADT_A01"),
    ],
)
def test_the_practice_is_told_by_the_event_of_what_it_is_told(
    sent: str, phase: str, event: str, kind: str, told: str
) -> None:
    body = f"MSH|^~\\&|A|STANNE|||20261125||ADT^{sent}|M1|P|2.3\nPID|1||7^^^STANNE||Vale^Ann\nPV1|1|I\n"
    made = form("to_practice_adt", notice(body, notice_phase=phase, notice_event=event, notice_kind=kind)).er7
    assert made.get("MSH-9") == told
    assert made.get("MSH-12") == "2.5.1"
    assert made.get("EVN-1") == told[4:7]
    assert [each.name for each in made.segments] == ["MSH", "EVN", "PID", "PV1"]


def test_the_practices_number_comes_first_and_the_hospitals_behind() -> None:
    made = form("to_practice_adt: {authority: EHR}", sample("adt_a01")).er7
    assert made.get("PID-2") == "17^^^EHR^PI"
    assert made.get("PID-3[1]") == "17^^^EHR^PI"
    assert made.get("PID-3[2].1") == "7704318"
    least = form("to_practice_adt", sample("adt_a01", subscriber_content="minimum")).er7
    assert least.get("PID-2") == least.get("PID-3") == "17^^^riverside^PI"


def test_the_header_is_the_exchanges() -> None:
    step = "to_practice_adt: {sending_facility: REGION, receiving_application: EHR, receiving_facility: RIVER}"
    sent = sample("adt_a01")
    made = form(step, sent).er7
    assert [made.get(f"MSH-{n}") for n in (3, 4, 5, 6)] == ["HIE", "REGION", "EHR", "RIVER"]
    assert made.get("EVN-7") == "STANNE"
    assert made.get("MSH-10") != sent.er7.get("MSH-10")
    assert len(made.get("MSH-10")) == 20
    assert made.get("MSH-7") == sent.er7.get("MSH-7")


def test_what_a_newer_version_or_the_hospital_alone_has_is_left_out_and_said() -> None:
    body = (
        "MSH|^~\\&|A|STANNE|||20261125||ADT^A01^ADT_A01|M1|P|2.8||||||||||SND\nSFT|x\nEVN||20261125\n"
        f"PID|1||7{'|' * 36}tribal|tel\nARV||A\nPV1|1|I\nZPI|1\n"
    )
    made = form("to_practice_adt", notice(body))
    assert [each.name for each in made.er7.segments] == ["MSH", "EVN", "PID", "PV1"]
    assert made.er7.get("PID-39") == "tribal"
    assert made.er7.get("PID-40") == ""
    assert made.er7.get("MSH-22") == ""
    assert [(each.code, each.where) for each in made.findings] == [("NOT-101", n) for n in ("ARV", "SFT", "ZPI")]


# clinical document


def test_a_document_says_whose_it_is_and_what_happened() -> None:
    facts = {"notice_phase": "discharge", "notice_event": "discharge", "subscriber_content": "minimum"}
    root = etree.fromstring(form("adt_to_ccda", sample("adt_a03", **facts)).body)
    names = {"v": "urn:hl7-org:v3"}
    assert root.findtext("v:title", namespaces=names) == "Notice of discharge"
    assert root.xpath("count(//v:recordTarget//v:patient/v:name/v:family)", namespaces=names) == 1
    assert root.xpath("string(//v:encompassingEncounter//v:high/@value)", namespaces=names) == "20260316110000+0100"
    assert root.xpath("string(//v:encounterParticipant//v:family)", namespaces=names) == "Pellworth"
