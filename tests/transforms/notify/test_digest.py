"""Digests: what a day comes to for a practice, in one message of its own form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from schemas.hl7v2 import split_batch
from schemas.ids import derived_id
from schemas.message import Message
from tests.transforms.written import message, run
from transforms.notify.digest import DIGEST, fold, together
from transforms.notify.once import told_after
from transforms.registry import Subscriber

NOW = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
ID = derived_id("019a" + "0" * 28, "digest")


def notice(
    number: int, kind: str = "new", key: str = "V1 arrival", *, event: str = "A01", name: str = "Vale"
) -> Message:
    body = (
        f"MSH|^~\\&|ADT|STANNE|||2026112508{number:02}00+0000||ADT^{event}|M{number}|P|2.5.1\n"
        f"EVN|{event}|2026112508{number:02}00+0000\nPID|1||7^^^STANNE||{name}^Ann\nPV1|1|I|||||1^Hale||||||||||||V1\n"
    )
    facts = {"notice_kind": kind, "notice_key": key, "notice_phase": key.split()[1], "notice_event": "admit"}
    facts |= {"subscriber_id": "riverside", "subscriber_member": "17", "subscriber_address": "a@riverside.example"}
    facts |= {"deliver_digest": "riverside", "deliver_after": NOW.isoformat()}
    return replace(message(body, **facts), id=f"{number:032}")


def story(*kinds: str) -> list[Message]:
    """Notices of one key, the first with the number 1."""
    return [notice(number, kind, event="A01" if kind == "new" else "A08") for number, kind in enumerate(kinds, start=1)]


@pytest.mark.parametrize(
    ("kinds", "told", "gone"),
    [
        (["new"], [("new", [1])], []),
        (["new", "update"], [("new", [1, 2])], []),
        (["new", "update", "update"], [("new", [1, 2, 3])], []),
        (["new", "withdrawal"], [], [1, 2]),
        (["new", "update", "withdrawal"], [], [1, 2, 3]),
        (["new", "withdrawal", "new"], [("new", [3])], [1, 2]),
        (["update"], [("update", [1])], []),
        (["update", "update"], [("update", [1, 2])], []),
        (["withdrawal"], [("withdrawal", [1])], []),
        (["update", "withdrawal"], [("withdrawal", [1, 2])], []),
        (["withdrawal", "new"], [("withdrawal", [1]), ("new", [2])], []),
        (["withdrawal", "new", "update"], [("withdrawal", [1]), ("new", [2, 3])], []),
        (["withdrawal", "new", "withdrawal"], [("withdrawal", [1])], [2, 3]),
        (["new", "new", "withdrawal"], [("new", [1])], [2, 3]),
    ],
)
def test_what_came_before_the_digest_is_told_as_what_it_comes_to(
    kinds: list[str], told: list[tuple[str, list[int]]], gone: list[int]
) -> None:
    items, nothing = fold(story(*kinds))
    assert [(each.notice.get("notice.kind"), [int(id) for id in each.of]) for each in items] == told
    assert [int(id) for id in nothing] == gone


def test_what_happens_at_other_visits_stays_apart_and_in_order() -> None:
    items, gone = fold([notice(1), notice(2, key="V2 arrival"), notice(3, "update"), notice(4, key="V1 discharge")])
    assert [each.notice.get("notice.key") for each in items] == ["V1 arrival", "V2 arrival", "V1 discharge"]
    assert gone == []


def test_an_update_that_nobody_was_told_before_shows_as_the_event_with_what_is_known_now() -> None:
    first, update = notice(1), notice(30, "update", event="A08", name="Vale-Oxenham")
    ((item,), _) = fold([first, update])
    (text,) = run("adt_to_text", item.notice)
    assert text.body.decode().splitlines()[0] == "Notice of admission"
    assert "Vale-Oxenham" in text.body.decode()
    assert "When:           2026-11-25 08:01" in text.body.decode()
    (adt,) = run("to_practice_adt", item.notice)
    assert adt.er7.get("MSH-9") == "ADT^A01^ADT_A01"


def digest(step: str, *notices: Message, one_by_one: bool = False) -> list[Message]:
    items, _ = fold(notices)
    return together([run(step, each.notice)[0] for each in items], ID, NOW, one_by_one=one_by_one)


TWO = (notice(1), notice(2, key="V2 arrival", name="Tamm"))


def test_texts_become_one_text() -> None:
    (made,) = digest("adt_to_text", *TWO)
    lines = made.body.decode().splitlines()
    assert lines[0] == "2 notices"
    assert [line for line in lines if line[:2] in ("1.", "2.")] == ["1. Notice of admission", "2. Notice of admission"]
    assert "Patient:        Ann Vale" in lines
    assert "Patient:        Ann Tamm" in lines
    assert made.format == "text"


def test_hl7_becomes_a_batch() -> None:
    (made,) = digest("to_practice_adt", *TWO)
    batch = split_batch(made.body)
    assert batch.findings == ()
    assert batch.enveloped
    assert [each.body.count(b"PID|") for each in batch.messages] == [1, 1]
    assert made.body.startswith(b"FHS|^~\\&|HIE|STANNE||riverside|")


def test_notifications_become_a_batch_of_requests_each_about_one_patient() -> None:
    (made,) = digest("adt_to_alert_bundle", *TWO)
    bundle = made.fhir
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "batch")
    for entry in bundle["entry"]:
        assert entry["request"] == {"method": "POST", "url": "$process-message"}
        kinds = [each["resource"]["resourceType"] for each in entry["resource"]["entry"]]
        assert (kinds[0], kinds.count("Patient")) == ("MessageHeader", 1)


@pytest.mark.parametrize(("step", "one_by_one"), [("adt_to_ccda", False), ("to_practice_adt", True)])
def test_what_cannot_be_joined_goes_one_by_one(step: str, one_by_one: bool) -> None:
    made = digest(step, *TWO, one_by_one=one_by_one)
    assert len({each.id for each in made}) == 2
    assert len({each.body for each in made}) == 2


@pytest.mark.parametrize("step", ["adt_to_text", "to_practice_adt", "adt_to_alert_bundle", "adt_to_ccda"])
def test_a_digest_of_one_is_that_notice_and_nothing_waits_for_another(step: str) -> None:
    (made,) = digest(step, notice(1))
    assert made.body == run(step, notice(1))[0].body
    for each in (made, *digest(step, *TWO)):
        assert DIGEST not in each.attributes
        assert "deliver.after" not in each.attributes
        assert each.get("subscriber.address") == "a@riverside.example"


def test_what_a_digest_says_of_itself_holds_for_all_in_it() -> None:
    (made,) = digest("adt_to_text", *TWO)
    assert "notice.key" not in made.attributes
    assert made.get("digest.count") == "2"
    assert made.get("subscriber.id") == "riverside"


CHICAGO = "America/Chicago"


@pytest.mark.parametrize(
    ("now", "zone", "due"),
    [
        ("2026-11-25T10:00:00+00:00", "UTC", "2026-11-25T17:00:00+00:00"),
        ("2026-11-25T17:00:00+00:00", "UTC", "2026-11-26T17:00:00+00:00"),
        ("2026-11-25T10:00:00+00:00", CHICAGO, "2026-11-25T23:00:00+00:00"),
        ("2026-03-07T20:00:00+00:00", CHICAGO, "2026-03-07T23:00:00+00:00"),
        ("2026-03-08T20:00:00+00:00", CHICAGO, "2026-03-08T22:00:00+00:00"),
        ("2026-03-07T23:30:00+00:00", CHICAGO, "2026-03-08T22:00:00+00:00"),
        ("2026-10-31T22:30:00+00:00", CHICAGO, "2026-11-01T23:00:00+00:00"),
    ],
)
def test_the_time_is_that_of_the_clock_on_the_subscribers_wall_when_clocks_change_too(
    now: str, zone: str, due: str
) -> None:
    subscriber = Subscriber("riverside", digest=time(17), zone=zone)
    assert told_after(subscriber, datetime.fromisoformat(now)) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-01T05:00:00+00:00", "2026-11-01T06:30:00+00:00"),
        ("2026-11-01T07:00:00+00:00", "2026-11-02T07:30:00+00:00"),
        ("2026-03-08T06:00:00+00:00", "2026-03-08T07:30:00+00:00"),
    ],
)
def test_an_hour_that_comes_twice_has_one_digest(now: str, due: str) -> None:
    subscriber = Subscriber("riverside", digest=time(1, 30), zone=CHICAGO)
    assert told_after(subscriber, datetime.fromisoformat(now)) == datetime.fromisoformat(due)


def test_an_hour_that_is_left_out_has_its_digest_in_the_next() -> None:
    subscriber = Subscriber("riverside", digest=time(2, 30), zone=CHICAGO)
    assert told_after(subscriber, datetime(2026, 3, 8, 6, tzinfo=UTC)) == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
