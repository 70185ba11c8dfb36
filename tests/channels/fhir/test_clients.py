"""The FHIR end with software that we did not write on its other sides: clients in front, a FHIR server behind."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from channels.ends import OutcomeCode
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.access import AccessOptions
from channels.fhir.options import Reads
from schemas.fhir import dumps
from schemas.fhir.xml import from_xml, to_xml
from schemas.hl7v2 import Er7
from schemas.message import FHIR, Message
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.client import PATIENT, bundle, end, entry, serving
from tests.channels.node import node
from transforms.v2_to_fhir import Options, convert

ALL = ("create", "update", "patch", "delete", "transaction", "batch")


async def curl(
    inbound: FhirInbound, path: str, *arguments: str, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """What curl is answered: the status, the headers in lower case, the body."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sS", "-i", "--max-time", "10", "-H", "expect:", *arguments),
        f"http://127.0.0.1:{inbound.port}/fhir/{path}",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    printed, _ = await process.communicate(body)
    head, _, answer = printed.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, answer


POST = ("-X", "POST", "--data-binary", "@-")
JSON_BODY = ("-H", "content-type: application/fhir+json")
XML_BODY = ("-H", "content-type: application/fhir+xml")


@pytest.mark.parametrize(
    ("arguments", "body", "form"),
    [
        (JSON_BODY, dumps(PATIENT), "json"),
        (XML_BODY, to_xml(PATIENT), "xml"),
        ((*XML_BODY, "-H", "accept: application/fhir+json"), to_xml(PATIENT), "json"),
        ((*JSON_BODY, "-H", "content-encoding: gzip"), gzip.compress(dumps(PATIENT)), "json"),
        ((*JSON_BODY, "-H", "content-encoding: gzip", "-H", "transfer-encoding: chunked"),
         gzip.compress(dumps(PATIENT)), "json"),
    ],
)  # fmt: skip
async def test_curl_creates(tmp_path: Path, arguments: tuple[str, ...], body: bytes, form: str) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, answer="created")
    async with desk.serving(inbound):
        status, headers, answer = await curl(inbound, "Patient", *POST, *arguments, body=body)
    [message] = desk.messages
    assert status == 201
    assert headers["content-type"].startswith(f"application/fhir+{form}")
    assert headers["location"].endswith(f"/fhir/Patient/{message.id}/_history/1")
    said = from_xml(answer) if form == "xml" else json.loads(answer)
    assert said == {**PATIENT, "id": message.id} == json.loads(message.body)


async def test_curl_unpacks_what_it_asked_for(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        status, headers, answer = await curl(inbound, "metadata", "--compressed")
        _, _, packed = await curl(inbound, "metadata", "-H", "accept-encoding: gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert json.loads(answer)["resourceType"] == "CapabilityStatement"
    assert gzip.decompress(packed) == answer


@pytest.mark.parametrize(
    ("method", "path", "header", "status", "attribute", "known"),
    [
        ("POST", "Patient", "if-none-exist: identifier=http://x|1", 202, "fhir.condition", "identifier=http://x|1"),
        ("PUT", "Patient/a", 'if-match: W/"3"', 202, "fhir.if_match", 'W/"3"'),
        ("PUT", "Patient/b", 'if-match: W/"3"', 400, "", ""),
    ],
)
async def test_curl_sets_a_condition(
    tmp_path: Path, method: str, path: str, header: str, status: int, attribute: str, known: str
) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, answer="created")
    arguments = ("-X", method, "--data-binary", "@-", *JSON_BODY, "-H", header)
    async with desk.serving(inbound):
        found, _, _ = await curl(inbound, path, *arguments, body=dumps({**PATIENT, "id": "a"}))
    assert found == status
    assert [message.get(attribute) for message in desk.messages] == ([known] if known else [])


async def test_fhir_kit_client(node_clients: Path, tmp_path: Path) -> None:
    desk = Desk()
    access = AccessOptions(token=SecretStr("s3cret"))
    inbound = end(desk, tmp_path, answer="created", access=access, interactions=ALL)
    async with desk.serving(inbound):
        base = f"http://127.0.0.1:{inbound.port}/fhir"
        async with node(node_clients / "fhir_kit.mjs", base, "s3cret") as output, asyncio.timeout(20):
            printed = [json.loads(line) for line in (await output.read()).decode().splitlines()]
    kinds = ["create", "update", "update", "patch", "transaction", "batch", "delete"]
    assert [message.get("fhir.interaction") for message in desk.messages] == kinds
    assert [status for status, _, _ in printed] == [200, 201, 200, 202, 202, 200, 200, 202, 400]
    assert printed[1][1] == f"{base}/Patient/{desk.messages[0].id}/_history/1"
    assert [said["type"] for _, _, said in printed[5:7]] == ["transaction-response", "batch-response"]
    assert printed[8][2]["issue"][0]["expression"] == ["Observation"]


async def test_reads_go_to_a_server_that_keeps_resources(tmp_path: Path, fhir_server: str) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, reads=Reads(server=fhir_server))
    named = {"resourceType": "Patient", "name": [{"family": "Readperson"}]}
    async with serving(desk, inbound) as client:
        kept = (await client.post(f"{fhir_server}/Patient", json=named)).json()
        read = await client.get(f"Patient/{kept['id']}")
        version = await client.get(f"Patient/{kept['id']}/_history/{kept['meta']['versionId']}")
        found = await client.get("Patient", params={"name": "Readperson"})
        missing = await client.get("Patient/6f2f4d0e-3a53-4a0e-9a57-2f0a0f6c1bff")
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, kept, f'W/"{kept["meta"]["versionId"]}"')
    assert (version.status_code, version.json()) == (200, kept)
    assert [each["resource"]["id"] for each in found.json()["entry"]] == [kept["id"]]
    assert (missing.status_code, missing.json()["resourceType"]) == (404, "OperationOutcome")
    assert desk.messages == []


