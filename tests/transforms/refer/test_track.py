"""`track_referral`: what a message of a referral is given by what was said before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from schemas.finding import Severity
from schemas.ids import derived_id
from schemas.message import HL7V2, Message
from tests.transforms.notify.fakes import FakeRegistry
from tests.transforms.refer.making import APPOINTMENT, NOW, PATIENT, REFERRAL, REQUEST, act
from transforms.refer.facts import FACTS, digest_of, facts_of
from transforms.refer.referral import Act, Attached, Identifier, Side
from transforms.refer.thread import Contact, Thread, noted_of
from transforms.refer.track import track_referral
from transforms.step import StepError

PRACTICE, CLINIC = Contact("360x", "front@practice.example"), Contact("ref", "clinic.example:2575")
BOOKED = act(Act.BOOK, appointment=APPOINTMENT)
KNOWN_THERE = PATIENT | {"identifier": [*PATIENT["identifier"][:1], {"system": "urn:oid:2.999.2.5", "value": "88"}]}


@dataclass
class Threads(FakeRegistry):
    """A registry that keeps what went through the step, as commits would."""

    thread: Thread = field(default_factory=lambda: Thread(REFERRAL))

    def referral(self, referral: Identifier, message: str) -> Thread:
        noted = [each for each in self.thread.noted if each.message != message]
        return replace(self.thread, noted=tuple(noted)) if referral == REFERRAL else Thread(referral)

    def say(self, said: object, sender: Contact, **more: str) -> Message:
        """What the step makes of `said`, which becomes part of the thread."""
        number = len(self.thread.noted)
        at = NOW.astimezone(UTC) + timedelta(hours=number)
        facts = facts_of(replace(said, at=at)) | {"referral.form": sender.form, "referral.sender": sender.address}
        message = Message(f"{number:032x}", "refer", HL7V2, b"", at, attributes=facts | more)
        made = track_referral(message, registry=self)
        self.thread = replace(self.thread, noted=(*self.thread.noted, noted_of(made, message.id)))
        return made


def to(message: Message) -> Contact:
    return Contact(message.get("referral.to.form"), message.get("referral.to.address"))


def sent() -> dict[str, str]:
    """What the directory said of the recipient."""
    return {"referral.to.form": CLINIC.form, "referral.to.address": CLINIC.address}


def test_each_side_is_answered_in_its_own_form_at_its_own_address() -> None:
    threads = Threads()
    request = threads.say(REQUEST, PRACTICE, **sent())
    assert (request.get("referral.verdict"), request.get("referral.state")) == ("applied", "requested")
    assert to(request) == CLINIC
    accepted = threads.say(act(Act.ACCEPT), Contact("ref", "CLINIC|EHR"))
    assert (accepted.get("referral.state"), to(accepted)) == ("accepted", PRACTICE)
    changed = threads.say(act(Act.CHANGE), PRACTICE)
    assert (changed.get("referral.state"), to(changed)) == ("accepted", CLINIC)
    booked = threads.say(BOOKED, Contact("ref", "CLINIC|EHR"))
    assert (booked.get("referral.side"), to(booked)) == ("recipient", PRACTICE)
    assert threads.thread.appointment == APPOINTMENT.start


def test_ids_of_both_sides_are_kept_and_given_back() -> None:
    threads = Threads()
    threads.say(replace(REQUEST, patient=PATIENT | {"identifier": PATIENT["identifier"][:1]}), PRACTICE, **sent())
    accepted = threads.say(replace(act(Act.ACCEPT), patient=KNOWN_THERE), CLINIC)
    cancelled = threads.say(act(Act.CANCEL, filler=None), PRACTICE)
    for message in (accepted, cancelled):
        assert message.get("referral.patient.initiator") == "urn:oid:2.999.1.5|P-17"
        assert message.get("referral.patient.recipient") == "urn:oid:2.999.2.5|88"
        assert message.get("referral.filler") == "urn:oid:2.999.2.15|F-9"
    assert threads.thread.party(Side.INITIATOR) == "Harrowgate, Dunstan T.; Eastmere Family Practice"


def test_a_repeat_and_what_contradicts_go_nowhere() -> None:
    threads = Threads()
    threads.say(REQUEST, PRACTICE, **sent())
    again = threads.say(replace(REQUEST, control_id="another"), PRACTICE, **sent())
    assert (again.get("referral.verdict"), to(again)) == ("repeated", Contact())
    unasked = threads.say(act(Act.CONFIRM_CANCEL), CLINIC)
    assert (unasked.get("referral.verdict"), to(unasked)) == ("refused", Contact())
    assert [(each.code, each.severity) for each in unasked.findings] == [("REF-101", Severity.WARNING)]
    assert unasked.get("referral.reason") == "nobody asked to cancel this referral"


def numbered(*ids: tuple[str, str]) -> dict[str, object]:
    return PATIENT | {"identifier": [{"system": system, "value": value} for system, value in ids]}


@pytest.mark.parametrize(
    ("ids", "verdict"),
    [
        ([("urn:oid:2.999.1.5", "P-18")], "refused"),
        ([("urn:oid:2.999.1.5", "P-18"), ("urn:oid:2.999.3.5", "4")], "refused"),
        ([("urn:oid:2.999.1.5", "P-18"), ("urn:oid:2.999.2.5", "77")], "applied"),
        ([("urn:oid:2.999.2.5", "88"), ("urn:oid:2.999.1.5", "P-17")], "applied"),
        ([("urn:oid:2.999.3.5", "4")], "applied"),
        ([], "applied"),
    ],
)
def test_what_is_about_another_patient_moves_no_referral(ids: list[tuple[str, str]], verdict: str) -> None:
    threads = Threads()
    threads.say(REQUEST, PRACTICE, **sent())
    outcome = threads.say(replace(act(Act.COMPLETE), patient=numbered(*ids)), CLINIC)
    assert outcome.get("referral.verdict") == verdict
    assert threads.thread.state == ("requested" if verdict == "refused" else "completed")
    assert to(outcome) == (Contact() if verdict == "refused" else PRACTICE)
    if verdict == "refused":
        assert outcome.get("referral.reason") == "it is about another patient than the referral"
        assert threads.say(act(Act.ACCEPT), CLINIC).get("referral.state") == "accepted"


def test_a_referral_id_that_is_used_again_for_another_patient_is_no_second_request() -> None:
    threads = Threads()
    threads.say(REQUEST, PRACTICE, **sent())
    again = threads.say(replace(REQUEST, patient=numbered(("urn:oid:2.999.1.5", "P-18"))), PRACTICE, **sent())
    assert (again.get("referral.verdict"), to(again)) == ("refused", Contact())


def test_a_message_routed_again_is_no_repeat_of_itself() -> None:
    threads = Threads()
    first = threads.say(REQUEST, PRACTICE, **sent())
    root = Message(threads.thread.noted[0].message, "refer", HL7V2, b"", first.received, attributes=first.attributes)
    assert track_referral(root, registry=threads).get("referral.verdict") == "applied"


def test_who_writes_from_another_domain_is_named_and_gets_nothing() -> None:
    threads = Threads()
    clinic = Contact("360x", "cards@stanne.example")
    threads.say(REQUEST, PRACTICE, **{"referral.to.form": "360x", "referral.to.address": clinic.address})
    accepted = threads.say(act(Act.ACCEPT), Contact("360x", "other@stranger.example"))
    assert [each.code for each in accepted.findings] == ["REF-102"]
    assert threads.say(act(Act.INTERIM), Contact("360x", "nurse@StAnne.example")).findings == ()
    assert to(threads.say(act(Act.CHANGE), PRACTICE)) == clinic


def test_a_time_in_the_future_counts_as_that_of_the_arrival() -> None:
    threads = Threads()
    threads.say(REQUEST, PRACTICE, **sent(), **{"referral.at": "2099-01-01T00:00:00+00:00"})
    assert threads.thread.noted[0].written == threads.thread.noted[0].at
    assert threads.say(act(Act.CHANGE), PRACTICE, **{"referral.at": "never"}).get("referral.verdict") == "applied"


@pytest.mark.parametrize("facts", [{}, {"referral.act": "request"}, {"referral.act": "sing", "referral.id": "1"}])
def test_what_says_no_act_is_refused_with_a_hint(facts: dict[str, str]) -> None:
    message = Message("0" * 32, "refer", HL7V2, b"", NOW, attributes=facts)
    with pytest.raises(StepError) as refused:
        track_referral(message, registry=Threads())
    assert "open_referral" in refused.value.hint


def test_facts_are_ids_and_no_names_of_the_patient() -> None:
    facts = facts_of(BOOKED)
    assert set(facts) <= set(FACTS)
    assert facts["referral.patients"] == "urn:oid:2.999.1.5|P-17\nurn:oid:2.999.2.5|77"
    assert facts["referral.appointment"] == "2026-04-01T14:00:00+00:00"
    text = "\n".join(facts.values())
    assert [word for word in ("Okonjo", "Thessaly", "1961") if word in text] == []


def test_a_digest_is_of_what_is_said_and_not_of_its_envelope() -> None:
    same = replace(REQUEST, control_id="other", at=NOW + timedelta(days=1))
    assert digest_of(same) == digest_of(REQUEST)
    others = [
        replace(REQUEST, explanation="x"),
        replace(REQUEST, act=Act.CHANGE),
        replace(REQUEST, documents=(Attached(b"1", "text/xml"),)),
        replace(REQUEST, documents=(Attached(b"2", "text/xml"),)),
        BOOKED,
        replace(BOOKED, appointment=replace_start(datetime(2026, 4, 2, tzinfo=UTC))),
    ]
    assert len({digest_of(each) for each in [REQUEST, *others]}) == len(others) + 1


def test_hostile_facts_stay_facts() -> None:
    """Half a character, a number of many digits, and an identifier that would be two."""
    named = [{"system": "urn:oid:2.999.1", "value": "1\nurn:oid:2.999.9|2"}, {"value": "\ud800"}, {}]
    hostile = replace(REQUEST, patient=PATIENT | {"identifier": named, "x": 10**40}, explanation="\udfff")
    facts = facts_of(hostile)
    assert facts["referral.patients"].split("\n") == ["urn:oid:2.999.1|1 urn:oid:2.999.9|2", "|\ud800"]
    assert len(facts["referral.digest"]) == 32
    made = Threads().say(hostile, PRACTICE)
    assert made.get("referral.patient.initiator") == "urn:oid:2.999.1|1 urn:oid:2.999.9|2"


def replace_start(start: datetime) -> object:
    return APPOINTMENT._replace(start=start)


def test_the_made_id_is_derived() -> None:
    threads = Threads()
    made = threads.say(REQUEST, PRACTICE)
    assert made.id == derived_id(threads.thread.noted[0].message, "track_referral")
