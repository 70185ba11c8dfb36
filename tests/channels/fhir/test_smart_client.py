"""Tokens by SMART Backend Services, from an authorization server that checks each assertion."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pydantic import SecretStr

from channels.ends import Outcome, OutcomeCode
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.smart import Smart
from schemas.message import FHIR, Message
from schemas.values import Address
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.server import Asked, FhirServer, Told, serving
from tests.channels.fhir.smart.partner import SECRET, Partner
from tests.channels.fhir.smart.partner import access as new_access
from tests.services import free_port

DELIVERED, DEFERRED = OutcomeCode.DELIVERED, OutcomeCode.DEFERRED

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP384R1())


def pem(key: Any, password: bytes = b"") -> bytes:
    encryption: Any = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    made: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return made


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Authorization:
    """A FHIR server with its authorization server: takes the token that it gave last, and counts what it gave."""

    def __init__(self, server: FhirServer) -> None:
        self.server = server
        self.key: Any = EC.public_key()
        self.given: list[str] = []
        self.assertions: list[dict[str, Any]] = []
        self.forms: list[dict[str, list[str]]] = []
        self.expires_in: Any = 300
        self.told: Told | None = None
        self.configuration: Told = (200, {"token_endpoint": self.endpoint}, {})
        self.revoked: set[str] = set()
        server.answer = self.answer

    @property
    def endpoint(self) -> str:
        return self.server.base.replace("/fhir", "/auth/token")

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/fhir/.well-known/smart-configuration":
            assert "authorization" not in asked.headers
            return self.configuration
        if asked.path == "/auth/token":
            return self.told or self.give(asked)
        token = asked.headers["authorization"].removeprefix("Bearer ")
        return (401, None, {}) if token in self.revoked else (201, None, {})

    def give(self, asked: Asked) -> Told:
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        form = parse_qs(asked.body.decode())
        self.forms.append(form)
        head, claims, signature = form["client_assertion"][0].split(".")
        signed, raw = f"{head}.{claims}".encode(), decoded(signature)
        if isinstance(self.key, rsa.RSAPublicKey):
            assert orjson.loads(decoded(head)) == {"alg": "RS384", "kid": "k1", "typ": "JWT"}
            self.key.verify(raw, signed, padding.PKCS1v15(), hashes.SHA384())
        else:
            assert orjson.loads(decoded(head)) == {"alg": "ES384", "kid": "k1", "typ": "JWT"}
            assert len(raw) == 96
            r, s = int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big")
            self.key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA384()))
        self.assertions.append(orjson.loads(decoded(claims)))
        self.given.append(f"token-{len(self.given) + 1}")
        told = {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": self.expires_in, "scope": "x"}
        return 200, told, {}

    @property
    def used(self) -> list[str]:
        """The tokens of the requests to the FHIR server."""
        asked = [each for each in self.server.requests if each.path.startswith("/fhir/Patient")]
        return [each.headers["authorization"].removeprefix("Bearer ") for each in asked]


@pytest.fixture
def authorization() -> Iterator[Authorization]:
    with serving() as server:
        yield Authorization(server)


class Client:
    """An outbound end with a clock that the test turns."""

    def __init__(self, authorization: Authorization, folder: Path, **options: Any) -> None:
        (folder / "key.pem").write_bytes(options.pop("pem", pem(EC)))
        self.now: datetime = NOW
        self._numbers = count(1)
        given = {"client": "hie", "key": folder / "key.pem", "key_id": "k1", "scope": "system/Patient.u", **options}
        context = replace(Desk().context(folder), now=lambda: self.now)
        self.end = FhirOutbound(context, base=authorization.server.base, smart=Smart(**given))

    async def send(self) -> Outcome:
        number = next(self._numbers)
        body = b'{"resourceType":"Patient","id":"%d","name":[{"family":"Testperson"}]}' % number
        return await self.end.deliver(Message(f"{number:032x}", "c", FHIR, body, NOW))


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS384", "ES384"])
@pytest.mark.parametrize("named", [True, False])
async def test_a_token_is_got_for_a_signed_assertion(
    authorization: Authorization, tmp_path: Path, key: Any, named: bool
) -> None:
    authorization.key = key.public_key()
    endpoint = {"token_url": authorization.endpoint} if named else {}
    client = Client(authorization, tmp_path, pem=pem(key), **endpoint)
    assert (await client.send()).code == DELIVERED
    await client.end.close()
    [claims] = authorization.assertions
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("hie", "hie", authorization.endpoint)
    assert timedelta(0) < datetime.fromtimestamp(claims["exp"], NOW.tzinfo) - NOW <= timedelta(minutes=5)
    [form] = authorization.forms
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == ["system/Patient.u"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert authorization.used == ["token-1"]
    discovered = [each for each in authorization.server.requests if each.path.endswith("smart-configuration")]
    assert len(discovered) == (0 if named else 1)


async def test_a_token_serves_all_until_shortly_before_it_runs_out(
    authorization: Authorization, tmp_path: Path
) -> None:
    client = Client(authorization, tmp_path)
    outcomes = await asyncio.gather(*(client.send() for _ in range(20)))
    assert {each.code for each in outcomes} == {DELIVERED}
    client.now = NOW + timedelta(seconds=269)
    await client.send()
    assert set(authorization.used) == {"token-1"}
    client.now = NOW + timedelta(seconds=271)
    await asyncio.gather(*(client.send() for _ in range(20)))
    await client.end.close()
    assert authorization.used[21:] == ["token-2"] * 20
    assert len({each["jti"] for each in authorization.assertions}) == 2
    asked = [each.path for each in authorization.server.requests]
    assert asked.count("/fhir/.well-known/smart-configuration") == 1


@pytest.mark.parametrize(
    ("expires_in", "fresh", "stale"),
    [(40, 29, 31), ("300", 269, 271), (None, 44, 46), (10**9, 86_000, 86_400), (0, 0, 1)],
)
async def test_the_life_of_a_token_is_what_its_server_says(
    authorization: Authorization, tmp_path: Path, expires_in: Any, fresh: int, stale: int
) -> None:
    authorization.expires_in = expires_in
    client = Client(authorization, tmp_path)
    await client.send()
    if fresh:
        client.now = NOW + timedelta(seconds=fresh)
        await client.send()
        assert authorization.given == ["token-1"]
    client.now = NOW + timedelta(seconds=stale)
    await client.send()
    await client.end.close()
    assert authorization.given == ["token-1", "token-2"]


async def test_a_token_that_is_not_taken_is_renewed_once_for_all(authorization: Authorization, tmp_path: Path) -> None:
    client = Client(authorization, tmp_path)
    await client.send()
    authorization.revoked = {"token-1"}
    outcomes = await asyncio.gather(*(client.send() for _ in range(10)))
    await client.end.close()
    assert {each.code for each in outcomes} == {DELIVERED}
    assert authorization.given == ["token-1", "token-2"]


async def test_when_a_new_token_is_not_taken_either_the_route_waits(
    authorization: Authorization, tmp_path: Path
) -> None:
    authorization.revoked = {f"token-{number}" for number in range(1, 10)}
    client = Client(authorization, tmp_path)
    outcome = await client.send()
    await client.end.close()
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert authorization.used == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("told", "said", "wish"),
    [
        ((400, {"error": "invalid_client", "error_description": "Testperson"}, {}), "400 (invalid_client)", None),
        ((401, b"<html>", {}), "401; look at `smart`", None),
        ((503, None, {"Retry-After": "7"}), "answered 503", timedelta(seconds=7)),
        ((302, None, {"Location": "https://evil.example/"}), "302", None),
        ((200, b"[1]", {}), "no JSON object", None),
        ((200, {"token_type": "bearer"}, {}), "without an access_token", None),
        ((200, {"access_token": "a\r\nb", "token_type": "bearer"}, {}), "without an access_token", None),
        ((200, {"access_token": "a", "token_type": "mac"}, {}), "another type than bearer", None),
    ],
)
async def test_without_a_token_the_route_waits(
    authorization: Authorization, tmp_path: Path, told: Told, said: str, wish: timedelta | None
) -> None:
    authorization.told = told
    client = Client(authorization, tmp_path)
    outcome = await client.send()
    assert (outcome.code, outcome.unreachable, outcome.retry_after) == (DEFERRED, True, wish)
    assert said in outcome.detail
    assert "Testperson" not in outcome.detail
    assert authorization.used == []
    authorization.told = None
    assert (await client.send()).code == DELIVERED
    await client.end.close()


@pytest.mark.parametrize(
    "configuration",
    [(404, None, {}), (200, {}, {}), (200, {"token_endpoint": 7}, {}), (200, {"token_endpoint": "ftp://x"}, {})],
)
async def test_without_a_token_endpoint_the_route_waits(
    authorization: Authorization, tmp_path: Path, configuration: Told
) -> None:
    authorization.configuration = configuration
    client = Client(authorization, tmp_path)
    outcome = await client.send()
    await client.end.close()
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert "smart-configuration" in outcome.detail


async def test_a_token_endpoint_that_is_away_makes_the_route_wait(authorization: Authorization, tmp_path: Path) -> None:
    client = Client(authorization, tmp_path, token_url="http://127.0.0.1:1/token")
    outcome = await client.send()
    await client.end.close()
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)


@pytest.mark.parametrize(
    ("content", "password", "said"),
    [
        (b"no key", None, "no private key in PEM"),
        (pem(rsa.generate_private_key(65537, 1024)), None, "neither an RSA key of 2048 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), None, "nor an EC key on P-384"),
        (pem(EC, b"open"), None, "is encrypted; write key_password"),
        (pem(EC, b"open"), "shut", "that this password opens"),
        (pem(EC), "open", "is not encrypted"),
    ],
)
async def test_a_key_that_cannot_be_used_makes_the_route_wait_until_it_can(
    authorization: Authorization, tmp_path: Path, content: bytes, password: str | None, said: str
) -> None:
    options = {"key_password": SecretStr(password)} if password else {}
    client = Client(authorization, tmp_path, pem=content, **options)
    outcome = await client.send()
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert said in outcome.detail
    assert authorization.given == []
    (tmp_path / "key.pem").write_bytes(pem(EC, password.encode() if password else b""))
    assert (await client.send()).code == DELIVERED
    (tmp_path / "key.pem").unlink()
    client.now = NOW + timedelta(hours=1)
    assert "cannot read" in (await client.send()).detail
    await client.end.close()


async def test_no_token_and_no_assertion_is_logged(
    authorization: Authorization, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(0):
        client = Client(authorization, tmp_path)
        await client.send()
        await client.end.close()
    assert "token-1" not in caplog.text
    assert authorization.forms[0]["client_assertion"][0] not in caplog.text


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
async def test_our_own_two_ends_understand_each_other(tmp_path: Path, algorithm: str) -> None:
    desk, partner, port = Desk(), Partner("hie", alg=algorithm), free_port()
    keys = partner.key_set(tmp_path)
    clients = f"clients: [{{client: hie, jwks: {keys}, scopes: system/Patient.u}}]\n"
    smart = {"token_url": f"http://127.0.0.1:{port}/fhir/token", "secret": SECRET}
    access = new_access(tmp_path, clients, smart=smart)
    inbound = FhirInbound(desk.context(tmp_path), listen=Address("127.0.0.1", port), access=access)
    (tmp_path / "key.pem").write_bytes(partner.private)
    own = Smart(client="hie", key=tmp_path / "key.pem", key_id=partner.kid)
    outbound = FhirOutbound(Desk().context(tmp_path), base=f"http://127.0.0.1:{port}/fhir", smart=own)
    bodies = [b'{"resourceType":"Patient","id":"%d"}' % number for number in range(10)]
    other = b'{"resourceType":"Observation","id":"1"}'
    async with desk.serving(inbound):
        messages = [Message(f"{number:032x}", "c", FHIR, body, NOW) for number, body in enumerate([*bodies, other])]
        outcomes = await asyncio.gather(*map(outbound.deliver, messages[:-1]))
        refused = await outbound.deliver(messages[-1])
        await outbound.close()
    assert {each.code for each in outcomes} == {DELIVERED}
    assert sorted(each.body for each in desk.messages) == bodies
    assert {each.get("fhir.client") for each in desk.messages} == {"hie"}
    assert (refused.code, refused.unreachable) == (DEFERRED, True)  # 403: what we may is for an operator to see to
