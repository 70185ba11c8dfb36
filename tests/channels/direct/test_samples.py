"""The mails that ship are what their names say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.direct.mime import Entity, MailFacts
from channels.direct.noticed import is_answered, is_notice, notices_of
from channels.direct.notices import NoticeKind, wants_final_delivery
from channels.direct.xdm import read_xdm
from engine.steps import open_mail
from schemas.ccda import Document
from schemas.message import MAIL, Message

SAMPLES = Path(__file__).parents[3] / "samples"
ID = "20260312.1@direct.stanne.example"


def read(name: str) -> Entity:
    return Entity.parse((SAMPLES / "direct" / name).read_bytes())


def opened(name: str) -> list[Message]:
    body = (SAMPLES / "direct" / name).read_bytes()
    return list(open_mail(Message("0" * 32, "c", MAIL, body, datetime(2026, 3, 12, tzinfo=UTC))))


@pytest.mark.parametrize("file", sorted((SAMPLES / "direct").glob("*.eml")), ids=lambda file: file.stem)
def test_a_mail_keeps_the_rules(file: Path) -> None:
    body = file.read_bytes()
    assert body.isascii()
    assert body.count(b"\n") == body.count(b"\r\n") == body.count(b"\r")
    assert MailFacts.of(Entity.parse(body).headers).message_id.endswith(".example>")


def test_the_referral_carries_a_clinical_document() -> None:
    (part,) = opened("referral.eml")
    assert (part.get("direct.kind"), part.get("direct.file")) == ("ccda", "summary.xml")
    assert ("2.16.840.1.113883.10.20.22.1.1", "2015-08-01") in Document.parse(part.body).template_ids
    mail = read("referral.eml")
    assert is_answered(mail)
    assert wants_final_delivery(mail.headers.get("disposition-notification-options"))


@pytest.mark.row("M17")
def test_the_package_carries_the_document_and_the_order() -> None:
    assert "XDM/1.0/DDM" in read("package.eml").headers.get("subject")
    document, order = opened("package.eml")
    assert (document.format, order.format) == ("ccda", "hl7v2")
    assert order.body == (SAMPLES / "hl7v2" / "ref_i12.hl7").read_bytes()
    assert document.get("xdm.patient_id") == order.get("xdm.patient_id") == "7704318^^^&2.16.840.1.113883.19.5.1&ISO"
    package = read_xdm(read("package.eml").parts[1].decoded(), strict=True, accept_wrong_hash=False)
    assert package.findings == ()


@pytest.mark.parametrize(("name", "kind"), [("processed.eml", NoticeKind.PROCESSED), ("bounce.eml", NoticeKind.FAILED)])
def test_the_notices_are_about_the_referral(name: str, kind: NoticeKind) -> None:
    mail = read(name)
    assert is_notice(mail)
    assert not is_answered(mail)
    (notice,) = notices_of(mail)
    assert (notice.kind, notice.message_id, notice.recipient) == (kind, ID, "office@direct.eastmere.example")
