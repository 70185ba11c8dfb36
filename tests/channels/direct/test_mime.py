"""Mail is read strictly and exactly, and what is written is read the same by Python's own parser."""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import time
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.direct.mime import (
    Address,
    Attachment,
    Entity,
    MailFacts,
    MimeError,
    attachments,
    decode_words,
    encode_words,
    parse_list,
    write_headers,
    write_mail,
    write_multipart,
    write_part,
)

HEADERS = [
    ("From", "alice@a.example"),
    ("To", "bob@b.example"),
    ("Date", "Mon, 02 Mar 2026 08:00:00 +0000"),
    ("Message-ID", "<1@a.example>"),
]


def mail_with(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\nbody\r\n"


def facts(*lines: str) -> MailFacts:
    return MailFacts.of(Entity.parse(mail_with(*lines)).headers)


LINES = [f"{name}: {value}" for name, value in HEADERS]


def test_an_entity_is_places_in_the_octets() -> None:
    parts = b"--b\r\nX: 1\r\n\r\none\r\n--b  \r\n\r\ntwo\r\n\r\n--b--\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n" + parts + b"epilogue"
    entity = Entity.parse(octets)
    one, two = entity.parts
    assert bytes(entity.raw) == octets
    assert bytes(one.raw) == b"X: 1\r\n\r\none"
    assert bytes(two.raw) == b"\r\ntwo\r\n"
    assert (one.headers.get("x"), bytes(one.body), bytes(two.body)) == ("1", b"one", b"two\r\n")


@pytest.mark.row("M14")
def test_line_feeds_alone_are_read() -> None:
    octets = b"Content-Type: multipart/mixed;\n boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n"
    assert [bytes(part.body) for part in Entity.parse(octets).parts] == [b"one", b"two"]


@pytest.mark.row("DTS 137-140")
def test_a_boundary_that_begins_another_is_not_mistaken_for_it() -> None:
    inner = write_multipart("alternative", [b"\r\nin 1", b"\r\nin 2"], "b-2")
    octets = write_multipart("mixed", [inner, b"\r\n--bx is text\r\n text --b\r\nend"], "b")
    outer = Entity.parse(octets)
    assert [bytes(part.body) for part in outer.parts[0].parts] == [b"in 1", b"in 2"]
    assert bytes(outer.parts[1].body) == b"--bx is text\r\n text --b\r\nend"


@pytest.mark.parametrize(
    "octets",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever ends\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ncut at --b-",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\nno part at all\r\n",
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n\r\n----\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\nLS1i\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1002 + b"--b--\r\n",
        b"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    ],
    ids=["endless", "cut", "none", "no boundary", "encoded", "too many", "two boundaries"],
)
def test_a_multipart_that_is_not_whole_is_refused(octets: bytes) -> None:
    with pytest.raises(MimeError):
        Entity.parse(octets).parts  # noqa: B018


def test_nesting_has_an_end() -> None:
    octets = b"\r\nleaf"
    for level in range(14):
        octets = write_multipart("mixed", [octets], f"b{level}x")
    with pytest.raises(MimeError, match="12 deep"):
        attachments(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"no header\r\n\r\n",
        b" begins folded\r\n\r\n",
        b"Na me: x\r\n\r\n",
        b"Name : x\r\n\r\n",
        b": x\r\n\r\n",
        b"X: a\rb\r\n\r\n",
        b"X: a\0b\r\n\r\n",
        b"X: 1\r\n" * 1001 + b"\r\n",
        b"X: " + b"1" * 300_000 + b"\r\n\r\n",
        b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n",
        b"MIME-Version: 1.0\r\nMIME-Version: 1.0\r\n\r\n",
    ],
)
def test_headers_that_are_none_are_refused(octets: bytes) -> None:
    with pytest.raises(MimeError):
        Entity.parse(octets)


def test_folded_headers_cost_no_more_than_their_length() -> None:
    octets = b"X: 1\r\n" + b" \r\n" * 60_000 + b"\r\n"
    begun = time.process_time()
    Entity.parse(octets)
    assert time.process_time() - begun < 1


LONG = 200_000


