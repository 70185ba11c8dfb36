"""Signatures and envelopes against BouncyCastle, which the Java reference implementation and most HISPs are built on.

All cases are two runs of Java, the second one with JavaMail and whole mails. Where it is not installed, a warning says
that nothing was tried.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels.direct import cms, smime
from channels.direct.mime import Attachment, attachments, write_mail
from tests.channels.direct.people import NOW, Person, person
from tests.services import PACKAGES

JAR_NAMES = ("bcpkix", "bcprov", "bcutil", "bcmail", "javax.mail", "javax.activation")
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in JAR_NAMES]
PROGRAMS = Path(__file__).with_name("peers")
HEADERS = [
    *(("From", "alice@a.example"), ("To", "bob@b.example"), ("Date", "Mon, 02 Mar 2026 08:00:00 +0000")),
    *(("Message-ID", "<1@a.example>"), ("Subject", "Überweisung")),
]
FILES = [
    Attachment("ccd.xml", "text/xml", b"<ClinicalDocument/>" * 900),
    Attachment("a.pdf", "application/pdf", b"%PDF"),
]
WHOLE = write_mail(HEADERS, "Grüße\n", FILES, bytes)
MAIL_TRANSPORTS = ("PKCS1", "SHA-1", "SHA-256")
MAIL = b"Content-Type: text/plain\r\n\r\n" + b"A line of the message.\r\n" * 2000

KINDS = ("rsa2048", "rsa4096", "p256", "p384")
CIPHERS: dict[str, cms.CipherName] = {
    "AES128_CBC": "aes-128-cbc",
    "AES192_CBC": "aes-192-cbc",
    "AES256_CBC": "aes-256-cbc",
    "AES128_GCM": "aes-128-gcm",
    "AES256_GCM": "aes-256-gcm",
}
TRANSPORTS = ("PKCS1", "SHA-1", "SHA-256", "SHA-384", "SHA-512")
SIGNATURES = {
    **{f"SHA{bits}with{kind}": ("rsa2048", f"sha{bits}") for bits in (256, 384, 512) for kind in ("RSA", "RSAandMGF1")},
    **{f"SHA{bits}with{kind}": ("p256", f"sha{bits}") for bits in (256, 384, 512) for kind in ("ECDSA", "PLAIN-ECDSA")},
}


def receiver(kind: str) -> Person:
    return person(f"{kind}@bc.example", kind)


@dataclass
class Peer:
    """Jobs for BouncyCastle, done all at once, and the files that they leave."""

    folder: Path
    jobs: list[str] = field(default_factory=list)

    def add(self, *words: str) -> None:
        self.jobs.append("|".join(words))

    def write(self, name: str, octets: bytes) -> str:
        (self.folder / name).write_bytes(octets)
        return name

    def run(self, program: str) -> None:
        command = ["java", "-cp", ":".join(map(str, JARS)), str(PROGRAMS / program), *self.jobs]
        self.jobs = []
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr[:2000]

    def made(self, name: str) -> bytes:
        failed = self.folder / f"{name}.error"
        assert not failed.exists(), failed.read_text()
        return (self.folder / name).read_bytes()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer | None]:
    """BouncyCastle after all its jobs, None where it is not installed."""
    if shutil.which("javac") is None or not all(jar.exists() for jar in JARS):
        warnings.warn(f"BouncyCastle was NOT tried: install {PACKAGES['BouncyCastle']} for these cases", stacklevel=1)
        yield None
        return
    peer = Peer(tmp_path_factory.mktemp("bouncycastle"))
    peer.write("mail", MAIL)
    for kind in KINDS:
        holder = receiver(kind)
        peer.write(f"{kind}.crt", holder.certificate.public_bytes(Encoding.DER))
        peer.write(f"{kind}.key", holder.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        for theirs, ours in CIPHERS.items():
            peer.add("encrypt", theirs, "PKCS1", "mail", f"{kind}-{theirs}", f"{kind}.crt")
            peer.write(f"ours-{kind}-{theirs}", cms.encrypt(MAIL, [holder.certificate], ours))
            peer.add("decrypt", f"ours-{kind}-{theirs}", f"read-{kind}-{theirs}", f"{kind}.key")
    for transport in TRANSPORTS:
        peer.add("encrypt", "AES256_CBC", transport, "mail", f"transport-{transport}", "rsa2048.crt")
    for mine in ("oaep", "oaep-sha1"):
        peer.write(f"ours-{mine}", cms.encrypt(MAIL, [receiver("rsa2048").certificate], transport=mine))
        peer.add("decrypt", f"ours-{mine}", f"read-{mine}", "rsa2048.key")
    peer.add("encrypt", "AES256_CBC", "PKCS1", "mail", "everybody", *(f"{kind}.crt" for kind in KINDS))
    for name, (kind, digest) in SIGNATURES.items():
        peer.add("sign", name, "mail", f"signed-{name}", f"{kind}.key", f"{kind}.crt")
        peer.write(f"ours-{kind}-{digest}", cms.sign(MAIL, receiver(kind), NOW, digest))
        peer.add("verify", f"ours-{kind}-{digest}", "mail", f"verified-{kind}-{digest}")
    peer.run("Bouncy.java")
    peer.write("whole", WHOLE)
    for transport in MAIL_TRANSPORTS:
        peer.add("protect", transport, "whole", f"mail-{transport}", *("rsa2048.key", "rsa2048.crt", "rsa4096.crt"))
    for mine in get_args(cms.Transport):
        for cipher in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc"):
            protection = smime.Protection(cipher=cipher, transport=mine)
            to = [receiver("rsa4096").certificate]
            peer.write(f"ours-{mine}-{cipher}", smime.protect(WHOLE, receiver("rsa2048"), to, NOW, protection))
            peer.add("open", f"ours-{mine}-{cipher}", f"opened-{mine}-{cipher}", "rsa4096.key")
    peer.run("BouncyMail.java")
    yield peer


def each(cases: Callable[[Peer], int], peer: Peer | None) -> None:
    """Run `cases`, which count themselves, where there is a peer."""
    if peer is not None:
        print(f"{cases(peer)} cases of BouncyCastle")


@pytest.mark.row("A3", "A6", "A7", "A9")
def test_what_it_encrypts_is_read(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        for kind in KINDS:
            for cipher in CIPHERS:
                assert cms.decrypt(peer.made(f"{kind}-{cipher}"), [receiver(kind)]) == MAIL, (kind, cipher)
        return len(KINDS) * len(CIPHERS)

    each(cases, peer)


@pytest.mark.row("A3", "A6", "A7")
def test_it_reads_what_is_encrypted(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        pairs = [(kind, cipher) for kind in KINDS for cipher in CIPHERS]
        # Its authenticated recipients know RSA only.
        pairs = [(kind, cipher) for kind, cipher in pairs if kind.startswith("rsa") or cipher.endswith("CBC")]
        for kind, cipher in pairs:
            assert peer.made(f"read-{kind}-{cipher}") == MAIL, (kind, cipher)
        return len(pairs)

    each(cases, peer)


@pytest.mark.row("A5")
def test_each_key_transport_is_opened_on_both_sides(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        for transport in TRANSPORTS:
            assert cms.decrypt(peer.made(f"transport-{transport}"), [receiver("rsa2048")]) == MAIL, transport
        for mine in ("oaep", "oaep-sha1"):
            assert peer.made(f"read-{mine}") == MAIL
        return len(TRANSPORTS) + 2

    each(cases, peer)


@pytest.mark.row("A8")
def test_any_key_opens_what_is_for_several(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        for kind in KINDS:
            assert cms.decrypt(peer.made("everybody"), [receiver(kind)]) == MAIL, kind
        return len(KINDS)

    each(cases, peer)


@pytest.mark.row("A1", "A6", "A9", "ETT GOOD_ECDSA_CERT")
def test_what_it_signs_is_verified(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        for name, (kind, digest) in SIGNATURES.items():
            (signer,) = cms.verify(peer.made(f"signed-{name}"), MAIL)
            assert (signer.certificate, signer.digest) == (receiver(kind).certificate, digest), name
        return len(SIGNATURES)

    each(cases, peer)


@pytest.mark.row("A1", "A6", "A10")
def test_it_verifies_what_is_signed(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        for kind, digest in SIGNATURES.values():
            assert peer.made(f"verified-{kind}-{digest}") == b"verified 1", (kind, digest)
        return len(SIGNATURES)

    each(cases, peer)


@pytest.mark.row("M6", "M10", "M11", "A5", "A9")
def test_its_whole_mails_are_opened(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        for transport in MAIL_TRANSPORTS:
            opened = smime.open(peer.made(f"mail-{transport}"), [receiver("rsa4096")])
            assert opened.is_wrapped
            assert opened.inner.rstrip() == WHOLE.rstrip(), transport
            assert attachments(opened.inner)[1:] == FILES
            assert opened.signers[0].certificate == receiver("rsa2048").certificate
            assert opened.notes == ()
        return len(MAIL_TRANSPORTS)

    each(cases, peer)


@pytest.mark.row("M6", "M10", "M11", "M13", "A5")
def test_it_opens_whole_mails(peer: Peer | None) -> None:
    def cases(peer: Peer) -> int:
        names = [f"{mine}-aes-{bits}-cbc" for mine in get_args(cms.Transport) for bits in (128, 192, 256)]
        for name in names:
            assert peer.made(f"opened-{name}") == WHOLE, name
        return len(names)

    each(cases, peer)
