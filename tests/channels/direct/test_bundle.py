"""Trust bundles: every form that is published is read, and a renewed one is taken only when it should be."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from channels.direct.cms import ber, bundle
from channels.direct.keys import Identity
from channels.direct.trust.bundle import BundleError, read_bundle
from tests.channels.direct.judging import Judge
from tests.channels.direct.pki import NOW, Authority, Wish, pem, write_pem
from tests.channels.direct.web import Web
from tests.tls import Authority as WebAuthority

ROOTS = [Authority(f"community {number}", number=30 + number) for number in range(3)]
HELD = [each.certificate for each in ROOTS]
ALICE = ROOTS[0].issue("alice@a.example")
SIGNER = Authority("signer", number=40).issue("bundles.example", number=2)
SIGNERS = Authority("signer", number=40)


def degenerate(certificates: list[x509.Certificate], encoding: Encoding = Encoding.DER) -> bytes:
    return pkcs7.serialize_certificates(certificates, encoding)


def signed(bundle: bytes, signer: Identity) -> bytes:
    """A .p7m: `bundle` inside what `signer` signed."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(bundle)
    builder = builder.add_signer(signer.certificate, signer.key, hashes.SHA256())  # type: ignore[arg-type]
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def with_metadata(certificates: list[x509.Certificate]) -> bytes:
    """A .p7b whose content is the community's XML, as Blue Button's bundles have it."""
    xml = ber.write(0xA0, ber.write(ber.OCTET_STRING, b"<TrustBundle><Profile/></TrustBundle>"))
    content = ber.write(ber.SEQUENCE, ber.write_oid("1.2.840.113549.1.7.1"), xml)
    held = ber.write(0xA0, *(each.public_bytes(Encoding.DER) for each in certificates))
    data = ber.write(ber.SEQUENCE, ber.write_integer(1), ber.write(ber.SET), content, held, ber.write(ber.SET))
    return ber.write(ber.SEQUENCE, ber.write_oid("1.2.840.113549.1.7.2"), ber.write(0xA0, data))


FORMS: dict[str, Callable[[], bytes]] = {
    "p7b": lambda: degenerate(HELD),
    "p7b in PEM": lambda: degenerate(HELD, Encoding.PEM),
    "p7b in base64 alone": lambda: base64.encodebytes(degenerate(HELD)),
    "certificates in PEM": lambda: b"first\n" + pem(*HELD),
    "signed": lambda: signed(degenerate(HELD), SIGNER),
    "signed in PEM": lambda: (
        b"-----BEGIN PKCS7-----\n" + base64.encodebytes(signed(degenerate(HELD), SIGNER)) + b"-----END PKCS7-----\n"
    ),
    "p7b with metadata": lambda: with_metadata(HELD),
    "twice the same": lambda: pem(*HELD, *HELD),
}


@pytest.mark.row("T9")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str) -> None:
    assert sorted(read_bundle(FORMS[form]()), key=HELD.index) == HELD


@pytest.mark.row("T9")
def test_one_certificate_is_a_bundle() -> None:
    assert read_bundle(HELD[0].public_bytes(Encoding.DER)) == (HELD[0],)


@pytest.mark.row("T9", "A9")
def test_what_openssl_writes_is_read(tmp_path: Path) -> None:
    """Signed by `openssl cms -stream`: BER of indefinite lengths."""
    certificate, key = write_pem(tmp_path, "signer", SIGNER)
    (tmp_path / "held.pem").write_bytes(pem(*HELD))
    (tmp_path / "bundle.p7b").write_bytes(degenerate(HELD))
    run = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", tmp_path / "held.pem", "-outform", "DER"]
    assert set(read_bundle(subprocess.run(run, check=True, capture_output=True).stdout)) == set(HELD)
    run = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-stream", "-outform", "DER", "-md", "sha256"]
    run += ["-in", tmp_path / "bundle.p7b", "-signer", certificate, "-inkey", key]
    stream = subprocess.run(run, check=True, capture_output=True).stdout
    assert set(read_bundle(stream, [SIGNER.certificate], NOW)) == set(HELD)


@pytest.mark.row("T9")
def test_a_bundle_of_hundreds_is_read() -> None:
    many = [ROOTS[0].issue("a.example", number=0).certificate for _ in range(300)]
    assert len(read_bundle(degenerate(many))) == 300


OLD = SIGNERS.issue("bundles.example", wish=Wish(end=NOW - timedelta(days=1)), number=2)