@pytest.mark.parametrize(
    "octets",
    [
        b"Content-Type: a=" + b"(" * LONG + b"\r\n\r\n",
        b"Content-Type: " + b"a;" * (LONG // 2) + b"\r\n\r\n",
        b"Content-Type: text/plain; name=" + b"=?utf-8?Q?a?= " * 500 + b"\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * LONG,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b--x\r\n" * LONG,
        b"From: " + b"a." * (LONG // 2) + b"\r\n\r\n",
        b"From: " + b"a@b." * (LONG // 4) + b"\r\n\r\n",
        b"From: " + b"a@" + b"b." * (LONG // 2) + b"\r\n\r\n",
        b"From: " + b'"' * LONG + b"\r\n\r\n",
        b"From: " + b'"\\' * (LONG // 2) + b"\r\n\r\n",
        b"From: " + b"(" * LONG + b"\r\n\r\n",
        b"From: " + b"a " * (LONG // 2) + b"\r\n\r\n",
        b"Subject: " + b"=?" * (LONG // 2) + b"\r\n\r\n",
        b"Subject: " + b"=?a?Q?" * (LONG // 6) + b"\r\n\r\n",
        b"Subject: " + b"=?a?Q?b?= " * (LONG // 10) + b"\r\n\r\n",
        b"Subject: ?=" + b" " * LONG + b"\r\n\r\n",
    ],
)
def test_hostile_mail_costs_little(octets: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(MimeError):
        entity = Entity.parse(octets)
        decode_words(entity.headers.get("subject"))
        with contextlib.suppress(MimeError):
            parse_list(entity.headers.get("from"))
        attachments(entity)
    assert time.process_time() - begun < 1


def test_many_parts_in_many_levels_are_refused() -> None:
    octets = write_multipart("mixed", [b"\r\nx"] * 900, "c")
    with pytest.raises(MimeError, match="more than 1000"):
        attachments(write_multipart("mixed", [octets] * 900, "b"))


@pytest.mark.row("DTS 190", "DTS 133-145-146", "DTS 161-194")
@pytest.mark.parametrize(
    ("text", "type_", "name"),
    [
        ('application/pdf; name="a;b (c).pdf"', "application/pdf", "a;b (c).pdf"),
        ("TEXT/XML (a document); charset=UTF-8; name=a.xml", "text/xml", "a.xml"),
        ("application/pdf; name*=utf-8''r%C3%A9sum%C3%A9.pdf", "application/pdf", "résumé.pdf"),
        ("application/pdf; name*0*=iso-8859-1''r%E9; name*1=sum; name*2*=%E9.pdf", "application/pdf", "résumé.pdf"),
        ('application/pdf; name="=?utf-8?B?csOpc3Vtw6kucGRm?="', "application/pdf", "résumé.pdf"),
        ("application/pdf; name=My File.pdf;", "application/pdf", "My File.pdf"),
        (r'application/pdf; name="C:\\temp\\..\\a.pdf"', "application/pdf", "a.pdf"),
        ("application/pdf; name=../../etc/passwd", "application/pdf", "passwd"),
        ("nonsense; name=x", "application/octet-stream", "x"),
        ('text/plain; name="a\tb"', "text/plain", "ab"),
    ],
)
def test_types_and_names(text: str, type_: str, name: str) -> None:
    entity = Entity.parse(f"Content-Type: {text}\r\n\r\n".encode())
    assert (entity.type, entity.filename) == (type_, name)


@pytest.mark.row("DTS 136-148-157", "DTS 195")
@pytest.mark.parametrize(
    ("encoding", "body", "content"),
    [
        ("base64", b"aGVsbG8=\r\n", b"hello"),
        ("BASE64", b"aGV\n sbG8=", b"hello"),
        ("base64", b"", b""),
        ("quoted-printable", b"caf=C3=A9 =\r\nau lait", "café au lait".encode()),
        ("7bit (plain)", b"hello\r\n", b"hello\r\n"),
        ("8bit", b"caf\xe9", b"caf\xe9"),
        ("binary", b"\0\xff", b"\0\xff"),
    ],
)
def test_transfer_encodings(encoding: str, body: bytes, content: bytes) -> None:
    assert Entity.parse(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body).decoded() == content


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("base64", b"aGVsbG8"), ("base64", b"aGVs*bG8="), ("base64", b"aGVsbG8=aGVsbG8="), ("uuencode", b"x")],
)
def test_damaged_encodings_are_refused(encoding: str, body: bytes) -> None:
    with pytest.raises(MimeError):
        Entity.parse(f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body).decoded()


@pytest.mark.row("M18")
def test_a_large_attachment_is_decoded_whole() -> None:
    data = os.urandom(3_000_001)
    part = write_part(Attachment("a.bin", "application/octet-stream", data))
    assert Entity.parse(part).decoded() == data
    loose = part.replace(b"\r\n", b"\n")
    assert Entity.parse(loose).decoded() == data


@pytest.mark.row("C6")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Alice@A.Example", ["alice@a.example"]),
        ("Alice <alice@a.example>, bob@b.example", ["alice@a.example", "bob@b.example"]),
        ('"Alice, M.D." <alice@a.example>', ["alice@a.example"]),
        ("Dr. Alice (the one) <alice@a.example> (really (nested))", ["alice@a.example"]),
        ("Clinic: alice@a.example, Bob <bob@b.example>;", ["alice@a.example", "bob@b.example"]),
        ("undisclosed-recipients:;", []),
        ('"a b"@a.example', ['"a b"@a.example']),
        ("=?utf-8?Q?Ren=C3=A9?= <rene@a.example>", ["rene@a.example"]),
    ],
)
def test_addresses(text: str, expected: list[str]) -> None:
    assert [address.key for address in parse_list(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "alice@",
        "@a.example",
        "alice@a<mallory@b.example>",
        "alice@a.example <mallory@b.example>",
        "<alice@a.example> <mallory@b.example>",
        "<alice@a.example",
        "alice@a.example>",
        "alice@a.example,",
        "alice@a.example;bob@b.example",
        "alice@a.example bob@b.example",
        "alice @a.example",
        "alice@@a.example",
        "alice@a.example@b.example",
        "alice@a..example",
        ".alice@a.example",
        "alice@-a.example",
        "alice@[127.0.0.1]",
        "<@relay.example:alice@a.example>",
        "alice@a.example(",
        "a: b: alice@a.example;;",
        "älice@a.example",
        "alice@a.example\r\nBcc: eve@e.example",
        "x" * 65 + "@a.example",
        "alice@" + "a" * 64 + ".example",
        "alice@a.example\0",
    ],
)
def test_addresses_that_can_be_read_in_two_ways_are_refused(text: str) -> None:
    with pytest.raises(MimeError):
        parse_list(text)


@given(st.text('ab@.,<>;:()"\\ \t', max_size=24))
def test_what_is_taken_as_an_address_is_one_for_python_too(text: str) -> None:
    try:
        found = parse_list(text)
    except MimeError:
        return
    if not found:
        return
    theirs = [address for _, address in getaddresses([text])]
    assert [address.spec for address in found] == [address for address in theirs if address]


@given(st.text(max_size=60))
def test_a_display_name_survives(display: str) -> None:
    written = str(Address("alice", "a.example", display))
    try:
        (found,) = parse_list(written)
    except MimeError:
        assert not display.isprintable()
        return
    assert found.spec == "alice@a.example"


@pytest.mark.row("M1", "DTS 114", "DTS 115", "DTS 118", "DTS 121")
@pytest.mark.parametrize("number", range(4))
def test_each_required_header_is_there_once(number: int) -> None:
    assert facts(*LINES).message_id == "<1@a.example>"
    with pytest.raises(MimeError, match="mime-header-missing"):
        facts(*LINES[:number], *LINES[number + 1 :])
    with pytest.raises(MimeError, match="mime-header-twice"):
        facts(*LINES, LINES[number])


@pytest.mark.row("M1", "DTS 196")
def test_headers_are_ascii() -> None:
    with pytest.raises(MimeError, match="not ASCII"):
        facts(*LINES, "Subject: Überweisung")


@pytest.mark.row("M3", "DTS 120")
def test_bcc_is_refused() -> None:
    with pytest.raises(MimeError, match="mime-bcc"):
        facts(*LINES, "BCC: eve@e.example")


@pytest.mark.parametrize(
    "line",
    [
        "Message-ID: 1@a.example",
        "Message-ID: <1>",
        "Message-ID: <a b@c>",
        "Date: yesterday",
        "From: a@b.example, c@d.example",
    ],
)
def test_headers_of_another_form_are_refused(line: str) -> None:
    name = line.partition(":")[0]
    with pytest.raises(MimeError):
        facts(line, *(each for each in LINES if not each.startswith(name)))


def test_a_mail_loop_is_broken() -> None:
    with pytest.raises(MimeError, match="mime-loop"):
        facts(*LINES, *["Received: by x"] * 26)


@pytest.mark.row("M15", "ETT 25a", "ETT 25b", "ETT 25d", "ETT 25e", "ETT 26a", "ETT 26b")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("text", ["Short text.\nTwo lines.\n", "Grüße\n" * 3, "x" * 400, "", "From me\n.\n..\n"])
def test_what_is_written_is_read_by_us_and_by_python(order: tuple[int, ...], text: str) -> None:
    broken = b'<?xml-stylesheet href="../missing.xsl"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'
    files = [
        Attachment("document.xml", "text/xml", broken, description="Überweisung"),
        Attachment("scan €.pdf", "application/pdf", os.urandom(500), "inline"),
        Attachment("note.txt", "text/plain", b"a note\n", charset="us-ascii"),
    ]
    files = [files[place] for place in order]
    octets = write_mail([*HEADERS, ("Subject", "Überweisung " * 12)], text, files, os.urandom)
    ours = [each for each in attachments(octets) if not each.is_text]
    assert ours == files
    theirs = email.message_from_bytes(octets, policy=email.policy.default)
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in theirs.iter_attachments()
    ] == [(each.name, each.type, each.data) for each in files]
    assert str(theirs["subject"]).strip() == ("Überweisung " * 12).strip()
    if text:
        (said,) = [each for each in attachments(octets) if each.is_text]
        body = theirs.get_body()
        assert body is not None
        assert said.data.decode().replace("\r\n", "\n") == text
        assert body.get_payload(decode=True) == said.data


@pytest.mark.row("M13", "DTS 206")
@given(st.text(max_size=200), st.binary(max_size=200))
@example("a lone \r return", b"a lone \r return")
@example("\r" * 90, b"")
def test_what_is_written_is_seven_bits_in_short_lines(text: str, data: bytes) -> None:
    octets = write_mail(HEADERS, text, [Attachment("a", "text/plain", data, charset="utf-8")], os.urandom)
    assert octets.isascii()
    assert b"\0" not in octets
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in octets.split(b"\r\n"))


def test_a_mail_may_be_text_alone_or_a_document_alone() -> None:
    assert [each.data for each in attachments(write_mail(HEADERS, "hello\n", [], os.urandom))] == [b"hello\r\n"]
    only = Attachment("a.xml", "text/xml", b"<a/>")
    assert attachments(write_mail(HEADERS, "", [only], os.urandom)) == [only]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Subject", "a\r\nBcc: eve@e.example"),
        ("Subject", "a\nb"),
        ("X", "a\0b"),
        ("To", "é@x"),
        ("X Y", "a"),
        ("X", "a" * 999),
    ],
)
def test_nothing_can_be_smuggled_into_a_header(name: str, value: str) -> None:
    with pytest.raises(MimeError):
        write_headers([(name, value)])


def test_a_name_cannot_smuggle_a_header() -> None:
    with pytest.raises(MimeError):
        write_part(Attachment("a\r\nX: y", "text/xml", b""))


@given(st.text(max_size=100))
def test_encoded_words_survive(text: str) -> None:
    assert decode_words(encode_words(text)) == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("text", ["=?utf-8?B?!?=", "=?nonsense?Q?a?=", "=?utf-8?X?a?=", "=?utf-8?Q?=FF?="])
def test_words_that_cannot_be_read_do_not_stop_anything(text: str) -> None:
    decode_words(text)


@given(st.binary(max_size=200))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    for mail in (octets, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + octets + b"\r\n--b--\r\n"):
        try:
            attachments(mail)
            MailFacts.of(Entity.parse(mail).headers)
        except MimeError:
            continue


@given(st.text("ab;=\"\\()*0'%? /", max_size=40))
def test_no_parameter_raises_anything_else(text: str) -> None:
    try:
        entity = Entity.parse(f"Content-Type: multipart/mixed; {text}\r\nContent-Disposition: {text}\r\n\r\n".encode())
        _ = entity.filename, entity.parts
    except MimeError:
        return
