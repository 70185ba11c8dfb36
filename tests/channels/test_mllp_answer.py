"""What senders are answered: codes by receipt, mode and what the message asks for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.ends import Receipt, ReceiptCode
from channels.mllp.answer import Answers, Mode
from schemas.hl7v2 import acknowledge, read_ack
from tests.channels.desk import NOW, adt
from tests.channels.mllp import field, framed

ACCEPTED = Receipt(ReceiptCode.ACCEPTED)
REJECTED = Receipt(ReceiptCode.REJECTED, "no such message here", "MSH-9", "200")
FAILED = Receipt(ReceiptCode.FAILED, "the journal is not writable")


def asking(accept_ack: str, application_ack: str) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|2025||ADT^A01|7|P|2.5|||{accept_ack}|{application_ack}\rPID|1\r".encode()


def code(mode: Mode, body: bytes, receipt: Receipt) -> str:
    answer = Answers(mode).to(body, receipt, "X1", NOW)
    if not answer:
        return ""
    assert answer[:1] == b"\x0b"
    assert answer[-2:] == b"\x1c\r"
    return read_ack(answer[1:-2]).code


@pytest.mark.parametrize(
    ("mode", "asked", "codes"),
    [
        # asked: MSH-15, MSH-16; codes: the answers to accepted, rejected, failed
        ("auto", ("", ""), "AA AR AE"),
        ("auto", ("AL", ""), "CA CR CE"),
        ("auto", ("AL", "NE"), "CA CR CE"),
        ("auto", ("AL", "AL"), "CA CR CE"),
        ("auto", ("NE", ""), "- - -"),
        ("auto", ("NE", "NE"), "- - -"),
        ("auto", ("ER", "NE"), "- CR CE"),
        ("auto", ("SU", "NE"), "CA - -"),
        ("auto", ("NE", "AL"), "AA AR AE"),
        ("auto", ("", "ER"), "- AR AE"),
        ("original", ("", ""), "AA AR AE"),
        ("original", ("NE", "NE"), "AA AR AE"),
        ("original", ("AL", ""), "AA AR AE"),
        ("enhanced", ("", ""), "CA CR CE"),
        ("enhanced", ("AL", "AL"), "CA CR CE"),
        ("enhanced", ("ER", ""), "- CR CE"),
        ("enhanced", ("NE", ""), "- - -"),
        ("always", ("", ""), "AA AR AE"),
        ("always", ("NE", "NE"), "CA CR CE"),
        ("always", ("ER", ""), "CA CR CE"),
    ],
)
def test_the_answer_follows_the_mode_and_what_the_message_asks_for(
    mode: Mode, asked: tuple[str, str], codes: str
) -> None:
    body = asking(*asked)
    given_codes = [code(mode, body, receipt) or "-" for receipt in (ACCEPTED, REJECTED, FAILED)]
    assert " ".join(given_codes) == codes


def test_a_refusal_says_why_and_where() -> None:
    answer = Answers("auto").to(adt(3), REJECTED, "X1", NOW)[1:-2]
    assert field(answer, b"MSA", 2) == "MSG00003"
    assert field(answer, b"MSH", 10) == "X1"
    assert field(answer, b"ERR", 2) == "MSH^1^9^1"
    assert field(answer, b"ERR", 3).startswith("200^")
    assert b"no such message here" in answer


@pytest.mark.parametrize("mode", ["auto", "original", "enhanced", "always"])
@pytest.mark.parametrize("body", [b"", b"hello", b"\x00\xff" * 40, b"MSH", b"M\0S\0H\0|\0^\0~\0\\\0&\0|\0"])
def test_what_is_no_message_is_still_answered(mode: Mode, body: bytes) -> None:
    assert code(mode, body, REJECTED) in ("AR", "CR")


USUAL = [
    "ADT1",
    "STANNE",
    "HIE",
    "HUB",
    "20250301",
    "",
    "ADT^A01^ADT_A01",
    "MSG1",
    "P",
    "2.5.1",
    "",
    "",
    "",
    "",
    "",
    "",
]
PIECES = st.text(st.sampled_from("ABZ019^~\\&|_. \x0b\x1c\n\té"), max_size=6) | st.sampled_from(
    ["ADT^A01", "ADT_A01", "ORU^R01^ORU_R01~X", "2.3", "2.3.1", "2.2", "2.5^USA", "AL", "NE", "UNICODE UTF-8", "8859/1"]
)


@given(st.dictionaries(st.integers(0, 19), PIECES, max_size=4), st.integers(8, 20))
@settings(max_examples=200, deadline=None)
def test_the_quick_answer_is_the_answer_that_acknowledge_makes(changes: dict[int, str], length: int) -> None:
    fields = (USUAL + [""] * 4)[:length]
    for at, value in changes.items():
        if at < length:
            fields[at] = value
    body = ("MSH|^~\\&|" + "|".join(fields) + "\rPID|1\r").encode("latin-1")
    answer = Answers("original").to(body, ACCEPTED, "X1", NOW)
    assert answer == framed(acknowledge(body, "AA", control_id="X1", now=NOW))
