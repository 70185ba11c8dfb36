"""Where a subscription goes from what happens to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.fhir.subscriptions import state
from channels.fhir.subscriptions.wanted import Wanted
from channels.subscriptions import Subscribed

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MADE = Subscribed("1", "riverside", "https://hie.example/fhir", "{}", (), NOW, due=NOW)
WANTED = Wanted("https://ehr.example/", (), "application/fhir+json", "empty", heartbeat=timedelta(hours=1))
ACTIVE = state.verified(MADE, WANTED, NOW)


def test_a_handshake_makes_it_active_and_the_first_one_begins_it() -> None:
    assert (ACTIVE.status, ACTIVE.verified, ACTIVE.started, ACTIVE.due) == (
        "active",
        True,
        NOW,
        NOW + timedelta(hours=1),
    )
    again = state.verified(replace(ACTIVE, status="requested"), WANTED, NOW + DAY)
    assert again.started == NOW, "events are numbered on"


def test_a_handshake_that_fails_is_an_error_that_waits_for_its_client() -> None:
    found = state.unverified(MADE, "no-response", "no answer", NOW)
    assert (found.status, found.verified, found.started, found.due) == ("error", False, None, None)


def test_failures_in_a_row_are_an_error_and_a_success_ends_it() -> None:
    found = ACTIVE
    seen = []
    for hours in range(4):
        found = state.failed(found, WANTED, "no-response", "x", DAY, NOW + timedelta(hours=hours))
        seen.append(found.status)
    assert seen == ["active", "active", "error", "error"]
    assert found.failing == NOW
    back = state.notified(found, WANTED, NOW + DAY)
    assert (back.status, back.failures, back.failing, back.error, back.detail) == ("active", 0, None, "", "")
    off = state.failed(found, WANTED, "no-response", "x", DAY, NOW + DAY)
    assert (off.status, off.due) == ("off", None)


@pytest.mark.parametrize(
    ("before", "change", "status", "verified"),
    [
        (ACTIVE, {}, "active", True),
        (ACTIVE, {"content": "full-resource", "filters": ("event=admit",)}, "active", True),
        (ACTIVE, {"endpoint": "https://elsewhere.example/"}, "requested", False),
        (ACTIVE, {"headers": (("Authorization", "Bearer new"),)}, "requested", False),
        (ACTIVE, {"mime": "application/fhir+xml"}, "requested", False),
        (ACTIVE, {"off": True}, "off", True),
        (replace(ACTIVE, status="error", failures=3), {}, "requested", True),
        (replace(ACTIVE, status="off"), {}, "requested", True),
        (state.unverified(MADE, "no-response", "", NOW), {}, "requested", False),
    ],
)
def test_a_change_verifies_a_new_way_anew(
    before: Subscribed, change: dict[str, object], status: str, verified: bool
) -> None:
    wanted = replace(WANTED, **change)  # type: ignore[arg-type]
    found = state.changed(before, "{...}", wanted, WANTED, NOW + DAY)
    assert (found.status, found.verified) == (status, verified)
    assert (found.version, found.resource, found.filters) == (2, "{...}", wanted.filters)
    assert (found.due == NOW + DAY) is (status == "requested")


def test_its_end_is_due_before_a_later_heartbeat() -> None:
    ends = NOW + timedelta(minutes=1)
    assert state.verified(replace(MADE, ends=ends), WANTED, NOW).due == ends
    assert state.scheduled(replace(MADE, ends=None), replace(WANTED, heartbeat=None), NOW).due is None
    assert state.ended(ACTIVE).status == "off"
