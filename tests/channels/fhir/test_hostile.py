"""Whatever is sent: an answer that R4 knows, never a 500, never a hang, and nothing of it in findings."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.ends import Receipt, ReceiptCode
from channels.fhir.reception import Reception
from channels.fhir.validation import Ask
from engine.keys import received_keys
from schemas.fhir.error import FhirError
from schemas.fhir.xml import from_xml, to_xml
from schemas.message import Message
from tests.channels.desk import Desk
from tests.channels.fhir.client import JSON, PATIENT, XML, bundle, end, entry

ALL = ("create", "update", "patch", "delete", "transaction", "batch", "message", "document", "validate")
KNOWN = {200, 201, 202, 400, 401, 403, 404, 405, 406, 408, 413, 415, 422, 503}
FUZZ = settings(deadline=2000, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["entry", "request", "resource", "method", "url", "type", "id", "resourceType", "name", "meta",
                         "ifNoneExist", "ifMatch", "parameter", "eventUri", "source", "_id"]) | st.text(max_size=5),
        inner,
        max_size=5,
    ),
    max_leaves=15,
)  # fmt: skip
RESOURCES = st.builds(
    lambda tree, name, kind: {**tree, "resourceType": name, "type": kind},
    st.dictionaries(st.sampled_from(["entry", "id", "parameter", "name"]), TREES, max_size=3),
    st.sampled_from(["Bundle", "Patient", "Parameters", "Binary", "MessageHeader", ""]) | TREES,
    st.sampled_from(["transaction", "batch", "message", "document", "collection"]) | TREES,
)
ENTRIES = st.builds(
    lambda kind, entries: bundle(kind, *entries),
    st.sampled_from(["transaction", "batch"]),
    st.lists(
        st.builds(
            lambda method, url, resource, extra: {
                "request": {"method": method, "url": url, **extra},
                "resource": resource,
            },
            st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"]) | st.text(max_size=4),
            st.sampled_from(["Patient", "Patient/1", "Patient?identifier=1", "Bundle", "", "?", "/", "metadata"])
            | st.text(max_size=9),
            RESOURCES | TREES,
            st.dictionaries(st.sampled_from(["ifNoneExist", "ifMatch"]), TREES, max_size=2),
        ),
        max_size=3,
    ),
)
TARGETS = st.sampled_from([
    ("POST", ""), ("POST", "Patient"), ("POST", "Bundle"), ("PUT", "Patient/1"), ("PUT", "Bundle?identifier=1"),
    ("PATCH", "Patient/1"), ("POST", "$process-message"), ("DELETE", "Patient/1"),
    ("POST", "Patient/$validate"), ("POST", "Bundle/$validate"),
])  # fmt: skip


def asking(folder: Path, desk: Desk, **options: Any) -> Callable[..., Awaitable[httpx.Response]]:
    """Ask the application itself, without a socket between: many times faster."""
    inbound = end(desk, folder, interactions=ALL, **options)

    async def ask(method: str, path: str, **request: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=Reception(inbound, desk.accept).app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hie/fhir/") as client:
            return await client.request(method, path, **request)

    return ask


def as_the_engine(message: Message) -> Receipt:
    """What `Acceptor` says to the message: each that is accepted can be read by whatever comes after."""
    try:
        received_keys(message, {})
    except FhirError as error:
        return Receipt(ReceiptCode.REJECTED, str(error), error.where)
    return Receipt(ReceiptCode.ACCEPTED)


def good(answer: httpx.Response, desk: Desk) -> None:
    assert answer.status_code in KNOWN, answer.text
    assert not [each for each in desk.findings if each.code in ("FHIR-407", "FHIR-408")], desk.findings
    if answer.status_code >= 400:
        said = from_xml(answer.content) if "xml" in answer.headers["content-type"] else answer.json()
        assert said["resourceType"] == "OperationOutcome"


@FUZZ
@given(TARGETS, RESOURCES | ENTRIES | TREES, st.sampled_from(["accepted", "created"]), st.sampled_from(get_args(Ask)))
def test_any_json(tmp_path: Path, target: tuple[str, str], tree: Any, answers: str, validate: Ask) -> None:
    desk = Desk(as_the_engine)
    ask = asking(tmp_path, desk, answer=answers, validate=validate)
    body = json.dumps(tree).encode()
    answer = asyncio.run(ask(*target, content=body, headers=JSON))
    good(answer, desk)
    if answer.status_code < 300:
        for message in desk.messages:
            assert message.fhir["resourceType"]


@FUZZ
@given(TARGETS, st.binary(max_size=60) | st.text(max_size=40).map(str.encode), st.sampled_from([JSON, XML, {}]))
def test_any_bytes(tmp_path: Path, target: tuple[str, str], body: bytes, headers: dict[str, str]) -> None:
    desk = Desk(as_the_engine)
    good(asyncio.run(asking(tmp_path, desk)(*target, content=body, headers=headers)), desk)


@FUZZ
@given(st.data())
def test_damaged_xml(tmp_path: Path, data: st.DataObject) -> None:
    whole = to_xml(
        bundle("transaction", entry("PUT", "Patient/1", {**PATIENT, "id": "1"}), entry("DELETE", "Patient/2"))
    )
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 40)))
    body = whole[:start] + data.draw(st.binary(max_size=5)) + whole[stop:]
    desk = Desk(as_the_engine)
    good(asyncio.run(asking(tmp_path, desk)("POST", "", content=body, headers=XML)), desk)


@FUZZ
@given(
    st.sampled_from(["POST", "PUT", "GET"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
    st.dictionaries(
        st.sampled_from(["accept", "content-type", "prefer", "if-none-exist", "if-match", "x-request-id", "host",
                         "authorization", "accept-encoding", "content-encoding"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
        | st.sampled_from(["application/fhir+json;q=2", "*/*;q=", ";;;", ",,,", "gzip;q=x", "return=", "W/\"\""]),
        max_size=4,
    ),
)  # fmt: skip
def test_any_address_and_head(tmp_path: Path, method: str, path: str, headers: dict[str, str]) -> None:
    desk = Desk(as_the_engine)
    try:
        answer = asyncio.run(asking(tmp_path, desk)(method, f"Patient{path}", json=PATIENT, headers=headers))
    except (httpx.InvalidURL, httpx.LocalProtocolError):
        return  # no client could send it
    good(answer, desk)


NESTED = b'{"resourceType":"Patient","extension":' + b"[" * 5000 + b"]" * 5000 + b"}"
XXE = (
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    b'<Patient xmlns="http://hl7.org/fhir"><id value="&e;"/></Patient>'
)
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b'<Patient xmlns="http://hl7.org/fhir"><id value="&c;"/></Patient>'
)
DEEP_XML = b'<Patient xmlns="http://hl7.org/fhir">' + b"<extension>" * 300 + b"</extension>" * 300 + b"</Patient>"


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (NESTED, JSON, "depth"),
        (NESTED.replace(b"[" * 5000 + b"]" * 5000, b"[" * 200 + b"]" * 200), JSON, "nested more than 100 deep"),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', JSON, "twice"),
        (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', JSON, "JSON"),
        (b'{"resourceType":"Patient","x":1e999999}', JSON, ""),
        (b'{"resourceType":"Patient","x":' + b"9" * 100_000 + b"}", JSON, ""),
        (b'["Patient"]', JSON, "resourceType"),
        (b'{"resourceType":["Patient"]}', JSON, "resourceType"),
        (b'{"resourceType":"Patient","id":"\xff"}', JSON, ""),
        (b"\x00\x01", JSON, ""),
        (b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', JSON, ""),
        (XXE, XML, ""),
        (LAUGHS, XML, ""),
        (DEEP_XML, XML, ""),
        (b"<Patient/>", XML, ""),
        (b'<Patient xmlns="http://hl7.org/fhir"><nmae/></Patient>', XML, "no such element"),
    ],
)
@pytest.mark.parametrize("answers", ["accepted", "created"])
async def test_known_attacks(tmp_path: Path, body: bytes, headers: dict[str, str], says: str, answers: str) -> None:
    desk = Desk(as_the_engine)
    answer = await asyncio.wait_for(
        asking(tmp_path, desk, answer=answers)("POST", "Patient", content=body, headers=headers), 5
    )
    good(answer, desk)
    assert answer.status_code in (400, 201, 202)
    assert says in answer.text
    assert "root:" not in answer.text + str([message.body for message in desk.messages])


async def test_a_huge_transaction_is_answered_in_time(tmp_path: Path) -> None:
    desk = Desk(as_the_engine)
    entries = [entry("PUT", f"Patient/{number}", {**PATIENT, "id": str(number)}) for number in range(20_000)]
    body = orjson.dumps(bundle("transaction", *entries))
    answer = await asyncio.wait_for(asking(tmp_path, desk)("POST", "", content=body, headers=JSON), 10)
    assert (answer.status_code, len(answer.json()["entry"])) == (202, 20_000)


async def test_a_body_that_takes_long_to_read_holds_up_nobody_else(tmp_path: Path) -> None:
    desk = Desk(as_the_engine)
    ask = asking(tmp_path, desk)
    body = b'<Patient xmlns="http://hl7.org/fhir">' + b"<name/>" * 500_000 + b"</Patient>"
    long = asyncio.create_task(ask("POST", "Patient", content=body, headers=XML))
    answered = 0
    while not long.done():
        await asyncio.wait({long}, timeout=0.001)
        answered += (await ask("GET", "metadata")).status_code == 200
    assert (long.result().status_code, len(desk.messages)) == (202, 1)
    assert answered > 20


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_entries_beyond_number_cost_little(tmp_path: Path, kind: str) -> None:
    desk = Desk(as_the_engine)
    body = b'{"resourceType":"Bundle","type":"%b","entry":[%b{}]}' % (kind.encode(), b"{}," * 350_000)
    tracemalloc.start()
    answer = await asyncio.wait_for(asking(tmp_path, desk)("POST", "", content=body, headers=JSON), 10)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (413, ["Bundle.entry"])
    assert most < 100 << 20


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999999\r\n\r\n", b"400"),
        (b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"GET /fhir/Patient/%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /fhir/%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /fhir/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /fhir/Patient/1?_format=%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"406"),
        (b"GET /fhir/metadata HTTP/1.1\r\nHost: \xff\r\n\r\n", b"200"),
        (b"GET /fhir/metadata HTTP/1.0\r\n\r\n", b"200"),
        (b"BREW /fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n", b"4"),
    ],
)
async def test_heads_by_hand(tmp_path: Path, head: bytes, status: bytes) -> None:
    desk = Desk(as_the_engine)
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        reader, writer = await asyncio.open_connection("127.0.0.1", inbound.port)
        writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        writer.close()
    assert answer.split(b" ")[1].startswith(status)
