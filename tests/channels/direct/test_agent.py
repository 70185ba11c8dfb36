"""The security and trust agent between addresses whose anchors, certificates and keys are files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.direct import smime
from channels.direct.agent import Agent, Received
from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.keys import Identity, IdentityFiles, Keys
from channels.direct.mime import Attachment, Entity, write_mail, write_multipart
from channels.direct.partners import Partners
from channels.direct.protection import PartnerProtection, protection_by
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from tests.channels.direct.openssl import openssl
from tests.channels.direct.pki import NOW, Authority, Wish, pem, write_pem
from tests.channels.direct.test_smime import enclosed as enclosed_in_mail

THEIRS, OURS, FOREIGN = Authority("Their Anchor"), Authority("Our Anchor", number=1), Authority("Foreign", number=2)
ALICE, BOB = THEIRS.issue("alice@a.example"), OURS.issue("bob@b.example", number=1)
CAROL, DOMAIN = OURS.issue("carol@c.example", number=2), OURS.issue("b.example", number=3)
DOCUMENT = Attachment("ccd.xml", "text/xml", b"<ClinicalDocument/>\n" * 2000)


def mail(
    sender: str = "alice@a.example", to: str = "bob@b.example", more: Sequence[tuple[str, str]] = (), name: str = "1"
) -> bytes:
    headers = [
        *(("From", sender), ("To", to), ("Date", "Mon, 01 Jun 2026 11:59:00 +0000")),
        *(("Message-ID", f"<{name}@a.example>"), ("Subject", "Discharge"), *more),
    ]
    return write_mail(headers, "See the summary.\n", [DOCUMENT], os.urandom)


class Site:
    """A site of ours with its keys, anchors by address and partners' certificates, all of them files."""

    def __init__(
        self,
        folder: Path,
        *ours: Identity,
        anchors: Sequence[dict[str, Any]] = (),
        partners: Sequence[Identity] = (),
        protection: Any = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        files = []
        for number, each in enumerate(ours):
            certificate, key = write_pem(folder, f"key{number}", each)
            files.append(IdentityFiles(certificate=certificate, key=key))
        written = []
        for number, each in enumerate(anchors):
            file = folder / f"anchor{number}.pem"
            file.write_bytes(pem(each.pop("anchor").certificate))
            written.append({"certificates": file, **each})
        found = folder / "partners.pem"
        found.write_bytes(pem(*(each.certificate for each in partners)))
        discovery = {"certificates": [found] if partners else [], "dns": False, "ldap": False}
        self.reported: list[object] = []
        self.partners = Partners(
            TrustOptions.model_validate({"anchors": written, "revocation": {"absent": "accept"}}),
            DiscoveryOptions.model_validate(discovery),
            self.reported.append,
            lambda: NOW,
        )
        arguments = {} if protection is None else {"protection": protection}
        self.agent = Agent(Keys(files, self.reported.append), self.partners, lambda: NOW, **arguments)

    async def receive(self, octets: bytes, sender: str = "alice@a.example", *to: str) -> Received:
        try:
            return await self.agent.receive(Envelope(sender, to or ("bob@b.example",)), octets)
        finally:
            await self.partners.close()


def trusting(folder: Path, *ours: Identity, **more: Any) -> Site:
    """A site that trusts alice's authority for everybody."""
    return Site(folder, *(ours or (BOB,)), anchors=[{"anchor": THEIRS}], **more)


def sealed(octets: bytes, signer: Identity = ALICE, *to: Identity) -> bytes:
    return smime.protect(octets, signer, [each.certificate for each in to or (BOB,)], NOW)


@pytest.mark.row("M6", "M8", "T2", "T4")
async def test_a_trusted_message_is_opened_for_its_recipient(tmp_path: Path) -> None:
    octets = mail()
    received = await trusting(tmp_path).receive(sealed(octets))
    assert received.inner == octets
    assert (received.sender.key, received.signer) == ("alice@a.example", ALICE.certificate)
    assert received.facts.message_id == "<1@a.example>"
    assert received.trusted == ("bob@b.example",)
    assert not received.is_notice


@pytest.mark.row("T2", "T3")
async def test_each_recipient_decides_by_its_own_anchors(tmp_path: Path) -> None:
    anchors = [{"anchor": THEIRS, "ours": ["b.example"]}, {"anchor": FOREIGN, "ours": ["c.example"]}]
    site = Site(tmp_path, BOB, CAROL, anchors=anchors)
    octets = sealed(mail(to="bob@b.example, carol@c.example"), ALICE, BOB, CAROL)
    received = await site.receive(octets, "alice@a.example", "bob@b.example", "carol@c.example")
    assert received.trusted == ("bob@b.example",)
    refused = received.verdicts["carol@c.example"]
    assert (refused.trusted, refused.code) == (False, "no-path")


@pytest.mark.row("T3")
async def test_anchors_for_mail_that_goes_out_do_not_let_mail_in(tmp_path: Path) -> None:
    site = Site(tmp_path, BOB, anchors=[{"anchor": THEIRS, "direction": "out"}])
    assert (await site.receive(sealed(mail()))).trusted == ()


@pytest.mark.row("M4")
@pytest.mark.parametrize("sender", ["mallory@a.example", "alice@evil.example", ""])
async def test_an_envelope_from_somebody_else_is_refused(tmp_path: Path, sender: str) -> None:
    with pytest.raises(DirectError) as refused:
        await trusting(tmp_path).receive(sealed(mail()), sender)
    assert refused.value.code == "agent-sender"


@pytest.mark.row("M4", "C6")
async def test_the_envelope_may_name_sender_and_case_does_not_count(tmp_path: Path) -> None:
    octets = sealed(mail("boss@a.example", "BOB@B.example", [("Sender", "Alice@A.example")]))
    received = await trusting(tmp_path).receive(octets, "ALICE@a.example", "Bob@b.example")
    assert received.trusted == ("Bob@b.example",)
    assert received.sender.key == "alice@a.example"


@pytest.mark.row("T2", "M4")
async def test_a_trusted_stranger_cannot_write_in_anothers_name(tmp_path: Path) -> None:
    octets = sealed(mail("boss@victim.example", more=[("Sender", "alice@a.example")]))
    verdict = (await trusting(tmp_path).receive(octets)).verdicts["bob@b.example"]
    assert (verdict.trusted, verdict.code) == (False, "unbound")


@pytest.mark.row("M5")
async def test_a_recipient_who_is_not_addressed_is_refused_alone(tmp_path: Path) -> None:
    octets = sealed(mail(to="bob@b.example", more=[("Cc", "dave@b.example")]))
    to = ("bob@b.example", "dave@b.example", "eve@b.example")
    received = await trusting(tmp_path).receive(octets, "alice@a.example", *to)
    assert received.trusted == to[:2]
    assert received.verdicts["eve@b.example"].code == "not-addressed"


@pytest.mark.row("C1", "C2", "C4", "C7", "C8", "C9", "T7", "ETT EXPIRED_CERT", "ETT WILD_CARD_DOMAIN_CERT")
@pytest.mark.parametrize(
    ("signer", "code"),
    [
        (THEIRS.issue("bob@a.example", number=4), "unbound"),
        (THEIRS.issue("x.a.example", number=5), "unbound"),
        (THEIRS.issue(wish=Wish(subject_mail="alice@a.example"), number=6), "unbound"),
        (THEIRS.issue("*.example", number=7), "wildcard"),
        (FOREIGN.issue("alice@a.example", number=8), "no-path"),
        (THEIRS.issue("alice@a.example", wish=Wish(end=NOW - timedelta(days=1)), number=9), "expired"),
        (THEIRS.issue("alice@a.example", wish=Wish(kind="rsa1024"), number=10), "weak-key"),
        (THEIRS.issue("alice@a.example", wish=Wish(usages=("key_encipherment",)), number=11), "usage"),
    ],
)
async def test_a_signer_who_may_not_speak_for_the_sender_is_not_trusted(
    tmp_path: Path, signer: Identity, code: str
) -> None:
    received = await trusting(tmp_path).receive(sealed(mail(), signer))
    verdict = received.verdicts["bob@b.example"]
    assert (verdict.trusted, verdict.code) == (False, code)


@pytest.mark.row("T2")
async def test_a_second_signature_of_the_sender_counts(tmp_path: Path) -> None:
    stranger = FOREIGN.issue("eve@e.example", number=12)
    part = b"Content-Type: message/rfc822\r\n\r\n" + mail()
    for name, each in {"one": stranger, "two": ALICE}.items():
        write_pem(tmp_path, name, each)
    (tmp_path / "part").write_bytes(part)
    signers = "-signer one.pem -inkey one.key -signer two.pem -inkey two.key"
    signature = openssl(tmp_path, f"cms -sign -binary -in part -outform DER -md sha256 {signers}")
    octets = enclosed_in_mail(_signed(part, signature), to=BOB)
    assert (await trusting(tmp_path / "site").receive(octets)).trusted == ("bob@b.example",)


@pytest.mark.row("A10", "T5")
async def test_the_certificate_of_a_signature_without_one_is_looked_up(tmp_path: Path) -> None:
    part = b"Content-Type: message/rfc822\r\n\r\n" + mail()
    write_pem(tmp_path, "alice", ALICE)
    (tmp_path / "part").write_bytes(part)
    command = "cms -sign -binary -nocerts -in part -outform DER -signer alice.pem -inkey alice.key"
    octets = enclosed_in_mail(_signed(part, openssl(tmp_path, command)), to=BOB)
    with pytest.raises(DirectError, match="cms-signer-unknown"):
        await trusting(tmp_path / "without").receive(octets)
    assert (await trusting(tmp_path / "with", partners=[ALICE]).receive(octets)).trusted == ("bob@b.example",)


def _signed(part: bytes, signature: bytes) -> bytes:
    second = b"Content-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    parameters = (("protocol", "application/pkcs7-signature"), ("micalg", "sha-256"))
    encoded = smime.encode_base64([signature])
    return write_multipart("signed", [part, second + encoded], "by-hand", parameters=parameters)


@pytest.mark.row("M1", "M3")
@pytest.mark.parametrize(
    ("more", "code"),
    [
        ([("Bcc", "eve@e.example")], "mime-bcc"),
        ([("From", "mallory@a.example")], "mime-header-twice"),
        ([("Sender", "alice@a.example<mallory@a.example>")], "mime-address"),
    ],
)
async def test_headers_against_the_rules_are_refused(
    tmp_path: Path, more: Sequence[tuple[str, str]], code: str
) -> None:
    with pytest.raises(DirectError) as refused:
        await trusting(tmp_path).receive(sealed(mail(more=more)))
    assert refused.value.code == code


@pytest.mark.row("N2")
@pytest.mark.parametrize("octets", [b"", b"From: alice@a.example\r\n\r\nplain\r\n", mail()])
async def test_what_is_not_encrypted_is_refused(tmp_path: Path, octets: bytes) -> None:
    with pytest.raises(DirectError, match="smime-not-encrypted"):
        await trusting(tmp_path).receive(octets)


@pytest.mark.row("M4", "T10")
async def test_a_report_of_another_kind_is_no_notice(tmp_path: Path) -> None:
    headers = [
        *(("From", "alice@a.example"), ("To", "bob@b.example"), ("Date", "Mon, 01 Jun 2026 11:59:00 +0000")),
        *(("Message-ID", "<r@a.example>"), ("MIME-Version", "1.0")),
    ]
    part = b"Content-Type: text/xml\r\n\r\n<ClinicalDocument/>"
    octets = sealed(write_multipart("report", [part], "b", parameters=[("report-type", "feedback")], more=headers))
    received = await trusting(tmp_path).receive(octets)
    assert not received.is_notice
    with pytest.raises(DirectError) as refused:
        await trusting(tmp_path).receive(octets, "")
    assert refused.value.code == "agent-sender"


@pytest.mark.row("T10", "N3")
@pytest.mark.parametrize("dated", [True, False], ids=["whole", "without date and id"])
async def test_a_notice_may_come_from_nobody_and_is_judged_as_one(tmp_path: Path, dated: bool) -> None:
    named = [("Date", "Mon, 01 Jun 2026 11:59:00 +0000"), ("Message-ID", "<2@a.example>")]
    report = write_multipart(
        "report",
        [b"\r\nprocessed\r\n", b"Content-Type: message/disposition-notification\r\n\r\nDisposition: x\r\n"],
        "r",
        more=[("From", "alice@a.example"), ("To", "bob@b.example"), ("MIME-Version", "1.0"), *(named if dated else [])],
        parameters=[("report-type", "disposition-notification")],
    )
    received = await trusting(tmp_path).receive(sealed(report), "")
    assert received.is_notice
    assert received.trusted == ("bob@b.example",)


def sender_site(folder: Path, partners: Sequence[Identity], **more: Any) -> Site:
    """Alice's site, which trusts our anchor when it sends."""
    return Site(folder, ALICE, anchors=[{"anchor": OURS, "direction": "out"}], partners=partners, **more)


async def sent_by(site: Site, octets: bytes, *to: str) -> Any:
    try:
        return await site.agent.send(octets, to)
    finally:
        await site.partners.close()


@pytest.mark.row("T1", "C5", "A8")
async def test_what_is_sent_is_received(tmp_path: Path) -> None:
    octets = mail(to="bob@b.example", more=[("Cc", "carol@c.example")])
    sent = await sent_by(sender_site(tmp_path / "a", [BOB, CAROL]), octets, "bob@b.example", "Carol@c.example")
    (parcel,) = sent.parcels
    assert parcel.recipients == ("bob@b.example", "Carol@c.example")
    assert all(verdict.trusted for verdict in sent.verdicts.values())
    for number, each in enumerate((BOB, CAROL)):
        site = trusting(tmp_path / str(number), each)
        to = parcel.recipients[number]
        received = await site.receive(parcel.mail, "alice@a.example", to)
        assert (received.inner, received.trusted) == (octets, (to,))


@pytest.mark.row("T1", "D4", "N14", "N18", "MT 2", "MT 24")
async def test_recipients_without_a_trusted_certificate_are_dropped_and_told(tmp_path: Path) -> None:
    foreign = FOREIGN.issue("dave@d.example", number=13)
    octets = mail(to="bob@b.example, dave@d.example, eve@e.example")
    site = sender_site(tmp_path, [BOB, foreign])
    sent = await sent_by(site, octets, "bob@b.example", "dave@d.example", "eve@e.example")
    assert [parcel.recipients for parcel in sent.parcels] == [("bob@b.example",)]
    assert [verdict.trusted for verdict in sent.verdicts.values()] == [True, False, False]
    assert sent.verdicts["eve@e.example"].code == "no-certificate"
    with pytest.raises(DirectError, match="cms-not-for-us"):
        smime.open(sent.parcels[0].mail, [foreign])


@pytest.mark.row("T1")
async def test_nothing_is_sent_where_nobody_is_trusted(tmp_path: Path) -> None:
    assert (await sent_by(sender_site(tmp_path, []), mail(), "bob@b.example")).parcels == ()


@pytest.mark.row("C4", "C5")
async def test_an_organisations_certificate_serves_its_addresses(tmp_path: Path) -> None:
    sent = await sent_by(sender_site(tmp_path / "a", [DOMAIN]), mail(), "bob@b.example")
    received = await trusting(tmp_path / "b", DOMAIN).receive(sent.parcels[0].mail)
    assert received.trusted == ("bob@b.example",)


@pytest.mark.row("A5", "A7")
async def test_partners_who_ask_get_their_own_protection(tmp_path: Path) -> None:
    asked = [
        PartnerProtection(partners=["C.example"], cipher="aes-128-cbc", transport="oaep"),
        PartnerProtection(partners=["carol@c.example"], cipher="aes-256-gcm"),
    ]
    dave = OURS.issue("dave@c.example", number=17)
    site = sender_site(tmp_path, [BOB, CAROL, dave], protection=protection_by(asked))
    to = ("bob@b.example", "Carol@c.example", "dave@c.example")
    octets = mail(to=", ".join(to))
    sent = await sent_by(site, octets, *to)
    assert [parcel.recipients for parcel in sent.parcels] == [(each,) for each in to]
    for parcel, holder, cipher in zip(
        sent.parcels, (BOB, CAROL, dave), ("aes-256-cbc", "aes-256-gcm", "aes-128-cbc"), strict=True
    ):
        assert smime.open(parcel.mail, [holder]).inner == octets
        enveloped = Entity.parse(parcel.mail).decoded()
        assert algorithm_of(tmp_path, enveloped) == cipher


def algorithm_of(folder: Path, enveloped: bytes) -> str:
    """The content's cipher as OpenSSL calls it."""
    printed = openssl(folder, "cms -cmsout -print -noout -inform DER", given=enveloped).decode()
    return printed.partition("contentEncryptionAlgorithm:")[2].split()[1].lower()


async def test_what_cannot_be_sent_to_anybody_says_why(tmp_path: Path) -> None:
    site = sender_site(tmp_path, [BOB])
    with pytest.raises(DirectError, match="agent-not-addressed"):
        await sent_by(site, mail(to="carol@c.example"), "bob@b.example")
    with pytest.raises(DirectError, match="keys-none"):
        await sent_by(site, mail("mallory@a.example"), "bob@b.example")


@pytest.mark.row("C9")
async def test_separate_certificates_to_sign_and_to_encrypt(tmp_path: Path) -> None:
    signing = THEIRS.issue("alice@a.example", wish=Wish(usages=("digital_signature",)), number=14)
    opening = OURS.issue("bob@b.example", wish=Wish(usages=("key_encipherment",)), number=15)
    answering = OURS.issue("bob@b.example", wish=Wish(usages=("digital_signature",)), number=16)
    site = Site(tmp_path / "a", signing, anchors=[{"anchor": OURS}], partners=[answering, opening])
    sent = await sent_by(site, mail(), "bob@b.example")
    received = await trusting(tmp_path / "b", answering, opening).receive(sent.parcels[0].mail)
    assert (received.trusted, received.signer) == (("bob@b.example",), signing.certificate)


_LARGE = r"""
import re
from pathlib import Path
from mmap import ACCESS_READ, mmap
from channels.direct import smime
from channels.direct.keys import IdentityFiles
holder = IdentityFiles(certificate=Path("bob.pem"), key=Path("bob.key")).read()
def most():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = most()
with open("mail", "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as octets:
    inner = smime.open(octets, [holder]).inner
    print(len(inner), most() - before, len(octets) >> 20)
"""


@pytest.mark.row("M18")
def test_a_large_message_is_opened_in_little_memory(tmp_path: Path) -> None:
    data = Attachment("scan.pdf", "application/pdf", os.urandom(25_000_000))
    octets = write_mail(
        [("From", "alice@a.example"), ("To", "bob@b.example"), ("Date", "x"), ("Message-ID", "<1@a.example>")],
        "",
        [data],
        os.urandom,
    )
    write_pem(tmp_path, "bob", BOB)
    (tmp_path / "mail").write_bytes(sealed(octets))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    printed = subprocess.run(
        [sys.executable, "-c", _LARGE], cwd=tmp_path, env=environment, capture_output=True, check=True, text=True
    ).stdout.split()
    size, grown, mapped = map(int, printed)
    assert size == len(octets)
    # The pages of the file itself count as ours while they are read, and are the system's to take back.
    print(f"{grown} MB more, {mapped} MB of them mapped")
    assert grown - mapped < 80, f"{grown} MB, of which {mapped} MB are the file's own pages"
