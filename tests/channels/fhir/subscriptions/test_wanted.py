"""What a Subscription asks for, and what is refused of it, with the place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.fhir.refusal import RefusedError
from channels.fhir.subscriptions.endpoint import EndpointError, UnresolvedError, check_endpoint, reach
from channels.fhir.subscriptions.wanted import read_wanted
from schemas.fhir.topic import TOPIC
from tests.channels.fhir.subscriptions.wanted import extension, filtered, whole

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_all_that_may_be_asked_for() -> None:
    made = filtered("Encounter?event=admit", "Encounter?facility=STANNE")
    made["end"] = "2026-12-01T00:00:00-05:00"
    made["criteria"] = f"{TOPIC}|1"
    made["channel"] |= {
        "header": ["Authorization: Bearer x", "X-From: hie"],
        "payload": "application/fhir+xml; fhirVersion=4.0; charset=UTF-8",
        "extension": [
            extension("heartbeat-period", "valueUnsignedInt", 60),
            extension("timeout", "valueUnsignedInt", 5),
            extension("max-count", "valuePositiveInt", 20),
        ],
    }
    found = read_wanted(made, "", NOW)
    assert (found.endpoint, found.content, found.is_xml) == ("https://ehr.example.org/hook", "id-only", True)
    assert found.headers == (("Authorization", "Bearer x"), ("X-From", "hie"))
    assert found.filters == ("Encounter?event=admit", "Encounter?facility=STANNE")
    assert (found.heartbeat, found.timeout) == (timedelta(minutes=1), timedelta(seconds=5))
    assert found.ends == datetime(2026, 12, 1, 5, tzinfo=UTC)


def _content(code: Any) -> dict[str, Any]:
    return {"extension": [extension("payload-content", "valueCode", code)]}


REFUSED = [
    ("criteria", "http://example.org/topics/other", "Subscription.criteria"),
    ("criteria", "Encounter?status=finished", "Subscription.criteria"),
    ("criteria", None, "Subscription.criteria"),
    ("status", "error", "Subscription.status"),
    ("status", None, "Subscription.status"),
    ("channel", None, "Subscription.channel"),
    ("channel.type", "websocket", "Subscription.channel.type"),
    ("channel.type", "email", "Subscription.channel.type"),
    ("channel.extension", [extension("channel-type", "valueCoding", {"code": "zulip"})], "Subscription.channel.type"),
    ("channel.extension", [extension("max-count", "valuePositiveInt", 0)], "Subscription.channel.extension"),
    ("channel.extension", [extension("timeout", "valueUnsignedInt", -1)], "Subscription.channel.extension"),
    ("channel.extension", [extension("timeout", "valueUnsignedInt", "5")], "Subscription.channel.extension"),
    ("channel.payload", None, "Subscription.channel.payload"),
    ("channel.payload", "text/plain", "Subscription.channel.payload"),
    ("channel.payload", "application/fhir+json; fhirVersion=5.0", "Subscription.channel.payload"),
    ("channel.payload", "application/fhir+json\r\nx: y", "Subscription.channel.payload"),
    ("channel._payload", None, "Subscription.channel.payload.extension"),
    ("channel._payload", _content("everything"), "Subscription.channel.payload.extension"),
    ("channel._payload", _content(1), "Subscription.channel.payload.extension"),
    ("channel.endpoint", None, "Subscription.channel.endpoint"),
    ("channel.endpoint", 5, "Subscription.channel.endpoint"),
    ("channel.header", ["Host: elsewhere"], "Subscription.channel.header"),
    ("channel.header", ["X: a\r\nY: b"], "Subscription.channel.header"),
    ("channel.header", ["no colon"], "Subscription.channel.header"),
    ("channel.header", "X: y", "Subscription.channel.header"),
    ("channel.header", ["X: y"] * 21, "Subscription.channel.header"),
    ("end", "2026-11-25T11:59:59Z", "Subscription.end"),
    ("end", "2026-12-01", "Subscription.end"),
    ("end", "2026-13-01T00:00:00Z", "Subscription.end"),
    ("end", "9999-12-31T23:59:59-14:00", "Subscription.end"),
    ("modifierExtension", [{"url": "http://example.org/x"}], "Subscription"),
    ("_criteria", filtered("Encounter?status=finished")["_criteria"], "Subscription.criteria.extension"),
    ("_criteria", filtered("Observation?event=admit")["_criteria"], "Subscription.criteria.extension"),
    ("_criteria", filtered(*["event=admit"] * 51)["_criteria"], "Subscription.criteria.extension"),
]


@pytest.mark.parametrize(("path", "value", "place"), REFUSED)
def test_what_is_refused_has_its_place(path: str, value: Any, place: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        read_wanted(whole(path, value), "", NOW)
    assert refusal.value.status == 422
    assert refusal.value.issues[0].expression == (place,)


PUBLIC = [
    ("https://ehr.example.org/hook", True),
    ("https://93.184.216.34:8443/hook?key=1", True),
    ("http://ehr.example.org/hook", False),
    ("https://localhost/hook", False),
    ("https://printer.local/", False),
    ("https://127.0.0.1/hook", False),
    ("https://10.0.0.1/hook", False),
    ("https://169.254.169.254/latest/meta-data", False),
    ("https://[::1]/hook", False),
    ("https://[::ffff:10.0.0.1]/hook", False),
    ("https://user:pass@ehr.example.org/", False),
    ("https://ehr.example.org/#x", False),
    ("https://ehr.example.org:99999/", False),
    ("https:///hook", False),
    ("https://ehr.example.org\\@10.0.0.1/", False),
    ("https://ehr.example.org/a b", False),
    ("https://éhr.example.org/", False),
    ("ftp://ehr.example.org/", False),
    ("file:///etc/passwd", False),
    ("https://ehr.example.org/" + "x" * 2000, False),
    ("https://[ehr", False),
    ("", False),
]
LISTED = [
    ("http://10.1.2.3:8080/fhir/hook", True),
    ("http://10.1.2.3:8080/fhir", True),
    ("http://10.1.2.3:8080/fhirish", False),
    ("http://10.1.2.3:8080/fhir/../admin", False),
    ("http://10.1.2.3:8080/fhir/%2e%2e/admin", False),
    ("http://10.1.2.3:8080/fhir/.%2E/admin", False),
    ("http://10.1.2.3:8080/fhir/x%2f..%2f..%2fadmin", False),
    ("http://10.1.2.3:8080/fhir/x%5c..%5c..%5cadmin", False),
    ("http://10.1.2.3:8080/fhir/a%20b", True),
    ("http://10.1.2.3/fhir/hook", False),
    ("https://10.1.2.3:8080/fhir/hook", False),
    ("https://ehr.example.org/hook", False),
]


@pytest.mark.parametrize(
    ("endpoint", "address", "taken"),
    [*((each, "", taken) for each, taken in PUBLIC)]
    + [(each, "http://10.1.2.3:8080/fhir", taken) for each, taken in LISTED],
)
def test_endpoints_are_public_or_below_what_the_site_lists(endpoint: str, address: str, taken: bool) -> None:
    if taken:
        check_endpoint(endpoint, address)
        return
    with pytest.raises(EndpointError) as refusal:
        check_endpoint(endpoint, address)
    assert not endpoint or endpoint not in str(refusal.value)


async def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    inner, outer = ("10.0.0.5", 443), ("93.184.216.34", 443)
    answers = {"both.example": [inner, outer], "inner.example": [inner]}

    async def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host not in answers:
            raise OSError
        return [(2, 1, 6, "", each) for each in answers[host]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    assert await reach("https://both.example/", "") == ["93.184.216.34"]
    with pytest.raises(EndpointError):
        await reach("https://inner.example/", "")
    assert await reach("https://inner.example/", "https://inner.example/") == ["10.0.0.5"]
    with pytest.raises(UnresolvedError):
        await reach("https://gone.example/", "")
