"""The steps of referrals: opened from any form, addressed, tracked, and written in the form of the other side."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.direct.xdm import LIMITS, read_xdm
from engine.steps import open_referral
from engine.steps.carried import carried_by
from engine.steps.said import said_in
from schemas.fhir import dumps
from schemas.message import MAIL, Message
from tests.engine.steps.exchange import (
    CLINICS,
    PRACTICES,
    Exchange,
    arrives,
    mail,
    package,
    reread,
    specialist,
    write,
)
from tests.transforms.refer.making import APPOINTMENT, NOW, PATIENT, REFERRAL, REQUEST, SAMPLES, act, received
from transforms.refer import Act, Attached, ReferralMessage
from transforms.refer.x360 import write_360x
from transforms.step import StepError

FORMS = ("360x", "ref", "fhir")
CONSULT = (SAMPLES.parent / "ccda" / "consultation_note.xml").read_bytes()
PDF = b"%PDF-1.4 of nothing"
LETTER = Attached(PDF, "application/pdf", "Letter")
PLAIN = replace(REQUEST, recipient=replace(REQUEST.recipient, direct=""))
ASKED = replace(PLAIN, documents=(LETTER,))
LATER = {"at": NOW + timedelta(hours=1)}
ANSWERS = (
    act(Act.ACCEPT, **LATER),
    act(Act.BOOK, appointment=APPOINTMENT, at=NOW + timedelta(hours=2)),
    act(Act.COMPLETE, documents=(LETTER,), at=NOW + timedelta(hours=3)),
)


def exchange(form: str) -> Exchange:
    return Exchange(directory={"9992033313": specialist(form)})


@pytest.mark.parametrize("recipient", FORMS)
@pytest.mark.parametrize("initiator", FORMS)
def test_each_pair_closes_the_loop_each_side_in_its_own_form(initiator: str, recipient: str) -> None:
    hub = exchange(recipient)
    written = hub.take(arrives(ASKED, initiator))
    assert (written.get("referral.to.form"), written.get("referral.to.address")) == (recipient, CLINICS[recipient])
    there = reread(written, recipient)
    assert (there.get("referral.id"), there.get("referral.authority")) == REFERRAL
    assert PDF in [each.body for each in said_in(there, "", None).documents]
    for answer in ANSWERS:
        back = hub.take(arrives(answer, recipient, at=answer.at))
        assert (back.get("referral.to.form"), back.get("referral.to.address")) == (initiator, PRACTICES[initiator])
        assert reread(back, initiator).get("referral.act") == answer.act
    assert hub.threads[REFERRAL].state == "completed"
    assert [each.body for each in said_in(reread(back, initiator), "", None).documents] == [PDF]


@pytest.mark.parametrize("recipient", FORMS)
@pytest.mark.parametrize("initiator", FORMS)
def test_a_request_without_a_document_gets_a_referral_note(initiator: str, recipient: str) -> None:
    written = exchange(recipient).take(arrives(PLAIN, initiator))
    (note,) = said_in(reread(written, recipient), "", None).documents
    document = Message("0" * 32, "", "ccda", note.body, NOW)
    assert document.get("/ClinicalDocument/code/@code") == "57133-1"
    assert b"Chest pain" in note.body


def test_an_outcome_without_a_document_stays_without() -> None:
    hub = exchange("360x")
    hub.take(arrives(ASKED, "ref"))
    back = hub.take(arrives(act(Act.COMPLETE, **LATER), "360x", at=LATER["at"]))
    assert said_in(reread(back, "ref"), "", None).documents == ()


def test_ids_of_both_sides_are_kept_and_given_back() -> None:
    there = {"system": "urn:oid:2.999.2.5", "value": "88"}
    asked = replace(ASKED, patient=PATIENT | {"identifier": PATIENT["identifier"][:1]})
    hub = exchange("ref")
    hub.take(arrives(asked, "360x"))
    own = replace(ANSWERS[0], patient=PATIENT | {"identifier": [there, PATIENT["identifier"][0]]})
    back = reread(hub.take(arrives(own, "ref", at=own.at)), "360x")
    assert back.get("referral.patients").splitlines() == ["urn:oid:2.999.1.5|P-17", "urn:oid:2.999.2.5|88"]
    cancelled = act(Act.CANCEL, patient=asked.patient, at=NOW + timedelta(hours=4))
    onwards = reread(hub.take(arrives(cancelled, "360x", at=cancelled.at)), "ref")
    assert onwards.get("referral.patients").splitlines() == ["urn:oid:2.999.1.5|P-17", "urn:oid:2.999.2.5|88"]
    assert onwards.get("referral.filler") == "urn:oid:2.999.2.15|F-9"


def test_a_package_names_the_referral_of_its_documents() -> None:
    written = exchange("360x").take(arrives(ASKED, "ref"))
    message, letter = read_xdm(written.body, strict=False).documents
    expected = ("R|1".replace("|", "\\F\\") + "^^^&2.999.1.15&ISO^urn:ihe:iti:xds:2013:referral",)
    assert message.entry.reference_ids == letter.entry.reference_ids == expected
    assert letter.entry.title == "Letter"


def test_running_a_step_again_makes_the_same_message() -> None:
    hub = exchange("360x")
    arrived = arrives(ASKED, "fhir")
    first, again = hub.take(arrived), exchange("360x").take(arrived)
    assert (first.id, first.body) == (again.id, again.body)


@pytest.mark.parametrize("form", FORMS)
def test_what_was_read_once_for_all_steps_is_changed_by_none(form: str) -> None:
    sample = received((SAMPLES / "ref_i12.hl7").read_bytes())
    (opened,) = open_referral(arrives(sample, form), registry=Exchange())
    before = deepcopy(said_in(opened, "", None))
    assert before.clinical is not None
    for to in FORMS:
        write(opened.derive("addressed", attributes={"referral.to.form": to, "referral.to.address": CLINICS[to]}))
    assert said_in(opened, "", None) == before


def test_several_packages_of_one_mail_are_several_messages() -> None:
    other = replace(ASKED, referral=REFERRAL._replace(value="R-2"))
    packages = [package(write_360x(each).message.encode(), PDF) for each in (ASKED, other)]
    made = exchange("ref").opened(mail(packages, PRACTICES["360x"]))
    assert [each.get("referral.id") for each in made] == ["R|1", "R-2"]
    assert {each.get("referral.sender") for each in made} == {PRACTICES["360x"]}
    assert [each.body for each in made] == packages


def test_packages_of_one_mail_together_unpack_to_what_one_may(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(ASKED, referral=REFERRAL._replace(value="R-2"))
    packages = [package(write_360x(each).message.encode(), PDF + b"x" * 60_000) for each in (ASKED, other)]
    monkeypatch.setattr("engine.steps.carried.LIMITS", replace(LIMITS, unpacked=100_000))
    with pytest.raises(StepError, match="xdm-too-large"):
        exchange("ref").opened(mail(packages, PRACTICES["360x"]))
    assert len(exchange("ref").opened(mail(packages[:1], PRACTICES["360x"]))) == 1


@pytest.mark.parametrize("loose", [(PDF,), (write_360x(ASKED).message.encode(),)], ids=["a file", "a third message"])
def test_what_cannot_be_told_apart_stops(loose: tuple[bytes, ...]) -> None:
    packages = [package(write_360x(each).message.encode()) for each in (ASKED, ANSWERS[0])]
    with pytest.raises(StepError, match="not clear which documents"):
        exchange("ref").opened(mail([*packages, *loose], PRACTICES["360x"]))


def test_a_package_with_two_messages_stops() -> None:
    both = package(*(write_360x(each).message.encode() for each in (ASKED, ANSWERS[0])))
    with pytest.raises(StepError):
        exchange("ref").opened(mail([both], PRACTICES["360x"]))


def test_documents_beside_a_package_belong_to_its_message() -> None:
    mixed = mail([package(write_360x(ASKED).message.encode(), CONSULT), PDF], PRACTICES["360x"])
    carried = carried_by(mixed)
    assert carried.message.body.startswith(b"MSH")
    assert [each.body for each in carried.documents] == [CONSULT, PDF]


def test_what_changes_nothing_is_filtered_and_what_cannot_be_read_stops() -> None:
    receipt = write_360x(ANSWERS[0]).message.copy()
    receipt.set("ORC-1", "ZZ")
    assert exchange("ref").opened(mail([package(receipt.encode())], PRACTICES["360x"])) == []
    receipt.set("ORC-2", "")
    receipt.set("ORC-1", "OK")
    with pytest.raises(StepError, match="ORC-2"):
        exchange("ref").opened(mail([package(receipt.encode())], PRACTICES["360x"]))


@pytest.mark.parametrize("files", [[], [PDF]], ids=["words alone", "a letter"])
def test_a_mail_that_says_nothing_of_a_referral_is_left_to_a_person(files: list[bytes]) -> None:
    (made,) = exchange("ref").opened(mail(files, PRACTICES["360x"]))
    assert "neither a message of a referral" in made.get("referral.unknown")
    assert (made.format, made.get("referral.act"), made.get("referral.verdict")) == (MAIL, "", "")


def test_a_document_about_another_patient_goes_along_with_nothing() -> None:
    ours, other = document("11488-4"), document("11488-4", "P-18").replace(b"7704318", b"7704319")
    younger = CONSULT.replace(b'birthTime value="19610417"', b'birthTime value="19910417"')
    assert CONSULT not in (ours, other, younger)
    order = write_360x(ASKED).message.encode()
    within = arrives(replace(ASKED, documents=(Attached(younger, "text/xml"),)), "ref")
    for arrived in (mail([ours, other], CLINIC), mail([order, other], CLINIC), within):
        (made,) = exchange("ref").opened(arrived)
        assert made.get("referral.unknown") == "a document that came along is about another patient"
        assert (made.get("referral.act"), made.get("referral.to.address")) == ("", "")
    (made,) = exchange("ref").opened(mail([package(write_360x(ASKED).message.encode(), ours, CONSULT)], CLINIC))
    assert made.get("referral.act") == "request"


def test_a_document_in_fhir_with_orders_in_it_is_a_document() -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "status": "completed"}
    history = dumps({"resourceType": "Bundle", "type": "document", "entry": [{"resource": order}]})
    (made,) = exchange("ref").opened(mail([package(write_360x(ASKED).message.encode(), history)], PRACTICES["360x"]))
    assert history in [each.body for each in said_in(made, "", None).documents]


def document(code: str, patient: str = "P-17") -> bytes:
    """A clinical document of one type, about the patient of the requests."""
    id = f"<patientRole><id root='2.999.1.5' extension='{patient}'/>"
    text = CONSULT.decode()
    before, _, rest = text.partition("<patientRole>")
    head, _, tail = before.partition("<code ")
    return f'{head}<code code="{code}" codeSystem="2.16.840.1.113883.6.1"{tail[tail.index("/>") :]}{id}{rest}'.encode()


CLINIC = CLINICS["360x"]


def with_open(*referrals: str) -> tuple[Exchange, list[Message]]:
    hub = exchange("360x")
    sent = []
    for each in referrals:
        asked = replace(ASKED, referral=REFERRAL._replace(value=each), at=NOW + timedelta(seconds=len(sent)))
        sent.append(hub.take(arrives(asked, "ref")))
    return hub, sent


@pytest.mark.parametrize(
    ("code", "open", "answers", "sender", "expected"),
    [
        ("11488-4", ["R-1", "R-2"], 1, CLINIC, ("complete", "R-2")),
        ("57133-1", ["R-1"], 0, CLINIC, ("complete", "R-1")),
        ("11488-4", ["R-1"], None, CLINIC, ("complete", "R-1")),
        ("11488-4", ["R-1"], None, "CARDS@Clinic.example", ("complete", "R-1")),
        ("34133-9", ["R-1"], None, CLINIC, ("complete", "R-1")),
        ("57133-1", ["R-1"], None, CLINIC, ("request", None)),
        ("34133-9", [], None, CLINIC, ("request", None)),
        ("18761-7", [], None, CLINIC, ("request", None)),
        ("11488-4", [], None, CLINIC, ("unknown", None)),
        ("11488-4", ["R-1", "R-2"], None, CLINIC, ("unknown", None)),
        ("11488-4", ["R-1"], 0, "stranger@elsewhere.example", ("unknown", None)),
        ("11488-4", ["R-1"], None, "stranger@elsewhere.example", ("unknown", None)),
    ],
)
def test_a_clinical_document_alone_is_what_it_can_only_be(
    code: str, open: list[str], answers: int | None, sender: str, expected: tuple[str, str | None]
) -> None:
    hub, sent = with_open(*open)
    arrived = mail([document(code)], sender, answers="" if answers is None else sent[answers].id)
    (made,) = open_referral(arrived, registry=hub)
    kind, id = expected
    assert made.get("referral.act") == ("" if kind == "unknown" else kind)
    assert bool(made.get("referral.unknown")) is (kind == "unknown")
    if id:
        assert made.get("referral.id") == id


def test_an_answer_to_our_mail_about_another_patient_is_not_the_outcome() -> None:
    hub, sent = with_open("R-1")
    (made,) = open_referral(mail([document("11488-4", "P-18")], CLINIC, answers=sent[0].id), registry=hub)
    assert "another patient" in made.get("referral.unknown")
    assert made.get("referral.act") == ""


def test_an_outcome_that_is_a_document_alone_goes_back_as_it_came() -> None:
    hub, sent = with_open("R-1")
    note = document("11488-4")
    back = hub.take(mail([note], CLINIC, answers=sent[0].id, at=NOW + timedelta(hours=1)))
    there = reread(back, "ref")
    assert (there.get("referral.id"), there.get("referral.act")) == ("R-1", "complete")
    assert [each.body for each in said_in(there, "", None).documents] == [note]


def asking(**recipient: object) -> ReferralMessage:
    return replace(REQUEST, recipient=replace(REQUEST.recipient, **({"direct": ""} | recipient)))  # type: ignore[arg-type]


NOBODY = {"npi": "", "family": "", "given": (), "organization": ""}


@pytest.mark.parametrize(
    ("asked", "found", "rule"),
    [
        (asking(), ("ref", "CLINIC"), "by NPI"),
        (asking(npi="9880425977"), ("", ""), "not in the directory"),
        (asking(npi="9880425977", direct="new@clinic.example"), ("360x", "new@clinic.example"), "the request gives"),
        (asking(npi="9880425977", direct="new@clinic.example, spy@other.example"), ("", ""), "not one address"),
        (asking(npi="9306778249"), ("fhir", CLINICS["fhir"]), "by NPI"),
        (asking(npi="9500000009"), ("", ""), "without an endpoint"),
        (asking(npi=""), ("ref", "CLINIC"), "by name"),
        (asking(**NOBODY), ("ref", "CLINIC"), "by specialty"),
    ],
)
def test_who_is_asked_is_found_in_the_directory(asked: ReferralMessage, found: tuple[str, str], rule: str) -> None:
    entries = [
        specialist("ref"),
        specialist(
            "360x", "9306778249", name="Lisk Oriana", endpoints={}, specialties=(), organizations=("1234567893",)
        ),
        specialist("fhir", "1234567893", name="Cathedral Square Heart Center", specialties=()),
        specialist("fhir", "9500000009", endpoints={}, specialties=()),
    ]
    hub = Exchange(directory={each.npi: each for each in entries})
    (made,) = hub.opened(arrives(asked, "fhir"))
    assert (made.get("referral.to.form"), made.get("referral.to.address")) == found
    assert rule in made.get("recipient.rule")
    assert made.get("recipient.verdict") == ("known" if found[0] else "unknown")


def test_of_two_of_a_specialty_nobody_is_chosen() -> None:
    hub = Exchange(directory={each.npi: each for each in (specialist("ref"), specialist("360x", "9306778249"))})
    (made,) = hub.opened(arrives(asking(**NOBODY), "fhir"))
    assert (made.get("recipient.verdict"), made.get("referral.to.form")) == ("unknown", "")


def test_a_later_act_goes_to_who_was_asked_whatever_the_directory_says_now() -> None:
    hub = exchange("ref")
    hub.take(arrives(ASKED, "360x"))
    hub.directory.clear()
    cancelled = act(Act.CANCEL, **LATER)
    assert hub.take(arrives(cancelled, "360x", at=cancelled.at)).get("referral.to.address") == "CLINIC"


def test_a_request_that_names_somebody_else_now_goes_not_to_who_was_asked_before() -> None:
    hub = exchange("ref")
    hub.directory["9306778249"] = specialist("fhir", "9306778249")
    hub.take(arrives(ASKED, "360x"))
    to_other = replace(ASKED, recipient=replace(ASKED.recipient, npi="9306778249"), **LATER)
    with pytest.raises(StepError, match="another specialist") as stopped:
        hub.take(arrives(to_other, "360x", at=to_other.at))
    assert "an id of its own" in stopped.value.hint
    cancelled = replace(to_other, act=Act.CANCEL)
    assert hub.take(arrives(cancelled, "360x", at=cancelled.at)).get("referral.to.address") == "CLINIC"


def test_what_a_form_has_no_word_for_stops_with_a_reason() -> None:
    hub = exchange("360x")
    hub.take(arrives(ASKED, "ref"))
    with pytest.raises(StepError, match="360X has no message"):
        hub.take(arrives(act(Act.INQUIRE, **LATER), "ref", at=LATER["at"]))
