"""Our own identities: every form of file, renewal without a restart, and which of them signs or opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from pydantic import SecretStr, ValidationError

from channels.direct.keys import IdentityFiles, Keys, KeysError
from schemas.finding import Finding
from tests.channels.direct.pki import NOW, Authority, Wish, key_pem, pem, write_pem

ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT, number=1)
ALICE = MIDDLE.issue("alice@a.example")


def keys_of(*files: IdentityFiles) -> tuple[Keys, list[Finding]]:
    found: list[Finding] = []
    return Keys(files, found.append), found


def test_pem_and_pkcs12_hold_the_same_identity(tmp_path: Path) -> None:
    certificate, key = write_pem(tmp_path, "alice", ALICE)
    together = tmp_path / "all.pem"
    together.write_bytes(key_pem(ALICE.key, b"secret") + pem(ROOT.certificate, MIDDLE.certificate, ALICE.certificate))
    bag = tmp_path / "alice.p12"
    others = [MIDDLE.certificate, ROOT.certificate]
    bag.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"alice", ALICE.key, ALICE.certificate, others, BestAvailableEncryption(b"secret")
        )
    )
    for files in (
        IdentityFiles(certificate=certificate, key=key),
        IdentityFiles(certificate=together, password=SecretStr("secret")),
        IdentityFiles(pkcs12=bag, password=SecretStr("secret")),
    ):
        identity = files.read()
        assert identity.certificate == ALICE.certificate
        assert identity.chain == (MIDDLE.certificate,)
        assert identity.key.private_numbers() == ALICE.key.private_numbers()
        assert "key" not in repr(identity).split("certificate")[0]


def test_a_changed_file_is_taken_up_and_a_bad_one_keeps_the_earlier(tmp_path: Path) -> None:
    certificate, key = write_pem(tmp_path, "alice", ALICE)
    keys, found = keys_of(IdentityFiles(certificate=certificate, key=key))
    renewed = MIDDLE.issue("alice@a.example", number=7)
    certificate.write_bytes(pem(renewed.certificate) + b"\n")
    assert keys.identities()[0].certificate == ALICE.certificate
    assert [each.code for each in found] == ["DIR-101"]
    key.write_bytes(key_pem(renewed.key) + b"\n")
    assert keys.identities()[0].certificate == renewed.certificate
    assert [each.code for each in found] == ["DIR-101", "DIR-102"]


def test_the_signer_is_the_address_own_before_the_domains_and_the_newest(tmp_path: Path) -> None:
    made = {
        "domain": MIDDLE.issue("a.example"),
        "old": MIDDLE.issue("alice@a.example", wish=Wish(start=NOW - timedelta(days=60))),
        "new": MIDDLE.issue("Alice@A.example", number=1),
        "future": MIDDLE.issue("alice@a.example", wish=Wish(start=NOW + timedelta(days=1))),
        "opens": MIDDLE.issue("alice@a.example", wish=Wish(usages=("key_encipherment",), start=NOW)),
    }
    files = [
        IdentityFiles(certificate=certificate, key=key)
        for certificate, key in (write_pem(tmp_path, name, identity) for name, identity in made.items())
    ]
    keys, _ = keys_of(*files)
    assert keys.signing("ALICE@a.example", NOW).certificate == made["new"].certificate
    assert keys.signing("bob@a.example", NOW).certificate == made["domain"].certificate
    assert len(keys.decrypting()) == 5
    with pytest.raises(KeysError, match=r"bob@b\.example"):
        keys.signing("bob@b.example", NOW)
    with pytest.raises(KeysError, match="keys-none"):
        keys.signing("bob@sub.a.example", NOW)


def test_an_identity_that_ends_soon_is_reported_once_a_day(tmp_path: Path) -> None:
    certificate, key = write_pem(tmp_path, "a", MIDDLE.issue("a.example", wish=Wish(end=NOW + timedelta(days=40))))
    keys, found = keys_of(IdentityFiles(certificate=certificate, key=key))
    keys.signing("a@a.example", NOW)
    assert not found
    for hours in (0, 23, 24):
        keys.signing("a@a.example", NOW + timedelta(days=20, hours=hours))
    assert [(each.code, each.what.split()[-2:]) for each in found] == [
        ("DIR-103", ["20", "days"]),
        ("DIR-103", ["19", "days"]),
    ]
    assert found[0].where == str(certificate)


def test_separate_certificates_sign_and_open(tmp_path: Path) -> None:
    signs = MIDDLE.issue("alice@a.example", wish=Wish(usages=("digital_signature",)))
    opens = MIDDLE.issue("alice@a.example", wish=replace(Wish(), usages=("key_encipherment",)), number=1)
    files = [
        IdentityFiles(certificate=certificate, key=key)
        for certificate, key in (write_pem(tmp_path, "opens", opens), write_pem(tmp_path, "signs", signs))
    ]
    keys, _ = keys_of(*files)
    assert keys.signing("alice@a.example", NOW).certificate == signs.certificate
    assert [each.certificate for each in keys.decrypting()] == [opens.certificate]


@pytest.mark.parametrize(
    ("content", "key", "password", "says"),
    [
        (b"no certificate", key_pem(ALICE.key), None, "holds no certificate"),
        (pem(ALICE.certificate), b"no key", None, "holds no private key"),
        (pem(ALICE.certificate), key_pem(ALICE.key, b"secret"), None, "is encrypted"),
        (pem(ALICE.certificate), key_pem(ALICE.key, b"secret"), "wrong", "holds no private key"),
        (pem(ALICE.certificate), key_pem(ALICE.key), "secret", "is not encrypted"),
        (pem(ROOT.certificate), key_pem(ALICE.key), None, "belongs to no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", b"", None, "holds no certificate"),
        (b"x" * ((1 << 20) + 1), b"", None, "larger than 1 MB"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, content: bytes, key: bytes, password: str | None, says: str
) -> None:
    (tmp_path / "c.pem").write_bytes(content)
    (tmp_path / "c.key").write_bytes(key)
    secret = SecretStr(password) if password else None
    files = IdentityFiles(certificate=tmp_path / "c.pem", key=tmp_path / "c.key", password=secret)
    with pytest.raises(KeysError, match=says) as error:
        files.read()
    assert error.value.hint
    assert "secret" not in str(error.value)


def test_a_missing_file_and_a_bad_pkcs12_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="cannot read"):
        IdentityFiles(certificate=tmp_path / "none.pem").read()
    (tmp_path / "bad.p12").write_bytes(b"\x30\x80")
    with pytest.raises(KeysError, match="no PKCS#12 file"):
        IdentityFiles(pkcs12=tmp_path / "bad.p12").read()


def test_an_identity_is_one_form() -> None:
    for options in ({}, {"certificate": "a", "pkcs12": "b"}, {"pkcs12": "b", "key": "c"}):
        with pytest.raises(ValidationError):
            IdentityFiles.model_validate(options)
