"""The token endpoint, over a socket, as a client that is not ours sees it; and everything that gets no token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from channels.ends import EndContext, OutcomeCode
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.access import Facts
from channels.fhir.options import Reads
from channels.fhir.smart import Smart
from channels.fhir.smart.endpoint import TokenEndpoint
from channels.fhir.smart.remote import FetchError, RemoteKeys
from channels.fhir.smart.roster import Roster
from channels.fhir.smart.seen import Seen
from channels.fhir.smart.tokens import Tokens
from schemas.message import FHIR, Message
from schemas.values import Address
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.client import PATIENT, bundle, end, entry, issue, serving
from tests.channels.fhir.smart.partner import SECRET, TOKEN_URL, Partner, access
from tests.channels.fhir.test_reads import a_server

LAB = "clients: [{client: lab, jwks: lab.json, scopes: [system/Patient.cu, system/Observation.c]}]"


def at(**ahead: float) -> int:
    return int((NOW + timedelta(**ahead)).timestamp())


@pytest.mark.parametrize("alg", ["RS384", "ES384", "RS256", "RS512", "ES256", "ES512", "PS256", "PS384", "PS512"])
async def test_a_client_gets_a_token_and_sends(tmp_path: Path, alg: str) -> None:
    desk, lab = Desk(), Partner(alg=alg)
    lab.key_set(tmp_path)
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        known = (await client.get(".well-known/smart-configuration")).json()
        assert known["token_endpoint"] == TOKEN_URL
        assert alg in known["token_endpoint_auth_signing_alg_values_supported"]
        answer = await client.post("token", data=lab.form("system/Patient.cruds system/Encounter.c openid"))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        given = answer.json()
        assert (given["token_type"], given["expires_in"], given["scope"]) == ("bearer", 300, "system/Patient.cu")
        bearer = {"authorization": f"Bearer {given['access_token']}"}
        sent = await client.post("Patient", json=PATIENT, headers=bearer)
        other = await client.post("Observation", json={"resourceType": "Observation"}, headers=bearer)
        deleted = await client.delete("Patient/1", headers=bearer)
    assert sent.status_code == 202
    [message] = desk.messages
    assert message.get("fhir.client") == "lab"
    assert (other.status_code, deleted.status_code) == (403, 405)
    assert "it needs system/Observation.c" in json.dumps(issue(other))
    assert other.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="system/Observation.c"'


def hand_made(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    signed = b".".join(parts)
    return (signed + b"." + base64.urlsafe_b64encode(sign(signed)).rstrip(b"=")).decode()


def claims(**changed: Any) -> dict[str, Any]:
    return {"iss": "lab", "sub": "lab", "aud": TOKEN_URL, "exp": at(minutes=4), "jti": "hand-made", **changed}


def with_public_key(lab: Partner) -> str:
    """The known attack: an HMAC whose secret is the public key."""
    header = {"alg": "HS256", "kid": "k1"}
    return hand_made(header, claims(), lambda signed: hmac.new(lab.public, signed, hashlib.sha256).digest())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda lab: lab.assertion(exp=at(seconds=-11)), "expired"),
        (lambda lab: lab.assertion(exp=at(minutes=6)), "5 minutes"),
        (lambda lab: lab.assertion(exp=None), "no exp"),
        (lambda lab: lab.assertion(exp=1e300), "5 minutes"),
        (lambda lab: lab.assertion(exp=math.nan), "no time"),
        (lambda lab: lab.assertion(exp=math.inf), "no time"),
        (lambda lab: lab.assertion(exp="never"), "no time"),
        (lambda lab: lab.assertion(exp=True), "no time"),
        (lambda lab: lab.assertion(nbf=at(minutes=1)), "nbf"),
        (lambda lab: lab.assertion(iat=at(minutes=1)), "iat"),
        (lambda lab: lab.assertion(aud="https://other.example.org/token"), "aud"),
        (lambda lab: lab.assertion(aud=TOKEN_URL + "/"), "aud"),
        (lambda lab: lab.assertion(aud=None), "aud"),
        (lambda lab: lab.assertion(aud={"x": TOKEN_URL}), "aud"),
        (lambda lab: lab.assertion(jti=None), "jti"),
        (lambda lab: lab.assertion(jti=""), "jti"),
        (lambda lab: lab.assertion(jti="x" * 257), "jti"),
        (lambda lab: lab.assertion(sub="other"), "iss and sub"),
        (lambda lab: lab.assertion(sub=None), "iss and sub"),
        (lambda lab: lab.assertion(iss="other", sub="other"), "not signed by a key"),
        (lambda lab: lab.assertion({"kid": "k2"}), "not signed by a key"),
        (lambda lab: lab.assertion({"crit": ["exp"], "exp": 1}), "JWT"),
        (lambda lab: hand_made({"alg": "none", "kid": "k1"}, claims(), lambda _: b""), "signed with none of"),
        (lambda lab: hand_made({"alg": "None", "kid": "k1"}, claims(), lambda _: b""), "signed with none of"),
        (lambda lab: hand_made({"alg": "RS384"}, claims(), lambda _: b"x"), "no kid"),
        (lambda lab: hand_made({"alg": ["RS384"], "kid": "k1"}, claims(), lambda _: b"x"), "signed with none of"),
        (lambda lab: hand_made({"alg": "RS384", "kid": "k1"}, claims(), lambda _: b"x"), "signature"),
        (lambda lab: hand_made({"alg": "RS384", "kid": "k1", "jwk": lab.jwk}, claims(), lambda _: b""), "signature"),
        (lambda lab: hand_made({"alg": "ES384", "kid": "k1"}, claims(), lambda _: b"x" * 96), "alg"),
        (with_public_key, "signed with none of"),
        (lambda lab: Partner(number=2).assertion(), "signature"),
        (lambda lab: lab.assertion()[:-6] + "AAAAAA", "signature"),
        (lambda lab: lab.assertion(padding="x" * 9000), "longer than"),
        (lambda lab: "e30." + base64.urlsafe_b64encode(b"[" * 5000).decode() + ".x", "JWT"),
        (lambda lab: base64.urlsafe_b64encode(b'{"a":' * 1000).decode() + ".e30.x", "JWT"),
        (lambda lab: base64.urlsafe_b64encode(b'{"alg":' + b"9" * 5000 + b"}").decode() + ".e30.x", "JWT"),
        (lambda lab: "not a token", "JWT"),
        (lambda lab: "a.b.c.d.e", "JWT"),
    ],
)  # fmt: skip
async def test_what_proves_nothing_gets_no_token(tmp_path: Path, make: Callable[[Partner], str], why: str) -> None:
    desk, lab = Desk(), Partner()
    lab.key_set(tmp_path)
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        answer = await client.post("token", data=lab.form(assertion=make(lab)))
        good = await client.post("token", data=lab.form())
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client"), answer.text
    assert why in answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"
    assert good.status_code == 200
    assert [finding.code for finding in desk.findings] == ["FHIR-411"]
    assert desk.messages == []


async def test_an_assertion_is_used_once(tmp_path: Path) -> None:
    desk, lab = Desk(), Partner()
    lab.key_set(tmp_path)
    once = lab.form(assertion=lab.assertion(jti="the same"))
    again = lab.form(assertion=lab.assertion(jti="the same", exp=at(minutes=3)))
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        answers = [await client.post("token", data=form) for form in (once, once, again)]
    assert [answer.status_code for answer in answers] == [200, 400, 400]
    assert "jti" in answers[1].json()["error_description"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "urn:x"}, "invalid_request"),
        ({"client_assertion": None}, "invalid_request"),
        ({"client_id": "other"}, "invalid_client"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "system/Encounter.cruds patient/Patient.c"}, "invalid_scope"),
        ({"scope": "system/Patient.d"}, "invalid_scope"),
    ],
)
async def test_what_rfc_6749_says_to_a_wrong_form(tmp_path: Path, changed: dict[str, str | None], error: str) -> None:
    desk, lab = Desk(), Partner()
    lab.key_set(tmp_path)
    form = {name: value for name, value in {**lab.form(), **changed}.items() if value is not None}
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        answer = await client.post("token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\x00", 400),
        (b'{"grant_type": "client_credentials"}', 400),
        (b"grant_type=client_credentials&grant_type=client_credentials", 400),
        (b"&".join(b"a%d=1" % number for number in range(60)), 400),
        (b"x" * 70_000, 413),
    ],
)
async def test_hostile_forms(tmp_path: Path, body: bytes, status: int) -> None:
    desk = Desk()
    Partner().key_set(tmp_path)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        answer = await client.post("token", content=body, headers=headers)
    assert answer.status_code == status
    assert desk.messages == []


def signed(secret: str = SECRET, typ: str = "at+jwt", **changed: Any) -> str:
    said = {"iss": TOKEN_URL, "aud": TOKEN_URL, "sub": "lab", "scope": "system/Patient.c", "exp": at(minutes=5)}
    return jwt.encode({**said, **changed}, secret, "HS256", {"typ": typ})


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (signed(), 202),
        (signed(exp=at(seconds=0)), 401),
        (signed(aud="https://hie.example.org/other/token"), 401),
        (signed(typ="JWT"), 401),
        (signed(sub="nobody"), 401),
        (signed(secret=SECRET[::-1]), 401),
        (signed(scope="system/*.cruds"), 202),
        (signed(scope="system/Observation.c"), 403),
        (hand_made({"alg": "none", "typ": "at+jwt"}, claims(scope="system/*.cruds"), lambda _: b""), 401),
        (Partner().assertion(scope="system/*.cruds"), 401),
        (signed(padding="x" * 7000), 401),
        ("x" * 6000, 401),
        ("none of it", 401),
    ],
)
async def test_access_tokens(tmp_path: Path, token: str, status: int) -> None:
    desk = Desk()
    Partner().key_set(tmp_path)
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        answer = await client.post("Patient", json=PATIENT, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == status
    assert len(desk.messages) == (status == 202)
    assert SECRET not in answer.text


async def test_another_process_takes_the_token_and_a_client_that_is_struck_off_is_out(tmp_path: Path) -> None:
    first, second, lab = Desk(), Desk(), Partner()
    lab.key_set(tmp_path)
    options = access(tmp_path, LAB)
    async with serving(first, end(first, tmp_path, access=options)) as client:
        token = (await client.post("token", data=lab.form())).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    async with serving(second, end(second, tmp_path, access=options)) as client:
        taken = await client.post("Patient", json=PATIENT, headers=bearer)
        (tmp_path / "fhir-clients.yaml").write_text(LAB.replace("system/Patient.cu, ", ""))
        less = await client.post("Patient", json=PATIENT, headers=bearer)
        (tmp_path / "fhir-clients.yaml").write_text("clients: []")
        out = await client.post("Patient", json=PATIENT, headers=bearer)
    assert [taken.status_code, less.status_code, out.status_code] == [202, 403, 401]
    assert [finding.code for finding in second.findings] == ["FHIR-415", "FHIR-406", "FHIR-415", "FHIR-401"]


async def test_each_entry_is_held_to_the_scopes(tmp_path: Path) -> None:
    desk, lab = Desk(), Partner()
    lab.key_set(tmp_path)
    entries = [
        entry("POST", "Patient", PATIENT),
        entry("DELETE", "Patient/1"),
        entry("PUT", "Patient/b", {**PATIENT, "id": "b"}),
    ]
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        token = (await client.post("token", data=lab.form())).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        whole = await client.post("", json=bundle("transaction", *entries), headers=bearer)
        each = await client.post("", json=bundle("batch", *entries), headers=bearer)
        message = await client.post("$process-message", json=bundle("message"), headers=bearer)
    assert (whole.status_code, issue(whole)["expression"]) == (403, ["Bundle.entry[1].request"])
    assert "system/Patient.d" in whole.text
    assert [one["response"]["status"][:3] for one in each.json()["entry"]] == ["202", "403", "202"]
    assert len(json.loads(desk.messages[0].body)["entry"]) == 2
    assert (message.status_code, "system/Bundle.c" in message.text) == (403, True)


async def test_the_capability_statement_says_where_tokens_are_had(tmp_path: Path) -> None:
    desk = Desk()
    Partner().key_set(tmp_path)
    async with serving(desk, end(desk, tmp_path, access=access(tmp_path, LAB))) as client:
        said = (await client.get("metadata")).json()
    CapabilityStatement.model_validate(said)
    security = said["rest"][0]["security"]
    assert security["extension"][0]["extension"] == [{"url": "token", "valueUri": TOKEN_URL}]
    assert [each["coding"][0]["code"] for each in security["service"]] == ["SMART-on-FHIR"]


async def test_an_expired_token_is_no_longer_taken(tmp_path: Path) -> None:
    desk, lab = Desk(), Partner()
    lab.key_set(tmp_path)
    now = [NOW]
    context: EndContext = replace(desk.context(tmp_path), now=lambda: now[0])
    inbound = FhirInbound(context, listen=Address("127.0.0.1", 0), access=access(tmp_path, LAB))
    async with serving(desk, inbound) as client:
        token = (await client.post("token", data=lab.form())).json()["access_token"]
        statuses = []
        for passed in (299, 300):
            now[0] = NOW + timedelta(seconds=passed)
            answer = await client.post("Patient", json=PATIENT, headers={"authorization": f"Bearer {token}"})
            statuses.append(answer.status_code)
    assert statuses == [202, 401]
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("alg", ["RS384", "ES384"])
async def test_our_own_outbound_end_gets_in(tmp_path: Path, alg: str) -> None:
    desk, lab = Desk(), Partner(alg=alg)
    lab.key_set(tmp_path)
    (tmp_path / "lab.pem").write_bytes(lab.private)
    inbound = end(desk, tmp_path, access=access(tmp_path, LAB))
    async with desk.serving(inbound):
        smart = Smart(client="lab", key=tmp_path / "lab.pem", key_id=lab.kid)
        base = f"http://127.0.0.1:{inbound.port}/fhir"
        # The token endpoint is told to clients as a proxy would have it; here it is asked where it listens.
        here = access(tmp_path, LAB, smart={"token_url": f"{base}/token", "secret": SECRET})
        inbound.access = here.access(desk.context(tmp_path))
        outbound = FhirOutbound(desk.context(tmp_path), base=base, smart=smart)
        body = json.dumps({"resourceType": "Observation", "status": "final"}).encode()
        outcome = await outbound.deliver(Message(f"{7:032x}", "c", FHIR, body, NOW))
        await outbound.close()
    assert outcome.code is not OutcomeCode.REFUSED, outcome.detail
    assert [message.get("fhir.client") for message in desk.messages] == ["lab"]


async def test_reads_are_held_to_the_scopes_also_where_a_search_reaches_further(tmp_path: Path) -> None:
    desk = Desk()
    token = "4f1c0d7be1a0c9c7d9ab3a1e0a7f55d1"
    digest = hashlib.sha256(token.encode()).hexdigest()
    clients = f"clients: [{{client: ward, scopes: system/Patient.s, token_sha256: {digest}}}]"
    async with a_server() as server:
        server.says(json.dumps(bundle("searchset")).encode())
        options = {"access": access(tmp_path, clients, smart=False), "reads": Reads(server=server.base)}
        async with serving(desk, end(desk, tmp_path, **options)) as client:
            client.headers["authorization"] = f"Bearer {token}"
            answers = [
                await client.get("Patient?name=x"),
                await client.post("Patient/_search", data={"name": "x"}),
                await client.get("Patient/1"),
                await client.get("Observation?code=x"),
                await client.get("Patient?_revinclude=Observation:subject"),
                await client.post("Patient/_search", data={"_revinclude": "Observation:subject"}),
                await client.post("Patient/_search?_include=*", data={"name": "x"}),
                await client.get("?_type=Patient"),
            ]
    assert [answer.status_code for answer in answers] == [200, 200] + [403] * 6
    assert len(server.asked) == 2
    assert "system/*.s" in answers[5].text


def endpoint(folder: Path) -> TokenEndpoint:
    Partner().key_set(folder)
    (folder / "fhir-clients.yaml").write_text(LAB)
    roster = Roster(folder / "fhir-clients.yaml", folder, lambda _: None)

    async def fetch(_url: str) -> bytes:
        raise FetchError("no network")

    remote = RemoteKeys(fetch, lambda: NOW, lambda _: None)
    return TokenEndpoint(
        TOKEN_URL, roster, remote, Tokens(SecretStr(SECRET), TOKEN_URL, timedelta(minutes=5)), lambda: NOW
    )


FACTS = Facts("POST", "token", "127.0.0.1", "https://hie.example.org/fhir")
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("lab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "iss", "sub", "aud", "exp", "nbf", "iat", "jti"])
objects = st.dictionaries(names, json_value)


@given(st.binary(max_size=200) | st.text().map(lambda text: f"grant_type={text}".encode()))
async def test_any_body_is_answered(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    answer = await endpoint(tmp_path_factory.mktemp("site")).token(FACTS, body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"] in ("invalid_request", "unsupported_grant_type")


@cache
def private_key(pem: bytes) -> Any:
    """The key of a PEM; reading one takes 25 ms, as long as all else in an example."""
    return load_pem_private_key(pem, None)


@given(objects, objects, st.booleans())
@settings(deadline=None)
async def test_any_assertion_is_answered(
    tmp_path_factory: pytest.TempPathFactory, header: dict[str, Any], said: dict[str, Any], signed: bool
) -> None:
    """Also what the client's own key signed."""
    lab = Partner()
    key = private_key(lab.private)
    full = {"alg": "RS384", "kid": "k1", **header}
    text = hand_made(
        full,
        {**claims(), **said},
        lambda data: key.sign(data, PKCS1v15(), SHA384()) if signed else b"x",
    )
    body = urlencode(lab.form(assertion=text)).encode()
    answer = await endpoint(tmp_path_factory.mktemp("site")).token(FACTS, body)
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert signed
        assert full["alg"] == "RS384"
        assert {**claims(), **said}["iss"] == {**claims(), **said}["sub"] == "lab"


def test_what_was_used_is_forgotten_when_it_can_be_used_no_more() -> None:
    seen = Seen(timedelta(minutes=5), most=2)
    assert [seen.is_new("lab", "1", NOW), seen.is_new("ward", "1", NOW), seen.is_new("lab", "1", NOW)] == [
        True, True, False,
    ]  # fmt: skip
    assert seen.is_full(NOW + timedelta(minutes=5))
    assert not seen.is_new("lab", "1", NOW + timedelta(minutes=5))
    assert not seen.is_full(NOW + timedelta(minutes=5, seconds=1))
    assert seen.is_new("lab", "1", NOW + timedelta(minutes=5, seconds=1))
