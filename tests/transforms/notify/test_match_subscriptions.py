"""A notice becomes a message for each subscription that lets it through."""

from __future__ import annotations

import pytest

from schemas.fhir.read import read
from schemas.fhir.topic import read_filter
from schemas.fhir.validate import validate
from schemas.finding import Severity
from schemas.message import Message
from tests.transforms.notify.fakes import FakeRegistry
from tests.transforms.notify.test_alert import notice
from transforms.notify.adt_to_alert_bundle import adt_to_alert_bundle
from transforms.notify.match_subscriptions import match_subscriptions
from transforms.registry import Subscription
from transforms.step import StepError


def told(event: str = "admit", **more: str) -> Message:
    facts = {"notice_event": event, "notice_sender": "STANNE", "notice_key": "V1 arrival"}
    made = adt_to_alert_bundle(notice("adt_a01", **{**facts, **more}))
    assert isinstance(made, Message)
    return made


def registry(*filters: str) -> FakeRegistry:
    """One where riverside has a subscription for each of these filters, called by its number."""
    found = [Subscription(str(n), (read_filter(text),)) for n, text in enumerate(filters)]
    return FakeRegistry(subscriptions_of={"riverside": found, "hillside": [Subscription("theirs")]})


def test_each_subscription_that_lets_it_through_has_a_message() -> None:
    member = "patient.identifier=urn:hie-engine:panel:riverside|17"
    known = registry("event=admit", "event=discharge", "facility=STANNE", member)
    made = list(match_subscriptions(told(), registry=known))
    assert [each.get("subscription.id") for each in made] == ["0", "2", "3"]
    assert len({each.id for each in made}) == 3
    for each in made:
        bundle = read(each.body)
        assert [str(found) for found in validate(bundle) if found.severity is Severity.ERROR] == []
        types = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
        assert (bundle["type"], types[0]) == ("collection", "Encounter")
        assert "MessageHeader" not in types


def test_nobody_subscribed_is_nobody_told() -> None:
    assert list(match_subscriptions(told(), registry=FakeRegistry())) == []


@pytest.mark.parametrize("lacking", ["subscriber_id", "notice_key"])
def test_what_is_no_notice_stops(lacking: str) -> None:
    with pytest.raises(StepError):
        list(match_subscriptions(told(**{lacking: ""}), registry=registry()))
    with pytest.raises(StepError):
        list(match_subscriptions(notice("adt_a01"), registry=registry()))
