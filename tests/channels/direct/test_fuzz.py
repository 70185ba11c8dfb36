"""Everything that reads what strangers send, fed with damage: refused or read, nothing else, and never for long."""

from __future__ import annotations

import re
import time
import warnings
import zipfile
from collections.abc import Callable
from functools import cache, partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.direct import cms, smime
from channels.direct.cms import ber
from channels.direct.discovery.found import read_each
from channels.direct.error import DirectError
from channels.direct.mime import Attachment, Entity, MailFacts, attachments, decode_words, parse_list, write_mail
from channels.direct.notices import Mdn, NoticeKind, read_dsn, read_mdn, wants_final_delivery, write_mdn
from channels.direct.trust.bundle import read_bundle
from channels.direct.trust.checks import check
from channels.direct.trust.crl import read_list
from channels.direct.trust.ocsp import read_answer
from channels.direct.xdm import Sending, read_xdm, submit, write_xdm
from channels.direct.xdm.describe import describe
from schemas.ccda import Document
from schemas.content import recognize
from schemas.error import BodyError
from tests.channels.direct.documents import CLINICAL, CORPUS, REFERRAL, entry, ids, metadata, sha1, zipped
from tests.channels.direct.people import person
from tests.channels.direct.pki import NOW, Authority

REFUSALS = (DirectError, BodyError)
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\0", b"--", b"=", b"=?", b"?=", b";", b'"', b"(", b")", b"\\", b"<", b">", b",", b":",
    b"@", b"\x80", b"\xff", b"\x30\x80", b"\x24\x80", b"\0\0", b"\x04\x84\xff\xff\xff\xff", b"\x82\xff\xff",
    b"\x02\x01\x7f", b"multipart/mixed", b"message/rfc822", b"base64", b"Content-Type: ", b"boundary=", b"9" * 30,
    b"<!DOCTYPE x>", b"&x;", b"%00", b"..", b"/",
)  # fmt: skip


def written_package() -> bytes:
    sending = Sending("a@a.example", ("b@b.example",), "2.999")
    return write_xdm(submit([CLINICAL, REFERRAL], sending, NOW, ids()), NOW)


def mail() -> bytes:
    package = written_package()
    headers = [
        ("From", "alice@a.example"),
        ("To", '"Bob (x)" <bob@b.example>, team: eve@c.example, mallory@d.example;'),
        ("Date", "Wed, 25 Nov 2026 04:00:00 +0000"),
        ("Message-ID", "<1@a.example>"),
        ("Subject", "Grüße, =?utf-8?q?x?="),
    ]
    attached = [Attachment("Ä b.xml", "text/xml", CLINICAL), Attachment("x.zip", "application/zip", package)]
    return write_mail(headers, "A text with é\nand more", attached, lambda count: bytes(range(count)))


def notice() -> bytes:
    mdn = Mdn(NoticeKind.DISPATCHED, "bob@b.example", "alice@a.example", "1@a.example", "b.example")
    return write_mdn(mdn, NOW, "2@b.example")


@cache
def protected() -> bytes:
    return smime.protect(mail(), person("alice@a.example"), [person("bob@b.example").certificate], NOW)


@cache
def enveloped() -> bytes:
    return bytes(Entity.parse(protected()).decoded())


@cache
def signed() -> bytes:
    return bytes(cms.decrypt(enveloped(), [person("bob@b.example")]))


def signature() -> bytes:
    return bytes(Entity.parse(signed()).parts[1].decoded())


@cache
def issuer() -> Authority:
    return Authority("Fuzz")


@cache
def leaf() -> x509.Certificate:
    return issuer().issue("alice@a.example").certificate


def read_mail(body: bytes) -> None:
    entity = Entity.parse(body)
    attachments(entity)
    MailFacts.of(entity.headers)


def open_enclosed(body: bytes) -> None:
    """Damage within what is encrypted: an attacker who can encrypt to us needs no signature for that."""
    head = b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    smime.open(head + cms.encrypt(body, [person("bob@b.example").certificate]), [person("bob@b.example")])


