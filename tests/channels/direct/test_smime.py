"""Whole mails against OpenSSL's `cms` and `smime` in both directions, and the forms that are refused."""

from __future__ import annotations

import os
import re
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.direct import cms, smime
from channels.direct.error import DirectError
from channels.direct.mime import Attachment, Entity, MimeError, attachments, write_mail, write_multipart
from tests.channels.direct.openssl import openssl
from tests.channels.direct.people import NOW, authority, intermediate, made_once, person

ALICE, BOB = person("alice@a.example", issuer=intermediate()), person("bob@b.example")
DOCUMENT = Attachment("ccd.xml", "text/xml", b"<ClinicalDocument/>\n" * 2000)
HEADERS = [
    ("From", "Alice <alice@a.example>"),
    ("To", "bob@b.example"),
    ("Cc", "carol@b.example"),
    ("Date", "Mon, 02 Mar 2026 08:00:00 +0000"),
    ("Message-ID", "<1@a.example>"),
    ("References", "<0@b.example>"),
    ("Subject", "Discharge of a patient"),
    ("Disposition-Notification-To", "alice@a.example"),
]
MAIL = write_mail(HEADERS, "Please find the summary.\n", [DOCUMENT], bytes)
SIGNED = b"Content-Type: message/rfc822\r\n\r\n" + MAIL


def protected(protection: smime.Protection = smime.DEFAULT) -> bytes:
    return smime.protect(MAIL, ALICE, [BOB.certificate], NOW, protection)


def parsed(octets: bytes) -> Message:
    return BytesParser().parsebytes(octets)


def enclosed(content: bytes, kind: str = "enveloped-data", to: cms.Holder = BOB) -> bytes:
    """`content` in an envelope as a mail, by hand."""
    mail = [*HEADERS[:5], ("Content-Type", f"application/pkcs7-mime; smime-type={kind}")]
    head = "".join(f"{name}: {value}\r\n" for name, value in [*mail, ("Content-Transfer-Encoding", "base64")])
    return head.encode() + b"\r\n" + smime.encode_base64([cms.encrypt(content, [to.certificate])])


def signed_by_hand(
    part: bytes = SIGNED,
    *,
    parameters: tuple[tuple[str, str], ...] = (("protocol", "application/pkcs7-signature"), ("micalg", "sha-256")),
    signature_type: str = "application/pkcs7-signature",
    signature: bytes = b"",
    more_parts: tuple[bytes, ...] = (),
) -> bytes:
    encoded = smime.encode_base64([signature or cms.sign(part, ALICE, NOW)])
    second = f"Content-Type: {signature_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + encoded
    return write_multipart("signed", [part, second, *more_parts], "by-hand", parameters=parameters)


@pytest.mark.row("M6", "M8")
def test_what_is_protected_opens_to_the_same_mail() -> None:
    opened = smime.open(protected(), [BOB])
    assert opened.inner == MAIL
    assert opened.is_wrapped
    assert opened.notes == ()
    assert [signer.certificate for signer in opened.signers] == [ALICE.certificate]
    assert attachments(opened.inner)[1] == DOCUMENT


