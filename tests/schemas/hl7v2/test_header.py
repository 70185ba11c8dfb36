from dataclasses import dataclass

import pytest

from schemas.hl7v2 import Er7, Hl7Error, ack_mode, header, wants_accept_ack, wants_application_ack

HEAD = b"MSH|^~\\&|APP^1.2^ISO|FAC|RAPP|RFAC|2026||ADT^A01^ADT_A01|C1|P^T|2.5.1^US|||AL|NE||UNICODE UTF-8\rPID|\xff"


def test_the_header_of_a_message() -> None:
    found = header(HEAD)
    assert found.sending_application == "APP"
    assert found.sending_facility == "FAC"
    assert found.receiving_application == "RAPP"
    assert found.receiving_facility == "RFAC"
    assert (found.message_type, found.trigger_event, found.structure) == ("ADT", "A01", "ADT_A01")
    assert (found.control_id, found.processing_id, found.version) == ("C1", "P", "2.5.1")
    assert (found.accept_ack, found.application_ack, found.charset) == ("AL", "NE", "UNICODE UTF-8")


@pytest.mark.parametrize(
    "body",
    [
        HEAD,
        HEAD.replace(b"\r", b"\n"),
        HEAD.replace(b"\r", b"\r\n"),
        b"\x0b" + HEAD,
        b"\r\n " + HEAD,
        HEAD.replace(b"APP", b"A\\T\\PP"),
        HEAD.replace(b"FAC|", "Köln|".encode()),
        HEAD.replace(b"FAC|", b"K\xf6ln|").replace(b"UNICODE UTF-8", b"8859/1"),
        HEAD.replace(b"ADT^A01^ADT_A01", b"ADT_A01"),
        HEAD.replace(b"ADT^A01^ADT_A01", b"ACK"),
        HEAD.replace(b"|", b"$").replace(b"^", b"*"),
        b"MSH|^~\\&|" + b"x" * 5000 + b"|FAC\r",
        b"MSH|^~\\&",
        b"MSH|",
        HEAD.decode("latin-1").encode("utf-16"),
    ],
)
def test_the_header_agrees_with_the_model(body: bytes) -> None:
    found, model = header(body), Er7.parse(body)
    assert found.sending_application == model.get("MSH-3.1")
    assert found.sending_facility == model.get("MSH-4.1")
    assert found.receiving_facility == model.get("MSH-6.1")
    assert found.message_type == model.message_type
    assert found.trigger_event == model.trigger_event
    assert found.structure == model.structure
    assert found.control_id == model.control_id
    assert found.version == model.version
    assert found.accept_ack == model.get("MSH-15")
    assert found.charset == model.get("MSH-18")
    assert found.delimiters == model.delimiters


@pytest.mark.parametrize("body", [b"", b"MSH", b"MSHX", b"MSH \r", b"MSH\r|", b"PID|1", b"MSH\x1c|"])
def test_no_header(body: bytes) -> None:
    with pytest.raises(Hl7Error) as refused:
        header(body)
    assert refused.value.hint


@dataclass
class Wish:
    accept: str
    application: str
    mode: str
    accept_good: bool = False
    accept_bad: bool = False
    application_good: bool = False
    application_bad: bool = False


@pytest.mark.parametrize(
    "wish",
    [
        Wish("", "", "original", application_good=True, application_bad=True),
        Wish('""', '""', "original", application_good=True, application_bad=True),
        Wish("AL", "NE", "enhanced", accept_good=True, accept_bad=True),
        Wish("AL", "", "enhanced", accept_good=True, accept_bad=True),
        Wish("NE", "AL", "enhanced", application_good=True, application_bad=True),
        Wish("ER", "ER", "enhanced", accept_bad=True, application_bad=True),
        Wish("SU", "SU", "enhanced", accept_good=True, application_good=True),
        Wish("al", "XX", "enhanced", True, True, True, True),
        Wish("NE", "NE", "enhanced"),
    ],
)
def test_which_acknowledgments_the_sender_wants(wish: Wish) -> None:
    found = header(f"MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5|||{wish.accept}|{wish.application}\r".encode())
    assert ack_mode(found) == wish.mode
    assert wants_accept_ack(found, True) == wish.accept_good
    assert wants_accept_ack(found, False) == wish.accept_bad
    assert wants_application_ack(found, True) == wish.application_good
    assert wants_application_ack(found, False) == wish.application_bad