def check_certificate(body: bytes) -> None:
    for certificate in read_each([body]):
        check(certificate, "alice@a.example", "in", NOW, "refuse")


def packages() -> list[bytes]:
    return [file.read_bytes() for file in sorted((CORPUS / "direct").rglob("*.zip"))[:3]] or [written_package()]


@cache
def real_metadata() -> bytes:
    for file in sorted((CORPUS / "direct").rglob("*.zip")):
        with zipfile.ZipFile(file) as package:
            return next(package.read(name) for name in package.namelist() if name.endswith("METADATA.XML"))
    return metadata(entry("d", "A.XML"))


READERS: dict[str, tuple[Callable[[bytes], object], Callable[[], bytes]]] = {
    "a mail": (read_mail, mail),
    "a signed part": (read_mail, signed),
    "a protected mail": (lambda body: smime.open(body, [person("bob@b.example")]), protected),
    "what is encrypted": (open_enclosed, signed),
    "enveloped data": (lambda body: cms.decrypt(body, [person("bob@b.example")]), enveloped),
    "a signature": (lambda body: cms.verify(body, Entity.parse(signed()).parts[0].raw), signature),
    "BER": (lambda body: ber.rewrite(ber.read(body)), signature),
    "a bundle": (read_bundle, lambda: cms.bundle([person("alice@a.example").certificate, issuer().certificate])),
    "a certificate": (check_certificate, lambda: leaf().public_bytes(Encoding.DER)),
    "a revocation list": (lambda body: read_list(body, issuer().certificate, NOW), lambda: issuer().crl()),
    "an OCSP answer": (
        lambda body: read_answer(body, leaf(), issuer().certificate, NOW),
        lambda: issuer().ocsp(leaf()),
    ),
    "an MDN": (read_mdn, lambda: notice().split(b"\r\n\r\n")[4]),
    "a mail with an MDN": (read_mail, notice),
    "a DSN": (
        lambda body: read_dsn(body, body),
        lambda: (
            b"Reporting-MTA: dns; m\r\n\r\nFinal-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        ),
    ),
    "options": (
        lambda body: wants_final_delivery(body.decode("latin-1")),
        lambda: b"X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true; b=required,c,d",
    ),
    "addresses": (
        lambda body: parse_list(body.decode("latin-1")),
        lambda: b'"Bob (x)" <bob@b.example>, team: eve@c.example, a (b (c)) b <mallory@d.example>;',
    ),
    "a package": (read_xdm, lambda: packages()[0]),
    "metadata": (lambda body: read_xdm(zipped({"METADATA.XML": body, "TOC.XML": b"x"})), real_metadata),
    "a clinical document": (describe, lambda: CLINICAL),
    "an HL7 v2 message": (describe, lambda: REFERRAL),
    "anything": (recognize, lambda: CLINICAL),
}


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    """`whole` with up to six places flipped, cut, doubled, swapped, or with tokens put in."""
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        if not body:
            break
        at = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.integers(0, 5)):
            case 0:
                body[at] = data.draw(st.integers(0, 255))
            case 1:
                body[at] ^= 1 << data.draw(st.integers(0, 7))
            case 2:
                del body[at : at + data.draw(st.sampled_from((1, 2, 5, 50, 500)))]
            case 3:
                body[at:at] = data.draw(st.sampled_from(TOKENS)) * data.draw(st.sampled_from((1, 1, 3, 100)))
            case 4:
                token = data.draw(st.sampled_from(TOKENS))
                body[at : at + len(token)] = token
            case 5:
                other = data.draw(st.integers(0, len(body) - 1))
                body[at:at] = body[other : other + data.draw(st.integers(1, 200))]
    return bytes(body)


@pytest.mark.parametrize("name", READERS)
def test_no_damage_is_a_defect_of_ours(name: str) -> None:
    read, make = READERS[name]
    whole = make()
    read(whole) if name not in ("a signed part", "metadata") else None

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def fuzz(data: st.DataObject) -> None:
        body = damaged(data, whole)
        started = time.process_time()
        try:
            read(body)
        except REFUSALS as refused:
            assert str(refused)
        assert time.process_time() - started < 2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # of serial numbers that damage made negative
        fuzz()


