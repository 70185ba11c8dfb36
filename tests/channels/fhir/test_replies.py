"""A server's answer, kept in the journal and read again."""

from decimal import Decimal

import pytest

from channels.fhir.replies import Answer, read_answer, written


@pytest.mark.parametrize(
    "answer",
    [
        Answer(204),
        Answer(201, {"resourceType": "Patient", "id": "a"}, "Patient/a/_history/1", 'W/"1"', "2025-03-01T12:00:00Z"),
        Answer(200, {"resourceType": "Observation", "valueQuantity": {"value": Decimal("7.10")}}),
        Answer(200, {"resourceType": "Bundle", "type": "transaction-response"}),
    ],
)
def test_an_answer_is_kept_whole(answer: Answer) -> None:
    assert read_answer(written(answer)) == answer


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"MSA|AA|1\r",
        b'{"resourceType":"OperationOutcome"}',
        b'{"resourceType":"Bundle","entry":[]}',
        b'{"resourceType":"Bundle","entry":[7]}',
        b'{"resourceType":"Bundle","entry":[{"response":{"status":"201 Created"}}]}',
        written(Answer(200, {"resourceType": "Patient"}))[:-5],
        written(Answer(101)),
        written(Answer(999)),
    ],
)
def test_what_is_no_such_answer_is_none(reply: bytes) -> None:
    assert read_answer(reply) is None


def test_what_fits_no_header_is_left_out() -> None:
    sent = Answer(201, None, "Patient/1\r\nSet-Cookie: a=b", 'W/"ü"', "x" * 5000)
    assert read_answer(written(sent)) == Answer(201)


def test_a_status_without_a_body_has_none() -> None:
    assert read_answer(written(Answer(204, {"resourceType": "Patient"}))) == Answer(204)
