from datetime import UTC, datetime, timedelta, timezone

import hl7
import pytest

from schemas.hl7v2 import AckError, Er7, Hl7Error, acknowledge, read_ack, timestamp

NOW = datetime(2026, 3, 12, 8, 30, 15, 999, tzinfo=UTC)
ERRORS = [("PID-3[2].1", "101", "an id is needed"), ("PV1", "100", ""), ("", "207", "busy")]


def request(version: str, more: str = "") -> bytes:
    return f"MSH|^~\\&|APP^1.2^ISO|FAC|RAPP|RFAC|20260312||ADT^A01^ADT_A01|C1|T|{version}{more}\rPID|1\r".encode()


@pytest.mark.parametrize(
    ("version", "lines"),
    [
        ("2.1", ["ACK", "MSA|AE|C1|no good", "ERR|PID^1^3^101~PV1^1^^100~^^^207"]),
        ("2.2", ["ACK", "MSA|AE|C1|no good", "ERR|PID^1^3^101~PV1^1^^100~^^^207"]),
        (
            "2.3",
            [
                "ACK^A01",
                "MSA|AE|C1|no good",
                "ERR|PID^1^3^101&an id is needed&HL70357~PV1^1^^100&Segment sequence error&HL70357~^^^207&busy&HL70357",
            ],
        ),
        (
            "2.4",
            [
                "ACK^A01^ACK",
                "MSA|AE|C1|no good",
                "ERR|PID^1^3^101&an id is needed&HL70357~PV1^1^^100&Segment sequence error&HL70357~^^^207&busy&HL70357",
            ],
        ),
        (
            "2.5.1",
            [
                "ACK^A01^ACK",
                "MSA|AE|C1|no good",
                "ERR||PID^1^3^2^1|101^Required field missing^HL70357|E||||an id is needed",
                "ERR||PV1^1|100^Segment sequence error^HL70357|E",
                "ERR|||207^Application error^HL70357|E||||busy",
            ],
        ),
        (
            "2.8",
            [
                "ACK^A01^ACK",
                "MSA|AE|C1",
                "ERR||PID^1^3^2^1|101^Required field missing^HL70357|E||||an id is needed",
                "ERR||PV1^1|100^Segment sequence error^HL70357|E||||no good",
                "ERR|||207^Application error^HL70357|E||||busy",
            ],
        ),
    ],
)
def test_errors_in_the_form_of_the_senders_version(version: str, lines: list[str]) -> None:
    answer = acknowledge(request(version), "AE", control_id="A9", now=NOW, text="no good", errors=ERRORS)
    kind, *segments = lines
    msh = f"MSH|^~\\&|RAPP|RFAC|APP^1.2^ISO|FAC|20260312083015+0000||{kind}|A9|T|{version}"
    assert answer.decode().split("\r") == [msh, *segments, ""]
    assert Er7.parse(answer).findings == []


@pytest.mark.parametrize("version", ["2.1", "2.3", "2.4", "2.5.1", "2.9"])
def test_what_is_written_is_read(version: str) -> None:
    answer = read_ack(acknowledge(request(version), "AR", control_id="1", now=NOW, text="no", errors=ERRORS))
    assert (answer.code, answer.control_id, answer.accepted) == ("AR", "C1", False)
    assert [error.code for error in answer.errors] == ["101", "100", "207"]
    assert [error.where for error in answer.errors][1:] == ["PV1", ""]
    assert answer.errors[0].where == ("PID-3[2].1" if version > "2.4" else "PID-3")
    assert answer.text


@pytest.mark.parametrize("code", ["AA", "AE", "AR", "CA", "CE", "CR"])
def test_each_code(code: str) -> None:
    answer = acknowledge(request("2.5"), code, control_id="1", now=NOW)
    assert answer.endswith(b"\rMSA|" + code.encode() + b"|C1\r")
    assert read_ack(answer).accepted == (code in ("AA", "CA"))
    message = hl7.parse(answer.decode())
    assert str(message["MSA.F1"]) == code


def test_a_code_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="AA, AE"):
        acknowledge(request("2.5"), "OK", control_id="1", now=NOW)


@pytest.mark.parametrize("damaged", [None, b"", b"PID|1\r", b"MSH", b"\xff\xfe\x00", b"<xml/>", b"MSHA"])
def test_a_damaged_request_is_answered(damaged: bytes | None) -> None:
    answer = acknowledge(damaged, "AR", control_id="7", now=NOW, text="no header", errors=[("MSH", "100", "")])
    assert answer.startswith(b"MSH|^~\\&|||||20260312083015+0000||ACK|7|P|2.5.1\rMSA|AR||no header\rERR||MSH^1|100^")
    assert read_ack(answer).errors[0].where == "MSH"


