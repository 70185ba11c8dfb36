"""360X: what its messages say, and what is written for each act."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.hl7v2.validate import validate
from tests.corpus.inputs import CORPUS
from tests.transforms.refer.making import APPOINTMENT, RECIPIENT, REQUEST, act, received
from transforms.refer import Act, Identifier, Party, ReferralMessage
from transforms.refer.error import NoActError, NotSayableError, ReferralError
from transforms.refer.v2.written import Ends
from transforms.refer.x360 import write_360x

ENDS = Ends(sending_facility="^2.999.1^ISO", receiving_facility="^2.999.2^ISO")
MSH = r"MSH|^~\&||^2.999.2^ISO||^2.999.1^ISO|20260105130000+0000||{}|2001|P|2.5.1|||NE|NE|||||360X"
PID = "PID|1||P1001^^^&2.999.1.5&ISO||Sample^Pat^^^^^L||19700101|F"
ORDERS = {
    ("NW", ""): Act.REQUEST,
    ("XO", ""): Act.CHANGE,
    ("CA", ""): Act.CANCEL,
    ("DC", ""): Act.CANCEL,
    ("OK", "IP"): Act.ACCEPT,
    ("SC", "IP"): Act.ACCEPT,
    ("UA", "CA"): Act.DECLINE,
    ("UA", ""): Act.DECLINE,
    ("OC", "CA"): Act.DECLINE,
    ("CR", "CA"): Act.CONFIRM_CANCEL,
    ("SC", "A"): Act.INTERIM,
    ("SC", "CM"): Act.COMPLETE,
    ("sc", "cm"): Act.COMPLETE,
}


def body(message_type: str, *segments: str) -> bytes:
    return "".join(f"{each}\r" for each in (MSH.format(message_type), *segments)).encode()


def order(control: str, status: str = "") -> bytes:
    return body("OSU^O51^OSU_O51", PID, f"ORC|{control}|R-2001^^2.999.1.15^ISO|||{status}|||||||||||^Because")


@pytest.mark.parametrize(("words", "expected"), ORDERS.items())
def test_the_order_control_and_status_say_the_act(words: tuple[str, str], expected: Act) -> None:
    said = received(order(*words))
    assert (said.act, said.referral, said.explanation) == (
        expected,
        Identifier("R-2001", "urn:oid:2.999.1.15"),
        "Because",
    )


@pytest.mark.parametrize("words", [("SC", ""), ("UC", ""), ("SC", "HD"), ("", ""), ("ZZ", "CM")])
def test_other_words_say_no_act(words: tuple[str, str]) -> None:
    with pytest.raises(NoActError):
        received(order(*words))


ASKS = ("OMG^O19^OMG_O19", PID)
CALLED = "CTD|{}|Pellworth^Imogen|||||9992033313^NPI"


def test_who_entered_a_request_is_not_whom_the_patient_is_referred_to() -> None:
    orc = "ORC|NW|R-1" + "|" * 15 + "^Eastmere Family Practice||9880425977^Harrowgate^^^^^^^^^^^NPI"
    assert received(body(*ASKS, orc, "OBR|1|R-1||57133-1")).recipient == Party()
    said = received(body(*ASKS, orc, "OBR|1|R-1||57133-1", CALLED.format("CP"), CALLED.format("RT")))
    assert (said.recipient.npi, said.recipient.family, said.recipient.organization) == ("9992033313", "Pellworth", "")
    assert received(body(*ASKS, orc, "OBR|1|R-1||57133-1", CALLED.format("BP"))).recipient == Party()
    assert received(order("OK").replace(b"^Because", b"^Because|^Clinic||7^Lisk")).recipient.family == "Lisk"


@pytest.mark.parametrize("other", ["ORC|NW|R-2", "ORC|CA|R-1", "ORC|SC|R-1|||CM"])
def test_of_several_orders_none_is_dropped_in_silence(other: str) -> None:
    with pytest.raises(ReferralError, match="several orders") as refusal:
        received(body(*ASKS, "ORC|NW|R-1", "OBR|1|R-1||57133-1", other, "OBR|2|R-2||57133-1"))
    assert refusal.value.where == "ORC[2]"


def test_an_order_said_twice_and_earlier_results_are_no_other_orders() -> None:
    obr = "OBR|1|R-1||57133-1"
    assert (
        received(body(*ASKS, "ORC|NW|R-1", obr, "ORC|NW|R-1", obr, "ORC|RE|L-7", "OBR|2|L-7||718-7")).act is Act.REQUEST
    )


def test_a_document_within_an_order_is_a_document() -> None:
    obx = "OBX|{}|ED|57133-1^Referral note^LN||^AP^PDF^Base64^JVBERi0xLjQ=||||||F"
    said = received(body(*ASKS, "ORC|NW|R-1", "OBR|1|R-1|F-9^^2.999.7^ISO|57133-1", obx.format(1)))
    assert [(each.body, each.media_type, each.unique_id) for each in said.documents] == [
        (b"%PDF-1.4", "application/pdf", "")
    ]
    assert said.clinical is None


@pytest.mark.parametrize(
    ("event", "expected"), [("S12", Act.BOOK), ("S13", Act.BOOK), ("S14", Act.BOOK), ("S26", Act.NO_SHOW)]
)
def test_an_appointment_says_when_the_patient_is_seen(event: str, expected: Act) -> None:
    sch = "SCH||A-5^SCHED||||57133-1^^LN||||||||||^Clerk^Cy|^^^^^^5550160|||^Clerk^Cy|||||Booked|R-2001^^2.999.1.15^ISO"
    said = received(body(f"SIU^{event}^SIU_S12", sch, "TQ1|1||||||20260115140000+0000|20260115143000+0000", PID))
    assert said.act is expected
    assert said.appointment is not None
    assert said.appointment.start.isoformat() == "2026-01-15T14:00:00+00:00"
    assert said.recipient == Party(phone="5550160")  # the clerk is not who sees the patient


def test_a_cancelled_appointment_is_no_act_and_says_what_to_do() -> None:
    with pytest.raises(NoActError, match="the referral stands where it stood"):
        received(body("SIU^S15^SIU_S12", "SCH||A-5||||57133-1||||||||||^C||||^C||||||R-2001", PID))


@pytest.mark.parametrize("status", ["Cancelled", "Dc^Discontinued^HL70278", "WAITLIST"])
@pytest.mark.parametrize("event", ["S12", "S14"])
def test_an_appointment_that_does_not_take_place_is_no_booking(event: str, status: str) -> None:
    sch = f"SCH||A-5||||||||||||||^C||||^C|||||{status}|R-2001"
    with pytest.raises(NoActError, match="no act of a referral"):
        received(body(f"SIU^{event}^SIU_S12", sch, "TQ1|1||||||20260115140000+0000", PID))


def test_an_appointment_that_was_changed_to_a_no_show_is_one() -> None:
    sch = "SCH||A-5||||||||||||||^C||||^C|||||Noshow|R-2001"
    assert received(body("SIU^S14^SIU_S12", sch, PID)).act is Act.NO_SHOW


def test_an_appointment_without_a_certain_hour_is_refused() -> None:
    timed = ("SCH||A-5||||57133-1||||||||||^C||||^C||||||R-2001", "TQ1|1||||||20260115140000", PID)
    plain = body("SIU^S12^SIU_S12", *timed).replace(b"20260105130000+0000", b"20260105130000")
    with pytest.raises(ReferralError, match="time_zone"):
        received(plain)
    said = received(plain, time_zone="America/Chicago")
    assert said.appointment is not None
    assert said.appointment.start.isoformat() == "2026-01-15T14:00:00-06:00"


def test_an_identifier_without_an_authority_is_the_initiators() -> None:
    answer = body("OSU^O51^OSU_O51", PID, "ORC|OK|R-7|F-9|||")
    assert received(answer).referral == Identifier("R-7", "urn:oid:2.999.1")  # MSH-6: who is answered
    request = body("OMG^O19^OMG_O19", PID, "ORC|NW|R-7", "OBR|1|R-7||57133-1^Referral note^LN")
    assert received(request).referral == Identifier("R-7", "urn:oid:2.999.2")  # MSH-4: who asks


@pytest.mark.parametrize(
    ("segments", "place"), [((PID,), "ORC"), (("ORC|OK|R-1",), "PID"), ((PID, "ORC|OK||F-9"), "ORC-2")]
)
def test_what_every_message_has_is_demanded(segments: tuple[str, ...], place: str) -> None:
    with pytest.raises(ReferralError) as refusal:
        received(body("OSU^O51^OSU_O51", *segments))
    assert refusal.value.where == place


WRITTEN = [
    REQUEST,
    replace(REQUEST, act=Act.CHANGE, explanation="Sooner, please"),
    act(Act.CANCEL, explanation="Symptoms resolved\nentirely"),
    act(Act.ACCEPT, recipient=RECIPIENT),
    act(Act.DECLINE, explanation="No capacity"),
    act(Act.CONFIRM_CANCEL),
    act(Act.INTERIM),
    act(Act.COMPLETE),
    act(Act.BOOK, appointment=APPOINTMENT),
    act(Act.NO_SHOW, appointment=APPOINTMENT, explanation="Did not call"),
]


@pytest.mark.parametrize("message", WRITTEN, ids=lambda message: message.act.value)
def test_what_is_written_is_valid_360x(message: ReferralMessage) -> None:
    written = write_360x(message, ends=ENDS).message
    assert [written.get(path) for path in ("MSH-12", "MSH-15", "MSH-16", "MSH-21.1", "MSH-4.2")] == [
        "2.5.1",
        "NE",
        "NE",
        "360X",
        "2.999.1",
    ]
    # OSU^O51 is taken over from a later version: 2.5.1 has no structure for it to be held to.
    assert [each.code for each in validate(written)] == (["V2-105"] if written.message_type == "OSU" else [])
    if written.message_type != "SIU":
        assert written.get("ORC-2.1") == "R|1"
        assert written.get("ORC-2.3") == "2.999.1.15"


def test_a_request_keeps_its_facts_but_those_that_are_reported() -> None:
    written = write_360x(REQUEST, ends=ENDS)
    assert written.findings == ()
    assert received(written.message) == REQUEST
    assert written.message.get("OBR-4.1") == "57133-1"
    assert written.message.get("OBR-2.1") == written.message.get("ORC-2.1")


@pytest.mark.parametrize("message", WRITTEN[2:], ids=lambda message: message.act.value)
def test_what_an_answer_has_no_place_for_is_reported(message: ReferralMessage) -> None:
    written = write_360x(message, ends=ENDS)
    again = received(written.message)
    told = {each.where for each in written.findings}
    assert told <= {
        "initiator.organization",
        "initiator.direct",
        "recipient.phone",
        "recipient.direct",
        "recipient.specialty",
    }
    assert (again.act, again.referral, again.filler, again.patient) == (
        message.act,
        message.referral,
        message.filler,
        message.patient,
    )
    assert again.explanation.split() == message.explanation.split()
    assert again.appointment == message.appointment


def test_an_inquiry_is_not_360x() -> None:
    with pytest.raises(NotSayableError):
        write_360x(act(Act.INQUIRE))
    with pytest.raises(NotSayableError):
        write_360x(act(Act.BOOK))


def test_the_samples_of_the_guides_pages_are_read_and_written_again() -> None:
    files = sorted((CORPUS.parent / "direct" / "360x").glob("*.hl7"))
    expected = [
        Act.REQUEST,
        Act.ACCEPT,
        Act.DECLINE,
        Act.CANCEL,
        Act.CONFIRM_CANCEL,
        Act.INTERIM,
        Act.COMPLETE,
        Act.BOOK,
        Act.NO_SHOW,
    ]
    for file, wanted in zip(files, expected, strict=False):
        said = received(file.read_bytes())
        assert said.act is wanted
        assert received(write_360x(said).message) == said
    print(f"{len(files)} samples of 360X read")
