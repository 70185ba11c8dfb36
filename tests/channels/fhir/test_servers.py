"""The outbound fhir end against a FHIR server that we did not write."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from channels.ends import Outcome, OutcomeCode
from channels.fhir import FhirOutbound
from channels.fhir.replies import Answer, read_answer
from schemas.message import FHIR, HL7V2, Message
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.test_outbound import bundle
from transforms.v2_to_fhir.step import v2_to_fhir

DELIVERED, REFUSED = OutcomeCode.DELIVERED, OutcomeCode.REFUSED

SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"


async def send(base: str, *bodies: Any, **options: Any) -> list[Outcome]:
    end = FhirOutbound(Desk().context(Path()), base=base, **{"timeout": timedelta(seconds=60), **options})
    try:
        return [await end.deliver(Message(uuid4().hex, "c", FHIR, orjson.dumps(each), NOW)) for each in bodies]
    finally:
        await end.close()


async def found(base: str, search: str) -> list[Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.get(f"{base}/{search}")).json()
    return [each["resource"] for each in answer.get("entry", [])]


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "http://stanne.example/mrn", "value": uuid4().hex}],
        **more,
    }


def answer_in(outcome: Outcome) -> Answer:
    kept = read_answer(outcome.reply)
    assert kept is not None
    return kept


async def test_a_create_that_is_sent_again_creates_nothing(fhir_server: str) -> None:
    new = patient()
    first, second = await send(fhir_server, new, new)
    assert [first.detail, second.detail] == ["201", "200: the partner had it already"]
    assert first.code == second.code == DELIVERED
    assert [each["id"] for each in await found(fhir_server, f"Patient?identifier={new['identifier'][0]['value']}")] == [
        answer_in(first).location.split("/Patient/")[1].split("/")[0]
    ]


async def test_an_update_by_identifier_replaces_what_is_there(fhir_server: str) -> None:
    old = patient(active=False)
    new = {**old, "active": True}
    outcomes = await send(fhir_server, old)
    outcomes += await send(fhir_server, new, condition="identifier")
    outcomes += await send(fhir_server, {**new, "gender": "female"}, interaction="transaction", condition="identifier")
    assert [each.code for each in outcomes] == [DELIVERED] * 3
    [kept] = await found(fhir_server, f"Patient?identifier={old['identifier'][0]['value']}")
    assert (kept["active"], kept["gender"]) == (True, "female")


async def test_what_is_no_valid_resource_is_refused_with_the_server_s_reasons(fhir_server: str) -> None:
    [outcome] = await send(fhir_server, patient(gender=7))
    assert outcome.code == REFUSED
    kept = answer_in(outcome)
    assert kept.resource is not None
    assert (kept.status, kept.resource["resourceType"]) == (400, "OperationOutcome")


async def test_a_batch_that_failed_in_part_is_refused_and_says_where(fhir_server: str) -> None:
    good, bad = patient(), patient(gender=7)
    entries = [{"resource": each, "request": {"method": "POST", "url": "Patient"}} for each in (good, bad)]
    [outcome] = await send(fhir_server, bundle("batch", *entries))
    assert outcome.code == REFUSED
    assert outcome.detail.startswith("1 of 2 entries failed: Bundle.entry[1] 400")
    assert len(await found(fhir_server, f"Patient?identifier={good['identifier'][0]['value']}")) == 1


@pytest.mark.parametrize("sample", ["oru_r01.hl7", "adt_a01.hl7", "vxu_v04.hl7"])
async def test_what_hl7_v2_became_is_taken_and_a_repeat_adds_nothing(fhir_server: str, sample: str) -> None:
    message = Message(uuid4().hex, "c", HL7V2, (SAMPLES / sample).read_bytes(), NOW)
    made = v2_to_fhir(message, bundle="transaction")
    counts = []
    end = FhirOutbound(Desk().context(Path()), base=fhir_server)
    for _ in range(2):
        outcome = await end.deliver(made)
        assert outcome.code == DELIVERED, outcome
        counts.append(len(await found(fhir_server, "Patient?_count=1000")))
    await end.close()
    assert counts[0] == counts[1]