def _taken(message: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(message.body)
    return body


async def test_a_server_that_we_did_not_write_takes_what_was_journaled(tmp_path: Path, fhir_server: str) -> None:
    desk = Desk()
    reference = "urn:uuid:6f2f4d0e-3a53-4a0e-9a57-2f0a0f6c1b01"
    sick = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": reference},
    }
    asked = bundle(
        "transaction", {"fullUrl": reference, **entry("POST", "Patient", PATIENT)}, entry("POST", "Observation", sick)
    )
    async with serving(desk, end(desk, tmp_path, answer="created")) as client:
        for content, headers in (
            (dumps(asked), {"content-type": "application/fhir+json"}),
            (to_xml(asked), {"content-type": "application/fhir+xml", "accept": "application/fhir+json"}),
        ):
            answer = await client.post("", content=content, headers=headers)
            theirs = await client.post(fhir_server, json=_taken(desk.messages[-1]))
            assert (answer.status_code, theirs.status_code) == (200, 200)
            told = [each["response"] for each in answer.json()["entry"]]
            assert [each["status"][:3] for each in told] == ["201", "201"]
            assert all(each["response"]["status"][:2] == "20" for each in theirs.json()["entry"])
            patient, observation = (each["resource"] for each in theirs.json()["entry"])
            assert observation["subject"]["reference"] == f"Patient/{patient['id']}"
            # the server has them under the ids that the client was told
            for each, made in zip(told, (patient, observation), strict=True):
                assert f"{made['resourceType']}/{made['id']}/" in each["location"] + "/"


SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"


async def test_a_server_that_we_did_not_write_takes_every_sample(tmp_path: Path, fhir_server: str) -> None:
    outbound = FhirOutbound(Desk().context(tmp_path), base=fhir_server)
    files = [file for file in sorted(SAMPLES.glob("*.hl7")) if not file.stem.startswith(("batch", "damaged"))]
    refused = {}
    for number, file in enumerate(files):
        made = convert(Er7.parse(file.read_bytes()), Options(bundle="transaction"), NOW).bundle
        assert made is not None
        outcome = await outbound.deliver(Message(f"{number:032x}", "c", FHIR, dumps(made), NOW))
        if outcome.code is not OutcomeCode.DELIVERED:
            refused[file.name] = outcome.detail
    await outbound.close()
    assert (refused, len(files) > 40) == ({}, True)


async def test_what_that_server_refuses_is_refused(tmp_path: Path, fhir_server: str) -> None:
    outbound = FhirOutbound(Desk().context(tmp_path), base=fhir_server)
    wrong = {"resourceType": "Observation", "code": {"text": "without a status"}}
    outcome = await outbound.deliver(Message("f" * 32, "c", FHIR, dumps(wrong), NOW))
    await outbound.close()
    assert outcome.code is OutcomeCode.REFUSED
    assert "Observation.status" in outcome.detail
