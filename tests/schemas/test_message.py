"""What is read of a body is read once for all messages that have it, and never for one that has another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.message import FHIR, HL7V2, TEXT, Message

BODY = "MSH|^~\\&|A|STANNE|||20261125||ADT^A01|M1|P|2.5.1\rPID|1||7||Müller\r".encode("latin-1")
SENT = Message("0" * 32, "adt", HL7V2, BODY, datetime(2026, 11, 25, tzinfo=UTC))


def test_steps_that_keep_the_body_share_what_was_read_of_it() -> None:
    read = []

    def reading(message: Message) -> int:
        read.append(message.id)
        return len(message.body)

    first = SENT.derive("a", attributes={"subscriber.id": "riverside"})
    second = first.derive("b")
    assert [each.once(reading) for each in (first, second, first.derive("c"))] == [len(BODY)] * 3
    assert len(read) == 1
    assert second.er7 is first.er7


@pytest.mark.parametrize(
    "other",
    [
        SENT.derive("a", body=BODY.replace(b"M1", b"M2")),
        SENT.derive("a", attributes={"body.charset": "8859/15"}),
        SENT.derive("a", format=TEXT),
    ],
    ids=["another body", "another character set", "another format"],
)
def test_what_is_something_else_is_read_anew(other: Message) -> None:
    def reading(message: Message) -> str:
        return message.id

    assert SENT.once(reading) == SENT.id
    assert other.once(reading) == other.id


def test_a_character_set_that_a_step_names_is_obeyed() -> None:
    assert SENT.er7.get("PID-5") == "Müller"
    assert SENT.derive("a", attributes={"body.charset": "8859/5"}).er7.get("PID-5") != "Müller"


def test_what_somebody_has_read_of_a_resource_is_not_read_again() -> None:
    resource = {"resourceType": "Patient"}
    patient = Message("1" * 32, "fhir", FHIR, b"no JSON", SENT.received).known_as(resource)
    assert patient.fhir is resource
    assert patient.derive("a").fhir is resource
