"""Whatever arrives: a refusal, or a message that comes back byte for byte, in time that grows with its size."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hl7v2 import Er7, Hl7Error, acknowledge, header, read_ack, split_batch

NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)
HEAD = b"MSH|^~\\&|APP|FAC|RAPP|RFAC|20260312||ADT^A01^ADT_A01|C1|P|2.5.1\r"

PIECES = st.sampled_from(
    [
        *(
            b"MSH",
            b"PID",
            b"OBX",
            b"FHS",
            b"BHS",
            b"BTS",
            b"|",
            b"^",
            b"~",
            b"\\",
            b"&",
            b"#",
            b"\r",
            b"\n",
            b" ",
            b"\t",
        ),
        *(
            b"MSH|^~\\&|",
            b"\\X0D\\",
            b"\\.br\\",
            b"\\M2442\\",
            b"\\C2842\\",
            b"\x1b$B",
            b"\x1b(B",
            b"\x1bX",
            b"\x0b",
            b"\x1c",
        ),
        *(
            b"\0",
            b"\xff",
            b"\xfe",
            b"\xef\xbb\xbf",
            b"\xa5\\",
            b"\x81\x30",
            b"A01",
            b"|||||||||||||||BIG-5",
            b"ISO IR87",
        ),
        *(b"||||||||||||||||~ISO IR87", b"UNICODE UTF-16", "Müller".encode(), "MSH|^".encode("utf-16-le")),
    ]
)
SOUP = st.lists(PIECES | st.binary(max_size=4), max_size=30).map(b"".join)
ANYTHING = st.binary(max_size=60) | SOUP | SOUP.map(lambda soup: HEAD + soup) | SOUP.map(lambda soup: b"MSH" + soup)
PATHS = ("MSH-9.1", "PID-3[2].4.1", "PID-5", "OBX[*]-5[*].1", "OBX[2]", "MSH", "FHS-3", "MSH-18", "MSH-2")


@given(ANYTHING, st.sampled_from([None, "8859/1", "BIG-5", "nonsense"]))
def test_any_bytes_are_refused_or_come_back(body: bytes, charset: str | None) -> None:
    try:
        parsed = Er7.parse(body, charset)
    except Hl7Error as refused:
        assert refused.hint
        return
    for path in PATHS:
        parsed.get(path).encode("utf-8")
        parsed.get_all(path)
        parsed.raw(path)
    assert parsed.encode() == body
    assert parsed.only(parsed.segments).encode() == body
    for finding in parsed.findings:
        assert finding.code.startswith("V2-")
        assert finding.what


@given(ANYTHING, PIECES.map(lambda piece: piece.decode("latin-1")))
def test_an_edit_is_refused_or_read_back(body: bytes, value: str) -> None:
    try:
        parsed = Er7.parse(HEAD + body)
        parsed.set("ZQZ-2[2].3", value)
    except Hl7Error:
        return
    again = Er7.parse(parsed.encode())
    assert again.get("ZQZ-2[2].3") == value


@given(ANYTHING)
def test_any_bytes_are_answered(body: bytes) -> None:
    answer = acknowledge(body, "AE", control_id="9", now=NOW, text="no", errors=[("PID-3", "101", "missing")])
    read = read_ack(answer)
    assert read.code == "AE"
    assert b"\x0b" not in answer
    assert b"\x1c" not in answer.replace("\x1c".encode("utf-16-le"), b"")
    try:
        expected = header(body)
    except Hl7Error:
        assert read.control_id == ""
        return
    parsed = Er7.parse(body)
    assert expected.control_id == parsed.control_id
    assert expected.message_type == parsed.message_type
    assert expected.sending_application == parsed.get("MSH-3[1].1")


@given(ANYTHING)
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    try:
        read_ack(b"MSH|^~\\&|\rMSA|" + body)
        read_ack(body)
    except Hl7Error as refused:
        assert refused.hint


@given(st.lists(ANYTHING, max_size=4))
def test_any_bytes_split_into_messages_that_have_headers(bodies: list[bytes]) -> None:
    try:
        batch = split_batch(b"\r".join(bodies))
    except Hl7Error as refused:
        assert refused.hint
        return
    whole = b"\r".join(bodies).translate(None, b"\x00\x0b\x1a\x1c")
    for message in batch.messages:
        assert message.body.translate(None, b"\x00\x0b\x1a\x1c") in whole
        Er7.parse(message.body)


def megabyte(unit: bytes) -> bytes:
    return unit * (1_000_000 // len(unit))


def lines(unit: bytes) -> bytes:
    return unit * 40_000


@pytest.mark.parametrize(
    "body",
    [
        *(
            HEAD + b"PID|" + megabyte(separator) + b"x\r"
            for separator in (b"|", b"^", b"~", b"&", b"\\", b"\\F", b"\\X")
        ),
        *(
            HEAD + megabyte(blank) + b"PID|1\r"
            for blank in (b"\r", b"\n", b"\r\n", b" ", b"\r ", b"\n\t", b"\x0b", b"\r\x1c")
        ),
        *(HEAD + lines(line) for line in (b"A\r", b"PID|\r", b"x\n", b"MSH|\r", b"OBX|1\n")),
        *(megabyte(blank) + HEAD for blank in (b"\r", b"\x0b", b" ", b"MSH", b"MS", b"\0")),
        lines(b"FHS|\r") + HEAD,
        *(megabyte(unit) for unit in (b"MSH|", b"\0M", b"M\0S\0H\0", b"|", b"MSH\r")),
        lines(b"MSH|\r"),
        b"MSH|" + megabyte(b"^"),
        HEAD + b"NTE|1||" + lines(b"\\.br\\") + b"\r",
        HEAD + b"NTE|1||\\X" + megabyte(b"4D") + b"\\\r",
        HEAD + b"NTE|1||" + megabyte(b"\xff") + b"\r",
        HEAD.replace(b"2.5.1", b"2.5.1||||||~ISO IR87") + b"NTE|1||" + megabyte(b"\x1b$B") + b"\r",
        HEAD.replace(b"2.5.1", b"2.5.1||||||BIG-5") + b"NTE|1||" + megabyte(b"\xa5\\") + b"\r",
    ],
    ids=lambda body: repr(body[:2] + body[-30:])[:40],
)
def test_a_megabyte_of_anything_takes_seconds_at_most(body: bytes) -> None:
    def timed(*steps: Callable[[Er7], object]) -> float:
        started = time.process_time()
        try:
            parsed = Er7.parse(body)
            for step in steps:
                step(parsed)
        except Hl7Error as refused:
            assert refused.hint
        return time.process_time() - started

    reads = (lambda parsed: parsed.get("PID-3.1"), lambda parsed: parsed.get_all("PID-3[*].4.2"))
    assert timed(*reads, lambda parsed: parsed.get("NTE-3"), lambda parsed: parsed.get("OBX[7]-1")) < 1.5
    assert timed(lambda parsed: parsed.findings) < 3
    assert timed(lambda parsed: parsed.set("ZZZ-1", "x"), lambda parsed: parsed.encode()) < 1.5
    assert timed(lambda parsed: header(body), lambda parsed: acknowledge(body, "AR", control_id="1", now=NOW)) < 1
    assert timed(lambda parsed: split_batch(body)) < 3
