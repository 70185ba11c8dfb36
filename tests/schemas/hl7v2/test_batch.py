from datetime import UTC, datetime

import pytest

from schemas.hl7v2 import Er7, Hl7Error, build_batch, split_batch

NOW = datetime(2026, 3, 12, 8, 30, 15, tzinfo=UTC)
ONE = b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\rPID|1||7\r"
TWO = b"MSH$*!@%$A$B$C$D$2026$$ADT*A08$2$P$2.3\rPID$1$$8\rNTE$1$$MSH in a text\r"
FHS, BHS, BTS, FTS = b"FHS|^~\\&|LAB|||\r", b"BHS|^~\\&|LAB|||\r", b"BTS|2\r", b"FTS|1\r"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (FHS + BHS + ONE + TWO + BTS + FTS, []),
        (BHS + ONE + TWO + BTS, []),
        (FHS + BHS + ONE + BTS.replace(b"2", b"1") + BHS + TWO + BTS.replace(b"2", b"1") + b"FTS|2\r", []),
        (FHS + ONE + TWO + b"FTS\r", []),
        (ONE + TWO, []),
        (b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r", []),
        (b"\xef\xbb\xbf\r\n" + ONE + b"\r\n\r\n" + TWO + b"\r\n", []),
        (FHS + BHS + ONE + TWO + BTS, ["V2-022"]),
        (FHS + BHS + ONE + TWO, ["V2-022", "V2-022"]),
        (FHS + BHS + ONE + BHS + TWO + BTS.replace(b"2", b"1") + b"FTS|2\r", ["V2-022"]),
        (FHS + BHS + ONE + TWO + FTS, ["V2-022"]),
        (FHS + BHS + ONE + TWO + b"BTS|3\rFTS|7\r", ["V2-023", "V2-023"]),
        (FHS + BHS + ONE + TWO + b"BTS|many\rFTS|\r", []),
        (b"From: lab\r\n" + FHS + b"stray\r" + BHS + ONE + TWO + BTS + b"more\r" + FTS, ["V2-021"] * 3),
    ],
)
def test_a_batch_gives_each_message_exactly(body: bytes, codes: list[str]) -> None:
    batch = split_batch(body)
    assert [message.body for message in batch.messages] == [ONE, TWO]
    assert [finding.code for finding in batch.findings] == codes
    assert batch.enveloped == (b"HS|" in body)
    assert [Er7.parse(message.body).control_id for message in batch.messages] == ["1", "2"]


def test_each_message_knows_its_headers_and_its_line() -> None:
    batch = split_batch(
        FHS + BHS.replace(b"LAB", b"X") + ONE + b"BTS|1\r" + BHS.replace(b"LAB", b"Y") + TWO + b"BTS|1\rFTS|2\r"
    )
    first, second = batch.messages
    assert (first.file_header, first.batch_header, first.line) == (FHS[:-1], b"BHS|^~\\&|X|||", 3)
    assert (second.file_header, second.batch_header, second.line) == (FHS[:-1], b"BHS|^~\\&|Y|||", 7)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_other_line_ends(end: bytes) -> None:
    batch = split_batch((FHS + BHS + ONE + TWO + BTS + FTS).replace(b"\r", end))
    assert [message.body for message in batch.messages] == [ONE.replace(b"\r", end), TWO.replace(b"\r", end)]
    assert not batch.findings


def test_a_message_without_a_final_line_end() -> None:
    assert split_batch(ONE.rstrip(b"\r")).messages[0].body == ONE.rstrip(b"\r")
    assert split_batch(ONE.rstrip(b"\r") + b" \r\n\n").messages[0].body == ONE.rstrip(b"\r") + b" \r\n"


def test_a_batch_in_utf_16() -> None:
    body = (FHS + BHS + ONE + TWO + BTS + FTS).decode().encode("utf-16")
    assert [message.body.decode("utf-16-le") for message in split_batch(body).messages] == [ONE.decode(), TWO.decode()]


def test_an_empty_batch_has_no_messages() -> None:
    batch = split_batch(FHS + BHS + b"BTS|0\r" + FTS)
    assert batch.messages == ()
    assert not batch.findings


@pytest.mark.parametrize("body", [b"", b"\r\n", b"PID|1\r", b"<xml/>"])
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(Hl7Error) as refused:
        split_batch(body)
    assert refused.value.hint


def test_a_batch_that_is_built_is_split_again() -> None:
    built = build_batch(
        [ONE, TWO.rstrip(b"\r")], control_id="B|1", now=NOW, sending_application="A&B", receiving_facility="F"
    )
    assert built.startswith(b"FHS|^~\\&|A\\T\\B||||20260312083015+0000||||B\\F\\1\rBHS|") is False
    assert built.split(b"\r")[0] == b"FHS|^~\\&|A\\T\\B|||F|20260312083015+0000||||B\\F\\1"
    assert built.endswith(b"BTS|2\rFTS|1\r")
    batch = split_batch(built)
    assert [message.body for message in batch.messages] == [ONE, TWO]
    assert not batch.findings
    alone = build_batch([ONE], control_id="1", now=NOW, file=False)
    assert alone.startswith(b"BHS|^~\\&|")
    assert alone.endswith(b"BTS|1\r")