def test_a_text_alone_becomes_an_error_where_the_version_asks_for_one() -> None:
    answer = acknowledge(request("2.5.1"), "AE", control_id="1", now=NOW, text="the disk is full | wait")
    assert b"MSA|AE|C1|the disk is full \\F\\ wait\rERR|||207^Application error^HL70357|E||||the disk" in answer
    assert b"ERR" not in acknowledge(request("2.4"), "AE", control_id="1", now=NOW, text="full")
    assert b"ERR" not in acknowledge(request("2.5.1"), "AA", control_id="1", now=NOW, text="fine")


def test_the_answer_keeps_delimiters_and_character_set() -> None:
    odd = b"MSH$*!@%$\xc4PP$$$$$$ADT*A01$\xd6\xd6$P$2.4$$$$$$8859/1\r"
    answer = acknowledge(odd, "AE", control_id="1", now=NOW, text="größer $", errors=[("PID-3", "101", "x")])
    assert answer.startswith(b"MSH$*!@%$$$\xc4PP$$20260312083015+0000$$ACK*A01*ACK$1$P$2.4$$$$$$8859/1\r")
    assert b"MSA$AE$\xd6\xd6$gr\xf6\xdfer @F@\rERR$PID*1*3*101%x%HL70357\r" in answer
    assert read_ack(answer).text == "größer $"


def test_a_request_in_utf_16_is_answered_in_it() -> None:
    wide = request("2.5", "||||||UNICODE UTF-16").decode().encode("utf-16-le")
    answer = acknowledge(wide, "AA", control_id="1", now=NOW)
    assert "MSA|AA|C1\r" in answer.decode("utf-16-le")
    assert read_ack(answer).control_id == "C1"


def test_text_beyond_the_character_set_does_not_stop_the_answer() -> None:
    assert b"MSA|AE|C1|za?\\X0D\\" in acknowledge(request("2.4"), "AE", control_id="1", now=NOW, text="zał\r")


def test_a_request_without_an_escape_character_is_answered() -> None:
    answer = acknowledge(b"MSH|^~|A|B|C|D|2026||ADT^A01|C1|P|2.5\r", "AE", control_id="1", now=NOW, text="a|b^c")
    assert b"MSA|AE|C1|a?b?c\r" in answer


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\x1c\r"])
@pytest.mark.parametrize(
    "body",
    [
        b"MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.3\rMSA|AA|C1",
        b"MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.3\nMSA| aa |C1 ",
        b"MSA|AA|C1",
        b"\x0bMSA|AA|C1",
        b"MSH#^~\\&#A#B\rMSA#AA#C1",
        b"MSH\rMSA|AA|C1",
        b"MSH|^~\\&|A\r\r\nMSA|AA|C1|",
    ],
)
def test_an_answer_as_partners_write_it(body: bytes, ending: bytes) -> None:
    answer = read_ack(body + ending if ending != b"\x1c\r" else body + b"\r" + ending)
    assert (answer.code, answer.control_id, answer.accepted) == ("AA", "C1", True)


@pytest.mark.parametrize("body", [b"", b"OK", b"MSH|^~\\&|A\rPID|1\r", b"HTTP/1.1 200 OK"])
def test_what_is_no_acknowledgment_is_refused(body: bytes) -> None:
    with pytest.raises(Hl7Error) as refused:
        read_ack(body)
    assert refused.value.where == "MSA"


def test_error_locations_of_partners_are_read_as_far_as_they_make_sense() -> None:
    answer = read_ack(
        b"MSH|^~\\&|A|B|||2026||ACK|9|P|2.5\rMSA|AE|C1\rERR||OBX^2^5^1^3|102^Data type error^HL70357|E|||diag|please\r"
        b"ERR||x^y|Z9\rERR|PID^1^3^101&Required&HL70357~PV1\rERR\r"
    )
    assert answer.errors == (
        AckError("OBX[2]-5.3", "102", "please"),
        AckError("", "Z9", ""),
        AckError("PID-3", "101", "Required"),
        AckError("PV1", "", ""),
    )
    assert answer.text == "please"


def test_a_timestamp_has_its_offset() -> None:
    assert timestamp(NOW) == "20260312083015+0000"
    assert timestamp(NOW.astimezone(timezone(timedelta(hours=-3, minutes=-30)))) == "20260312050015-0330"
    with pytest.raises(ValueError, match="time zone"):
        timestamp(NOW.replace(tzinfo=None))