@pytest.mark.row("T9")
@pytest.mark.parametrize(
    ("data", "signers", "code"),
    [
        (lambda: signed(degenerate(HELD), SIGNER), [SIGNER.certificate], ""),
        (lambda: signed(degenerate(HELD), SIGNER), [SIGNERS.certificate], ""),
        (lambda: signed(degenerate(HELD), SIGNER), [HELD[0]], "bundle-signer"),
        (lambda: signed(degenerate(HELD), SIGNER), [ALICE.certificate], "bundle-signer"),
        (lambda: signed(degenerate(HELD), OLD), [SIGNERS.certificate], "bundle-signer"),
        (lambda: degenerate(HELD), [SIGNER.certificate], "bundle-unsigned"),
        (lambda: pem(*HELD), [SIGNER.certificate], "bundle-malformed"),
        (lambda: signed(degenerate(HELD), SIGNER).replace(b"community 1", b"community X"), [], "bundle-malformed"),
        (lambda: signed(b"not a bundle", SIGNER), [], "bundle-malformed"),
        (lambda: bundle([]), [], "bundle-empty"),
        (lambda: b"", [], "bundle-malformed"),
        (lambda: b"<html>404</html>", [], "bundle-malformed"),
        (lambda: b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----", [], "bundle-malformed"),
    ],
)
def test_who_must_have_signed_it(data: Callable[[], bytes], signers: list[x509.Certificate], code: str) -> None:
    if not code:
        assert set(read_bundle(data(), signers, NOW)) == set(HELD)
        return
    with pytest.raises(BundleError) as error:
        read_bundle(data(), signers, NOW)
    assert error.value.code == code
    assert error.value.hint


@given(st.binary(max_size=300), st.integers(0, 3000), st.integers(0, 20))
def test_damage_is_refused_and_never_more(noise: bytes, at: int, gone: int) -> None:
    for whole in (_P7B, _P7M, noise):
        damaged = whole[:at] + noise[:5] + whole[at + gone :]
        for signers in ([], [SIGNER.certificate]):
            try:
                found = read_bundle(damaged, signers, NOW)
            except BundleError:
                continue
            assert found


_P7B, _P7M = degenerate(HELD), signed(degenerate(HELD), SIGNER)


@pytest.fixture
def published(web: Web, tmp_path: Path) -> dict[str, Any]:
    """The options of a bundle at the test's web server, over https."""
    authority = WebAuthority(tmp_path / "tls")
    web.encrypt(authority.issue("web", hosts=("127.0.0.1",)))
    web.pages["/bundle"] = degenerate(HELD[:2])
    return {
        "bundles": [{"file": tmp_path / "kept.p7b", "url": f"https://127.0.0.1:{web.port}/bundle", "refresh": "1h"}],
        "fetch": {"networks": ["127.0.0.0/8"], "tls": {"authorities": authority.file}},
    }


@pytest.mark.row("T9")
async def test_a_bundle_is_fetched_kept_and_renewed(web: Web, published: dict[str, Any], tmp_path: Path) -> None:
    judge = Judge(tmp_path, **published)
    before = await judge.judge(ALICE)
    assert (before.code, before.temporary) == ("no-anchors", True)
    await judge.refresh()
    assert (await judge.judge(ALICE)).trusted
    assert set(read_bundle((tmp_path / "kept.p7b").read_bytes())) == set(HELD[:2])
    assert [each.code for each in judge.found] == ["DIR-112", "DIR-112"]
    web.pages["/bundle"] = degenerate(HELD)
    await judge.refresh()
    assert len(judge.anchors()) == 2
    judge.now += timedelta(hours=1)
    await judge.refresh()
    assert len(judge.anchors()) == 3
    again = Judge(tmp_path, **published)
    assert (await again.judge(ALICE)).trusted


@pytest.mark.row("T9")
@pytest.mark.parametrize(
    ("page", "says"),
    [
        (lambda: degenerate(HELD[1:]), "lacks 1 of 2 anchors"),
        (lambda: bundle([]), "no certificate"),
        (lambda: b"<html>", "neither a bundle"),
        (lambda: (404, {}, b""), "answers 404"),
    ],
)
async def test_a_worse_bundle_changes_nothing(
    web: Web, published: dict[str, Any], tmp_path: Path, page: Callable[[], Any], says: str
) -> None:
    judge = Judge(tmp_path, **published)
    await judge.refresh()
    kept = (tmp_path / "kept.p7b").read_bytes()
    web.pages["/bundle"] = page()
    judge.now += timedelta(hours=1)
    await judge.refresh()
    assert judge.found[-1].code == "DIR-113"
    assert says in judge.found[-1].what
    assert (await judge.judge(ALICE)).trusted
    assert (tmp_path / "kept.p7b").read_bytes() == kept
    asked = len(web.asked)
    judge.now += timedelta(minutes=9)
    await judge.refresh()
    assert len(web.asked) == asked
    judge.now += timedelta(minutes=1)
    await judge.refresh()
    assert len(web.asked) == asked + 1


@pytest.mark.row("T9")
async def test_a_bundle_may_shrink_where_that_is_agreed(web: Web, published: dict[str, Any], tmp_path: Path) -> None:
    published["bundles"][0]["shrink"] = "accept"
    judge = Judge(tmp_path, **published)
    await judge.refresh()
    web.pages["/bundle"] = degenerate(HELD[1:])
    judge.now += timedelta(hours=1)
    await judge.refresh()
    assert (await judge.judge(ALICE)).code == "no-path"
    assert any("an anchor was removed: CN=community 0" in each.what for each in judge.found)


@pytest.mark.row("T9")
async def test_a_bundle_must_be_signed_where_its_signer_is_named(
    web: Web, published: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "signer.pem").write_bytes(pem(SIGNER.certificate))
    published["bundles"][0]["signer"] = tmp_path / "signer.pem"
    judge = Judge(tmp_path, **published)
    await judge.refresh()
    assert "not signed" in judge.found[-1].what
    web.pages["/bundle"] = signed(degenerate(HELD), SIGNER)
    judge.now += timedelta(hours=1)
    await judge.refresh()
    assert len(judge.anchors()) == 3


async def test_a_file_that_cannot_be_written_costs_only_the_keeping(published: dict[str, Any], tmp_path: Path) -> None:
    published["bundles"][0]["file"] = tmp_path / "nowhere" / "kept.p7b"
    judge = Judge(tmp_path, **published)
    await judge.refresh()
    assert (await judge.judge(ALICE)).trusted
    assert "DIR-114" in [each.code for each in judge.found]


def test_a_bundle_that_is_missing_or_bad_stops_the_start_and_is_named(tmp_path: Path) -> None:
    for content in (None, b"damaged"):
        file = tmp_path / "bundle.p7b"
        if content:
            file.write_bytes(content)
        with pytest.raises(BundleError, match=r"bundle\.p7b"):
            Judge(tmp_path, bundles=[{"file": file}])
