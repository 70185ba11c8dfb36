"""schemathesis, which makes requests of every kind from an OpenAPI description, against the end over sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation import GenerationMode

from tests.channels.desk import Desk
from tests.channels.fhir.client import end
from tests.channels.fhir.test_hostile import ALL, as_the_engine

FUZZ = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
TYPES = ("Patient", "Observation", "Bundle")
ANSWERS = {"accepted": ("200", "202"), "created": ("200", "201", "202")}
REFUSALS = ("400", "404", "405", "406", "412", "413", "415", "422")
ENTRY = {
    "type": "object",
    "required": ["request"],
    "properties": {
        "request": {
            "type": "object",
            "required": ["method", "url"],
            "properties": {
                "method": {"enum": ["POST", "PUT", "DELETE", "PATCH", "GET"]},
                "url": {"enum": ["Patient", "Patient/1", "Observation", "Patient?identifier=1", "Nothing/1"]},
            },
        },
        "resource": {
            "type": "object",
            "required": ["resourceType"],
            "properties": {"resourceType": {"enum": ["Patient", "Observation"]}, "id": {"enum": ["1", "2", "a b"]}},
        },
    },
}
OUTCOME = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["severity", "code"],
                "properties": {"severity": {"enum": ["fatal", "error", "warning", "information"]}},
            },
        },
    },
}


def described(answer: str) -> dict[str, Any]:
    """The end in OpenAPI 3.1: what can be asked for, and that whatever is refused is an OperationOutcome."""
    paths: dict[str, Any] = {"/": {"post": _operation(answer, _bundle("transaction", "batch"))}}
    paths["/$process-message"] = {"post": _operation(answer, _bundle("message"))}
    paths["/metadata"] = {"get": _operation(answer, None)}
    for type in TYPES:
        resource = {
            "type": "object",
            "required": ["resourceType"],
            "properties": {"resourceType": {"const": type}, "id": {"type": "string"}, "meta": {"type": "object"}},
        }
        id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        headers = [_header("If-None-Exist"), _header("Prefer"), _header("X-Request-Id")]
        paths[f"/{type}"] = {"post": _operation(answer, resource, *headers)}
        paths[f"/{type}/{{id}}"] = {
            "put": _operation(answer, resource, id, _header("If-Match")),
            "delete": _operation(answer, None, id, _header("If-Match")),
        }
    return {"openapi": "3.1.0", "info": {"title": "FHIR in", "version": "1"}, "paths": paths}


def _bundle(*types: str) -> dict[str, Any]:
    properties = {
        "resourceType": {"const": "Bundle"},
        "type": {"enum": list(types)},
        "entry": {"type": "array", "maxItems": 3, "items": ENTRY},
    }
    return {"type": "object", "required": ["resourceType", "type", "entry"], "properties": properties}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string", "maxLength": 40}}


def _operation(answer: str, body: dict[str, Any] | None, *parameters: dict[str, Any]) -> dict[str, Any]:
    format = {"name": "_format", "in": "query", "schema": {"enum": ["json", "application/fhir+json"]}}
    refused = {"description": "refused", "content": {"application/fhir+json": {"schema": OUTCOME}}}
    taken = {"description": "taken", "content": {"application/fhir+json": {"schema": {"type": "object"}}}}
    operation: dict[str, Any] = {
        "parameters": [format, *parameters],
        "responses": {**dict.fromkeys(ANSWERS[answer], taken), **dict.fromkeys(REFUSALS, refused)},
    }
    if body is not None:
        content = {"application/fhir+json": {"schema": body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


@contextmanager
def listening(desk: Desk, folder: Path, answer: str) -> Iterator[str]:
    """The end in a thread of its own, for schemathesis waits for each answer; its base."""
    inbound = end(desk, folder, answer=answer, interactions=ALL)
    loop = asyncio.new_event_loop()
    stopping, ready = asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with desk.serving(inbound):
            ready.set()
            await stopping.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield f"http://127.0.0.1:{inbound.port}{inbound.base}"
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize("answer", ["accepted", "created"])
def test_whatever_a_description_allows_is_answered_as_it_says(tmp_path: Path, answer: str) -> None:
    schema = schemathesis.openapi.from_dict(described(answer))
    operations = [found.ok() for found in schema.get_all_operations()]
    desk = Desk(as_the_engine)
    with listening(desk, tmp_path, answer) as base:
        for operation in operations:
            for mode in GenerationMode:
                _ask(operation.as_strategy(generation_mode=mode), base)
    assert [each for each in desk.findings if each.code in ("FHIR-407", "FHIR-408")] == []
    assert len(operations) == 3 + 3 * len(TYPES)
    assert desk.messages


def _ask(cases: st.SearchStrategy[Any], base: str) -> None:
    @FUZZ
    @given(cases)
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=base, timeout=5, checks=CHECKS)

    ask()
