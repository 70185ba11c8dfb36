"""What a channel asks of resources, and $validate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channels.fhir.validation import MOST_ISSUES
from schemas.fhir.outcome import issues_of
from tests.channels.desk import Desk
from tests.channels.fhir.client import PATIENT, bundle, end, entry, serving

WRONG = {"resourceType": "Patient", "gender": "Testperson", "name": {"family": "Testperson"}, "nmae": []}
OBSERVATION = {"resourceType": "Observation", "code": {"text": "x"}}
PLACES = {"Patient.gender", "Patient.name", "Patient.nmae"}


async def test_what_is_not_valid_is_refused_with_each_place(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, validate="structure")) as client:
        answer = await client.post("Patient", json=WRONG)
        good = await client.post("Patient", json=PATIENT)
    assert (answer.status_code, good.status_code) == (422, 202)
    issues = issues_of(answer.json())
    assert {each.expression[0] for each in issues} == PLACES
    assert "code-invalid" in {each.code for each in issues}
    assert "Testperson" not in answer.text + str(desk.findings)
    assert [finding.code for finding in desk.findings] == ["FHIR-413"]
    assert len(desk.messages) == 1


async def test_without_the_option_nothing_is_asked(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("Patient", json=WRONG)
    assert answer.status_code == 202


async def test_a_profile_asks_for_more(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, validate="us-core")) as client:
        answer = await client.post("Patient", json=PATIENT)
    assert answer.status_code == 422
    assert "Patient.identifier" in answer.text


@pytest.mark.parametrize(("kind", "status", "sent"), [("transaction", 422, 0), ("batch", 202, 1)])
async def test_bundles(tmp_path: Path, kind: str, status: int, sent: int) -> None:
    desk = Desk()
    asked = bundle(kind, entry("POST", "Patient", PATIENT), entry("POST", "Observation", OBSERVATION))
    for number, each in enumerate(asked["entry"]):
        each["fullUrl"] = f"urn:uuid:0000000{number}-0000-4000-8000-000000000000"
    async with serving(desk, end(desk, tmp_path, validate="structure")) as client:
        answer = await client.post("", json=asked)
    assert (answer.status_code, len(desk.messages)) == (status, sent)
    outcome = answer.json()
    if kind == "batch":
        responses = [each["response"] for each in outcome["entry"]]
        assert [each["status"] for each in responses] == ["202 Accepted", "422 Unprocessable Entity"]
        outcome = responses[1]["outcome"]
    assert "Bundle.entry[1].resource.status" in [each.expression[0] for each in issues_of(outcome)]


@pytest.mark.parametrize("path", ["Patient/$validate", "Patient/1/$validate"])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(("resource", "places"), [(PATIENT, set()), (WRONG, PLACES)])
async def test_validate(tmp_path: Path, path: str, wrapped: bool, resource: Any, places: set[str]) -> None:
    desk = Desk()
    body = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": resource}]}
    async with serving(desk, end(desk, tmp_path, interactions=["validate"])) as client:
        answer = await client.post(path, json=body if wrapped else resource)
        metadata = await client.get("metadata")
    assert answer.status_code == 200
    assert {place for each in issues_of(answer.json()) for place in each.expression} == places
    assert ("error" in {each.severity for each in issues_of(answer.json())}) == bool(places)
    assert desk.messages == []
    assert "Resource-validate" in metadata.text


@pytest.mark.parametrize(
    ("interactions", "path", "body", "status"),
    [
        (["create"], "Patient/$validate", PATIENT, 405),
        (["validate"], "Observation/$validate", PATIENT, 400),
        (["validate"], "Patient/$validate", {"resourceType": "Parameters"}, 400),
        (["validate"], "Patient/$validate", None, 400),
    ],
)
async def test_what_cannot_be_validated(
    tmp_path: Path, interactions: list[str], path: str, body: Any, status: int
) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, interactions=interactions)) as client:
        answer = await client.post(path, json=body) if body else await client.post(path, content=b"{")
    assert answer.status_code == status
    assert desk.messages == []


async def test_there_is_an_end_to_issues(tmp_path: Path) -> None:
    desk = Desk()
    many = {"resourceType": "Patient", "name": [{"use": "x"}] * 500}
    async with serving(desk, end(desk, tmp_path, validate="structure")) as client:
        answer = await client.post("Patient", json=many)
    assert len(issues_of(answer.json())) == MOST_ISSUES + 1
