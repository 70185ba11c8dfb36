"""What is sent, held to the checks of ONC's message validator (DTS numbers), read by Python's parser and OpenSSL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from channels.direct import smime
from channels.direct.issuing import issue, new_authority
from channels.direct.keys import Identity
from channels.direct.mime import Attachment, write_mail
from channels.direct.notices import Mdn, NoticeKind, write_mdn
from channels.direct.trust.binding import names_of
from tests.channels.direct.openssl import openssl
from tests.channels.direct.people import NOW, person

ALICE, BOB = person("alice@a.example"), person("bob@b.example")
HEADERS = [
    ("From", "Alice <alice@a.example>"),
    ("Sender", "alice@a.example"),
    ("Reply-To", "alice@a.example"),
    ("To", "bob@b.example"),
    ("Cc", "Bob <bob@b.example>"),
    ("Date", "Mon, 02 Mar 2026 08:00:00 +0000"),
    ("Message-ID", "<1@a.example>"),
    ("In-Reply-To", "<0@b.example>"),
    ("References", "<00@b.example> <0@b.example>"),
    ("Subject", "Überweisung, XDM/1.0/DDM"),
    ("Comments", "none"),
    ("X-Optional", "whatever"),
    ("Disposition-Notification-To", "alice@a.example"),
    ("Keywords", "referral"),
]
FILES = [
    Attachment("ccd.xml", "text/xml", b"<ClinicalDocument/>" * 90, description="Zusammenfassung für Sie"),
    Attachment("Übersicht.pdf", "application/pdf", b"%PDF-1.4" * 90),
    Attachment("note.txt", "text/plain", "tab\tumlaut ü\n".encode(), "inline", charset="utf-8"),
]
ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>\Z")


@dataclass(frozen=True)
class Made:
    """A mail that was protected, at each of its layers."""

    outer: Message
    signed: Message
    signed_octets: bytes
    inner: Message
    inner_octets: bytes
    printed: str
    """The signature as OpenSSL prints it."""

    @property
    def parts(self) -> list[Message]:
        """The two parts of multipart/signed."""
        payload = self.signed.get_payload()
        assert isinstance(payload, list)
        return payload

    @property
    def leaves(self) -> list[Message]:
        """The parts of the inner mail."""
        return [part for part in self.inner.walk() if not part.is_multipart()]

    @property
    def all(self) -> list[Message]:
        """Every entity of every layer."""
        return [self.outer, *self.signed.walk()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("validator")
    mail = write_mail(HEADERS, "Grüße, see below.\n" * 9, FILES, bytes)
    octets = smime.protect(mail, ALICE, [BOB.certificate], NOW)
    BOB.write(folder, "bob")
    (folder / "mail").write_bytes(octets)
    signed = openssl(folder, "cms -decrypt -in mail -inkey bob.key -recip bob.crt")
    parsed = BytesParser().parsebytes(signed)
    part, signature = parsed.get_payload()  # type: ignore[misc]
    (folder / "signature").write_bytes(signature.get_payload(decode=True))  # type: ignore[arg-type,union-attr]
    printed = openssl(folder, "cms -cmsout -print -noout -inform DER -in signature").decode()
    inner = part.get_payload()[0]  # type: ignore[index,union-attr]
    return Made(BytesParser().parsebytes(octets), parsed, signed, inner, mail, printed)  # type: ignore[arg-type]


def mailboxes(value: str | None) -> bool:
    return all("@" in address for _, address in getaddresses([value or ""]))


def of_type(message: Message, *types: str) -> bool:
    return message.get_content_type() in types


def has_good_boundary(entity: Message) -> bool:
    boundary = entity.get_boundary() or ""
    return ":" not in boundary and f'boundary="{boundary}"' in entity["content-type"]


CHECKS = [
    pytest.param(lambda made: made.inner["mime-version"] == "1.0", marks=pytest.mark.row("DTS 102b")),
    pytest.param(lambda made: "return-path" not in made.inner, marks=pytest.mark.row("DTS 103-105")),
    pytest.param(lambda made: "received" not in made.inner, marks=pytest.mark.row("DTS 104-106")),
    pytest.param(lambda made: "resent-date" not in made.inner, marks=pytest.mark.row("DTS 107")),
    pytest.param(lambda made: "resent-from" not in made.inner, marks=pytest.mark.row("DTS 108")),
    pytest.param(lambda made: "resent-sender" not in made.inner, marks=pytest.mark.row("DTS 109")),
    pytest.param(lambda made: "resent-to" not in made.inner, marks=pytest.mark.row("DTS 110")),
    pytest.param(lambda made: "resent-cc" not in made.inner, marks=pytest.mark.row("DTS 111")),
    pytest.param(lambda made: "resent-bcc" not in made.inner, marks=pytest.mark.row("DTS 112")),
    pytest.param(lambda made: "resent-msg-id" not in made.inner, marks=pytest.mark.row("DTS 113")),
    pytest.param(
        lambda made: not [name for name in made.inner if name.lower().startswith("resent-")],
        marks=pytest.mark.row("DTS 197"),
    ),
    pytest.param(lambda made: parsedate_to_datetime(made.inner["date"]).year == 2026, marks=pytest.mark.row("DTS 114")),
    pytest.param(
        lambda made: mailboxes(made.inner["from"]) and made.inner["from"] == made.outer["from"],
        marks=pytest.mark.row("DTS 115"),
    ),
    pytest.param(lambda made: mailboxes(made.inner["sender"]), marks=pytest.mark.row("DTS 116")),
    pytest.param(lambda made: mailboxes(made.inner["reply-to"]), marks=pytest.mark.row("DTS 117")),
    pytest.param(
        lambda made: mailboxes(made.inner["to"]) and made.inner["to"] == made.outer["to"],
        marks=pytest.mark.row("DTS 118"),
    ),
    pytest.param(lambda made: mailboxes(made.inner["cc"]), marks=pytest.mark.row("DTS 119")),
    pytest.param(lambda made: "bcc" not in made.inner, marks=pytest.mark.row("DTS 120")),
    pytest.param(
        lambda made: bool(ID.match(made.inner["message-id"])) and made.inner["message-id"] == "<1@a.example>",
        marks=pytest.mark.row("DTS 121"),
    ),
    pytest.param(lambda made: bool(ID.match(made.inner["in-reply-to"])), marks=pytest.mark.row("DTS 122")),
    pytest.param(
        lambda made: all(ID.match(each) for each in made.inner["references"].split()), marks=pytest.mark.row("DTS 123")
    ),
    pytest.param(lambda made: "subject" in made.inner, marks=pytest.mark.row("DTS 124")),
    pytest.param(lambda made: made.inner["comments"] == "none", marks=pytest.mark.row("DTS 125")),
    pytest.param(lambda made: made.inner["keywords"] == "referral", marks=pytest.mark.row("DTS 126")),
    pytest.param(lambda made: made.inner["x-optional"] == "whatever", marks=pytest.mark.row("DTS 127")),
    pytest.param(lambda made: mailboxes(made.inner["disposition-notification-to"]), marks=pytest.mark.row("DTS 128")),
    pytest.param(lambda made: of_type(made.outer, "application/pkcs7-mime"), marks=pytest.mark.row("DTS 129")),
    pytest.param(lambda made: of_type(made.outer, "application/pkcs7-mime"), marks=pytest.mark.row("DTS 133a")),
    pytest.param(lambda made: of_type(made.signed, "multipart/signed"), marks=pytest.mark.row("DTS 133b")),
    pytest.param(
        lambda made: all("/" in each["content-type"] for each in made.all if "content-type" in each),
        marks=pytest.mark.row("DTS 133-145-146"),
    ),
    pytest.param(
        lambda made: not [each for each in made.all if "content-id" in each], marks=pytest.mark.row("DTS 134-143")
    ),
    pytest.param(
        lambda made: any("content-description" in each for each in made.leaves),
        marks=pytest.mark.row("DTS 135-142-144"),
    ),
    pytest.param(
        lambda made: (
            {each.get("content-transfer-encoding", "7bit") for each in made.all}
            <= {"7bit", "base64", "quoted-printable"}
        ),
        marks=pytest.mark.row("DTS 136-148-157"),
    ),
    pytest.param(
        lambda made: all(has_good_boundary(each) for each in made.all if of_type(each, "multipart/signed")),
        marks=pytest.mark.row("DTS 137-140"),
    ),
    pytest.param(
        lambda made: all(name.lower().startswith("content-") for part in made.parts for name in part),
        marks=pytest.mark.row("DTS 138-149"),
    ),
    pytest.param(lambda made: of_type(made.parts[0], "message/rfc822"), marks=pytest.mark.row("DTS 139")),
    pytest.param(lambda made: made.inner_octets in made.signed_octets, marks=pytest.mark.row("DTS 151")),
    pytest.param(lambda made: of_type(made.parts[1], "application/pkcs7-signature"), marks=pytest.mark.row("DTS 152")),
    pytest.param(lambda made: of_type(made.parts[1], "application/pkcs7-signature"), marks=pytest.mark.row("DTS 155")),
    pytest.param(
        lambda made: made.parts[1].get_content_disposition() == "attachment", marks=pytest.mark.row("DTS 156")
    ),
    pytest.param(lambda made: made.signed.get_param("micalg") == "sha-256", marks=pytest.mark.row("DTS 160")),
    pytest.param(lambda made: made.parts[1].get_filename() == "smime.p7s", marks=pytest.mark.row("DTS 161-194")),
    pytest.param(lambda made: "signedData" in made.printed, marks=pytest.mark.row("DTS 164")),
    pytest.param(
        lambda made: "algorithm: sha256 (2.16.840.1.101.3.4.2.1)" in made.printed, marks=pytest.mark.row("DTS 165")
    ),
    pytest.param(lambda made: "encapContentInfo" in made.printed, marks=pytest.mark.row("DTS 166")),
    pytest.param(
        lambda made: "certificates:" in made.printed and "signerInfos:" in made.printed,
        marks=pytest.mark.row("DTS 167"),
    ),
    pytest.param(lambda made: "eContent: <ABSENT>" in made.printed, marks=pytest.mark.row("DTS 182")),
    pytest.param(
        lambda made: not [each for each in made.all if "(" in each.get("content-disposition", "")],
        marks=pytest.mark.row("DTS 190"),
    ),
    pytest.param(lambda made: all(each.get_content_subtype() for each in made.all), marks=pytest.mark.row("DTS 191")),
    pytest.param(
        lambda made: made.outer.get_param("name") == "smime.p7m" and bool(made.parts[1].get_param("name")),
        marks=pytest.mark.row("DTS 192"),
    ),
    pytest.param(
        lambda made: not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", made.inner_octets),
        marks=pytest.mark.row("DTS 195"),
    ),
    pytest.param(
        lambda made: made.inner_octets.isascii() and made.signed_octets.isascii(), marks=pytest.mark.row("DTS 196")
    ),
    pytest.param(
        lambda made: made.inner.defects == [] and made.inner.keys() == [*dict(HEADERS), "MIME-Version", "Content-Type"],
        marks=pytest.mark.row("DTS 199"),
    ),
    pytest.param(lambda made: all(each.defects == [] for each in made.all), marks=pytest.mark.row("DTS 200")),
    pytest.param(lambda made: made.outer.get_param("name") == "smime.p7m", marks=pytest.mark.row("DTS 201")),
    pytest.param(lambda made: made.outer.get_param("smime-type") == "enveloped-data", marks=pytest.mark.row("DTS 202")),
    pytest.param(lambda made: made.outer.get_filename() == "smime.p7m", marks=pytest.mark.row("DTS 203")),
    pytest.param(lambda made: len(made.leaves) == 1 + len(FILES), marks=pytest.mark.row("DTS 204")),
    pytest.param(
        lambda made: made.signed.get_param("protocol") == "application/pkcs7-signature",
        marks=pytest.mark.row("DTS 205"),
    ),
    pytest.param(
        lambda made: made.parts[0].get("content-transfer-encoding", "7bit") == "7bit", marks=pytest.mark.row("DTS 206")
    ),
    pytest.param(lambda made: len(made.parts) == 2, marks=pytest.mark.row("DTS 207")),
]


@pytest.mark.parametrize("holds", CHECKS)
def test_what_is_sent_passes_the_validator(made: Made, holds: Callable[[Made], bool]) -> None:
    assert holds(made)


CERTIFICATES = [
    pytest.param(
        lambda certificate: len(names_of(certificate).addresses + names_of(certificate).domains) == 1,
        marks=pytest.mark.row("DTS C4", "DTS 240"),
    ),
    pytest.param(
        lambda certificate: all("@" in each for each in names_of(certificate).addresses),
        marks=pytest.mark.row("DTS C5"),
    ),
    pytest.param(
        lambda certificate: all("." in each and "@" not in each for each in names_of(certificate).domains),
        marks=pytest.mark.row("DTS C7"),
    ),
    pytest.param(lambda certificate: len(certificate.subject) > 0, marks=pytest.mark.row("DTS 225")),
    pytest.param(
        lambda certificate: isinstance(certificate.signature_hash_algorithm, hashes.SHA256),
        marks=pytest.mark.row("DTS SVAP"),
    ),
]


@cache
def made_identity(name: str) -> Identity:
    lasts = timedelta(days=30)
    return issue(new_authority("Anchor", "ec", NOW, lasts), name, "ec", "both", NOW, lasts)


@pytest.mark.parametrize("holds", CERTIFICATES)
@pytest.mark.parametrize("name", ["alice@a.example", "a.example"])
def test_an_identity_that_is_made_for_tests_passes_the_validator(
    name: str, holds: Callable[[x509.Certificate], bool]
) -> None:
    assert holds(made_identity(name).certificate)


NOTICES = [
    pytest.param(lambda mail, _: "bcc" not in mail, marks=pytest.mark.row("DTS 451")),
    pytest.param(lambda mail, _: "disposition-notification-to" not in mail, marks=pytest.mark.row("DTS 452")),
    pytest.param(lambda mail, _: "disposition-notification-options" not in mail, marks=pytest.mark.row("DTS 453")),
    pytest.param(lambda mail, _: "original-recipient" not in mail, marks=pytest.mark.row("DTS 454")),
    pytest.param(lambda mail, _: mail.get_content_type() == "multipart/report", marks=pytest.mark.row("DTS 455")),
    pytest.param(
        lambda mail, _: mail.get_payload(1).get_content_type() == "message/disposition-notification",
        marks=pytest.mark.row("DTS 456"),
    ),
    pytest.param(lambda _, fields: is_printable(fields.get("failure", "")), marks=pytest.mark.row("DTS 463")),
    pytest.param(lambda _, fields: is_printable(fields.get("error", "")), marks=pytest.mark.row("DTS 464")),
    pytest.param(lambda _, fields: is_printable(fields.get("warning", "")), marks=pytest.mark.row("DTS 465")),
    pytest.param(
        lambda _, fields: is_printable(fields.get("x-direct-final-destination-delivery", "")),
        marks=pytest.mark.row("DTS 466"),
    ),
]


@pytest.mark.parametrize("holds", NOTICES)
@pytest.mark.parametrize("kind", [NoticeKind.PROCESSED, NoticeKind.DISPATCHED, NoticeKind.FAILED])
def test_a_notice_passes_the_validator(kind: NoticeKind, holds: Callable[[Message, Message], bool]) -> None:
    failure = "5.2.2 the mailbox is full" if kind is NoticeKind.FAILED else ""
    mdn = Mdn(kind, "bob@b.example", "alice@a.example", "1@a.example", "b.example", failure)
    mail = BytesParser().parsebytes(write_mdn(mdn, NOW, "2@b.example"))
    fields = mail.get_payload(1).get_payload(0)  # type: ignore[union-attr]
    assert isinstance(fields, Message)
    assert ("failure" in fields) == bool(failure)
    assert ("x-direct-final-destination-delivery" in fields) == (kind is NoticeKind.DISPATCHED)
    assert holds(mail, fields)


def is_printable(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)
