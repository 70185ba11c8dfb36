"""The menu of ONC's test tool for Direct 1.3: each signing certificate, algorithm and form, received by the agent.

The menu names its cases without a verdict; the verdicts are those of the rows that they belong to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from channels.direct import cms, smime
from channels.direct.agent import Agent, Received
from channels.direct.cms import ber
from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.keys import IdentityFiles, Keys
from channels.direct.mime import Attachment, write_mail
from channels.direct.partners import Partners
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from tests.channels.direct.judging import LOOPBACK
from tests.channels.direct.pki import NOW, Authority, Wish, pem, write_pem
from tests.channels.direct.test_smime import enclosed

ANCHOR, OURS, OTHER = Authority("Anchor"), Authority("Our Anchor", number=1), Authority("Other Anchor", number=2)
BELOW = Authority("Below", ANCHOR, number=3)
BOB = OURS.issue("bob@b.example", number=20)
ADDRESS = "alice@a.example"
MAIL = write_mail(
    [
        ("From", ADDRESS),
        ("To", "bob@b.example"),
        ("Date", "Mon, 01 Jun 2026 11:59:00 +0000"),
        ("Message-ID", "<1@a.example>"),
    ],
    "See it.\n",
    [Attachment("ccd.xml", "text/xml", b"<ClinicalDocument/>")],
    os.urandom,
)
WRAPPED = b"Content-Type: message/rfc822\r\n\r\n" + MAIL
UNWRAPPED = MAIL[MAIL.index(b"Content-Type") :]
NOWHERE = "http://127.0.0.1:1/nothing"


@dataclass(frozen=True)
class RawCertificate:
    """A certificate in DER that `cryptography` cannot read, with as much as signing needs of one."""

    der: bytes
    tbs_certificate_bytes: bytes
    serial_number: int

    def public_bytes(self, encoding: Encoding) -> bytes:
        assert encoding is Encoding.DER
        return self.der


@dataclass(frozen=True)
class Signing:
    """A key with whatever certificate."""

    key: cms.PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


def reissued(number: int, change: Callable[[list[bytes]], list[bytes]]) -> Signing:
    """A certificate of the anchor whose validity was changed before it was signed."""
    good = ANCHOR.issue(ADDRESS, number=number)
    fields = [bytes(field.whole) for field in ber.read(good.certificate.tbs_certificate_bytes).children]
    times = [bytes(each.whole) for each in ber.read(fields[4]).children]
    fields[4] = ber.write(ber.SEQUENCE, *change(times))
    tbs = ber.write(ber.SEQUENCE, *fields)
    assert isinstance(ANCHOR.key, rsa.RSAPrivateKey)
    signature = ANCHOR.key.sign(tbs, padding.PKCS1v15(), hashes.SHA256())
    der = ber.write(ber.SEQUENCE, tbs, fields[2], ber.write(ber.BIT_STRING, b"\0" + signature))
    raw = RawCertificate(der, tbs, good.certificate.serial_number)
    return Signing(good.key, raw)  # type: ignore[arg-type]


def tampered() -> Signing:
    """A certificate whose own signature does not hold."""
    good = ANCHOR.issue(ADDRESS, number=30)
    der = bytearray(good.certificate.public_bytes(Encoding.DER))
    der[-5] ^= 1
    return Signing(good.key, x509.load_der_x509_certificate(bytes(der)))


def site(folder: Path, *, absent: str = "accept") -> Agent:
    """Bob's agent, who trusts the anchor and has its revocation list."""
    certificate, key = write_pem(folder, "bob", BOB)
    (folder / "anchor.pem").write_bytes(pem(ANCHOR.certificate))
    (folder / "anchor.crl").write_bytes(ANCHOR.crl())
    trust = {
        "anchors": [{"certificates": folder / "anchor.pem"}],
        "revocation": {"lists": [folder / "anchor.crl"], "absent": absent},
        "fetch": LOOPBACK,
    }
    none = DiscoveryOptions(dns=False, ldap=False)
    partners = Partners(TrustOptions.model_validate(trust), none, lambda _: None, lambda: NOW)
    return Agent(Keys([IdentityFiles(certificate=certificate, key=key)], lambda _: None), partners, lambda: NOW)


async def received(agent: Agent, octets: bytes) -> Received:
    try:
        return await agent.receive(Envelope(ADDRESS, ("bob@b.example",)), octets)
    finally:
        await agent._partners.close()


def signed(signer: cms.Holder, digest: str = "sha256", part: bytes = WRAPPED) -> bytes:
    signature = smime.encode_base64([cms.sign(part, signer, NOW, digest)])
    second = b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n" + signature
    head = f"Content-Type: multipart/signed; protocol=application/pkcs7-signature; micalg={digest}; boundary=b\r\n\r\n"
    return head.encode() + b"--b\r\n" + part + b"\r\n--b\r\n" + second + b"\r\n--b--\r\n"