@pytest.mark.row("M9")
def test_outside_are_the_headers_that_route_and_no_more() -> None:
    outside = parsed(protected())
    assert outside.keys() == [
        *("From", "To", "Cc", "Date", "Message-ID", "References"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"),
    ]
    assert outside["message-id"] == "<1@a.example>"
    assert b"Discharge" not in protected()


@pytest.mark.row("M10", "DTS 133a", "DTS 201", "DTS 202", "DTS 203", "A7")
@pytest.mark.parametrize("cipher", get_args(cms.CipherName))
def test_the_form_of_the_envelope(cipher: cms.CipherName) -> None:
    outside = parsed(protected(smime.Protection(cipher=cipher)))
    assert outside.get_content_type() == "application/pkcs7-mime"
    kind = "enveloped-data" if cipher.endswith("cbc") else "authEnveloped-data"
    assert outside.get_param("smime-type") == kind
    assert (outside.get_param("name"), outside.get_filename()) == ("smime.p7m", "smime.p7m")
    assert smime.open(protected(smime.Protection(cipher=cipher)), [BOB]).inner == MAIL


@pytest.mark.row("M11", "M12", "M13", "DTS 133b", "DTS 155", "DTS 156", "DTS 160", "DTS 205", "DTS 206", "DTS 207")
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_the_form_of_the_signature(digest: smime.Digest) -> None:
    mail = Entity.parse(protected(smime.Protection(digest=digest)))
    signed = cms.decrypt(mail.decoded(), [BOB])
    inside = parsed(bytes(signed))
    assert inside.get_content_type() == "multipart/signed"
    assert inside.get_param("protocol") == "application/pkcs7-signature"
    assert inside.get_param("micalg") == f"sha-{digest[3:]}"
    content, signature = inside.get_payload()
    assert content.get_content_type() == "message/rfc822"
    assert signature.get_content_type() == "application/pkcs7-signature"
    assert signature.get_filename() == "smime.p7s"
    assert signed.isascii()
    assert signed.count(b"\n") == signed.count(b"\r\n")
    assert max(map(len, signed.split(b"\r\n"))) <= 998


@pytest.mark.row("M10", "M11", "A1", "A5")
@pytest.mark.parametrize("program", ["cms", "smime"])
@pytest.mark.parametrize("transport", get_args(cms.Transport))
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_openssl_opens_what_is_protected(
    tmp_path: Path, program: str, transport: cms.Transport, digest: smime.Digest
) -> None:
    if program == "smime" and transport != "rsa1.5":
        transport = "rsa1.5"  # PKCS #7, which `smime` speaks, knows nothing else
    BOB.write(tmp_path, "bob")
    authority().write(tmp_path, "anchor")
    (tmp_path / "mail").write_bytes(protected(smime.Protection(transport=transport, digest=digest)))
    signed = openssl(tmp_path, f"{program} -decrypt -in mail -inkey bob.key -recip bob.crt")
    (tmp_path / "signed").write_bytes(signed)
    assert openssl(tmp_path, f"{program} -verify -in signed -CAfile anchor.crt") == SIGNED


@pytest.mark.row("M10", "M14", "A9")
@pytest.mark.parametrize("program", ["cms", "smime"])
@pytest.mark.parametrize("stream", ["", "-stream"])
@pytest.mark.parametrize("binary", ["", "-binary"])
@pytest.mark.parametrize("loose", [False, True], ids=["crlf", "lf"])
def test_what_openssl_protects_is_opened(tmp_path: Path, program: str, stream: str, binary: str, loose: bool) -> None:
    ALICE.write(tmp_path, "alice")
    BOB.write(tmp_path, "bob")
    (tmp_path / "part").write_bytes(SIGNED.replace(b"\r\n", b"\n") if loose else SIGNED)
    sign = f"{program} -sign -in part {stream} {binary} -signer alice.crt -inkey alice.key -md sha256"
    (tmp_path / "signed").write_bytes(openssl(tmp_path, sign))
    encrypt = f"{program} -encrypt -in signed {stream} {binary} -aes256 -from a@a.example -to b@b.example bob.crt"
    opened = smime.open(openssl(tmp_path, encrypt), [BOB])
    assert opened.inner.replace(b"\r\n", b"\n") == MAIL.replace(b"\r\n", b"\n")
    assert opened.signers[0].certificate == ALICE.certificate
    assert opened.notes == ()


@pytest.mark.row("M7")
def test_an_older_partners_mail_that_is_not_wrapped_is_read() -> None:
    part = MAIL[MAIL.index(b"Content-Type") :]
    opened = smime.open(enclosed(signed_by_hand(part)), [BOB])
    assert not opened.is_wrapped
    assert [note.code for note in opened.notes] == ["DIR-201"]
    inner = Entity.parse(opened.inner)
    assert inner.headers.one("message-id") == "<1@a.example>"
    assert inner.headers.one("mime-version") == "1.0"
    assert attachments(inner)[1] == DOCUMENT


@pytest.mark.row("M7", "M8")
def test_headers_that_were_signed_count_before_those_outside() -> None:
    opened = smime.open(enclosed(signed_by_hand(b"From: mallory@a.example\r\nSubject: signed\r\n\r\ntext\r\n")), [BOB])
    inner = Entity.parse(opened.inner)
    assert inner.headers.one("from") == "mallory@a.example"
    assert inner.headers.one("subject") == "signed"
    assert inner.headers.one("to") == "bob@b.example"


@pytest.mark.row("M12", "DTS 160", "DTS 165")
@pytest.mark.parametrize(
    ("micalg", "codes"),
    [
        ("sha-256", []),
        ("SHA256", []),
        ("sha_256", ["DIR-202"]),
        ("sha-1", ["DIR-202"]),
        ("sha-256,sha-512", ["DIR-202"]),
        ("", ["DIR-202"]),
    ],
)
def test_a_wrong_micalg_is_said_and_does_not_decide(micalg: str, codes: list[str]) -> None:
    parameters = (("protocol", "application/pkcs7-signature"), *((("micalg", micalg),) if micalg else ()))
    opened = smime.open(enclosed(signed_by_hand(parameters=parameters)), [BOB])
    assert opened.inner == MAIL
    assert [note.code for note in opened.notes] == codes


@pytest.mark.row("M10", "M11")
@pytest.mark.parametrize("protocol", ["application/x-pkcs7-signature", ""])
def test_older_types_are_read(protocol: str) -> None:
    parameters = (("micalg", "sha-256"), *((("protocol", protocol),) if protocol else ()))
    signed = signed_by_hand(parameters=parameters, signature_type="application/x-pkcs7-signature")
    mail = enclosed(signed).replace(b"application/pkcs7-mime", b"application/x-pkcs7-mime")
    assert smime.open(mail, [BOB]).inner == MAIL


def test_an_envelope_may_come_without_parameters_and_in_binary() -> None:
    head = b"From: a@a.example\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    assert smime.open(head + cms.encrypt(signed_by_hand(), [BOB.certificate]), [BOB]).inner == MAIL


@pytest.mark.row("M10", "M11", "DTS 164", "DTS 182", "DTS 207")
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: MAIL, "smime-not-encrypted"),
        (signed_by_hand, "smime-not-encrypted"),
        (lambda: enclosed(signed_by_hand(), "signed-data"), "smime-not-encrypted"),
        (lambda: enclosed(signed_by_hand(), "compressed-data"), "smime-not-encrypted"),
        (lambda: enclosed(MAIL), "smime-not-signed"),
        (lambda: enclosed(SIGNED), "smime-not-signed"),
        (lambda: enclosed(write_multipart("mixed", [signed_by_hand(), SIGNED], "m")), "smime-not-signed"),
        (lambda: enclosed(enclosed(signed_by_hand())), "smime-opaque"),
        (lambda: enclosed(signed_by_hand(more_parts=(SIGNED,))), "smime-form"),
        (lambda: enclosed(signed_by_hand(signature_type="application/pgp-signature")), "smime-form"),
        (lambda: enclosed(signed_by_hand(parameters=(("protocol", "application/pgp-signature"),))), "smime-form"),
        (lambda: enclosed(write_multipart("signed", [SIGNED], "m")), "smime-form"),
        (
            lambda: enclosed(signed_by_hand(SIGNED + b"!", signature=cms.sign(SIGNED, ALICE, NOW))),
            "cms-digest-mismatch",
        ),
        (lambda: enclosed(signed_by_hand(signature=b"nonsense")), "cms-malformed"),
        (lambda: enclosed(signed_by_hand(), to=ALICE), "cms-not-for-us"),
    ],
)
def test_any_other_form_is_refused(make, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DirectError) as refused:
        smime.open(make(), [BOB])
    assert refused.value.code == code


