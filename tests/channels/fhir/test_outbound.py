"""The outbound fhir end against a FHIR server on the standard library's, and against our own inbound end."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from channels.ends import Outcome, OutcomeCode, Receipt, ReceiptCode
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.replies import read_answer
from channels.fhir.request import Named
from channels.tls import ClientTls
from schemas.fhir.xml import from_xml
from schemas.message import FHIR, HL7V2, Message
from schemas.values import Address
from tests.channels.desk import NOW, Desk, adt
from tests.channels.fhir.h2server import Http2Server
from tests.channels.fhir.server import FhirServer, serving
from tests.tls import Authority

DELIVERED, DEFERRED, REFUSED = OutcomeCode.DELIVERED, OutcomeCode.DEFERRED, OutcomeCode.REFUSED
PENDING = OutcomeCode.PENDING

IDENTIFIER = {"system": "http://stanne.example/mrn", "value": "47|11"}
SEARCH = "identifier=http%3A%2F%2Fstanne.example%2Fmrn%7C47%5C%7C11"
PATIENT = {"resourceType": "Patient", "id": "p1", "identifier": [IDENTIFIER], "name": [{"family": "Testperson"}]}
NEW = {"resourceType": "Observation", "status": "final"}
KNOWN = {**NEW, "identifier": [{"value": "1"}, {**IDENTIFIER, "value": "2", "use": "old"}, IDENTIFIER]}
WRONG = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"severity": "warning", "code": "informational", "diagnostics": "by the way"},
        {
            "severity": "error",
            "code": "invalid",
            "diagnostics": "Testperson is no name",
            "expression": ["Patient.name[0].family"],
        },
    ],
}


def message(body: Any, **attributes: str) -> Message:
    named = {name.replace("_", ".", 1): value for name, value in attributes.items()}
    return Message(
        f"{7:032x}", "c", FHIR, body if isinstance(body, bytes) else orjson.dumps(body), NOW, attributes=named
    )


def bundle(type: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def entry(resource: dict[str, Any] = NEW, method: str = "POST", url: str = "Observation") -> dict[str, Any]:
    return {"resource": resource, "request": {"method": method, "url": url}}


def response(status: str, **more: Any) -> dict[str, Any]:
    return {"response": {"status": status, **more}}


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with serving() as made:
        yield made


async def send(server: FhirServer, what: Message, **options: Any) -> Outcome:
    end = FhirOutbound(Desk().context(Path()), **{"base": server.base, **options})
    try:
        return await end.deliver(what)
    finally:
        await end.close()


async def answered(server: FhirServer, what: Message, status: int, body: Any = None, **options: Any) -> Outcome:
    server.answer = lambda _: (status, body, {})
    return await send(server, what, **options)


@pytest.mark.parametrize(
    ("body", "request_line", "condition"),
    [
        (PATIENT, "PUT /fhir/Patient/p1", ""),
        (NEW, "POST /fhir/Observation", ""),
        (
            {**NEW, "identifier": [{"value": "1"}, {**IDENTIFIER, "use": "old"}, IDENTIFIER]},
            "POST /fhir/Observation",
            SEARCH,
        ),
        (bundle("transaction", entry()), "POST /fhir", ""),
        (bundle("batch", entry()), "POST /fhir", ""),
        (bundle("message", {"resource": {"resourceType": "MessageHeader"}}), "POST /fhir/$process-message", ""),
        ({**bundle("document"), "identifier": IDENTIFIER}, "POST /fhir/Bundle", SEARCH),
        ({**bundle("collection"), "id": "c"}, "PUT /fhir/Bundle/c", ""),
    ],
)
async def test_what_a_message_is_decides_what_is_asked(
    server: FhirServer, body: dict[str, Any], request_line: str, condition: str
) -> None:
    server.answer = lambda _: (200, bundle("batch-response", response("201 Created")), {})
    outcome = await send(server, message(body), token=SecretStr("s3cret"), headers={"X-Facility": "{message.channel}"})
    assert outcome.code == DELIVERED
    [asked] = server.requests
    assert f"{asked.method} {asked.path}" == request_line
    assert asked.headers.get("if-none-exist", "") == condition
    assert asked.body == orjson.dumps(body)
    assert asked.headers["content-type"] == asked.headers["accept"] == "application/fhir+json"
    assert asked.headers["authorization"] == "Bearer s3cret"
    assert (asked.headers["x-facility"], asked.headers["x-request-id"]) == ("c", f"{7:032x}")


async def test_an_update_by_identifier_leaves_the_id_to_the_server(server: FhirServer) -> None:
    await send(server, message(PATIENT), condition="identifier")
    [asked] = server.requests
    assert (asked.method, asked.path) == ("PUT", f"/fhir/Patient?{SEARCH}")
    assert asked.json == {name: value for name, value in PATIENT.items() if name != "id"}


async def test_in_a_transaction_the_identifier_stands_in_the_body_and_not_in_the_address(server: FhirServer) -> None:
    server.answer = lambda _: (200, bundle("transaction-response", response("200")), {})
    outcome = await send(server, message(PATIENT), condition="identifier", interaction="transaction")
    assert outcome.code == DELIVERED
    [asked] = server.requests
    assert (asked.method, asked.path) == ("POST", "/fhir")
    assert asked.json["entry"][0]["request"] == {"method": "PUT", "url": f"Patient?{SEARCH}"}
    assert "id" not in asked.json["entry"][0]["resource"]


async def test_an_update_without_an_id_has_that_of_the_message_in_each_attempt(server: FhirServer) -> None:
    for _ in range(2):
        await send(server, message({**NEW, "valueQuantity": {"value": 7.10}}), interaction="update")
    first, second = server.requests
    assert first == second
    assert (first.method, first.path) == ("PUT", f"/fhir/Observation/{7:032x}")
    assert first.json["id"] == f"{7:032x}"


async def test_what_a_client_of_ours_asked_for_is_asked_for_again(server: FhirServer) -> None:
    as_create = {"fhir_interaction": "create", "fhir_type": "Patient"}
    as_update = {"fhir_interaction": "update", "fhir_type": "Patient"}
    await send(server, message(PATIENT, **as_create, fhir_condition="identifier=a%7Cb"))
    await send(server, message(PATIENT, **as_create, fhir_id="p1"))  # an id that the engine assigned, and has told
    await send(server, message(PATIENT, **as_update, fhir_condition="identifier=a%7Cb", fhir_if_match='W/"3"'))
    await send(server, message(NEW, **as_update, fhir_condition="identifier=a%7Cb"))  # a step made another resource
    assert [f"{each.method} {each.path}" for each in server.requests] == [
        "POST /fhir/Patient",
        "PUT /fhir/Patient/p1",
        "PUT /fhir/Patient?identifier=a%7Cb",
        "POST /fhir/Observation",
    ]
    assert server.requests[0].headers["if-none-exist"] == "identifier=a%7Cb"
    assert server.requests[2].headers["if-match"] == 'W/"3"'


@pytest.mark.parametrize(
    ("patch", "content_type", "sent"),
    [
        (
            {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10="},
            "application/json-patch+json",
            b"[]",
        ),
        ({"resourceType": "Parameters"}, "application/fhir+json", b'{"resourceType":"Parameters"}'),
    ],
)
async def test_a_patch_and_a_delete_of_a_client_of_ours_are_themselves_again(
    server: FhirServer, patch: dict[str, Any], content_type: str, sent: bytes
) -> None:
    kept = bundle("transaction", entry(patch, "PATCH", "Patient/1"))
    await send(server, message(kept, fhir_interaction="patch", fhir_type="Patient"))
    gone = bundle("transaction", {"request": {"method": "DELETE", "url": "Patient/1", "ifMatch": 'W/"2"'}})
    await send(server, message(gone, fhir_interaction="delete", fhir_type="Patient"))
    patched, deleted = server.requests
    assert (patched.method, patched.path, patched.body) == ("PATCH", "/fhir/Patient/1", sent)
    assert patched.headers["content-type"] == content_type
    assert (deleted.method, deleted.path, deleted.body) == ("DELETE", "/fhir/Patient/1", b"")
    assert deleted.headers["if-match"] == 'W/"2"'


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b'{"resourceType":"Patient"', {}),
        ({"resourceType": "Patience"}, {}),
        ({"resourceType": "Patient", "id": "../Observation"}, {}),
        ({"resourceType": "Patient", "id": 7}, {}),
        (NEW, {"condition": "identifier"}),
        (NEW, {"interaction": "message"}),
        (bundle("batch"), {"interaction": "transaction"}),
        ({"resourceType": "Patient", "colour": "blue"}, {"format": "xml"}),
        (NEW, {"base": "{a.b}"}),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(server: FhirServer, body: Any, options: dict[str, Any]) -> None:
    outcome = await send(server, message(body), **options)
    assert outcome.code == REFUSED
    assert outcome.detail
    assert server.requests == []


async def test_a_message_that_is_no_fhir_is_refused(server: FhirServer) -> None:
    outcome = await send(server, Message("1", "c", HL7V2, adt(), NOW))
    assert (outcome.code, server.requests) == (REFUSED, [])


async def test_xml_is_sent_and_understood_where_it_is_asked_for(server: FhirServer) -> None:
    error = (
        b'<OperationOutcome xmlns="http://hl7.org/fhir"><issue><severity value="error"/><code value="invalid"/>'
        b"</issue></OperationOutcome>"
    )
    outcome = await answered(server, message(PATIENT), 422, error, format="xml")
    assert (outcome.code, outcome.detail) == (REFUSED, "the partner answered 422 (invalid)")
    [asked] = server.requests
    assert asked.headers["content-type"] == asked.headers["accept"] == "application/fhir+xml"
    assert from_xml(asked.body) == PATIENT


@pytest.mark.parametrize(
    ("status", "code", "unreachable"),
    [
        (200, DELIVERED, False),
        (201, DELIVERED, False),
        (204, DELIVERED, False),
        (202, DELIVERED, False),
        (302, DEFERRED, True),
        (400, REFUSED, False),
        (401, DEFERRED, True),
        (403, DEFERRED, True),
        (404, REFUSED, False),
        (405, REFUSED, False),
        (408, DEFERRED, False),
        (409, REFUSED, False),
        (412, REFUSED, False),
        (422, REFUSED, False),
        (425, DEFERRED, False),
        (429, DEFERRED, True),
        (500, DEFERRED, False),
        (501, DEFERRED, False),
        (503, DEFERRED, True),
    ],
)
@pytest.mark.parametrize("body", [PATIENT, bundle("transaction", entry()), bundle("message")])
async def test_the_status_decides(
    server: FhirServer, body: dict[str, Any], status: int, code: OutcomeCode, unreachable: bool
) -> None:
    outcome = await answered(server, message(body), status)
    assert (outcome.code, outcome.unreachable) == (code, unreachable)
    assert str(status) in outcome.detail
    assert len(server.requests) == 1
    kept = read_answer(outcome.reply)
    assert kept is not None
    assert kept.status == status


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        ("120", timedelta(minutes=2)),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        ("soon", None),
    ],
)
async def test_retry_after_is_obeyed(server: FhirServer, header: str, wish: timedelta | None) -> None:
    server.answer = lambda _: (503, None, {"Retry-After": header})
    assert (await send(server, message(PATIENT))).retry_after == wish
    some = bundle("batch-response", response("503 Service Unavailable"))
    server.answer = lambda _: (200, some, {"Retry-After": header})
    assert (await send(server, message(bundle("batch", entry())))).retry_after == wish


async def test_an_operation_outcome_is_kept_and_its_texts_are_not_told(server: FhirServer) -> None:
    outcome = await answered(server, message(PATIENT), 422, WRONG)
    assert outcome.code == REFUSED
    assert outcome.detail == "the partner answered 422 (invalid at Patient.name[0].family, informational)"
    kept = read_answer(outcome.reply)
    assert kept is not None
    assert (kept.status, kept.resource) == (422, WRONG)


@pytest.mark.parametrize(
    ("statuses", "code", "detail"),
    [
        (["201 Created", "200", "304 Not Modified"], DELIVERED, "200, 3 entries"),
        (
            ["201 Created", "422 Unprocessable", "200"],
            REFUSED,
            "1 of 3 entries failed: Bundle.entry[1] 422 (invalid",
        ),
        (["201", "503", "200"], DEFERRED, "1 of 3 entries failed: Bundle.entry[1] 503"),
        (["429 Too Many", "404", "200"], DEFERRED, "2 of 3 entries failed: Bundle.entry[0] 429"),
        (["403", "401", "302"], REFUSED, "3 of 3 entries failed: Bundle.entry[0] 403"),
        (["ok", "", "2000"], REFUSED, "3 of 3 entries failed: Bundle.entry[0] has no status"),
        (["200", "200"], REFUSED, "the partner answered 200 without a word on each of the 3 entries"),
        (["200"] * 4, REFUSED, "the partner answered 200 without a word on each of the 3 entries"),
    ],
)
async def test_a_batch_is_delivered_when_each_of_its_entries_is(
    server: FhirServer, statuses: list[str], code: OutcomeCode, detail: str
) -> None:
    said = bundle("batch-response", *(response(each, outcome=WRONG) for each in statuses))
    outcome = await answered(server, message(bundle("batch", entry(), entry(), entry())), 200, said)
    assert outcome.code == code
    assert outcome.detail.startswith(detail)
    assert "Testperson" not in outcome.detail
    kept = read_answer(outcome.reply)
    assert kept is not None
    assert kept.resource == said


@pytest.mark.parametrize("body", [None, PATIENT, WRONG, bundle("searchset")])
async def test_a_batch_without_a_word_on_its_entries_is_never_delivered(server: FhirServer, body: Any) -> None:
    assert (await answered(server, message(bundle("batch", entry())), 200, body)).code == REFUSED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, DELIVERED),
        (bundle("transaction-response", response("201"), response("200")), DELIVERED),
        (bundle("transaction-response", response("201"), response("422")), REFUSED),
        (bundle("transaction-response", response("500"), response("200")), DEFERRED),
        (bundle("transaction-response", {}, {"resource": PATIENT}), DELIVERED),
        (WRONG, REFUSED),
    ],
)
async def test_a_transaction_is_done_whole_or_not_at_all(server: FhirServer, body: Any, code: OutcomeCode) -> None:
    assert (await answered(server, message(bundle("transaction", entry(), entry())), 200, body)).code == code


@pytest.mark.parametrize(
    ("status", "response_code", "code"),
    [
        (200, "ok", DELIVERED),
        (200, "transient-error", DEFERRED),
        (200, "fatal-error", REFUSED),
        (200, "", DELIVERED),
        (202, "", DELIVERED),
    ],
)
async def test_a_response_message_says_what_became_of_a_message(
    server: FhirServer, status: int, response_code: str, code: OutcomeCode
) -> None:
    header = {"resourceType": "MessageHeader", "response": {"identifier": "h", "code": response_code}}
    said = bundle("message", {"resource": header}, {"resource": WRONG}) if response_code else None
    outcome = await answered(server, message(bundle("message")), status, said)
    assert outcome.code == code
    assert ("invalid" in outcome.detail) == (code != DELIVERED)


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"OK", b"[]", b'{"resourceType":', b"\x1f\x8b\x08"])
@pytest.mark.parametrize("what", [PATIENT, bundle("transaction", entry()), bundle("message")])
async def test_a_200_that_is_no_fhir_is_no_success(server: FhirServer, what: Any, body: bytes) -> None:
    outcome = await answered(server, message(what), 200, body)
    assert (outcome.code, outcome.unreachable, outcome.reply) == (DEFERRED, True, body)


async def test_a_create_that_found_its_resource_says_so(server: FhirServer) -> None:
    assert (await answered(server, message(KNOWN), 200)).detail == "200: the partner had it already"
    assert (await answered(server, message(KNOWN), 201)).detail == "201"


async def test_a_large_answer_is_read_whole_and_kept_in_outline(server: FhirServer) -> None:
    large = {"resourceType": "Patient", "name": [{"family": "x" * 800_000}]}
    said = bundle("batch-response", *({"resource": large, **response("200")} for _ in range(2)))
    outcome = await answered(server, message(bundle("batch", entry(), entry())), 200, said)
    assert outcome.code == DELIVERED
    kept = read_answer(outcome.reply)
    assert kept is not None
    assert kept.resource == bundle("batch-response", response("200"), response("200"))


async def test_an_answer_without_end_is_not_read_to_the_end(server: FhirServer) -> None:
    endless = b'{"resourceType":"Bundle","x":"' + b"x" * (17 << 20)
    outcome = await answered(server, message(bundle("batch", entry())), 200, endless)
    assert outcome.code == REFUSED
    assert "return=minimal" in outcome.detail
    assert (await answered(server, message(PATIENT), 200, endless)).code == DELIVERED


async def test_preferences_are_sent(server: FhirServer) -> None:
    await send(server, message(PATIENT), prefer=["return=minimal", "respond-async"])
    assert server.requests[0].headers["prefer"] == "return=minimal, respond-async"


async def test_connections_are_kept(server: FhirServer) -> None:
    end = FhirOutbound(Desk().context(Path()), base=server.base)
    assert {(await end.deliver(message(PATIENT))).code for _ in range(3)} == {DELIVERED}
    await end.close()
    assert server.connections == 1


async def test_http2_is_spoken_with_whom_offers_it_and_a_renewed_certificate_changes_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    trusted = authority.file.read_bytes()
    async with Http2Server().serving(authority.issue("repository", hosts=("127.0.0.1",))) as other:
        tls = ClientTls(authorities=authority.file)
        end = FhirOutbound(Desk().context(tmp_path), base=f"https://127.0.0.1:{other.port}/fhir", tls=tls)
        assert (await end.deliver(message(PATIENT))).code == DELIVERED
        outcomes = await asyncio.gather(*(end.deliver(message(PATIENT)) for _ in range(50)))
        assert {each.detail for each in outcomes} == {"201"}
        assert other.connections == 1
        await end.close()
        again = Authority(tmp_path / "again", "another").file.read_bytes()
        authority.file.write_bytes(trusted + again)
        assert (await end.deliver(message(PATIENT))).code == DELIVERED
        await end.close()
    assert other.bodies == [orjson.dumps(PATIENT)] * 52


async def test_nothing_of_a_message_is_logged(server: FhirServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        await send(server, message(PATIENT), condition="identifier")
    assert "Testperson" not in caplog.text
    assert "stanne" not in caplog.text


@pytest.mark.parametrize("interaction", ["auto", "transaction"])
@pytest.mark.parametrize(
    ("receipt", "code", "unreachable"),
    [
        (Receipt(ReceiptCode.ACCEPTED), DELIVERED, False),
        (Receipt(ReceiptCode.REJECTED, "unknown type"), REFUSED, False),
        (Receipt(ReceiptCode.FAILED, "full"), DEFERRED, True),
    ],
)
async def test_our_own_two_ends_understand_each_other(
    tmp_path: Path, interaction: Named, receipt: Receipt, code: OutcomeCode, unreachable: bool
) -> None:
    desk = Desk(lambda _: receipt)
    inbound = FhirInbound(desk.context(tmp_path), listen=Address("127.0.0.1", 0))
    async with desk.serving(inbound):
        end = FhirOutbound(
            desk.context(tmp_path), base=f"http://127.0.0.1:{inbound.port}/fhir", interaction=interaction
        )
        outcomes = await asyncio.gather(*(end.deliver(message(PATIENT)) for _ in range(10)))
        await end.close()
    assert {(each.code, each.unreachable) for each in outcomes} == {(code, unreachable)}
    assert len(desk.messages) == 10
