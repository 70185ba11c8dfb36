"""Signatures and envelopes against OpenSSL in both directions, and what is refused."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.direct import cms
from channels.direct.cms import ber
from channels.direct.cms.error import CmsError
from tests.channels.direct.openssl import openssl
from tests.channels.direct.people import NOW, Person, authority, intermediate, made_once, person

MAIL = b"Content-Type: text/plain\r\n\r\n" + b"A line of the message.\r\n" * 2000
KINDS = ["rsa2048", "rsa3072", "p256", "p384"]
CIPHERS = get_args(cms.CipherName)

OAEP = ["-keyopt", "rsa_padding_mode:oaep"]
TRANSPORTS = {
    "rsa1.5": [],
    "oaep-sha1": OAEP,
    "oaep": [*OAEP, "-keyopt", "rsa_oaep_md:sha256"],
    "oaep-sha384": [*OAEP, "-keyopt", "rsa_oaep_md:sha384"],
    "oaep-sha512": [*OAEP, "-keyopt", "rsa_oaep_md:sha512"],
    "oaep-mixed": [*OAEP, "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha1"],
}


def receiver(kind: str) -> Person:
    return person(f"{kind}@b.example", kind)


def encrypted_by_openssl(
    folder: Path, cipher: str, people: list[Person], *options: str, keys: tuple[str, ...] = ()
) -> bytes:
    (folder / "mail").write_bytes(MAIL)
    recipients: list[str] = []
    for number, each in enumerate(people):
        each.write(folder, f"to{number}")
        recipients += ["-recip", f"to{number}.crt", *keys]
    return openssl(folder, "cms -encrypt -binary -in mail -outform DER", f"-{cipher}", *options, *recipients)


@pytest.mark.row("A3", "A6", "A7")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cipher", CIPHERS)
def test_openssl_reads_what_is_encrypted(tmp_path: Path, kind: str, cipher: cms.CipherName) -> None:
    to = receiver(kind)
    to.write(tmp_path, "to")
    enveloped = cms.encrypt(MAIL, [to.certificate], cipher)
    read = openssl(tmp_path, "cms -decrypt -inform DER -inkey to.key -recip to.crt", given=enveloped)
    assert read == MAIL


@pytest.mark.row("A3", "A6", "A7", "A9")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("options", [(), ("-stream",), ("-keyid",)], ids=["der", "ber", "key-identifier"])
def test_what_openssl_encrypts_is_read(tmp_path: Path, kind: str, cipher: str, options: tuple[str, ...]) -> None:
    to = receiver(kind)
    assert cms.decrypt(encrypted_by_openssl(tmp_path, cipher, [to], *options), [to]) == MAIL


@pytest.mark.row("A5")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_key_transport_is_opened(tmp_path: Path, transport: str) -> None:
    to = receiver("rsa2048")
    enveloped = encrypted_by_openssl(tmp_path, "aes-256-cbc", [to], keys=tuple(TRANSPORTS[transport]))
    assert cms.decrypt(enveloped, [to]) == MAIL


@pytest.mark.row("A5")
@pytest.mark.parametrize("transport", get_args(cms.Transport))
def test_openssl_opens_each_key_transport(tmp_path: Path, transport: cms.Transport) -> None:
    to = receiver("rsa2048")
    to.write(tmp_path, "to")
    enveloped = cms.encrypt(MAIL, [to.certificate], transport=transport)
    assert openssl(tmp_path, "cms -decrypt -inform DER -inkey to.key -recip to.crt", given=enveloped) == MAIL
    assert cms.decrypt(enveloped, [to]) == MAIL


@pytest.mark.row("A8")
def test_any_of_our_keys_opens_a_message_for_several(tmp_path: Path) -> None:
    people = [receiver(kind) for kind in KINDS]
    enveloped = cms.encrypt(MAIL, [each.certificate for each in people])
    for number, each in enumerate(people):
        each.write(tmp_path, f"to{number}")
        assert cms.decrypt(enveloped, [person("other@b.example"), each]) == MAIL
        command = f"cms -decrypt -inform DER -inkey to{number}.key -recip to{number}.crt"
        assert openssl(tmp_path, command, given=enveloped) == MAIL
    foreign = encrypted_by_openssl(tmp_path, "aes-128-cbc", people)
    assert [cms.decrypt(foreign, [each]) == MAIL for each in people] == [True] * 4


def test_a_bytearray_is_decrypted_in_its_own_place() -> None:
    to = receiver("rsa2048")
    enveloped = bytearray(cms.encrypt(MAIL, [to.certificate]))
    assert cms.decrypt(enveloped, [to]) is enveloped
    assert enveloped == MAIL


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, (1 << 18) - 1, 1 << 18, (1 << 18) + 1])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_size_survives(size: int, cipher: cms.CipherName) -> None:
    content = os.urandom(size)
    pieces = [content[: size // 3], memoryview(content)[size // 3 :]]
    to = receiver("rsa2048")
    assert cms.decrypt(cms.encrypt(pieces, [to.certificate], cipher), [to]) == content


@pytest.mark.row("A4")
@pytest.mark.parametrize("cipher", ["des3", "des-cbc", "rc2-cbc"])
def test_weak_ciphers_are_refused(tmp_path: Path, cipher: str) -> None:
    to = receiver("rsa2048")
    legacy = [] if cipher == "des3" else ["-provider", "legacy", "-provider", "default"]
    enveloped = encrypted_by_openssl(tmp_path, cipher, [to], *legacy)
    with pytest.raises(CmsError, match="cms-weak-cipher"):
        cms.decrypt(enveloped, [to])


@pytest.mark.row("A1", "A6")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize(
    "options", [(), ("-keyid",), ("-nosmimecap",)], ids=["plain", "key-identifier", "no-capabilities"]
)
def test_what_openssl_signs_is_verified(tmp_path: Path, kind: str, digest: str, options: tuple[str, ...]) -> None:
    signer = receiver(kind)
    signer.write(tmp_path, "by")
    (tmp_path / "mail").write_bytes(MAIL)
    command = "cms -sign -binary -in mail -outform DER -signer by.crt -inkey by.key -md"
    signed = openssl(tmp_path, command, digest, *options)
    (found,) = cms.verify(signed, MAIL)
    assert (found.certificate, found.digest) == (signer.certificate, digest)


@pytest.mark.row("A1")
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_pss_is_verified(tmp_path: Path, digest: str) -> None:
    signer = receiver("rsa2048")
    signer.write(tmp_path, "by")
    (tmp_path / "mail").write_bytes(MAIL)
    command = "cms -sign -binary -in mail -outform DER -signer by.crt -inkey by.key -keyopt rsa_padding_mode:pss -md"
    assert cms.verify(openssl(tmp_path, command, digest), MAIL)[0].certificate == signer.certificate


@pytest.mark.row("A1", "A6", "A10")
@pytest.mark.parametrize("program", ["cms", "smime"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_openssl_verifies_what_is_signed(tmp_path: Path, program: str, kind: str, digest: str) -> None:
    signer = person(f"{kind}@c.example", kind, intermediate())
    authority().write(tmp_path, "anchor")
    (tmp_path / "mail").write_bytes(MAIL)
    (tmp_path / "signature").write_bytes(cms.sign(MAIL, signer, NOW, digest))
    command = f"{program} -verify -binary -inform DER -in signature -content mail -CAfile anchor.crt -purpose any"
    assert openssl(tmp_path, command) == MAIL


@pytest.mark.row("A2")
@pytest.mark.parametrize("digest", ["sha1", "md5", "sha224"])
def test_weak_digests_are_refused(tmp_path: Path, digest: str) -> None:
    receiver("rsa2048").write(tmp_path, "by")
    (tmp_path / "mail").write_bytes(MAIL)
    command = "cms -sign -binary -in mail -outform DER -signer by.crt -inkey by.key -md"
    with pytest.raises(CmsError, match="cms-weak-digest"):
        cms.verify(openssl(tmp_path, command, digest), MAIL)


@pytest.mark.row("M14")
def test_a_signature_over_bare_line_feeds_is_found_out(tmp_path: Path) -> None:
    signer = receiver("rsa2048")
    loose = MAIL.replace(b"\r\n", b"\n")
    assert cms.verify(cms.sign(loose, signer, NOW), loose)
    assert cms.verify(cms.sign(MAIL, signer, NOW), loose)
    with pytest.raises(CmsError, match="cms-digest-mismatch"):
        cms.verify(cms.sign(loose, signer, NOW), MAIL)


@pytest.mark.row("M11")
def test_a_signature_that_brings_its_content_is_refused(tmp_path: Path) -> None:
    receiver("rsa2048").write(tmp_path, "by")
    (tmp_path / "mail").write_bytes(MAIL)
    signed = openssl(tmp_path, "cms -sign -binary -nodetach -in mail -outform DER -signer by.crt -inkey by.key")
    with pytest.raises(CmsError, match="cms-not-detached"):
        cms.verify(signed, MAIL)
    data = cms.SignedData.read(signed)
    assert data.content == MAIL
    assert data.verify(MAIL)


def test_a_signature_without_signed_attributes_is_refused(tmp_path: Path) -> None:
    receiver("rsa2048").write(tmp_path, "by")
    (tmp_path / "mail").write_bytes(MAIL)
    command = "cms -sign -binary -noattr -in mail -outform DER -signer by.crt -inkey by.key"
    with pytest.raises(CmsError, match="cms-no-attributes"):
        cms.verify(openssl(tmp_path, command), MAIL)


@pytest.mark.row("A10")
def test_a_certificate_that_does_not_come_along_may_be_known(tmp_path: Path) -> None:
    signer = receiver("rsa2048")
    signer.write(tmp_path, "by")
    (tmp_path / "mail").write_bytes(MAIL)
    command = "cms -sign -binary -nocerts -in mail -outform DER -signer by.crt -inkey by.key"
    signed = openssl(tmp_path, command)
    with pytest.raises(CmsError, match="cms-signer-unknown"):
        cms.verify(signed, MAIL)
    (found,) = cms.verify(signed, MAIL, known=[person("other@b.example").certificate, signer.certificate])
    assert (found.certificate, found.certificates) == (signer.certificate, ())


def test_the_chain_travels_with_the_signature() -> None:
    signer = person("rsa2048@c.example", "rsa2048", intermediate())
    (found,) = cms.verify(cms.sign(MAIL, signer, NOW), MAIL)
    assert set(found.certificates) == {signer.certificate, intermediate().certificate}


@pytest.mark.parametrize("year", [2026, 2049, 2050])
def test_openssl_reads_when_it_was_signed(tmp_path: Path, year: int) -> None:
    signed = cms.sign(MAIL, receiver("p256"), datetime(year, 6, 30, 23, 5, 9, tzinfo=UTC))
    printed = openssl(tmp_path, "cms -cmsout -print -noout -inform DER", given=signed).decode()
    assert f"Jun 30 23:05:09 {year} GMT" in printed


@pytest.mark.row("ETT INVALID_DIGEST")
def test_altered_content_is_found_out() -> None:
    signed = cms.sign(MAIL, receiver("rsa2048"), NOW)
    with pytest.raises(CmsError, match="cms-digest-mismatch"):
        cms.verify(signed, MAIL + b" ")


@pytest.mark.parametrize("cipher", ["aes-256-cbc", "aes-256-gcm"])
def test_every_altered_octet_of_an_envelope_is_an_error_or_seen_later(cipher: cms.CipherName) -> None:
    to = receiver("rsa2048")
    enveloped = cms.encrypt(b"secret", [to.certificate], cipher)
    for place in range(len(enveloped)):
        altered = bytearray(enveloped)
        altered[place] ^= 0x41
        try:
            content = cms.decrypt(altered, [to])
        except CmsError:
            continue
        # CBC has no check of its own: the signature inside is what finds the change out.
        assert cipher.endswith("cbc") or content == b"secret"


def test_every_altered_octet_of_a_signature_is_an_error_or_without_effect() -> None:
    signer = receiver("p256")
    signed = cms.sign(MAIL, signer, NOW)
    for place in range(len(signed)):
        altered = bytearray(signed)
        altered[place] ^= 0x41
        try:
            (found,) = cms.verify(altered, MAIL)
        except CmsError:
            continue
        assert found.certificate.public_key() == signer.certificate.public_key()


def test_a_message_for_others_says_so_and_a_damaged_key_does_not() -> None:
    to, other = receiver("rsa2048"), person("other@b.example")
    enveloped = cms.encrypt(MAIL, [to.certificate])
    with pytest.raises(CmsError, match="cms-not-for-us"):
        cms.decrypt(enveloped, [other])
    wrong_key = Person(other.key, to.certificate)
    with pytest.raises(CmsError, match="cms-undecryptable"):
        cms.decrypt(enveloped, [wrong_key])


@pytest.mark.row("T9")
def test_a_bundle_is_read_back_by_us_and_openssl(tmp_path: Path) -> None:
    certificates = [authority().certificate, intermediate().certificate]
    (tmp_path / "bundle.p7b").write_bytes(cms.bundle(certificates))
    data = cms.SignedData.read(cms.bundle(certificates))
    assert (set(data.certificates), data.content, data.signers) == (set(certificates), None, ())
    printed = openssl(tmp_path, "pkcs7 -inform DER -in bundle.p7b -print_certs")
    assert printed.count(b"BEGIN CERTIFICATE") == 2
    with pytest.raises(CmsError, match="cms-no-signer"):
        data.verify(b"")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "end inside"),
        (b"\x30", "end inside"),
        (b"\x30\x80", "end inside"),
        (b"\x30\x80\x05", "end inside"),
        (b"\x30\x80" * 40, "nested too deeply"),
        (b"\x30\x80" + b"\x05\x00" * 200_001 + b"\0\0", "too many elements"),
        (b"\x30\x89" + b"\xff" * 9, "more than eight"),
        (b"\x30\x84\xff\xff\xff\xff", "end inside"),
        (b"\x1f\x81\x01\x00", "several octets"),
        (b"\x04\x80\0\0", "without a length"),
        (b"\x05\x00more", "follows"),
        (b"\x30\x00", "another kind|no encrypted|not encrypted"),
    ],
)
def test_hostile_octets_are_an_error(octets: bytes, reason: str) -> None:
    with pytest.raises(CmsError, match=reason):
        cms.decrypt(octets, [receiver("rsa2048")])


@pytest.mark.parametrize(
    "recipient", [b"\xa1\x00", b"\x30\x00", b"\xa1\x02\x30\x00", b"\xa2\x00", b"\x30\x03\x02\x01\x00"]
)
def test_a_recipient_without_its_parts_is_an_error(recipient: bytes) -> None:
    whole = cms.encrypt(b"x", [receiver("p256").certificate])
    fields = ber.read(whole).children[1].children[0].children
    data = ber.write(ber.SEQUENCE, fields[0].whole, ber.write(ber.SET, recipient), fields[2].whole)
    with pytest.raises(CmsError):
        cms.decrypt(
            ber.write(ber.SEQUENCE, ber.write_oid("1.2.840.113549.1.7.3"), ber.write(0xA0, data)), [receiver("p256")]
        )


@pytest.mark.parametrize("times", [19, 20, 1001])
def test_a_key_is_used_a_few_times_for_one_message(times: int) -> None:
    to = receiver("p256")
    fields = ber.read(cms.encrypt(b"x", [to.certificate])).children[1].children[0].children
    (good,) = fields[1].children
    bad = bytearray(good.whole)
    bad[-1] ^= 1  # in the wrapped key
    recipients = ber.write(ber.SET, bytes(bad) * times, good.whole)
    data = ber.write(ber.SEQUENCE, fields[0].whole, recipients, fields[2].whole)
    whole = ber.write(ber.SEQUENCE, ber.write_oid("1.2.840.113549.1.7.3"), ber.write(0xA0, data))
    if times < 20:
        assert cms.decrypt(whole, [to]) == b"x"
        return
    with pytest.raises(CmsError, match="cms-undecryptable" if times == 20 else "more than a thousand"):
        cms.decrypt(whole, [to])


def test_ber_is_rewritten_in_der() -> None:
    ber_octets = b"\x31\x80\x24\x80\x04\x01b\x04\x01c\0\0\x04\x01a\0\0"
    assert ber.rewrite(ber.read(ber_octets)) == b"\x31\x07\x04\x01a\x04\x02bc"


@given(st.binary(max_size=300))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    for read in (lambda: cms.decrypt(octets, [receiver("p256")]), lambda: cms.verify(octets, b"")):
        with pytest.raises(CmsError):
            read()


@given(st.data())
def test_no_damage_raises_anything_else(data: st.DataObject) -> None:
    for whole in (
        made_once("signed", lambda: cms.sign(b"x", receiver("p256"), NOW)),
        made_once("enveloped", lambda: cms.encrypt(b"x", [receiver("p256").certificate])),
    ):
        octets = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(octets) - 1))
            octets[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        for read in (lambda: cms.decrypt(octets, [receiver("p256")]), lambda: cms.verify(octets, b"x")):  # noqa: B023
            try:
                read()
            except CmsError:
                continue
