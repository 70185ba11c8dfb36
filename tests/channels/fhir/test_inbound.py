"""The inbound FHIR end, as httpx and curl see it."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from pydantic import SecretStr

from channels.ends import Receipt, ReceiptCode
from channels.fhir.access import AccessOptions
from channels.tls import ServerTls
from schemas.fhir.read import read_exact
from schemas.fhir.validate import validate
from schemas.fhir.xml import from_xml, to_xml
from schemas.message import Message
from tests.channels.desk import Desk
from tests.channels.fhir.client import JSON, PATIENT, XML, bundle, end, entry, issue, serving
from tests.tls import Authority

MESSAGE = bundle(
    "message",
    {
        "resource": {
            "resourceType": "MessageHeader",
            "id": "m1",
            "eventUri": "urn:x:admit",
            "source": {"endpoint": "urn:a"},
        }
    },
)
DOCUMENT = bundle("document", {"resource": {"resourceType": "Composition", "status": "final"}})
TRANSACTION = bundle(
    "transaction",
    entry("POST", "Patient", PATIENT),
    entry("PUT", "Patient/b", {**PATIENT, "id": "b"}),
    entry("DELETE", "Patient/c"),
)
BIG = {**PATIENT, "extension": [{"url": "http://x", "valueString": "x" * 5000}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "known"),
    [
        ("POST", "Patient", PATIENT, {"fhir.interaction": "create", "fhir.type": "Patient"}),
        (
            "PUT",
            "Patient/a",
            {**PATIENT, "id": "a"},
            {"fhir.interaction": "update", "fhir.type": "Patient", "fhir.id": "a"},
        ),
        (
            "PUT",
            "Patient?identifier=http://x%7C1&_format=json",
            PATIENT,
            {"fhir.interaction": "update", "fhir.type": "Patient", "fhir.condition": "identifier=http://x%7C1"},
        ),
        ("POST", "", TRANSACTION, {"fhir.interaction": "transaction", "fhir.type": "Bundle"}),
        ("POST", "", bundle("batch", *TRANSACTION["entry"]), {"fhir.interaction": "batch", "fhir.type": "Bundle"}),
        ("POST", "$process-message", MESSAGE, {"fhir.interaction": "message", "fhir.type": "Bundle"}),
        ("POST", "Bundle", DOCUMENT, {"fhir.interaction": "create", "fhir.type": "Bundle"}),
    ],
)
async def test_each_request_is_one_message_as_it_was_sent(
    tmp_path: Path, method: str, path: str, body: dict[str, Any], known: dict[str, str]
) -> None:
    desk = Desk()
    written = json.dumps(body, indent=1).encode()
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.request(method, path, content=written, headers={**JSON, "x-request-id": "r-1"})
    assert answer.status_code == 202
    [message] = desk.messages
    assert (message.channel, message.format, message.body) == ("adt-feed", "fhir", written)
    assert message.attributes == {
        "fhir.method": method,
        "fhir.peer": "127.0.0.1",
        "fhir.request_id": "r-1",
        **known,
    }
    assert answer.headers["content-location"] == f"{client.base_url}_status/{message.id}"
    assert answer.headers["x-request-id"] == "r-1"
    assert "Testperson" not in answer.text


async def test_accepted_entries_are_answered_one_by_one(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("", json=TRANSACTION)
        minimal = await client.post("", json=TRANSACTION, headers={"prefer": "return=minimal"})
    assert [each["response"]["status"] for each in answer.json()["entry"]] == ["202 Accepted"] * 3
    assert (answer.status_code, answer.json()["type"]) == (202, "transaction-response")
    assert (minimal.status_code, minimal.content) == (202, b"")


async def test_a_created_resource_gets_the_engine_s_id(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("Patient", json={**PATIENT, "id": "mine"})
        assert answer.status_code == 201
        [message] = desk.messages
        assert answer.headers["location"] == f"{client.base_url}Patient/{message.id}/_history/1"
    assert (answer.headers["etag"], answer.headers["last-modified"]) == ('W/"1"', "Sat, 01 Mar 2025 12:00:00 GMT")
    assert answer.json() == {**PATIENT, "id": message.id} == json.loads(message.body)
    assert message.get("fhir.id") == message.id


async def test_no_digit_is_lost_where_an_id_is_put_in(tmp_path: Path) -> None:
    desk = Desk()
    dose = b'{ "resourceType":"Observation","id":"x","valueQuantity":{"value":7.10}}'
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        for body in (dose, dose.replace(b'"id":"x",', b"")):
            answer = await client.post("Observation", content=body, headers=JSON)
            assert b"7.10" in answer.content
            assert b"7.10" in desk.messages[-1].body
        wrapped = b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":%b,"request":%b}]}' % (
            dose,
            b'{"method":"POST","url":"Observation"}',
        )
        answer = await client.post("", content=wrapped, headers=JSON)
    assert b"7.10" in desk.messages[-1].body
    assert len({str(each.fhir) for each in desk.messages}) == 3


async def test_created_entries_are_answered_one_by_one(tmp_path: Path) -> None:
    desk = Desk()
    conditional = entry("POST", "Patient", PATIENT, ifNoneExist="identifier=http://x|1")
    asked = bundle("transaction", *TRANSACTION["entry"], conditional)
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("", json=asked)
    Bundle.model_validate(answer.json())
    assert answer.status_code == 200
    created, updated, *unknown = [each["response"] for each in answer.json()["entry"]]
    [message] = desk.messages
    journaled = json.loads(message.body)["entry"]
    assert created["status"] == "201 Created"
    assert created["location"] == f"Patient/{journaled[0]['resource']['id']}/_history/1"
    assert (updated["status"], updated["location"]) == ("200 OK", "Patient/b")
    assert [each["status"] for each in unknown] == ["202 Accepted"] * 2
    assert journaled[1:] == asked["entry"][1:]


async def test_a_message_is_answered_by_a_message(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("$process-message", json=MESSAGE)
    Bundle.model_validate(answer.json())
    header = answer.json()["entry"][0]["resource"]
    assert answer.status_code == 200
    assert header["response"] == {"identifier": "m1", "code": "ok"}
    assert (header["eventUri"], header["destination"]) == ("urn:x:admit", [{"endpoint": "urn:a"}])


async def test_a_message_may_come_in_parameters(tmp_path: Path) -> None:
    desk = Desk()
    asked = {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": MESSAGE}]}
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("$process-message", json=asked)
    assert answer.status_code == 202
    assert json.loads(desk.messages[0].body) == MESSAGE


@pytest.mark.parametrize(
    ("query", "parameters", "status"),
    [
        ("", [], 200),
        ("?async=false", [], 200),
        ("?async=true", [], 202),
        ("", [{"name": "async", "valueBoolean": True}], 202),
        ("?async=true&response-url=http://a/", [], 422),
        ("", [{"name": "response-url", "valueUrl": "http://a/"}], 422),
    ],
)
async def test_a_message_may_be_answered_later_but_not_elsewhere(
    tmp_path: Path, query: str, parameters: list[dict[str, Any]], status: int
) -> None:
    desk = Desk()
    asked = {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": MESSAGE}, *parameters]}
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post(f"$process-message{query}", json=asked if parameters else MESSAGE)
    assert answer.status_code == status
    assert len(desk.messages) == (status != 422)


@pytest.mark.parametrize(
    ("prefer", "status", "body"),
    [
        ("", 201, "Patient"),
        ("return=representation", 201, "Patient"),
        ("return=OperationOutcome", 201, "OperationOutcome"),
        ("return=minimal", 201, None),
        ("respond-async", 202, "OperationOutcome"),
        ("respond-async, return=minimal", 202, None),
    ],
)
async def test_what_the_client_prefers(tmp_path: Path, prefer: str, status: int, body: str | None) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("Patient", json=PATIENT, headers={"prefer": prefer})
    assert answer.status_code == status
    assert (answer.json()["resourceType"] if answer.content else None) == body
    assert ("content-location" in answer.headers) == (status == 202)
    if status == 202:
        assert json.loads(desk.messages[0].body) == PATIENT


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "Patient", {"if-none-exist": "identifier=http://x|1"}),
        ("PUT", "Patient?identifier=1", {}),
        ("PUT", "Patient/a", {"if-match": 'W/"3"'}),
    ],
)
async def test_what_depends_on_what_is_there_is_accepted_and_no_more(
    tmp_path: Path, method: str, path: str, headers: dict[str, str]
) -> None:
    desk = Desk()
    body = {**PATIENT, "id": "a"} if path.endswith("/a") else PATIENT
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.request(method, path, json=body, headers=headers)
    assert answer.status_code == 202
    [message] = desk.messages
    assert message.get("fhir.condition") or message.get("fhir.if_match") == 'W/"3"'


async def test_of_a_batch_only_what_is_taken_goes_on(tmp_path: Path) -> None:
    desk = Desk()
    asked = bundle(
        "batch", entry("GET", "Patient/1"), entry("POST", "Patient", PATIENT), entry("POST", "Nothing", PATIENT)
    )
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("", json=asked)
        nothing = await client.post("", json=bundle("batch", entry("GET", "Patient/1")))
    Bundle.model_validate(answer.json())
    refused, taken, unknown = [each["response"] for each in answer.json()["entry"]]
    assert (refused["status"], taken["status"], unknown["status"]) == (
        "405 Method Not Allowed",
        "202 Accepted",
        "404 Not Found",
    )
    assert unknown["outcome"]["issue"][0]["expression"] == ["Bundle.entry[2].request"]
    [message] = desk.messages
    assert json.loads(message.body)["entry"] == [asked["entry"][1]]
    assert (nothing.status_code, nothing.json()["entry"][0]["response"]["status"]) == (200, "405 Method Not Allowed")


async def test_xml_comes_in_as_json_and_is_answered_in_xml(tmp_path: Path) -> None:
    desk = Desk()
    observation = read_exact(b'{"resourceType":"Observation","status":"final","valueQuantity":{"value":7.10}}')
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("Observation", content=to_xml(observation), headers=XML)
        as_json = await client.post(
            "Observation", content=to_xml(observation), headers={**XML, "accept": "application/fhir+json"}
        )
        untold = await client.post("Observation", content=to_xml(observation))
        wrong = await client.post("Observation", content=b"<Observation", headers=XML)
    first, second, third = desk.messages
    assert answer.headers["content-type"] == "application/fhir+xml; charset=utf-8"
    assert from_xml(answer.content) == {**observation, "id": first.id}
    assert read_exact(first.body) == {**observation, "id": first.id}
    assert [each.get("fhir.xml") for each in desk.messages] == ["true"] * 3
    assert as_json.content == second.body
    assert (untold.status_code, third.get("Observation.value.ofType(Quantity).value")) == (201, "7.10")
    assert (wrong.status_code, from_xml(wrong.content)["resourceType"]) == (400, "OperationOutcome")


async def test_the_capability_statement_is_true_and_open_to_all(tmp_path: Path) -> None:
    desk = Desk()
    options = {"interactions": ["create", "message"], "types": ["Patient"], "public": "https://hie.example.org/fhir"}
    inbound = end(desk, tmp_path, access=AccessOptions(token=SecretStr("s3cret")), **options)
    async with serving(desk, inbound) as client:
        answer = await client.get("metadata")
        in_xml = await client.get("metadata?_format=xml")
        head = await client.head("metadata")
    CapabilityStatement.model_validate(answer.json())
    assert validate(answer.json()) == []
    assert answer.json()["fhirVersion"] == "4.0.1"
    assert answer.json()["implementation"]["url"] == "https://hie.example.org/fhir"
    [rest] = answer.json()["rest"]
    [patient] = rest["resource"]
    assert [each["code"] for each in patient["interaction"]] == ["create"]
    assert [each["name"] for each in rest["operation"]] == ["process-message"]
    assert from_xml(in_xml.content) == answer.json()
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("receipt", "status"),
    [
        (Receipt(ReceiptCode.REJECTED, "the type is not known here", "Patient"), 422),
        (Receipt(ReceiptCode.FAILED, "the journal is full"), 503),
    ],
)
async def test_what_the_engine_does_not_take(tmp_path: Path, receipt: Receipt, status: int) -> None:
    desk = Desk(lambda _: receipt)
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("Patient", json=PATIENT)
    assert answer.status_code == status
    assert issue(answer)["severity"] == "error"
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_an_engine_that_breaks_is_no_success_and_quotes_nothing(tmp_path: Path) -> None:
    def breaks(message: Message) -> Receipt:
        raise RuntimeError(message.get("Patient.name.family"))

    desk = Desk(breaks)
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("Patient", json=PATIENT)
    assert answer.status_code == 503
    assert [finding.code for finding in desk.findings] == ["FHIR-407"]
    assert "Testperson" not in answer.text + str(desk.findings)


async def test_a_damaged_body_is_kept_with_the_rejected(tmp_path: Path) -> None:
    desk = Desk(lambda _: Receipt(ReceiptCode.REJECTED, "the body is no JSON"))
    body = b'{"resourceType":"Patient","name":"Testperson'
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("Patient", content=body, headers=JSON)
    assert answer.status_code == 400
    assert "column" in issue(answer)["diagnostics"]
    assert desk.messages[0].body == body
    assert "Testperson" not in answer.text + str(desk.findings)


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "Patient/1", {}, 405, "not-supported"),
        ("DELETE", "Patient/1", {}, 405, "not-supported"),
        ("POST", "Nothing", {"json": PATIENT}, 404, "not-found"),
        ("POST", "Observation", {"json": PATIENT}, 400, "invalid"),
        ("POST", "Patient", {"content": b""}, 400, "required"),
        ("POST", "Patient", {"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "not-supported"),
        ("POST", "Patient", {"json": PATIENT, "headers": {"content-encoding": "br"}}, 415, "not-supported"),
        ("POST", "Patient", {"json": PATIENT, "headers": {"accept": "text/html"}}, 406, "not-supported"),
        ("POST", "Patient", {"content": b"x" * 20_000, "headers": JSON}, 413, "too-long"),
        ("POST", "Patient", {"content": b"xyz", "headers": {**JSON, "content-encoding": "gzip"}}, 400, "structure"),
        ("POST", "", {"json": PATIENT}, 400, "invalid"),
        ("POST", "", {"json": MESSAGE}, 400, "invalid"),
        ("POST", "$process-message", {"json": PATIENT}, 400, "invalid"),
        ("POST", "$process-message", {"json": bundle("message")}, 400, "invalid"),
        ("GET", "_status/1", {}, 404, "not-found"),
    ],
)
async def test_what_is_not_taken(
    tmp_path: Path, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, limit=10_000)) as client:
        answer = await client.request(method, path, **options)
        again = await client.post("Patient", json=PATIENT)
    assert (answer.status_code, issue(answer)["code"]) == (status, code)
    assert "Testperson" not in answer.text
    assert again.status_code == 202
    assert len(desk.messages) == 1


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ("x", "Bundle.entry"),
        ([7], "Bundle.entry[0]"),
        ([{}], "Bundle.entry[0].request"),
        ([{"request": []}], "Bundle.entry[0].request"),
        ([entry("POST", "Patient", PATIENT), {"request": {"method": "POST"}}], "Bundle.entry[1].request.url"),
        ([{"request": {"method": ["POST"], "url": "Patient"}}], "Bundle.entry[0].request.method"),
        ([entry("SEND", "Patient", PATIENT)], "Bundle.entry[0].request.method"),
        ([entry("POST", "Patient")], "Bundle.entry[0].resource"),
        ([entry("POST", "http://elsewhere/Patient", PATIENT)], "Bundle.entry[0].request.url"),
        ([entry("POST", "Observation", PATIENT)], "Bundle.entry[0].resource"),
        ([entry("PUT", "Patient/1", PATIENT)], "Bundle.entry[0].resource.id"),
        ([entry("PUT", "Patient", PATIENT)], "Bundle.entry[0].request"),
        ([entry("GET", "Patient/1")], "Bundle.entry[0].request"),
        ([entry("POST", "", PATIENT)], "Bundle.entry[0].request.url"),
        ([entry("GET", "metadata")], "Bundle.entry[0].request.url"),
        ([entry("PATCH", "Patient/1", PATIENT)], "Bundle.entry[0].resource"),
        ([entry("DELETE", "Patient/1"), entry("DELETE", "Patient/1")], "Bundle.entry[1].request.url"),
    ],
)
async def test_a_transaction_is_taken_whole_or_not_at_all(tmp_path: Path, entries: Any, place: str) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert 400 <= answer.status_code < 500
    assert issue(answer)["expression"] == [place]
    assert desk.messages == []


@pytest.mark.parametrize(
    ("given", "status"),
    [("Bearer s3cret", 202), ("bearer s3cret", 202), ("Bearer wrong", 401), ("Basic s3cret", 401), ("", 401)],
)
async def test_no_request_of_a_stranger_reaches_the_journal(tmp_path: Path, given: str, status: int) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, access=AccessOptions(token=SecretStr("s3cret")))) as client:
        headers = {"authorization": given} if given else {}
        answer = await client.post("Patient", json=PATIENT, headers=headers)
        nowhere = await client.get("Nothing", headers=headers)
    assert answer.status_code == status
    assert nowhere.status_code == (404 if status == 202 else 401)
    assert len(desk.messages) == (status == 202)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert issue(answer)["code"] == "login"
        assert desk.findings[0].code == "FHIR-401"


async def test_packed_bodies_go_both_ways(tmp_path: Path) -> None:
    desk = Desk()
    packed = gzip.compress(json.dumps(BIG).encode())
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("Patient", content=packed, headers={**JSON, "content-encoding": "gzip"})
        plain = await client.post("Patient", json=BIG, headers={"accept-encoding": "gzip;q=0"})
    assert (answer.status_code, answer.headers["content-encoding"]) == (201, "gzip")
    assert answer.json()["extension"] == BIG["extension"]
    assert "content-encoding" not in plain.headers


async def test_a_packed_body_may_not_unpack_without_end(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, limit=100_000)) as client:
        headers = {**JSON, "content-encoding": "gzip"}
        answer = await client.post("Patient", content=gzip.compress(b" " * 10_000_000), headers=headers)
    assert answer.status_code == 413


async def test_a_slow_sender_is_told(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, patience=timedelta(milliseconds=200))
    async with desk.serving(inbound):
        reader, writer = await asyncio.open_connection("127.0.0.1", inbound.port)
        writer.write(b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"OperationOutcome" in answer


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["-d", "@-", "-H", "Content-Type: application/fhir+json"], 202, "Accepted"),
        (["-d", "@-", "-H", "Content-Type: application/fhir+json", "-H", "Expect: 100-continue"], 202, "Accepted"),
        (["-d", "@-"], 415, "Send application/fhir+json"),
        (["-X", "OPTIONS"], 405, "OPTIONS"),
    ],
)
async def test_curl(tmp_path: Path, arguments: list[str], status: int, says: str) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}", *arguments),
            f"http://127.0.0.1:{inbound.port}/fhir/Patient",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        printed, _ = await process.communicate(json.dumps(PATIENT).encode())
    body, _, code = printed.decode().rpartition("\n")
    assert (int(code), says in body) == (status, True)


async def test_outside_of_the_base_there_is_nothing(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, base="r4/")
    async with serving(desk, inbound) as client:
        root = f"http://127.0.0.1:{inbound.port}"
        answers = [
            await client.get(f"{root}{path}") for path in ("/", "/fhir/metadata", "/r4x/metadata", "/r4/metadata")
        ]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 200]


@pytest.mark.parametrize("given", ["x" * 129, "a b", "<script>"])
async def test_a_request_id_that_is_none_is_replaced(tmp_path: Path, given: str) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("Patient", json=PATIENT, headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == desk.messages[0].get("fhir.request_id") != given


async def test_pretty_answers(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        answer = await client.post("Patient?_pretty=true", json=PATIENT)
    assert answer.text.startswith('{\n  "id"')


async def test_a_partner_s_certificate_names_the_client(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.issue("engine", hosts=("127.0.0.1",))
    practice, stranger = authority.issue("practice"), authority.issue("stranger")
    tls = ServerTls(certificate=server.certificate, key=server.key, clients=authority.file, client_names=["practice"])
    desk = Desk()
    inbound = end(desk, tmp_path, tls=tls)
    async with desk.serving(inbound):
        url = f"https://127.0.0.1:{inbound.port}/fhir/Patient"
        for shown, refused in ((practice, False), (stranger, True)):
            trust = ssl.create_default_context(cafile=str(authority.file))
            trust.load_cert_chain(shown.certificate, shown.key)
            async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
                if refused:
                    with pytest.raises(httpx.TransportError):
                        await client.post(url, json=PATIENT)
                else:
                    answer = await client.post(url, json=PATIENT)
                    assert answer.headers["content-location"].startswith(f"https://127.0.0.1:{inbound.port}/fhir/")
    assert [message.get("fhir.client") for message in desk.messages] == ["O=St. Anne's, CN=practice"]
    assert [finding.code for finding in desk.findings] == ["HTTP-105"]


async def test_the_base_may_be_the_root(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, base="/")) as client:
        answer = await client.post("Patient", json=PATIENT)
        root = str(client.base_url).rstrip("/")
    assert answer.headers["content-location"] == f"{root}/_status/{desk.messages[0].id}"
