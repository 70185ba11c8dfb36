"""What ONC's test tool attaches to mails that a receiver must take (ETT 25 to 29): sealed, opened, made messages."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from channels.direct import smime
from channels.direct.xdm import Sending, submit, write_xdm
from engine.steps import open_mail
from schemas.message import MAIL, Message
from tests.channels.direct.documents import CLINICAL, ids
from tests.channels.direct.people import NOW, person

ALICE, BOB = person("alice@a.example"), person("bob@b.example")
STYLED = b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="%s"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'
BROKEN, BAD_STYLE = STYLED % b"../nowhere/CDA.xsl", STYLED % b"style.xsl"
PDF, NOTE = b"%PDF-1.7\n%%EOF\n", b"A note for you.\r\n"


def package(change: Callable[[str, bytes], bytes] = lambda _name, content: content) -> bytes:
    """An XDM package with a clinical document, each file of it after `change`."""
    made = write_xdm(submit([CLINICAL], Sending("alice@a.example", ("bob@b.example",), "2.999.1"), NOW, ids()), NOW)
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return changed.getvalue()


def bad_xhtml(name: str, content: bytes) -> bytes:
    return b"<html><body><p>not closed <b></body>" if name == "INDEX.HTM" else content


def typed_as_xml(name: str, content: bytes) -> bytes:
    if not name.endswith("METADATA.XML"):
        return content
    assert b'mimeType="text/xml"' in content
    return content.replace(b'mimeType="text/xml"', b'mimeType="application/xml"')


TEXT = ("text/plain", "note.txt", NOTE)
CCDA = ("text/xml", "ccd.xml", CLINICAL)
XDM = ("application/zip", "xdm.zip", package())

MENU = [
    pytest.param([TEXT, CCDA], ["text", "ccda"], marks=pytest.mark.row("M15", "ETT 25a")),
    pytest.param([("application/pdf", "a.pdf", PDF), CCDA], ["pdf", "ccda"], marks=pytest.mark.row("M15", "ETT 25b")),
    pytest.param([TEXT, XDM], ["text", "ccda"], marks=pytest.mark.row("M15", "M16", "ETT 25c")),
    pytest.param([CCDA, TEXT], ["ccda", "text"], marks=pytest.mark.row("M15", "ETT 25d")),
    pytest.param([CCDA, ("application/pdf", "a.pdf", PDF)], ["ccda", "pdf"], marks=pytest.mark.row("M15", "ETT 25e")),
    pytest.param([XDM, TEXT], ["ccda", "text"], marks=pytest.mark.row("M15", "M16", "ETT 25f")),
    pytest.param([("text/xml", "ccd.xml", BROKEN)], ["ccda"], marks=pytest.mark.row("M15", "ETT 26a")),
    pytest.param(
        [("text/xml", "ccd.xml", BAD_STYLE), ("text/xml", "style.xsl", b"<xsl:nonsense>")],
        ["ccda", "text"],
        marks=pytest.mark.row("M15", "ETT 26b"),
    ),
    pytest.param(
        [("application/zip", "xdm.zip", package(bad_xhtml))], ["ccda"], marks=pytest.mark.row("M16", "ETT 27")
    ),
    pytest.param(
        [("application/octet-stream", "xdm.zip", package())], ["ccda"], marks=pytest.mark.row("M16", "ETT 28")
    ),
    pytest.param(
        [("application/zip", "xdm.zip", package(typed_as_xml))], ["ccda"], marks=pytest.mark.row("M16", "ETT 29")
    ),
]


@pytest.mark.parametrize(("attached", "kinds"), MENU)
def test_what_the_tool_attaches_is_taken(attached: list[tuple[str, str, bytes]], kinds: list[str]) -> None:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Message-ID"] = "alice@a.example", "bob@b.example", "<1@a.example>"
    mail["Date"], mail["Subject"] = "Wed, 25 Nov 2026 12:00:00 +0000", "Summary"
    mail.set_content("See what is attached.\n")
    for type, name, content in attached:
        main, _, sub = type.partition("/")
        mail.add_attachment(content, main, sub, filename=name)
    inner = smime.open(smime.protect(mail.as_bytes(), ALICE, [BOB.certificate], NOW), [BOB]).inner
    made = list(open_mail(Message("1" * 32, "direct-in", MAIL, inner, NOW)))
    assert [each.get("direct.kind") for each in made] == kinds
    assert [each.body for each in made] == [CLINICAL if name == "xdm.zip" else content for _, name, content in attached]
