"""Revocation by lists and by OCSP, and issuers fetched by AIA: what counts, and how often is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID

from channels.direct.keys import Identity
from tests.channels.direct.judging import Judge
from tests.channels.direct.pki import NOW, Authority, Wish, key, pem
from tests.channels.direct.web import Web

ROOT = Authority("root")
STRICT: dict[str, Any] = {"revocation": {}}
HOUR = timedelta(hours=1)


def listed(web: Web, **wish: Any) -> Identity:
    return ROOT.issue("alice@a.example", wish=Wish(crl=f"{web.url}/root.crl", **wish))


def asked(web: Web, path: str) -> int:
    return [each for each, _ in web.asked].count(path)


@pytest.mark.row("T6")
async def test_a_list_is_asked_once_for_many(tmp_path: Path, web: Web) -> None:
    judge = Judge(tmp_path, ROOT.certificate, **STRICT)
    good, bad = listed(web), listed(web)
    web.pages["/root.crl"] = ROOT.crl(bad.certificate)
    assert (await judge.judge(good)).trusted
    verdict = await judge.judge(bad)
    assert (verdict.code, verdict.temporary) == ("revoked", False)
    assert asked(web, "/root.crl") == 1


@pytest.mark.row("T6")
async def test_a_list_is_renewed_and_the_earlier_stands_in_only_for_its_time(tmp_path: Path, web: Web) -> None:
    judge = Judge(tmp_path, ROOT.certificate, revocation={"keep": "1h"})
    alice = listed(web)
    web.pages["/root.crl"] = ROOT.crl(until=NOW + 4 * HOUR)
    assert (await judge.judge(alice)).trusted
    web.pages["/root.crl"] = (503, {}, b"")
    assert (await judge.judge(alice, now=NOW + 2 * HOUR)).trusted
    assert asked(web, "/root.crl") == 2
    verdict = await judge.judge(alice, now=NOW + 5 * HOUR)
    assert (verdict.code, verdict.temporary) == ("revocation-unknown", True)
    web.pages["/root.crl"] = ROOT.crl(alice.certificate, at=NOW + 5 * HOUR)
    assert (await judge.judge(alice, now=NOW + 6 * HOUR)).code == "revoked"


@pytest.mark.row("T6")
async def test_the_issuer_above_may_be_revoked(tmp_path: Path, web: Web) -> None:
    middle = Authority("middle", ROOT, Wish(crl=f"{web.url}/root.crl"), number=1)
    alice = middle.issue("alice@a.example", wish=Wish(crl=f"{web.url}/middle.crl"))
    judge = Judge(tmp_path, ROOT.certificate, **STRICT)
    web.pages |= {"/root.crl": ROOT.crl(middle.certificate), "/middle.crl": middle.crl()}
    assert (await judge.judge(alice)).code == "revoked"


def point(**said: bool) -> x509.IssuingDistributionPoint:
    names = ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs")
    return x509.IssuingDistributionPoint(
        full_name=None, relative_name=None, only_some_reasons=None, **{name: said.get(name, False) for name in names}
    )


UNUSABLE: list[tuple[str, Callable[[], Any]]] = [
    ("another authority", lambda: Authority("other", number=2).crl()),
    ("its signature", lambda: ROOT.crl(signer=key("rsa2048", 77))),
    ("out of date", lambda: ROOT.crl(at=NOW - timedelta(days=9), until=NOW - HOUR)),
    ("in the future", lambda: ROOT.crl(at=NOW + HOUR)),
    ("malformed", lambda: b"no list at all"),
    ("malformed", lambda: ROOT.crl()[:-9]),
    ("indirect", lambda: ROOT.crl(extension=point(indirect_crl=True))),
    ("not known here", lambda: ROOT.crl(extension=x509.DeltaCRLIndicator(1))),
    ("404", lambda: (404, {}, b"")),
    ("larger than", lambda: b"x" * (21 << 20)),
]


@pytest.mark.row("T6", "ETT CERT_WITH_NO_CRL")
@pytest.mark.parametrize(("why", "page"), UNUSABLE)
async def test_a_list_that_does_not_count_is_as_good_as_none(
    tmp_path: Path, web: Web, why: str, page: Callable[[], Any]
) -> None:
    web.pages["/root.crl"] = page()
    alice = listed(web)
    verdict = await Judge(tmp_path, ROOT.certificate, **STRICT).judge(alice)
    assert (verdict.code, verdict.temporary) == ("revocation-unknown", True)
    assert why in verdict.reason
    assert (await Judge(tmp_path, ROOT.certificate, revocation={"unknown": "accept"}).judge(alice)).trusted


@pytest.mark.row("T6")
async def test_a_list_for_authorities_only_says_nothing_of_users(tmp_path: Path, web: Web) -> None:
    web.pages["/root.crl"] = ROOT.crl(extension=point(only_contains_ca_certs=True))
    judge = Judge(tmp_path, ROOT.certificate, **STRICT)
    assert (await judge.judge(listed(web))).code == "revocation-unknown"
    web.pages["/users.crl"] = ROOT.crl(extension=point(only_contains_user_certs=True))
    alice = ROOT.issue("alice@a.example", wish=Wish(crl=f"{web.url}/users.crl"))
    assert (await judge.judge(alice)).trusted


@pytest.mark.row("T6", "ETT CERT_WITH_NO_CRL")
async def test_a_certificate_that_names_no_way_is_refused_unless_agreed(tmp_path: Path) -> None:
    alice = ROOT.issue("alice@a.example")
    verdict = await Judge(tmp_path, ROOT.certificate, **STRICT).judge(alice)
    assert (verdict.code, verdict.temporary) == ("revocation-absent", False)
    assert "absent: accept" in verdict.hint
    assert (await Judge(tmp_path, ROOT.certificate, revocation={"absent": "accept"}).judge(alice)).trusted


@pytest.mark.row("T6")
async def test_lists_from_files_count_and_are_read_again(tmp_path: Path) -> None:
    alice, file = ROOT.issue("alice@a.example"), tmp_path / "root.crl"
    other = tmp_path / "other.crl"
    other.write_bytes(Authority("other", number=2).crl())
    judge = Judge(tmp_path, ROOT.certificate, revocation={"lists": [other, file]})
    file.write_bytes(ROOT.crl())
    assert (await judge.judge(alice)).trusted
    file.write_bytes(ROOT.crl(alice.certificate))
    assert (await judge.judge(alice)).code == "revoked"


def flipped(signed: bytes) -> bytes:
    """`signed`, whose signature is at the end, with that damaged."""
    return signed[:-1] + bytes([signed[-1] ^ 1])


@pytest.mark.row("T6")
async def test_a_list_of_ours_counts_whatever_others_say(tmp_path: Path, web: Web) -> None:
    alice = ROOT.issue("alice@a.example", wish=Wish(ocsp=f"{web.url}/ocsp", crl=f"{web.url}/root.crl"))
    web.pages |= {"/ocsp": ROOT.ocsp(alice.certificate), "/root.crl": ROOT.crl()}
    file = tmp_path / "ours.crl"
    judge = Judge(tmp_path, ROOT.certificate, revocation={"lists": [file]})
    file.write_bytes(ROOT.crl())
    assert (await judge.judge(alice)).trusted
    assert asked(web, "/ocsp") == 1
    file.write_bytes(ROOT.crl(alice.certificate))
    assert (await judge.judge(alice)).code == "revoked"


@pytest.mark.row("T6")
async def test_a_second_responder_is_asked_when_the_first_is_down(tmp_path: Path, web: Web) -> None:
    alice = ROOT.issue("alice@a.example", wish=Wish(ocsp=f"{web.url}/down", ocsp_too=f"{web.url}/ocsp"))
    web.pages["/ocsp"] = ROOT.ocsp(alice.certificate, revoked=True)
    assert (await Judge(tmp_path, ROOT.certificate, **STRICT).judge(alice)).code == "revoked"


DELEGATE = ROOT.issue("ocsp.example", wish=Wish(purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,)), number=5)
ANSWERS: list[tuple[str, str, Callable[[x509.Certificate], Any]]] = [
    ("trusted", "", ROOT.ocsp),
    ("revoked", "revoked by", lambda each: ROOT.ocsp(each, revoked=True)),
    ("trusted", "", lambda each: ROOT.ocsp(each, responder=DELEGATE)),
    ("revoked", "revoked by", lambda each: ROOT.ocsp(each, revoked=True, responder=DELEGATE)),
    ("revocation-unknown", "not signed by the authority", lambda each: flipped(ROOT.ocsp(each))),
    ("revocation-unknown", "has not named", lambda each: ROOT.ocsp(each, responder=ROOT.issue("p.example"))),
    (
        "revocation-unknown",
        "malformed, or not signed",
        lambda each: ROOT.ocsp(each, responder=Authority("stranger", number=3).issue("ocsp.example")),
    ),
    ("revocation-unknown", "another certificate", lambda _each: ROOT.ocsp(DELEGATE.certificate)),
    ("revocation-unknown", "out of date", lambda each: ROOT.ocsp(each, at=NOW - 3 * HOUR)),
    ("revocation-unknown", "out of date", lambda each: ROOT.ocsp(each, at=NOW + HOUR)),
    ("revocation-unknown", "malformed", lambda _each: b"0\x03\n\x01"),
    ("revocation-unknown", "try later", lambda _each: b"0\x03\n\x01\x03"),
    ("revocation-unknown", "500", lambda _each: (500, {}, b"")),
]


@pytest.mark.row("T6")
@pytest.mark.parametrize(("code", "says", "answer"), ANSWERS)
async def test_ocsp(tmp_path: Path, web: Web, code: str, says: str, answer: Callable[[x509.Certificate], Any]) -> None:
    alice = ROOT.issue("alice@a.example", wish=Wish(ocsp=f"{web.url}/ocsp"))
    web.pages["/ocsp"] = answer(alice.certificate)
    judge = Judge(tmp_path, ROOT.certificate, **STRICT)
    verdict = await judge.judge(alice)
    assert verdict.code == code, verdict
    assert says in verdict.reason
    await judge.judge(alice)
    assert asked(web, "/ocsp") == 1


@pytest.mark.row("T6")
async def test_a_list_stands_in_for_a_responder_that_is_down(tmp_path: Path, web: Web) -> None:
    wish = Wish(ocsp=f"{web.url}/down", crl=f"{web.url}/root.crl")
    good, bad = ROOT.issue("alice@a.example", wish=wish), ROOT.issue("alice@a.example", wish=wish)
    web.pages["/root.crl"] = ROOT.crl(bad.certificate)
    judge = Judge(tmp_path, ROOT.certificate, **STRICT)
    assert (await judge.judge(good)).trusted
    assert (await judge.judge(bad)).code == "revoked"


@pytest.mark.row("T5", "DCDT D18")
@pytest.mark.parametrize("form", ["der", "pem", "p7c"])
async def test_issuers_that_were_left_out_are_fetched(tmp_path: Path, web: Web, form: str) -> None:
    one = Authority("one", ROOT, Wish(issuers=f"{web.url}/root.cer"), number=1)
    two = Authority("two", one, Wish(issuers=f"{web.url}/one"), number=2)
    alice = two.issue("alice@a.example", wish=Wish(issuers=f"{web.url}/two"))
    for name, each in (("/one", one.certificate), ("/two", two.certificate)):
        web.pages[name] = {
            "der": each.public_bytes(Encoding.DER),
            "pem": pem(each),
            "p7c": pkcs7.serialize_certificates([each], Encoding.DER),
        }[form]
    judge = Judge(tmp_path, ROOT.certificate)
    verdict = await judge.judge(alice, chain=())
    assert verdict.trusted, verdict
    assert len(verdict.path) == 4
    await judge.judge(alice, chain=())
    assert [path for path, _ in web.asked] == ["/two", "/one"]


@pytest.mark.row("T5", "ETT BAD_AIA")
async def test_an_issuer_that_cannot_be_had_is_said(tmp_path: Path, web: Web) -> None:
    middle = Authority("middle", ROOT, number=1)
    alice = middle.issue("alice@a.example", wish=Wish(issuers=f"{web.url}/none"))
    verdict = await Judge(tmp_path, ROOT.certificate).judge(alice, chain=())
    assert verdict.code == "no-path"
    assert "answers 404" in verdict.reason
    web.pages["/none"] = (503, {}, b"")
    verdict = await Judge(tmp_path, ROOT.certificate).judge(alice, chain=())
    assert verdict.temporary


@pytest.mark.row("T5")
async def test_certificates_that_name_each_other_end(tmp_path: Path, web: Web) -> None:
    """Issuers in a ring, and each naming the next by AIA: a few fetches, then a refusal."""
    links = [Authority(f"ring {number}", number=10 + number) for number in range(6)]
    pages: list[x509.Certificate] = []
    for number, each in enumerate(links):
        above = links[(number + 1) % len(links)]
        wish = Wish(issuers=f"{web.url}/{(number + 1) % len(links)}")
        made = Authority(f"ring {number}", above, wish, number=10 + number)
        pages.append(made.certificate)
        web.pages[f"/{number}"] = made.certificate.public_bytes(Encoding.DER)
        assert each.name == made.name
    alice = links[0].issue("alice@a.example", wish=Wish(issuers=f"{web.url}/0"))
    verdict = await Judge(tmp_path, ROOT.certificate).judge(alice, chain=())
    assert verdict.code == "no-path"
    assert len(web.asked) <= 8


@pytest.mark.row("T5")
async def test_nothing_is_fetched_for_a_certificate_that_fails_alone(tmp_path: Path, web: Web) -> None:
    stranger = Authority("stranger", number=3)
    wish = Wish(issuers=f"{web.url}/a", ocsp=f"{web.url}/b", crl=f"{web.url}/c")
    judge = Judge(tmp_path, ROOT.certificate, **STRICT)
    await judge.judge(stranger.issue("bob@b.example", wish=wish))
    await judge.judge(Authority("middle", ROOT, number=1).issue("mallory@a.example", wish=wish))
    assert web.asked == []
