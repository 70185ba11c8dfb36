"""A practice subscribes by FHIR, over real sockets: it is told of its patients, and of nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.practice import adt, exchange, parameter, subscription, value_of


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
async def test_an_admission_is_told_with_as_much_as_was_asked_for(tmp_path: Path, content: str) -> None:
    async with exchange(tmp_path) as (hospital, practice):
        id = await practice.subscribe(subscription(practice.endpoint, content))
        (handshake,) = practice.told("handshake")
        assert parameter(handshake, "status") == "requested"
        assert parameter(handshake, "events-since-subscription-start") == "0"
        await hospital.send(adt("M1", "A01"))
        await practice.until(lambda: practice.numbers == [1])
        asked = practice.server.requests[-1]
        assert asked.headers["authorization"] == "Bearer practice-secret"
        assert asked.headers["content-type"] == "application/fhir+json"
        (told,) = practice.told("event-notification")
        assert parameter(told, "subscription")["reference"] == f"{hospital.base}/Subscription/{id}"
        types = [each.get("resource", {}).get("resourceType") for each in told["entry"]]
        if content == "empty":
            assert types == ["Parameters"]
            assert "Encounter" not in str(told)
        elif content == "id-only":
            assert types == ["Parameters", None]
            assert told["entry"][1]["fullUrl"].startswith(f"{hospital.base}/Encounter/")
        else:
            assert types[:2] == ["Parameters", "Encounter"]
            assert "Patient" in types
        found = (await practice.client.get(f"Subscription/{id}/$status")).json()
        assert value_of(found["entry"][0]["resource"], "events-since-subscription-start") == "1"
        assert hospital.site.rows("select subscriber, event, end from notices") == [
            ("riverside", "admit", "subscription")
        ]
