"""Notifications as the guide has them: against its own examples, and valid by R4."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.basic import Basic
from fhir.resources.R4B.bundle import Bundle

from channels.fhir.subscriptions.notification import Kind, notification, status
from channels.fhir.subscriptions.topic import topic
from channels.fhir.subscriptions.wanted import Content
from channels.subscriptions import Happened, Practice, Subscribed, Told
from schemas.fhir import dumps
from schemas.fhir.validate import validate
from schemas.finding import Severity

CORPUS = Path(os.environ.get("HIE_CORPUS") or Path(__file__).resolve().parents[5] / "shared" / "corpus")
GUIDE = CORPUS / "fhir-ig-examples" / "subscriptions-backport"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ID = "0" * 31 + "a"
FOCUS, PATIENT = "86009987-eabe-42bf-8c02-b112b18cb616", "1599eb66-431a-447c-a3de-6897fe9ae9a1"
BODY = dumps(
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{FOCUS}",
                "resource": {
                    "resourceType": "Encounter",
                    "id": FOCUS,
                    "status": "in-progress",
                    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
                    "subject": {"reference": f"urn:uuid:{PATIENT}"},
                },
            },
            {"fullUrl": f"urn:uuid:{PATIENT}", "resource": {"resourceType": "Patient", "id": PATIENT}},
        ],
    }
)
EVENT = Happened(2, NOW, ID, "new", "admit", BODY)
TOLD = Told(
    Subscribed(
        "admission", "riverside", "https://example.org/fhir", "{}", (), NOW, "active", verified=True, started=NOW
    ),
    Practice("riverside"),
    2,
)
REQUESTED = TOLD._replace(subscription=replace(TOLD.subscription, status="requested"), events=0)
FAILED = TOLD._replace(subscription=replace(TOLD.subscription, status="error", error="no-response"), events=3)

EXAMPLES: list[tuple[str, Told, Kind, Content, tuple[Happened, ...]]] = [
    ("Handshake", REQUESTED, "handshake", "empty", ()),
    ("Heartbeat", TOLD, "heartbeat", "empty", ()),
    ("Empty", TOLD, "event-notification", "empty", (EVENT,)),
    ("IdOnly", TOLD, "event-notification", "id-only", (EVENT,)),
    ("FullResource", TOLD, "event-notification", "full-resource", (EVENT,)),
    ("Error", FAILED, "query-status", "empty", ()),
]


def plain(value: Any) -> Any:
    """`value` without what each notification has of its own: ids, times, the topic, texts."""
    if isinstance(value, dict):
        left = {name: plain(each) for name, each in value.items() if name not in ("timestamp", "text")}
        if value.get("name") == "topic":
            left["valueCanonical"] = "the topic"
        if left.get("resourceType") in ("Bundle", "Parameters"):
            left.pop("id", None)
        if str(left.get("fullUrl", "")).startswith("urn:uuid:"):
            left["fullUrl"] = "urn:uuid:..."
        if "valueInstant" in left:
            left["valueInstant"] = "a time"
        return left
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_notifications_are_as_the_guide_has_them() -> None:
    """What it has beyond its examples is the focus's address with `id-only`, and what the focus refers to with
    `full-resource`: the guide lets a server send it."""
    compared = 0
    for name, told, kind, content, events in EXAMPLES if GUIDE.is_dir() else ():
        theirs = plain(json.loads((GUIDE / f"BackportNotificationExample{name}R4.json").read_text()))
        ours = plain(json.loads(dumps(notification(told, kind, ID, NOW, content, events))))
        parts = [each["part"] for each in ours["entry"][0]["resource"]["parameter"] if "part" in each]
        for each in parts:
            each[:] = [part for part in each if part["name"] != "additional-context"]
        entries = theirs["entry"] if name != "FullResource" else theirs["entry"][:1]
        assert ours["entry"][: len(entries)] == entries, name
        assert {key: value for key, value in ours.items() if key != "entry"} == {
            key: value for key, value in theirs.items() if key not in ("entry", "id")
        }
        if name == "FullResource":
            _same_focus(ours["entry"][1], theirs["entry"][1])
        compared += 1
    print(f"{compared} examples of the guide compared")
    assert compared == (len(EXAMPLES) if GUIDE.is_dir() else 0)


def _same_focus(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    theirs["resource"]["subject"].pop("display")
    assert ours == theirs


@pytest.mark.parametrize(("name", "told", "kind", "content", "events"), EXAMPLES, ids=[each[0] for each in EXAMPLES])
def test_notifications_are_valid(
    name: str, told: Told, kind: Kind, content: Content, events: tuple[Happened, ...]
) -> None:
    made = json.loads(dumps(notification(told, kind, ID, NOW, content, events)))
    found = [str(each) for each in validate(made) if each.severity is Severity.ERROR]
    assert found == []
    Bundle.model_validate(made)
    assert notification(told, kind, ID, NOW, content, events) == notification(told, kind, ID, NOW, content, events)


def test_the_topic_is_a_valid_basic() -> None:
    assert [str(each) for each in validate(topic()) if each.severity is Severity.ERROR] == []
    Basic.model_validate(topic())


def names(resource: dict[str, Any]) -> set[str]:
    """The URLs of extensions, also of those inside others, by the end of each."""
    found = set()
    for each in [*resource.get("extension", ()), *resource.get("modifierExtension", ())]:
        found |= {each["url"].rpartition(".")[2], *names(each)}
    return found


def test_the_topic_has_what_the_guides_example_has() -> None:
    compared = 0
    for file in GUIDE.glob("BackportSubscriptionTopicExampleEncounterCompleteR4.json"):
        theirs = names(json.loads(file.read_text()))
        wanted = {"url", "status", "title", "description", "resourceTrigger", "canFilterBy", "notificationShape"}
        wanted |= {"resource", "filterParameter", "supportedInteraction", "include"}
        assert wanted <= {each.replace('"', "").split(" ")[0] for each in theirs}
        assert wanted <= names(topic())
        compared += 1
    print(f"{compared} topics of the guide compared")


def test_no_more_is_sent_than_was_asked_for() -> None:
    empty, ids, full = (
        dumps(notification(TOLD, "event-notification", ID, NOW, content, (EVENT,)))
        for content in ("empty", "id-only", "full-resource")
    )
    assert FOCUS.encode() not in empty
    assert FOCUS.encode() in ids
    assert PATIENT.encode() not in ids
    assert b"in-progress" not in ids
    assert f"https://example.org/fhir/Patient/{PATIENT}".encode() in full
    assert b"urn:uuid:" + PATIENT.encode() not in full, "references lead to the entries"


@pytest.mark.parametrize(
    ("kind", "event", "method"),
    [("new", "admit", "POST"), ("new", "discharge", "PUT"), ("update", "admit", "PUT"), ("withdrawal", "admit", "PUT")],
)
def test_an_entry_says_what_was_done(kind: str, event: str, method: str) -> None:
    made = notification(TOLD, "event-notification", ID, NOW, "id-only", (EVENT._replace(kind=kind, event=event),))
    assert made["entry"][1]["request"]["method"] == method


def test_of_two_events_of_one_visit_the_later_resource_is_sent() -> None:
    later = EVENT._replace(number=3, kind="update", body=BODY.replace(b"in-progress", b"finished"))
    made = notification(TOLD, "query-event", ID, NOW, "full-resource", (EVENT, later))
    visits = [each["resource"] for each in made["entry"] if each["resource"]["resourceType"] == "Encounter"]
    assert [each["status"] for each in visits] == ["finished"]
    assert (
        len([each for each in made["entry"][0]["resource"]["parameter"] if each["name"] == "notification-event"]) == 2
    )


def test_what_retention_removed_has_its_number_alone() -> None:
    made = notification(TOLD, "query-event", ID, NOW, "full-resource", (EVENT._replace(body=b""),))
    (event,) = [each for each in made["entry"][0]["resource"]["parameter"] if each["name"] == "notification-event"]
    assert [part["name"] for part in event["part"]] == ["event-number", "timestamp"]


def test_a_status_has_the_error_and_never_a_secret() -> None:
    secret = replace(FAILED.subscription, resource='{"channel": {"header": ["Authorization: Bearer s3cret"]}}')
    assert b"s3cret" not in dumps(status(FAILED._replace(subscription=secret), "query-status", ID))
