"""`hie direct`: from test keys to a recipient that is found in a real DNS server and trusted, or not, and why."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from channels.direct.keys import IdentityFiles
from tests import services
from tests.channels.direct.directory import Bind
from tests.channels.direct.pki import NOW, Authority, Wish, pem
from tests.engine.cli.conftest import Hie

CHANNEL = """
channel: referrals
inbound:
  direct:
    recipients: [ours.example]
    through: {listen: "127.0.0.1:0"}
    agent:
      keys: [{certificate: keys/ours.example.pem, key: keys/ours.example.key}]
      trust:
        anchors: [{certificates: keys/anchor.pem}]
        revocation: {lists: [keys/anchor.crl]}
      relay: {connect: "localhost:25", security: none}
routes:
  - route: out
    outbound:
      direct:
        from: notify@ours.example
        to: gp@practice.example
        relay: {connect: "localhost:25", security: none}
        agent:
          keys: [{certificate: keys/ours.example.pem, key: keys/ours.example.key}]
          trust:
            anchors: [{certificates: keys/anchor.pem, direction: out}]
            revocation: {lists: [keys/anchor.crl]}
"""


@pytest.fixture
def site(hie: Hie, tmp_path: Path) -> Path:
    """A site with a `direct` end each way, whose test keys `hie direct keys` made."""
    folder = tmp_path / "site"
    (folder / "channels").mkdir(parents=True)
    (folder / "hie.yaml").write_text("")
    (folder / "channels" / "referrals.yaml").write_text(CHANNEL)
    made = hie("direct", "keys", "ours.example", "gp@practice.example", "--to", folder / "keys")
    assert made.status == 0, made.err
    return folder


def test_keys_are_made_once_and_are_nobody_elses(hie: Hie, tmp_path: Path) -> None:
    made = hie("direct", "keys", "Inbox@Direct.example", "--to", tmp_path / "keys", "--json")
    assert made.json["identities"][0]["name"] == "inbox@direct.example"
    files = sorted(each.name for each in (tmp_path / "keys").iterdir())
    inbox = ["inbox@direct.example.key", "inbox@direct.example.pem"]
    assert files == ["anchor.crl", "anchor.key", "anchor.pem", *inbox]
    for each in (tmp_path / "keys").glob("*.key"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    again = hie("direct", "keys", "inbox@direct.example", "--to", tmp_path / "keys")
    assert again.status == 1
    assert "is there already" in again.err
    anchor = (tmp_path / "keys" / "anchor.pem").read_bytes()
    assert hie("direct", "keys", "direct.example", "--to", tmp_path / "keys", "--ec").status == 0
    assert (tmp_path / "keys" / "anchor.pem").read_bytes() == anchor


@pytest.mark.row("C9")
def test_separate_keys_sign_and_open(hie: Hie, tmp_path: Path) -> None:
    hie("direct", "keys", "a.example", "--to", tmp_path, "--separate", "--ec")
    made = {
        use: IdentityFiles(certificate=tmp_path / f"a.example-{use}.pem", key=tmp_path / f"a.example-{use}.key").read()
        for use in ("sign", "encrypt")
    }
    assert {use: (each.can_sign, each.can_decrypt) for use, each in made.items()} == {
        "sign": (True, False),
        "encrypt": (False, True),
    }


@pytest.mark.parametrize("name", ["nobody", "a b@c.example", "@c.example", "../x@c.example/", "*.c.example"])
def test_what_is_no_address_gets_no_keys(hie: Hie, tmp_path: Path, name: str) -> None:
    ran = hie("direct", "keys", name, "--to", tmp_path / "keys")
    assert ran.status == 1
    assert "neither an address nor a domain" in ran.err
    assert not (tmp_path / "keys").exists()


def test_certs_lists_a_site_and_says_who_uses_what(hie: Hie, site: Path) -> None:
    ran = hie("direct", "certs", "--site", site)
    assert ran.status == 0, ran.err
    identity, anchor = ran.out.splitlines()[1:]
    assert identity.split()[0] == "good"
    assert "ours.example" in identity
    assert "referrals, referrals/out" in identity
    assert "anchor" in anchor
    listed = hie("direct", "certs", "--site", site, "--within", "400", "--json")
    assert listed.status == 1
    assert [(each["role"], each["status"]) for each in listed.json] == [
        ("identity", "ends-soon"),
        ("anchor", "ends-soon"),
    ]


def test_certs_reads_every_form_and_notices_what_has_expired(hie: Hie, tmp_path: Path) -> None:
    root = Authority("root")
    expired = root.issue("old.example", wish=Wish(end=NOW))
    (tmp_path / "bundle.p7b").write_bytes(
        pkcs7.serialize_certificates([root.certificate, expired.certificate], Encoding.DER)
    )
    ran = hie("direct", "certs", tmp_path / "bundle.p7b", "--json")
    assert ran.status == 1
    assert {each["subject"]: each["use"] for each in ran.json} == {
        "CN=root": "authority",
        "CN=old.example": "signs and opens",
    }
    (tmp_path / "none.pem").write_text("nothing")
    ran = hie("direct", "certs", tmp_path / "none.pem")
    assert ran.status == 1
    assert "neither a bundle nor a certificate" in ran.err


@pytest.mark.row("D8", "T1")
def test_what_certs_prints_for_dns_is_found_by_lookup(hie: Hie, site: Path) -> None:
    """Records that our command prints, in a real name server, found and trusted by another of our commands."""
    printed = hie("direct", "certs", "--dns", site / "keys" / "gp@practice.example.pem")
    assert printed.status == 0
    stranger = Authority("stranger", number=3).issue("gp@stranger.example").certificate
    (site / "stranger.pem").write_bytes(pem(stranger))
    records = printed.out + hie("direct", "certs", "--dns", site / "stranger.pem").out
    folder = services.session_folder() / "bind-cli"
    with services.own(Bind(folder, records)) as bind:
        asked = ("--site", site, "--nameserver", bind.url)
        found = hie("direct", "lookup", "gp@practice.example", *asked)
        assert found.status == 0, found.out
        assert "dns: CERT records of gp.practice.example" in found.out
        assert "trusted: " in found.out
        refused = hie("direct", "lookup", "gp@stranger.example", *asked, "--json")
        assert refused.status == 1
        assert refused.json["ours"] == "notify@ours.example"
        assert refused.json["places"][0]["certificates"][0]["code"] in ("no-path", "expired", "not-yet-valid")
        nobody = hie("direct", "lookup", "gp@nobody.example", *asked)
        assert nobody.status == 1
        assert "no certificate was found" in nobody.err
        assert "ask the partner" in nobody.err


def test_lookup_says_when_dns_does_not_answer(hie: Hie, site: Path) -> None:
    nameserver = f"127.0.0.1:{services.free_port()}"
    text = (site / "channels" / "referrals.yaml").read_text()
    shorter = text.replace("direction: out}]", "direction: out}]\n            fetch: {timeout: 1s}")
    shorter += "          discovery: {timeout: 200ms}\n"
    (site / "channels" / "referrals.yaml").write_text(shorter)
    ran = hie("direct", "lookup", "gp@practice.example", "--site", site, "--nameserver", nameserver)
    assert ran.status == 1
    assert "DNS does not answer" in ran.out
    assert "may be otherwise later" in ran.err
    assert hie("direct", "lookup", "gp@practice.example", "--site", site, "--nameserver", "dns").status == 1


def test_trust_check_says_why(hie: Hie, site: Path) -> None:
    mine = site / "keys" / "gp@practice.example.pem"
    good = hie("direct", "trust", "check", "GP@practice.example", mine, "--site", site)
    assert (good.status, good.out.splitlines()[1:]) == (
        0,
        ["CN=gp@practice.example", "  CN=Test authority for Direct"],
    )
    other = hie("direct", "trust", "check", "md@practice.example", mine, "--site", site, "--json")
    assert other.status == 1
    assert (other.json["code"], other.json["ours"]) == ("unbound", "ours.example")
    assert other.json["hint"]
    for way, status in (("out", 0), ("in", 1)):
        ran = hie(
            "direct",
            "trust",
            "check",
            "gp@practice.example",
            mine,
            "--site",
            site,
            "--channel",
            "referrals/out",
            "--way",
            way,
        )
        assert ran.status == status
    assert "no anchor counts" in ran.out
    unknown = hie("direct", "trust", "check", "gp@practice.example", mine, "--site", site, "--channel", "adt")
    assert unknown.status == 1
    assert "there are: referrals, referrals/out" in unknown.err
    alone = hie("direct", "trust", "check", "gp@practice.example", mine, "--anchors", site / "keys" / "anchor.pem")
    assert alone.status == 0


@pytest.mark.row("T9")
def test_a_bundle_is_imported_and_never_shrinks_unasked(hie: Hie, tmp_path: Path) -> None:
    roots = [Authority(f"root {number}", number=number).certificate for number in range(3)]
    new, target = tmp_path / "new.p7b", tmp_path / "bundle.p7b"
    new.write_bytes(pkcs7.serialize_certificates(roots[:2], Encoding.DER))
    first = hie("direct", "trust", "import", new, "--to", target, "--json")
    assert first.status == 0
    assert [each["change"] for each in first.json["changes"]] == ["added", "added"]
    before = target.read_bytes()
    new.write_bytes(pkcs7.serialize_certificates(roots[1:], Encoding.DER))
    refused = hie("direct", "trust", "import", new, "--to", target)
    assert refused.status == 1
    assert "removed: CN=root 0" in refused.out
    assert "--yes" in refused.err
    assert target.read_bytes() == before
    assert hie("direct", "trust", "import", new, "--to", target, "--yes").status == 0
    assert target.read_bytes() == new.read_bytes()
    signer = tmp_path / "signer.pem"
    signer.write_bytes(pem(roots[0]))
    unsigned = hie("direct", "trust", "import", new, "--to", target, "--signer", signer)
    assert unsigned.status == 1
    assert "not signed" in unsigned.err
    for source in ("http://bundles.example/b.p7b", "https://127.0.0.1:9/b.p7b", tmp_path / "none"):
        ran = hie("direct", "trust", "import", source, "--to", target)
        assert ran.status == 1
        assert len(ran.err.splitlines()) == 2


def test_a_site_without_direct_and_no_site_are_told(hie: Hie, tmp_path: Path) -> None:
    (tmp_path / "channels").mkdir()
    for site, says in ((tmp_path, "has an agent"), (tmp_path / "none", "there is no site")):
        for words in (("certs",), ("lookup", "a@b.example")):
            ran = hie("direct", *words, "--site", site)
            assert ran.status == 1
            assert says in ran.err
            assert "--site" in ran.err


@pytest.mark.parametrize(
    ("words", "says"), [(("kyes",), "hie direct keys"), (("trust", "chekc"), "hie direct trust check")]
)
def test_a_slip_is_answered_with_what_was_meant(hie: Hie, words: tuple[str, ...], says: str) -> None:
    ran = hie("direct", *words)
    assert ran.status == 2
    assert f"did you mean `{says}`" in ran.err
