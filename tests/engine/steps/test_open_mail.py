"""The step that makes messages of what a mail carries."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import count

import pytest

from channels.direct.xdm import Sending, submit, write_xdm
from engine.steps import open_mail
from schemas.message import MAIL, Message
from transforms.step import StepError

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CCDA = b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'
ADT = b"MSH|^~\\&|ADT|STANNE|HIE|HIE|20261122120000||ADT^A01|1|P|2.5\rPID|1||4711\r"


def mail(fill: Callable[[EmailMessage], None] = lambda _: None) -> Message:
    made = EmailMessage()
    made["From"], made["To"], made["Message-ID"] = "a@x.example", "b@y.example, c@y.example", "<1@x.example>"
    made["Date"], made["Subject"] = "Wed, 25 Nov 2026 12:00:00 +0000", "Note"
    made.set_content("Please read.\n")
    fill(made)
    body = made.as_bytes().replace(b"\n", b"\r\n")
    return Message("1" * 32, "direct-in", MAIL, body, NOW, attributes={"direct.peer": "10.0.0.1"})


def parts(message: Message, **options: bool) -> list[Message]:
    return list(open_mail(message, **options))


def test_each_attachment_is_a_message_of_what_its_bytes_are() -> None:
    def fill(made: EmailMessage) -> None:
        made.add_attachment(CCDA, "application", "octet-stream", filename="a.pdf")
        made.add_attachment(ADT, "text", "plain", filename="../b.hl7")
        made.add_attachment(b"%PDF-1.7 x", "application", "pdf", filename="c.pdf")

    made = parts(mail(fill))
    assert [(each.format, each.get("direct.kind"), each.get("direct.file")) for each in made] == [
        ("ccda", "ccda", "a.pdf"), ("hl7v2", "hl7v2", "b.hl7"), ("binary", "pdf", "c.pdf")]  # fmt: skip
    assert [each.body for each in made] == [CCDA, ADT, b"%PDF-1.7 x"]
    assert len({each.id for each in made}) == 3
    assert [each.id for each in parts(mail(fill))] == [each.id for each in made]
    names = ("from", "to", "message_id", "subject", "part", "peer")
    assert [made[1].get(f"direct.{name}") for name in names] == [
        "a@x.example", "b@y.example, c@y.example", "1@x.example", "Note", "2", "10.0.0.1"]  # fmt: skip


def test_what_the_inbound_end_knows_counts_before_the_headers() -> None:
    known = mail().derive("x", attributes={"direct.message_id": "own@x.example", "direct.to": "b@y.example"})
    assert [each.get("direct.to") for each in parts(known)] == ["b@y.example"]


def test_the_text_is_a_message_where_it_is_asked_for_or_nothing_else_is_there() -> None:
    with_file = mail(lambda made: made.add_attachment(CCDA, "text", "xml", filename="a.xml"))
    assert [each.format for each in parts(with_file)] == ["ccda"]
    assert [each.format for each in parts(with_file, texts=True)] == ["text", "ccda"]
    assert [each.body.strip() for each in parts(mail())] == [b"Please read."]


@pytest.mark.row("M16")
@pytest.mark.parametrize("type", ["zip", "octet-stream", "x-zip-compressed"])
def test_each_document_of_a_package_is_a_message_with_what_the_package_says(type: str) -> None:
    numbers = count(1)
    sending = Sending("a@x.example", ("b@y.example",), "1.2.3")
    package = write_xdm(submit([CCDA, ADT], sending, NOW, lambda: f"{next(numbers):032x}"), NOW)
    message = mail(lambda made: made.add_attachment(package, "application", type, filename="ccd.zip"))
    made = parts(message)
    assert [(each.body, each.format) for each in made] == [(CCDA, "ccda"), (ADT, "hl7v2")]
    assert made[0].get("xdm.format_code")
    assert made[0].get("xdm.submission_id") == made[1].get("xdm.submission_id") != ""
    assert [each.body for each in parts(message, packages=False)] == [package]


def test_a_zip_that_is_no_package_is_a_file() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("readme.txt", "x")
    message = mail(lambda each: each.add_attachment(archive.getvalue(), "application", "zip", filename="a.zip"))
    assert [each.get("direct.kind") for each in parts(message)] == ["other"]


@pytest.mark.parametrize("cut", [60, -30])
def test_a_mail_that_cannot_be_read_stops_with_a_reason(cut: int) -> None:
    whole = mail(lambda made: made.add_attachment(CCDA, "text", "xml", filename="Doe^Jane.xml"))
    with pytest.raises(StepError) as raised:
        parts(whole.derive("cut", body=whole.body[:cut]))
    assert "Jane" not in f"{raised.value.reason} {raised.value.hint}"


def test_a_package_is_held_to_the_standard_where_that_is_asked_for() -> None:
    sending = Sending("a@x.example", ("b@y.example",), "1.2.3")
    package = write_xdm(submit([CCDA], sending, NOW, iter(f"{each:032x}" for each in count(1)).__next__), NOW)

    def fill(made: EmailMessage) -> None:
        made.add_attachment(package, "application", "zip", filename="a.zip")

    assert len(parts(mail(fill))) == 1
    with pytest.raises(StepError, match=r"xdm-missing.*patientId"):
        parts(mail(fill), strict=True)