@pytest.mark.parametrize("place", range(-400, -20, 37))
def test_altered_ciphertext_is_never_released(place: int) -> None:
    mail = Entity.parse(protected())
    enveloped = bytearray(mail.decoded())
    enveloped[place] ^= 1
    altered = bytes(mail.raw[: -len(mail.body)]) + smime.encode_base64([enveloped])
    with pytest.raises(DirectError):
        smime.open(altered, [BOB])


@pytest.mark.row("M13")
@pytest.mark.parametrize(
    "mail",
    [
        MAIL.replace(b"\r\n", b"\n"),
        MAIL + b"lone \r here\r\n",
        MAIL + "é\r\n".encode(),
        MAIL + b"\0\r\n",
        MAIL + b"x" * 999 + b"\r\n",
        b"x" * 1200,
    ],
)
def test_only_canonical_mail_is_signed(mail: bytes) -> None:
    with pytest.raises(MimeError):
        smime.protect(mail, ALICE, [BOB.certificate], NOW)


@pytest.mark.row("A10")
def test_a_signature_without_its_certificate_is_read_with_one_that_is_known(tmp_path: Path) -> None:
    ALICE.write(tmp_path, "alice")
    (tmp_path / "part").write_bytes(SIGNED)
    command = "cms -sign -binary -nocerts -in part -outform DER -signer alice.crt -inkey alice.key"
    mail = enclosed(signed_by_hand(signature=openssl(tmp_path, command)))
    with pytest.raises(DirectError, match="cms-signer-unknown"):
        smime.open(mail, [BOB])
    assert smime.open(mail, [BOB], known=[ALICE.certificate]).inner == MAIL


def test_nothing_that_was_said_is_in_an_error() -> None:
    mail = enclosed(signed_by_hand(SIGNED + b"!", signature=cms.sign(SIGNED, ALICE, NOW)))
    with pytest.raises(DirectError) as refused:
        smime.open(mail, [BOB])
    assert not re.search("Discharge|alice|bob", repr(refused.value) + refused.value.hint)


@pytest.mark.row("M18")
def test_a_large_mail_goes_through() -> None:
    mail = write_mail(HEADERS, "", [Attachment("a.bin", "application/octet-stream", os.urandom(3_000_000))], os.urandom)
    assert smime.open(smime.protect(mail, ALICE, [BOB.certificate], NOW), [BOB]).inner == mail


@given(st.data())
def test_no_damage_raises_anything_else(data: st.DataObject) -> None:
    signed = made_once("signed by hand", signed_by_hand)
    wrong = bytearray(signed)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(wrong) - 1))
        wrong[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        opened = smime.open(enclosed(bytes(wrong)), [BOB])
    except DirectError:
        return
    assert opened.inner == MAIL or not opened.is_wrapped