@pytest.mark.row("C8", "A1", "A6", "ETT GOOD_CERT", "ETT GOOD_ECDSA_CERT", "ETT CERT_WITH_3072_BITS")
@pytest.mark.row("ETT CERT_WITH_4096_BITS", "M7")
@pytest.mark.parametrize("part", [WRAPPED, UNWRAPPED], ids=["wrapped", "unwrapped"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "rsa4096", "p256", "p384"])
async def test_good_certificates_are_accepted(tmp_path: Path, kind: str, digest: str, part: bytes) -> None:
    signer = ANCHOR.issue(ADDRESS, wish=Wish(kind=kind), number=40)
    found = await received(site(tmp_path), enclosed(signed(signer, digest, part), to=BOB))
    assert found.trusted == ("bob@b.example",)
    assert found.facts.message_id == "<1@a.example>"


@pytest.mark.row("A3", "A5", "A7", "ETT RSA-OAEP", "ETT AES-CBC", "ETT AES-GCM")
@pytest.mark.parametrize("transport", ["rsa1.5", "oaep-sha1", "oaep"])
@pytest.mark.parametrize("cipher", ["aes-128-cbc", "aes-256-cbc", "aes-256-gcm"])
async def test_each_encryption_is_accepted(tmp_path: Path, cipher: cms.CipherName, transport: cms.Transport) -> None:
    protection = smime.Protection(cipher=cipher, transport=transport)
    octets = smime.protect(MAIL, ANCHOR.issue(ADDRESS, number=41), [BOB.certificate], NOW, protection)
    assert (await received(site(tmp_path), octets)).trusted == ("bob@b.example",)


BAD = [
    pytest.param(tampered, "path-invalid", marks=pytest.mark.row("T4", "ETT INVALID_CERT")),
    pytest.param(
        lambda: ANCHOR.issue(ADDRESS, wish=Wish(end=NOW - timedelta(days=1)), number=31),
        "expired",
        marks=pytest.mark.row("C7", "ETT EXPIRED_CERT"),
    ),
    pytest.param(
        lambda: OTHER.issue(ADDRESS, number=32), "no-path", marks=pytest.mark.row("T4", "ETT DIFFERENT_TRUST_ANCHOR")
    ),
    pytest.param(
        lambda: Signing((below := BELOW.issue(ADDRESS, wish=Wish(issuers=NOWHERE), number=33)).key, below.certificate),
        "no-path",
        marks=pytest.mark.row("T5", "ETT BAD_AIA"),
    ),
    pytest.param(
        lambda: ANCHOR.issue("*.a.example", number=34),
        "wildcard",
        marks=pytest.mark.row("C2", "ETT WILD_CARD_DOMAIN_CERT"),
    ),
    pytest.param(
        lambda: ANCHOR.issue(ADDRESS, "a.example", number=35),
        "several-names",
        marks=pytest.mark.row("C3", "ETT CERT_WITH_EMAIL_ADDRESS"),
    ),
    pytest.param(
        lambda: ANCHOR.issue(ADDRESS, wish=Wish(kind="rsa1024"), number=36),
        "weak-key",
        marks=pytest.mark.row("C8", "ETT CERT_LESS_THAN_2048_BITS"),
    ),
    pytest.param(
        lambda: BELOW.issue(ADDRESS, wish=Wish(), number=37),
        "revocation-absent",
        marks=pytest.mark.row("T6", "ETT CERT_WITH_NO_CRL"),
    ),
]


@pytest.mark.parametrize(("signer", "code"), BAD)
async def test_bad_certificates_are_not_trusted(tmp_path: Path, signer: Callable[[], cms.Holder], code: str) -> None:
    found = await received(site(tmp_path, absent="refuse"), enclosed(signed(signer()), to=BOB))
    verdict = found.verdicts["bob@b.example"]
    assert (verdict.trusted, verdict.code) == (False, code)


@pytest.mark.row("C7", "ETT CERT_WITH_NO_NOTBEFORE_ATTR", "ETT CERT_WITH_NO_NOTAFTER_ATT")
@pytest.mark.parametrize("kept", [slice(1, 2), slice(0, 1)], ids=["no notBefore", "no notAfter"])
async def test_a_certificate_without_its_times_is_none(tmp_path: Path, kept: slice) -> None:
    signer = reissued(38, lambda times: times[kept])
    with pytest.raises(DirectError, match="cms-signer-unknown"):
        await received(site(tmp_path), enclosed(signed(signer), to=BOB))
    whole = reissued(38, lambda times: times)
    assert (await received(site(tmp_path), enclosed(signed(whole), to=BOB))).trusted == ("bob@b.example",)


@pytest.mark.row("M11", "ETT INVALID_DIGEST", "DTS C1")
async def test_an_altered_message_is_refused(tmp_path: Path) -> None:
    altered = signed(ANCHOR.issue(ADDRESS, number=39)).replace(b"See it.", b"See is.")
    with pytest.raises(DirectError, match="cms-digest-mismatch"):
        await received(site(tmp_path), enclosed(altered, to=BOB))
