"""The register of clients: what it lets in, how often, what is wrong with it, and what becomes of its changes."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from channels.fhir import FhirInbound
from channels.fhir.rate import Bucket, parse_rate
from channels.fhir.smart.keys import KeysError, read_keys
from channels.fhir.smart.register import read_register
from channels.fhir.smart.roster import Roster
from channels.tls import ServerTls
from engine.config.site import load_site
from schemas.values import Address
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.client import PATIENT, end, issue, serving
from tests.channels.fhir.smart.partner import SECRET, TOKEN_URL, Partner, access
from tests.tls import certificates

TOKEN = "4f1c0d7be1a0c9c7d9ab3a1e0a7f55d1"
WARD = f"""\
clients:
  - client: ward
    scopes: system/Patient.c system/Encounter.c
    token_sha256: {sha256(TOKEN.encode()).hexdigest()}
"""
BEARER = {"authorization": f"Bearer {TOKEN}"}


async def test_a_bearer_token_of_the_file(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, WARD, smart=False))) as client:
        sent = await client.post("Patient", json=PATIENT, headers=BEARER)
        other = await client.post("Observation", json={"resourceType": "Observation"}, headers=BEARER)
        wrong = await client.post("Patient", json=PATIENT, headers={"authorization": f"Bearer {TOKEN}x"})
        no_token_endpoint = await client.post("token", data=Partner().form())
        said = (await client.get("metadata")).json()["rest"][0]["security"]
    assert [each.status_code for each in (sent, other, wrong, no_token_endpoint)] == [202, 403, 401, 401]
    assert [message.get("fhir.client") for message in desk.messages] == ["ward"]
    assert said == {"description": "Every request but this one needs a bearer token."}
    assert TOKEN not in "".join([other.text, wrong.text, *map(str, desk.findings)])


async def test_a_change_is_taken_up_and_a_bad_one_is_not(tmp_path: Path) -> None:
    desk = Desk()
    file = tmp_path / "fhir-clients.yaml"
    statuses = []
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, WARD, smart=False))) as client:
        for content in (WARD, "clients: [", WARD.replace("Patient.c ", "Patient.u "), "clients: []"):
            file.write_text(content)
            statuses.append((await client.post("Patient", json=PATIENT, headers=BEARER)).status_code)
        file.unlink()
        statuses.append((await client.post("Patient", json=PATIENT, headers=BEARER)).status_code)
    assert statuses == [202, 202, 403, 401, 401]
    codes = [finding.code for finding in desk.findings]
    assert [code for code in codes if code in ("FHIR-414", "FHIR-415")][-4:] == [
        "FHIR-414", "FHIR-415", "FHIR-415", "FHIR-414",
    ]  # fmt: skip


def test_a_key_set_that_comes_after_the_file_that_names_it_is_taken_up(tmp_path: Path) -> None:
    file, desk = tmp_path / "fhir-clients.yaml", Desk()
    file.write_text(WARD)
    roster = Roster(file, tmp_path, desk.report)
    file.write_text(WARD + "  - {client: lab, scopes: system/Patient.c, jwks: lab.json}\n")
    assert roster.named("lab") is None
    assert roster.named("ward") is not None
    Partner().key_set(tmp_path)
    assert roster.named("lab") is not None
    (tmp_path / "lab.json").write_text(json.dumps({"keys": [Partner(kid="k2").jwk]}))
    lab = roster.named("lab")
    assert lab is not None
    assert list(lab.keys) == ["k2"]
    assert [finding.code for finding in desk.findings] == ["FHIR-414", "FHIR-415", "FHIR-415"]


async def test_a_certificate_of_the_file(tmp_path: Path) -> None:
    authority, server, partner = certificates(tmp_path / "tls")
    stranger = authority.issue("stranger.example", hosts=("stranger.example",))
    desk = Desk()
    clients = "clients: [{client: adt, certificate: adt.stanne.example, scopes: system/Patient.c}]"
    tls = ServerTls(certificate=server.certificate, key=server.key, clients=authority.file)
    inbound = end(desk, tmp_path, access=access(tmp_path, clients, smart=False), tls=tls)
    answers = []
    async with desk.serving(inbound):
        for identity in (partner, stranger):
            context = ssl.create_default_context(cafile=str(authority.file))
            context.load_cert_chain(identity.certificate, identity.key)
            base = f"https://127.0.0.1:{inbound.port}/fhir/"
            async with httpx.AsyncClient(base_url=base, verify=context, trust_env=False) as client:
                answers.append(await client.post("Patient", json=PATIENT))
        said = answers[0].status_code, answers[1].status_code, [each.get("fhir.client") for each in desk.messages]
    assert said == (202, 401, ["adt"])
    assert inbound.access.security("")["service"][0]["coding"][0]["code"] == "Certificates"


async def test_a_client_that_asks_too_often_waits(tmp_path: Path) -> None:
    desk = Desk()
    now = [NOW]
    context = replace(desk.context(tmp_path), now=lambda: now[0])
    rated = WARD + "    rate: 2/m\n"
    inbound = FhirInbound(
        context, listen=Address("127.0.0.1", 0), access=access(tmp_path, rated, smart=False, rate="1000/s")
    )
    statuses, wait = [], ""
    async with serving(desk, inbound) as client:
        for passed in (0, 1, 2, 30, 31):
            now[0] = NOW + timedelta(seconds=passed)
            answer = await client.post("Patient", json=PATIENT, headers=BEARER)
            statuses.append(answer.status_code)
            wait = answer.headers.get("retry-after", wait)
    assert statuses == [202, 202, 429, 202, 429]
    assert wait == "29"
    assert issue(answer)["code"] == "throttled"
    assert len(desk.messages) == 3
    assert "FHIR-412" in [finding.code for finding in desk.findings]


def test_a_bucket_is_no_deeper_than_its_rate_and_stands_clocks_that_go_back() -> None:
    bucket = Bucket(parse_rate("2/s"), NOW)
    later = NOW + timedelta(days=1)
    assert [bucket.take(later) for _ in range(3)] == [0, 0, 1]
    assert bucket.take(NOW) == 1
    assert bucket.take(NOW + timedelta(seconds=1)) == 0


@pytest.mark.parametrize("text", ["", "0/s", "5", "5/d", "-1/s", "1.5/s", "99999999/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="a rate is"):
        parse_rate(text)


ONE = "clients:\n  - client: lab\n    scopes: system/Patient.c\n"


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        ("clients: [", 1, "no YAML"),
        ("- x", 1, "a mapping"),
        ("[" * 100_000, 1, "inside one another"),
        ("\n" + "{a: " * 50_000, 2, "inside one another"),
        ("clients: &a [*a]", 1, "an alias"),
        ("client: []", 1, "did you mean clients"),
        ("clients: lab", 1, "a list"),
        ("clients:\n  - lab", 2, "a client is a mapping"),
        ("clients:\n  - client: lab\n", 2, "needs `scopes`"),
        (ONE, 2, "needs one of jwks"),
        (ONE + "    token_sha: x\n", 4, "did you mean token_sha256"),
        (ONE + "    token_sha256: s3cret\n", 4, "64 hexadecimal digits"),
        (ONE + "    certificate: a\n    certificate: b\n", 5, "twice"),
        (ONE + "    certificate: {a: b}\n", 4, "a text"),
        (ONE + "    jwks: missing.json\n", 4, "cannot be read"),
        (ONE + "    jwks_url: http://lab.example.org/jwks\n", 4, "https"),
        (ONE + "    jwks_url: https://u:p@lab.example.org/jwks\n", 4, "https"),
        (ONE + "    jwks_url: https://[\n", 4, "https"),
        (ONE + "    certificate: a\n    rate: often\n", 5, "a rate is"),
        (ONE.replace("Patient", "Pateint") + "    certificate: a\n", 3, "did you mean Patient"),
        (ONE.replace("lab", "a lab") + "    certificate: a\n", 2, "no space"),
        (ONE + "    certificate: a\n" + ONE[9:] + "    certificate: b\n", 5, "this name"),
        (
            ONE + "    certificate: A\n" + ONE[9:].replace("lab", "b") + "    certificate: a\n",
            7,
            "the same certificate",
        ),
    ],
)
def test_what_is_wrong_with_the_file(tmp_path: Path, content: str, line: int, why: str) -> None:
    site = a_site(tmp_path, content)
    [found] = load_site(site, {"SECRET": SECRET}).findings
    assert (found.code, found.where) == ("HIE206", "channels/results.yaml:5")
    assert f"fhir-clients.yaml:{line}: " in found.what
    assert why in found.what
    assert "s3cret" not in str(found)


SMART = f"smart: {{token_url: '{TOKEN_URL}', secret: '${{SECRET}}'}}"


def a_site(folder: Path, clients: str, access: str = "") -> Path:
    (folder / "channels").mkdir()
    (folder / "hie.yaml").write_text("journal: sqlite:///journal.db\n")
    (folder / "fhir-clients.yaml").write_text(clients)
    access = access or f"{{clients: fhir-clients.yaml, {SMART}}}"
    channel = "channel: results\ninbound:\n  fhir:\n    listen: 127.0.0.1:8080\n    access: {access}\nroutes:\n"
    route = "  - {route: server, outbound: {file: {folder: out}}}\n"
    (folder / "channels" / "results.yaml").write_text(channel.replace("{access}", access) + route)
    return folder


@pytest.mark.parametrize(
    ("access", "secret", "codes", "why"),
    [
        ("", SECRET, [], ""),
        ("", "too short", ["HIE206"], "openssl rand"),
        ("{clients: fhir-clients.yaml}", SECRET, ["HIE206"], "lab has keys, which need `smart`"),
        ("{clients: nowhere.yaml}", SECRET, ["HIE206"], "cannot be read"),
        (
            f"{{clients: fhir-clients.yaml, token: '${{SECRET}}', {SMART}}}",
            SECRET,
            ["HIE206"],
            "either token, or clients",
        ),
        ("{token: '${SECRET}', rate: 5/s}", SECRET, ["HIE206"], "rate needs clients"),
        ("{}", SECRET, ["HIE206"], "either token, or clients"),
        ("{token: s3cret}", SECRET, ["HIE401"], "in clear"),
        ("{clients: fhir-clients.yaml, smart: {token_url: x, secret: '${SECRET}'}}", SECRET, ["HIE206"], "URL"),
        (
            f"{{clients: fhir-clients.yaml, smart: {{token_url: '{TOKEN_URL}', secret: {'x' * 40}}}}}",
            SECRET,
            ["HIE401"],
            "",
        ),
        (
            f"{{clients: fhir-clients.yaml, smart: {{token_url: '{TOKEN_URL}', secret: '${{SECRET}}', lasts: 2h}}}}",
            SECRET,
            ["HIE206"],
            "1h at most",
        ),
    ],
)
def test_hie_check_knows_the_options(tmp_path: Path, access: str, secret: str, codes: list[str], why: str) -> None:
    Partner().key_set(tmp_path)
    site = load_site(a_site(tmp_path, ONE + "    jwks: lab.json\n", access), {"SECRET": secret})
    found = [finding for finding in site.findings if finding.code != "HIE402"]
    assert [finding.code for finding in found] == codes, found
    assert why in " ".join(map(str, found))
    assert secret not in " ".join(map(str, found))


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    options = access(tmp_path, WARD)
    inbound = end(Desk(), tmp_path, access=options)
    register = read_register(tmp_path / "fhir-clients.yaml", tmp_path)
    shown = f"{options!r}{options}{inbound.access!r}{register!r}"
    assert SECRET not in shown
    assert sha256(TOKEN.encode()).hexdigest() not in shown
    with pytest.raises(ValidationError) as error:
        access(tmp_path, WARD, smart={"token_url": TOKEN_URL, "secret": "short s3cret"})
    assert "s3cret" not in str(error.value)


def test_an_end_without_its_clients_does_not_start(tmp_path: Path) -> None:
    options = access(tmp_path, WARD)
    (tmp_path / "fhir-clients.yaml").unlink()
    with pytest.raises(OSError, match=r"access: fhir-clients\.yaml: it cannot be read"):
        end(Desk(), tmp_path, access=options)


def jwk(**changed: Any) -> dict[str, Any]:
    said = {**Partner().jwk, **changed}
    return {name: value for name, value in said.items() if value is not None}


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("x", "no JSON Web Key Set"),
        ("[" * 100_000, "no JSON Web Key Set"),
        ([], "no key of it"),
        ({"a": 1}, "a list"),
        (["x"], "an object"),
        ([jwk(d="AQAB")], "private"),
        ([{"kty": "oct", "kid": "k", "k": "AAAA"}], "private"),
        ([jwk(kid=None)], "no key of it"),
        ([jwk(use="enc")], "no key of it"),
        ([jwk(key_ops=["encrypt"])], "no key of it"),
        ([jwk(alg="HS256")], "no key of it"),
        ([jwk(n="AQAB")], "no key of it"),
        ([jwk(n="x" * 20_001)], "no key of it"),
        ([jwk(n=5)], "no key of it"),
        ([jwk(kty="OKP")], "no key of it"),
        ([Partner(alg="small").jwk], "no key of it"),
        ([{**Partner(alg="ES384").jwk, "crv": "P-256"}], "no key of it"),
        ([jwk(), jwk()], "same `kid`"),
        ([jwk(kid=str(number)) for number in range(101)], "100 keys at most"),
    ],
)
def test_what_is_no_key_set(keys: Any, why: str) -> None:
    content = keys.encode() if isinstance(keys, str) else json.dumps({"keys": keys}).encode()
    with pytest.raises(KeysError, match=why):
        read_keys(content)


def test_a_key_is_only_for_what_it_says() -> None:
    both = [jwk(), {**Partner(alg="ES384").jwk, "kid": "k2"}, jwk(kid="k3", alg="RS384"), jwk(kid="k4", use="enc")]
    found = read_keys(json.dumps({"keys": both}).encode())
    assert {kid: sorted(key.algorithms) for kid, key in found.items()} == {
        "k1": ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"],
        "k2": ["ES384"],
        "k3": ["RS384"],
    }
