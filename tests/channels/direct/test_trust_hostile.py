"""What a stranger may put into certificates, lists and answers: a verdict or a refusal, quickly, and nothing else."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.direct.cms import SignedData, bundle, verify
from channels.direct.discovery.found import read_each
from channels.direct.network.error import NetworkError
from channels.direct.trust.binding import Names, names_of
from channels.direct.trust.crl import read_list
from channels.direct.trust.ocsp import read_answer
from channels.direct.trust.path import Path as Building
from channels.direct.trust.usage import may_encrypt, may_mail, may_sign
from tests.channels.direct.judging import Judge
from tests.channels.direct.openssl import openssl
from tests.channels.direct.pki import NOW, Authority, Wish, write_pem

ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT, number=1)
FULL = Wish(
    crl="http://127.0.0.1:9/crl",
    ocsp="http://127.0.0.1:9/ocsp",
    issuers="http://127.0.0.1:9/issuer",
    permitted=(),
    extra=(x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), ["text"])]),),
)
ALICE = MIDDLE.issue("alice@a.example", wish=FULL)
LEAF = ALICE.certificate.public_bytes(Encoding.DER)
ABOVE = MIDDLE.certificate.public_bytes(Encoding.DER)
LIST = ROOT.crl(ALICE.certificate)
ANSWER = ROOT.ocsp(MIDDLE.certificate)

X400_NAME = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, bytes.fromhex("3002a300"))

damage = st.tuples(st.integers(0, 3000), st.integers(0, 8), st.binary(max_size=8))


def damaged(whole: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """`whole` with a few places cut out and written over."""
    for at, gone, put in changes:
        place = at % len(whole)
        whole = whole[:place] + put + whole[place + gone :]
    return whole


def same_length(whole: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """`whole` with octets changed and none gone, so that most of its structure stays."""
    for at, _, put in changes:
        place = at % len(whole)
        whole = (whole[:place] + put + whole[place + len(put) :])[: len(whole)]
    return whole


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(damage, min_size=1, max_size=3), above=st.booleans())
def test_damaged_certificates_get_a_verdict(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, bytes]], above: bool
) -> None:
    for change in (damaged, same_length):
        try:
            certificate = x509.load_der_x509_certificate(change(ABOVE if above else LEAF, changes))
        except ValueError:
            continue
        names_of(certificate)
        partner, chain = (ALICE.certificate, [certificate]) if above else (certificate, [MIDDLE.certificate])
        judge = Judge(_folder(tmp_path_factory), ROOT.certificate, fetch={})
        verdict = asyncio.run(
            judge.trust.judge(partner, chain, "alice@a.example", ours="us@ours.example", way="in", now=NOW)
        )
        assert verdict.code


def _folder(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "hostile"
    folder.mkdir(exist_ok=True)
    return folder


@settings(max_examples=200, deadline=None)
@given(changes=st.lists(damage, max_size=3))
def test_damaged_lists_and_answers_do_not_count(changes: list[tuple[int, int, bytes]]) -> None:
    for change in (damaged, same_length):
        changed = change(LIST, changes)
        try:
            assert ALICE.certificate.serial_number in read_list(changed, ROOT.certificate, NOW).serials
        except NetworkError as error:
            assert error.code == "crl-unusable"
        changed = change(ANSWER, changes)
        try:
            assert not read_answer(changed, MIDDLE.certificate, ROOT.certificate, NOW).revoked
        except NetworkError as error:
            assert error.code == "ocsp-unusable"


@pytest.mark.parametrize("names", [1, 5])
def test_a_thicket_of_issuers_ends_soon(names: int) -> None:
    """Twenty authorities that vouch for each other: building a path through them is bounded."""
    authorities = [Authority(f"thicket {number}", number=60 + number) for number in range(names)]
    thicket = [
        Authority(one.name.rfc4514_string()[3:], other, Wish(start=NOW - timedelta(days=31 + turn)), number=60 + number)
        for turn in range(20 // names**2 + 1)
        for number, one in enumerate(authorities)
        for other in authorities
    ]
    leaf = authorities[0].issue("a.example")
    started = time.perf_counter()
    with pytest.raises(Exception, match="no-path"):
        Building((ROOT.certificate,)).build(leaf.certificate, [each.certificate for each in thicket], NOW)
    assert time.perf_counter() - started < 2


def test_an_overlong_certificate_is_passed_over() -> None:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(70_000))
    long = ROOT.issue("a.example", wish=Wish(extra=(padding,))).certificate
    fine = ROOT.issue("a.example").certificate
    assert read_each([long.public_bytes(Encoding.DER), fine.public_bytes(Encoding.DER)]) == (fine,)
    assert SignedData.read(bundle([long, fine])).certificates == (fine,)


def test_names_that_cannot_be_read_are_none_and_raise_nothing(tmp_path: Path) -> None:
    signer = ROOT.issue(wish=Wish(extra=(X400_NAME,)))
    write_pem(tmp_path, "by", signer)
    (tmp_path / "mail").write_bytes(b"See the note.\r\n")
    command = "cms -sign -binary -in mail -outform DER -signer by.pem -inkey by.key -md sha256 -keyid"
    (found,) = verify(openssl(tmp_path, command), b"See the note.\r\n")
    assert found.certificate == signer.certificate
    certificate = found.certificate
    assert names_of(certificate) == Names()
    assert not (may_sign(certificate) or may_encrypt(certificate) or may_mail(certificate))
