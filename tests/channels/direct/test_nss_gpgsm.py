"""Signatures and envelopes against NSS (Thunderbird's) and GnuPG's S/MIME: `cmsutil` and `gpgsm`, both of Debian."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from channels.direct import cms
from tests.channels.direct.people import NOW, Person, authority, person
from tests.services import program

MAIL = b"Content-Type: text/plain\r\n\r\n" + b"A line of the message.\r\n" * 2000
ALICE, BOB = person("alice@peer.example"), person("bob@peer.example")
PEOPLE = {"alice": ALICE, "bob": BOB}


def run(folder: Path, command: str, *more: str, given: bytes | None = None, home: Path | None = None) -> bytes:
    environment = {**os.environ, **({"GNUPGHOME": str(home)} if home else {})}
    arguments = [*command.split(), *more]
    done = subprocess.run(
        arguments, cwd=folder, input=given, env=environment, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, (arguments, done.stderr.decode(errors="replace")[-800:])
    return done.stdout


def anchor() -> x509.Certificate:
    return authority().certificate


@pytest.fixture(scope="module")
def nss(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NSS's database `db`, which has the keys of both, and the mail."""
    program("NSS")
    folder = tmp_path_factory.mktemp("nss")
    (folder / "db").mkdir()
    (folder / "mail").write_bytes(MAIL)
    (folder / "anchor").write_bytes(anchor().public_bytes(Encoding.DER))
    run(folder, "certutil -N -d sql:db --empty-password")
    run(folder, "certutil -A -d sql:db -n anchor -t ,C, -i anchor")
    for name, each in PEOPLE.items():
        (folder / f"{name}.p12").write_bytes(each.pkcs12(name, b"secret"))
        run(folder, f"pk12util -i {name}.p12 -d sql:db -W secret")
    return folder


@pytest.fixture(scope="module")
def gpgsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """GnuPG's home with the keys of both, and the mail; its agent ends with the tests."""
    program("GnuPG's S/MIME")
    # A short name: the path of the agent's socket may have a hundred characters and no more.
    folder = tmp_path_factory.mktemp("g")
    (folder / "mail").write_bytes(MAIL)
    (folder / "gpgsm.conf").write_text("disable-crl-checks\ndisable-dirmngr\nbatch\npinentry-mode loopback\n")
    (folder / "gpg-agent.conf").write_text("allow-loopback-pinentry\n")
    (folder / "anchor").write_bytes(anchor().public_bytes(Encoding.DER))
    folder.chmod(0o700)
    fingerprint = run(folder, "openssl x509 -inform DER -in anchor -noout -fingerprint -sha1").decode().split("=")[1]
    (folder / "trustlist.txt").write_text(f"{fingerprint.strip()} S relax\n")
    run(folder, "gpgsm --import anchor", home=folder)
    for name, each in PEOPLE.items():
        give_to_gpgsm(folder, f"{name}.p12", each, name)
    yield folder
    run(folder, "gpgconf --kill all", home=folder)


def give_to_gpgsm(folder: Path, file: str, each: Person, name: str) -> None:
    """Import a person's key. Of one in 25 good PKCS#12 files gpgsm 2.2 says that it cannot be decrypted, by its salt
    alone; the same key in a file with another salt is read."""
    for last in (False, False, False, True):
        (folder / file).write_bytes(each.pkcs12(name, b"secret"))
        try:
            run(folder, f"gpgsm --passphrase-fd 0 --import {file}", given=b"secret\n", home=folder)
        except AssertionError as error:
            if last or "decrypting the PKCS#12 file" not in str(error):
                raise
        else:
            return


def signed_by(signed: bytes, signer: Person, digest: str) -> None:
    (found,) = cms.verify(signed, MAIL)
    assert (found.certificate, found.digest) == (signer.certificate, digest)


@pytest.mark.row("A3", "A9")
def test_nss_encrypts_and_is_read(nss: Path) -> None:
    run(nss, "cmsutil -E -d sql:db -r bob@peer.example -i mail -o enveloped")
    assert cms.decrypt((nss / "enveloped").read_bytes(), [BOB]) == MAIL


@pytest.mark.row("A3")
@pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"])
def test_nss_reads_what_is_encrypted(nss: Path, cipher: cms.CipherName) -> None:
    (nss / "ours").write_bytes(cms.encrypt(MAIL, [BOB.certificate, ALICE.certificate], cipher))
    run(nss, "cmsutil -D -d sql:db -i ours -o read")
    assert (nss / "read").read_bytes() == MAIL


@pytest.mark.row("A1", "A10")
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_nss_signs_and_verifies(nss: Path, digest: str) -> None:
    run(nss, f"cmsutil -S -T -G -d sql:db -N alice -H {digest.upper()} -i mail -o signed")
    signed_by((nss / "signed").read_bytes(), ALICE, digest)
    (nss / "ours").write_bytes(cms.sign(MAIL, ALICE, NOW, digest))
    run(nss, "cmsutil -D -d sql:db -c mail -i ours -o read")


@pytest.mark.row("A3", "A9")
@pytest.mark.parametrize("cipher", ["AES", "AES192", "AES256"])
def test_gpgsm_encrypts_and_is_read(gpgsm: Path, cipher: str) -> None:
    command = f"gpgsm --cipher-algo {cipher} --encrypt --recipient bob@peer.example mail"
    assert cms.decrypt(run(gpgsm, command, home=gpgsm), [BOB]) == MAIL


@pytest.mark.row("A3")
@pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"])
def test_gpgsm_reads_what_is_encrypted(gpgsm: Path, cipher: cms.CipherName) -> None:
    (gpgsm / "ours").write_bytes(cms.encrypt(MAIL, [BOB.certificate], cipher))
    assert run(gpgsm, "gpgsm --passphrase-fd 0 --decrypt ours", given=b"secret\n", home=gpgsm) == MAIL


@pytest.mark.row("A1", "A10")
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_gpgsm_signs_and_verifies(gpgsm: Path, digest: str) -> None:
    command = f"gpgsm --passphrase-fd 0 --digest-algo {digest} --local-user alice@peer.example --detach-sign mail"
    signed_by(run(gpgsm, command, given=b"secret\n", home=gpgsm), ALICE, digest)
    (gpgsm / "ours").write_bytes(cms.sign(MAIL, ALICE, NOW, digest))
    run(gpgsm, "gpgsm --verify ours mail", home=gpgsm)
