"""Answers of every kind and none: judged without an exception, without a hang, and no success by chance."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ends import Outcome, OutcomeCode
from channels.fhir.replies import read_answer
from channels.fhir.request import Kind, Request
from channels.fhir.verdict import Reply, judge, judge_finished
from tests.channels.desk import NOW

KINDS: list[Kind] = ["create", "update", "patch", "delete", "transaction", "batch", "message"]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(
    [
        "Bundle",
        "OperationOutcome",
        "batch-response",
        "message",
        "201 Created",
        "422",
        "error",
        "fatal-error",
        "MessageHeader",
    ]
)
keys = st.sampled_from(
    [
        "resourceType",
        "type",
        "entry",
        "resource",
        "response",
        "status",
        "outcome",
        "issue",
        "severity",
        "code",
        "expression",
    ]
)
values = st.recursive(
    scalars | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)
resources = st.builds(
    lambda rest, name: {**rest, "resourceType": name}, st.dictionaries(keys, values, max_size=5), words
)
responses = st.lists(st.dictionaries(keys, values, max_size=3) | values, max_size=4).map(
    lambda entries: {"resourceType": "Bundle", "type": "batch-response", "entry": entries}
)
bodies = st.binary(max_size=60) | (resources | responses | values).map(lambda value: json.dumps(value).encode())
headers = st.text(max_size=20)


@given(
    st.sampled_from(KINDS),
    st.integers(100, 599),
    bodies,
    st.booleans(),
    headers,
    headers,
    st.integers(0, 4),
    st.booleans(),
)
def test_any_answer_has_its_meaning(
    kind: Kind, status: int, body: bytes, whole: bool, wish: str, location: str, entries: int, later: bool
) -> None:
    request = Request(kind, "POST", "", entries=entries)
    reply = Reply(status, body, whole, wish, location)
    outcome: Outcome = (judge_finished if later else judge)(request, reply, NOW)
    assert outcome.detail
    if outcome.code is OutcomeCode.DELIVERED and not later:
        assert reply.good
    if kind == "batch" and entries and outcome.code is OutcomeCode.DELIVERED and not later:
        said = orjson.loads(body)["entry"]
        assert [each["response"]["status"].strip()[:1] in "23" for each in said] == [True] * entries


@given(
    st.lists(st.sampled_from(["200", "201 Created", "304", "400", "404 Not Found", "429", "500", "503"]), min_size=1)
)
def test_one_entry_that_failed_is_enough(statuses: list[str]) -> None:
    body = {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [{"response": {"status": s}} for s in statuses],
    }
    request = Request("batch", "POST", "", entries=len(statuses))
    outcome = judge(request, Reply(200, orjson.dumps(body)), NOW)
    if any(each[0] == "5" or each == "429" for each in statuses):
        assert outcome.code is OutcomeCode.DEFERRED
    elif any(each[0] == "4" for each in statuses):
        assert outcome.code is OutcomeCode.REFUSED
    else:
        assert outcome.code is OutcomeCode.DELIVERED
    kept = read_answer(outcome.reply)
    assert kept is not None
    assert kept.resource == body


@pytest.mark.parametrize(
    "issue",
    [
        {"severity": "error", "code": "Testperson", "expression": ["Testperson"]},
        {"severity": "error", "code": "invalid", "expression": ["Patient.name.where(family='Testperson')"]},
        {"severity": "error", "code": "invalid", "details": {"text": "Testperson"}, "diagnostics": "Testperson"},
        {"severity": "Testperson", "code": ["Testperson"], "expression": {"Testperson": 1}},
    ],
)
def test_what_a_server_writes_freely_is_not_told(issue: dict[str, Any]) -> None:
    body = orjson.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
    outcome = judge(Request("update", "PUT", "Patient/1"), Reply(422, body), NOW)
    assert outcome.code is OutcomeCode.REFUSED
    assert "Testperson" not in outcome.detail
    assert b"Testperson" in outcome.reply


def test_decimals_of_an_answer_are_kept() -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"value":7.10}}'
    assert b"7.10" in judge(Request("create", "POST", "Observation"), Reply(201, body), NOW).reply