def parts(body: bytes) -> object:
    return Entity.parse(b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + body).parts


def parameters(text: str) -> object:
    return Entity.parse(f"Content-Type: text/plain{text}\r\n\r\n".encode()).parameters


def decoded(encoding: str, body: bytes) -> object:
    return Entity.parse(b"Content-Transfer-Encoding: %s\r\n\r\n%s" % (encoding.encode(), body)).decoded()


MANY = 2_000_000
OBJECT = b'<ExtrinsicObject id="d">%s</ExtrinsicObject>'
FILES = {f"D{number}": b"%d" % number for number in range(400)}


# Each of these is small for a mail, and takes a reader that is not careful minutes, or all of the memory.
@pytest.mark.parametrize(
    "read",
    [
        pytest.param(partial(recognize, b"<!--" + b"x" * MANY), id="a comment without an end"),
        pytest.param(partial(recognize, b"<!---->" * (MANY // 7)), id="many comments"),
        pytest.param(partial(Document.parse, b"<!--" + b"x" * MANY + b"-->"), id="a document of a comment"),
        pytest.param(partial(parts, b"\n--b1" * (MANY // 5)), id="what is almost a boundary"),
        pytest.param(partial(parts, b"\n--b\n" * (MANY // 5)), id="many parts"),
        pytest.param(partial(parts, b"--b" * (MANY // 3)), id="boundaries within a line"),
        pytest.param(partial(parse_list, "(" * 200_000), id="comments within comments"),
        pytest.param(partial(parse_list, '"a" ' * 60_000), id="quoted words"),
        pytest.param(partial(parse_list, "a." * 100_000), id="dots"),
        pytest.param(partial(parameters, ';a="' + '\\"' * 90_000), id="a quote without an end"),
        pytest.param(partial(parameters, ";x=" + "()" * 90_000), id="comments in a parameter"),
        pytest.param(partial(parameters, "".join(f";a*{each}=b" for each in range(15_000))), id="sections"),
        pytest.param(partial(decode_words, "=?utf-8?q?" + "=41" * 60_000), id="an encoded word without an end"),
        pytest.param(partial(decoded, "base64", b"A=\n" * (MANY // 3)), id="base64 that ends again and again"),
        pytest.param(partial(decoded, "quoted-printable", b"=" * MANY), id="equals signs"),
        pytest.param(partial(read_mdn, b"a:\n" * 87_000), id="a field again and again"),
        pytest.param(partial(read_mdn, b"a:\n\n" * 65_000), id="a group again and again"),
        pytest.param(partial(read_mdn, b"a:\n" + b" x\n" * 87_000), id="a field over many lines"),
        pytest.param(partial(read_dsn, b"action:\n\n" * 29_000), id="recipients without end"),
        pytest.param(partial(ber.read, b"\x30\x80" * 500_000), id="BER that is nested deep"),
        pytest.param(partial(ber.read, b"\x30\x80" + b"\x05\x00" * MANY), id="BER of many elements"),
        pytest.param(
            partial(read_xdm, zipped({"METADATA.XML": metadata((OBJECT % (b"<Classification/>" * 200_000)).decode())})),
            id="metadata of many classifications",
        ),
        pytest.param(
            partial(
                read_xdm,
                zipped({
                    "METADATA.XML": metadata(*(entry(name, hash=sha1(data)) for name, data in FILES.items())),
                    **FILES,
                    "BIG": CLINICAL * 20_000,
                }),
            ),
            id="many hashes of a large file",
        ),
    ],
)  # fmt: skip
def test_nothing_takes_long(read: Callable[[], object]) -> None:
    started = time.process_time()
    try:
        read()
    except REFUSALS as refused:
        assert not re.search("alice|bob", str(refused))
    assert time.process_time() - started < 3
