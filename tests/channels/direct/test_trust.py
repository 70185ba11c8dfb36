"""Whom our addresses trust: each certificate that must be refused is, for its own reason, and each good one is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from channels.direct.keys import Identity
from tests.channels.direct.judging import Judge
from tests.channels.direct.pki import NOW, Authority, Wish, pem, with_old_digest

ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT, number=1)
STRANGER = Authority("stranger", number=2)
ALICE = MIDDLE.issue("alice@a.example")

SIGNS = ("digital_signature",)
OPENS = ("key_encipherment",)
AGREES = ("key_agreement",)
POLICY = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), None)])


def mid(*names: str, **wish: object) -> Identity:
    return MIDDLE.issue(*names, wish=Wish(**wish))  # type: ignore[arg-type]


def below(name: str, *names: str, **wish: object) -> Identity:
    """A certificate for `names` below an intermediate that differs from a good one as `wish` says."""
    return Authority(name, ROOT, Wish(**wish), number=3).issue(*names)  # type: ignore[arg-type]


def old(digest: str, *, intermediate: bool) -> Identity:
    """A certificate that is signed with an old digest, or whose issuer is."""
    if not intermediate:
        return Identity(ALICE.key, with_old_digest(ALICE.certificate, MIDDLE.key, digest), ALICE.chain)  # type: ignore[arg-type]
    return Identity(ALICE.key, ALICE.certificate, (with_old_digest(MIDDLE.certificate, ROOT.key, digest),))  # type: ignore[arg-type]


GOOD = [
    pytest.param(ALICE, "alice@a.example", "in", id="address", marks=pytest.mark.row("C1", "T2", "ETT GOOD_CERT")),
    pytest.param(ALICE, "Alice@A.example", "in", id="case", marks=pytest.mark.row("C6")),
    pytest.param(mid("ALICE@A.Example"), "alice@a.example", "out", id="case-inside", marks=pytest.mark.row("C6")),
    pytest.param(mid("a.example"), "bob@a.example", "out", id="domain", marks=pytest.mark.row("C1", "C4", "T1")),
    pytest.param(mid("a.example", kind="rsa3072"), "b@a.example", "in", id="3072", marks=pytest.mark.row("C8")),
    pytest.param(mid("a.example", kind="rsa4096"), "b@a.example", "in", id="4096", marks=pytest.mark.row("C8")),
    pytest.param(
        mid("a.example", kind="p256", usages=SIGNS), "b@a.example", "in", id="p256", marks=pytest.mark.row("C8", "A6")
    ),
    pytest.param(
        mid("a.example", kind="p384", usages=AGREES), "b@a.example", "out", id="p384", marks=pytest.mark.row("C8", "A6")
    ),
    pytest.param(mid("a.example", usages=SIGNS), "b@a.example", "in", id="signs", marks=pytest.mark.row("C9")),
    pytest.param(mid("a.example", usages=OPENS), "b@a.example", "out", id="opens", marks=pytest.mark.row("C9")),
    pytest.param(mid("a.example", usages=None, purposes=None), "b@a.example", "in", id="says-nothing"),
    pytest.param(
        mid("a.example", purposes=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)),
        "b@a.example",
        "in",
        id="any-purpose",
        marks=pytest.mark.row("C10"),
    ),
    pytest.param(
        below("permits", "alice@a.example", permitted=(x509.RFC822Name("a.example"),)),
        "alice@a.example",
        "in",
        id="permitted",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        below("excludes-others", "a.example", excluded=(x509.DNSName("b.example"),)),
        "alice@a.example",
        "in",
        id="others-excluded",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        below("length-0", "a.example", path_length=0), "b@a.example", "in", id="length", marks=pytest.mark.row("T4")
    ),
]


@pytest.mark.parametrize(("partner", "address", "way"), GOOD)
async def test_trusted(tmp_path: Path, partner: Identity, address: str, way: str) -> None:
    verdict = await Judge(tmp_path, ROOT.certificate).judge(partner, address, way=way)  # type: ignore[arg-type]
    assert (verdict.trusted, verdict.code) == (True, "trusted"), verdict
    assert verdict.path[0] == partner.certificate
    assert verdict.path[-1] == ROOT.certificate


FORGED = x509.SubjectKeyIdentifier.from_public_key(ROOT.key.public_key()).digest

BAD = [
    pytest.param(mid(subject_mail="alice@a.example"), "alice@a.example", "in", "unbound", marks=pytest.mark.row("C1")),
    pytest.param(
        mid("*.example"), "alice@a.example", "in", "wildcard", marks=pytest.mark.row("C2", "ETT WILD_CARD_DOMAIN_CERT")
    ),
    pytest.param(mid("*.a.example", "a.example"), "alice@a.example", "in", "wildcard", marks=pytest.mark.row("C2")),
    pytest.param(
        mid("a.example", "alice@a.example"),
        "alice@a.example",
        "in",
        "several-names",
        marks=pytest.mark.row("C3", "DTS 240", "ETT CERT_WITH_EMAIL_ADDRESS"),
    ),
    pytest.param(mid("bob@a.example"), "alice@a.example", "in", "unbound", marks=pytest.mark.row("C4")),
    pytest.param(mid("a.example"), "alice@sub.a.example", "in", "unbound", marks=pytest.mark.row("C4")),
    pytest.param(mid("sub.a.example"), "alice@a.example", "out", "unbound", marks=pytest.mark.row("C4")),
    pytest.param(
        mid("a.example", start=NOW - timedelta(days=9), end=NOW - timedelta(seconds=1)),
        "alice@a.example",
        "in",
        "expired",
        marks=pytest.mark.row("C7", "ETT EXPIRED_CERT"),
    ),
    pytest.param(
        mid("a.example", start=NOW + timedelta(seconds=1)),
        "alice@a.example",
        "in",
        "not-yet-valid",
        marks=pytest.mark.row("C7"),
    ),
    pytest.param(
        mid("a.example", kind="rsa1024"),
        "alice@a.example",
        "in",
        "weak-key",
        marks=pytest.mark.row("C8", "ETT CERT_LESS_THAN_2048_BITS"),
    ),
    pytest.param(
        mid("a.example", kind="p521"), "alice@a.example", "in", "weak-key", id="p521", marks=pytest.mark.row("C8")
    ),
    pytest.param(mid("a.example", usages=OPENS), "alice@a.example", "in", "usage", marks=pytest.mark.row("C9")),
    pytest.param(mid("a.example", usages=SIGNS), "alice@a.example", "out", "usage", marks=pytest.mark.row("C9")),
    pytest.param(
        mid("a.example", kind="p256", usages=OPENS), "alice@a.example", "out", "usage", marks=pytest.mark.row("C9")
    ),
    pytest.param(
        mid("a.example", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "alice@a.example",
        "in",
        "purpose",
        marks=pytest.mark.row("C10"),
    ),
    pytest.param(
        old("sha1", intermediate=False), "alice@a.example", "in", "weak-digest", id="sha1", marks=pytest.mark.row("C11")
    ),
    pytest.param(
        old("md5", intermediate=False), "alice@a.example", "in", "weak-digest", id="md5", marks=pytest.mark.row("C11")
    ),
    pytest.param(
        old("sha1", intermediate=True),
        "alice@a.example",
        "in",
        "path-invalid",
        id="sha1-above",
        marks=pytest.mark.row("C11"),
    ),
    pytest.param(
        STRANGER.issue("alice@a.example"),
        "alice@a.example",
        "in",
        "no-path",
        id="stranger",
        marks=pytest.mark.row("T2", "ETT DIFFERENT_TRUST_ANCHOR"),
    ),
    pytest.param(Identity(ALICE.key, ALICE.certificate), "alice@a.example", "in", "no-path", id="missing-intermediate"),
    pytest.param(
        Authority("forger", wish=Wish(key_identifier=FORGED), number=4).issue("alice@a.example"),
        "alice@a.example",
        "in",
        "no-path",
        id="forged-identifier",
        marks=pytest.mark.row("T7"),
    ),
    pytest.param(
        Authority("root", wish=Wish(key_identifier=FORGED), number=4).issue("alice@a.example"),
        "alice@a.example",
        "in",
        "path-invalid",
        id="forged-name-and-identifier",
        marks=pytest.mark.row("T7"),
    ),
    pytest.param(
        STRANGER.issue("alice@a.example", wish=Wish(key_identifier=FORGED)),
        "alice@a.example",
        "in",
        "no-path",
        id="forged-identifier-of-the-certificate",
        marks=pytest.mark.row("T7"),
    ),
    pytest.param(
        below("no-authority", "a.example", is_authority=False),
        "b@a.example",
        "in",
        "path-invalid",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        Authority("too-deep", Authority("length-0", ROOT, Wish(path_length=0), number=5), number=6).issue("a.example"),
        "b@a.example",
        "in",
        "path-invalid",
        id="path-length",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        below("permits-b", "alice@a.example", permitted=(x509.RFC822Name("b.example"),)),
        "alice@a.example",
        "in",
        "path-invalid",
        id="not-permitted",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        below("excludes-a", "a.example", excluded=(x509.DNSName("a.example"),)),
        "alice@a.example",
        "in",
        "path-invalid",
        id="excluded",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        below("ended", "a.example", end=NOW - timedelta(days=1)),
        "b@a.example",
        "in",
        "path-invalid",
        id="ended-above",
        marks=pytest.mark.row("T4"),
    ),
    pytest.param(
        below("weak", "a.example", kind="rsa1024"),
        "b@a.example",
        "in",
        "path-invalid",
        id="weak-above",
        marks=pytest.mark.row("T4", "C8"),
    ),
]


@pytest.mark.parametrize(("partner", "address", "way", "code"), BAD)
async def test_refused_for_its_own_reason(tmp_path: Path, partner: Identity, address: str, way: str, code: str) -> None:
    verdict = await Judge(tmp_path, ROOT.certificate).judge(partner, address, way=way)  # type: ignore[arg-type]
    assert (verdict.trusted, verdict.code) == (False, code), verdict
    assert verdict.hint, verdict
    assert not verdict.path
    assert "alice" not in verdict.reason


@pytest.mark.row("T4")
@pytest.mark.parametrize("anchor", [MIDDLE.certificate, ALICE.certificate, STRANGER.issue("a.example").certificate])
async def test_an_anchor_is_a_root_an_intermediate_or_the_certificate_itself(
    tmp_path: Path, anchor: x509.Certificate
) -> None:
    partner = ALICE if anchor.issuer != STRANGER.name else Identity(ALICE.key, anchor)
    verdict = await Judge(tmp_path, anchor).judge(partner, chain=())
    assert verdict.trusted, verdict
    assert verdict.path[-1] == anchor


@pytest.mark.row("T4")
async def test_a_critical_extension_that_is_unknown_is_refused(tmp_path: Path) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00")
    passed = await Judge(tmp_path, ROOT.certificate).judge(mid("a.example", extra=(unknown,)))
    refused = await Judge(tmp_path, ROOT.certificate).judge(mid("a.example", critical=(unknown,)))
    assert (passed.code, refused.code) == ("trusted", "path-invalid")


@pytest.mark.row("C3")
async def test_several_names_are_taken_where_that_is_agreed(tmp_path: Path) -> None:
    judge = Judge(tmp_path, ROOT.certificate, several_names="accept")
    assert (await judge.judge(mid("a.example", "alice@a.example"))).trusted


@pytest.mark.row("T8")
async def test_without_anchors_nobody_is_trusted(tmp_path: Path) -> None:
    verdict = await Judge(tmp_path).judge(ALICE)
    assert verdict.code == "no-anchors"


@pytest.mark.row("T3")
@pytest.mark.parametrize(
    ("ours", "way", "trusted"),
    [
        ("us@in.example", "in", True),
        ("us@in.example", "out", False),
        ("us@out.example", "in", False),
        ("us@out.example", "out", True),
        ("me@one.example", "in", True),
        ("Me@One.example", "out", True),
        ("other@one.example", "in", False),
        ("us@sub.in.example", "in", False),
        ("us@in.example", "notice", True),
        ("us@out.example", "notice", False),
    ],
)
async def test_anchors_count_for_addresses_domains_and_directions(
    tmp_path: Path, ours: str, way: str, trusted: bool
) -> None:
    file = tmp_path / "root.pem"
    file.write_bytes(pem(ROOT.certificate))
    anchors = [
        {"certificates": file, "ours": ["In.example"], "direction": "in"},
        {"certificates": file, "ours": ["out.example"], "direction": "out"},
        {"certificates": file, "ours": ["me@one.example"]},
    ]
    verdict = await Judge(tmp_path, anchors=anchors).judge(ALICE, ours=ours, way=way)  # type: ignore[arg-type]
    assert verdict.trusted == trusted, verdict


@pytest.mark.row("T10")
async def test_anchors_for_outgoing_mail_may_be_enough_for_notices(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.write_bytes(pem(ROOT.certificate))
    anchors = [{"certificates": file, "direction": "out"}]
    for agreed in (False, True):
        judge = Judge(tmp_path, anchors=anchors, outgoing_for_notices=agreed)
        assert (await judge.judge(ALICE, way="notice")).trusted == agreed
        assert not (await judge.judge(ALICE, way="in")).trusted


@pytest.mark.row("T11")
async def test_anchors_may_ask_for_a_certificate_policy(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.write_bytes(pem(ROOT.certificate))
    judge = Judge(tmp_path, anchors=[{"certificates": file, "policies": ["1.3.6.1.4.1.99999.1"]}])
    assert (await judge.judge(ALICE)).code == "policy"
    assert (await judge.judge(mid("a.example", extra=(POLICY,)))).trusted


async def test_a_changed_anchor_file_counts_at_once_and_a_bad_one_not_at_all(tmp_path: Path) -> None:
    judge = Judge(tmp_path, STRANGER.certificate)
    assert (await judge.judge(ALICE)).code == "no-path"
    (tmp_path / "anchors.pem").write_bytes(pem(STRANGER.certificate, ROOT.certificate))
    assert (await judge.judge(ALICE)).trusted
    (tmp_path / "anchors.pem").write_bytes(b"damaged")
    assert (await judge.judge(ALICE)).trusted
    assert [each.code for each in judge.found] == ["DIR-112", "DIR-111"]
    assert "CN=root" in judge.found[0].what
