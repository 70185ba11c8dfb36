"""From a hospital's feed to who is told what: the stories that practices know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from schemas.message import Message
from tests.transforms.notify.fakes import FakeRegistry
from tests.transforms.written import message
from transforms.matching import Name, Person
from transforms.notify.notify_event import notify_event
from transforms.notify.once import tell_once, told_after
from transforms.notify.panel import drop_opted_out, match_panel
from transforms.registry import Membership, Quiet, Subscriber
from transforms.step import StepError

ROSALIND = Person(identifiers=frozenset({("STANNE", "4711")}), names=(Name.of("Oxenham", ["Rosalind"]),))
RIVERSIDE = Subscriber("riverside", "Riverside", panel="riverside", delivery="direct", address="a@riverside.example")
HILLSIDE = Subscriber("hillside", "Hillside", panel="riverside", events=frozenset({"discharge"}), delivery="mllp")


def registry(*subscribers: Subscriber) -> FakeRegistry:
    return FakeRegistry(list(subscribers or (RIVERSIDE,)), [Membership("riverside", "17", ROSALIND)])


def adt(event: str, **fields: str) -> Message:
    """An ADT message about Rosalind's visit V1; fields by their address: `PV1_2="E"`."""
    pv1 = {2: "I", 3: "3W^12^A^STANNE", 6: "", 7: "1234567893^Hale", 19: "V1", 36: "", 44: "202611250800", 45: ""}
    pid = {3: "4711^^^STANNE", 5: "Oxenham^Rosalind", 7: "19700312", 8: "F"}
    for name, text in fields.items():
        segment, number = name.split("_")
        {"PV1": pv1, "PID": pid}[segment][int(number)] = text
    lines = [
        f"MSH|^~\\&|ADT1|STANNE|||20261125||ADT^{event}|M1|P|2.5.1",
        "|".join(["PID", *(pid.get(n, "") for n in range(1, 20))]),
        "|".join(["PV1", *(pv1.get(n, "") for n in range(1, 46))]),
    ]
    adt.count = getattr(adt, "count", 0) + 1  # type: ignore[attr-defined]
    return replace(message("\n".join(lines) + "\n"), id=f"{adt.count:032}")  # type: ignore[attr-defined]


def told(known: FakeRegistry, *feed: Message) -> list[tuple[str, str, str]]:
    """Who is told what of each message of `feed`: subscriber, kind, event."""
    found = []
    for one in feed:
        event = notify_event(one)
        for matched in match_panel(event, registry=known) if isinstance(event, Message) else ():  # type: ignore[arg-type]
            kept = drop_opted_out(matched, registry=known)
            notice = tell_once(kept, registry=known) if isinstance(kept, Message) else None  # type: ignore[arg-type]
            if isinstance(notice, Message):
                known.tell(notice)  # type: ignore[arg-type]
                found.append(tuple(notice.get(path) for path in ("subscriber.id", "notice.kind", "notice.event")))  # type: ignore[union-attr]
    return found  # type: ignore[return-value]


NEW, CHANGED, BACK = (("riverside", kind) for kind in ("new", "update", "withdrawal"))


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ([adt("A01")], [(*NEW, "admit")]),
        ([adt("A04", PV1_2="E")], [(*NEW, "emergency")]),
        ([adt("A04", PV1_2="O")], [(*NEW, "outpatient")]),
        ([adt("A01", PV1_2="OBS")], [(*NEW, "observation")]),
        ([adt("A05", PV1_2="P")], []),
        ([adt("A01", PV1_2="P")], []),
        ([adt("A28")], []),
        ([adt("A31")], []),
        ([adt("A01"), adt("A01"), adt("A04")], [(*NEW, "admit")]),
        ([adt("A01"), adt("A03", PV1_45="202611260900")], [(*NEW, "admit"), (*NEW, "discharge")]),
        ([adt("A04", PV1_2="E"), adt("A06", PV1_2="I")], [(*NEW, "emergency"), (*NEW, "admit")]),
        ([adt("A01"), adt("A02", PV1_3="4W^1^A^STANNE", PV1_6="3W^12^A^STANNE")], [(*NEW, "admit")]),
        (
            [adt("A01"), adt("A02", PV1_3="1^1^A^STJOHN", PV1_6="3W^12^A^STANNE")],
            [(*NEW, "admit"), (*NEW, "transfer")],
        ),
        ([adt("A01"), adt("A07", PV1_2="O")], [(*NEW, "admit"), (*NEW, "transfer")]),
        (
            [adt("A04", PV1_2="O"), adt("A02", PV1_2="O", PV1_3="1^1^A^STJOHN", PV1_6="3W^12^A^STANNE")],
            [(*NEW, "outpatient"), (*NEW, "transfer")],
        ),
        ([adt("A04", PV1_2="O"), adt("A03", PV1_2="O")], [(*NEW, "outpatient"), (*NEW, "outpatient")]),
        ([adt("A08")], []),
        ([adt("A01"), adt("A08")], [(*NEW, "admit")]),
        ([adt("A01"), adt("A08", PV1_3="3W^13^B^STANNE")], [(*NEW, "admit")]),
        ([adt("A01"), adt("A08", PV1_7="1003000126^Ray")], [(*NEW, "admit"), (*CHANGED, "admit")]),
        ([adt("A01"), adt("A08", PV1_7="1^Ray"), adt("A08", PV1_7="1^Ray")], [(*NEW, "admit"), (*CHANGED, "admit")]),
        ([adt("A11")], []),
        ([adt("A01"), adt("A11"), adt("A11")], [(*NEW, "admit"), (*BACK, "admit")]),
        ([adt("A01"), adt("A11"), adt("A01")], [(*NEW, "admit"), (*BACK, "admit"), (*NEW, "admit")]),
        (
            [adt("A01"), adt("A03"), adt("A13"), adt("A03", PV1_36="06")],
            [(*NEW, "admit"), (*NEW, "discharge"), (*BACK, "discharge"), (*NEW, "discharge")],
        ),
        ([adt("A01"), adt("A01", PV1_19="V2")], [(*NEW, "admit"), (*NEW, "admit")]),
        # The hospital's first message comes once more: it is no news, and older than the update.
        ([adt("A01"), adt("A08", PV1_7="1^Ray"), adt("A01")], [(*NEW, "admit"), (*CHANGED, "admit")]),
        ([adt("A04", PV1_2="O"), adt("A06", PV1_2="O")], [(*NEW, "outpatient"), (*NEW, "admit")]),
        ([adt("A01", PV1_19="", PV1_44="")], []),
    ],
    ids=lambda value: (
        " ".join(each.er7.trigger_event for each in value) if isinstance(value[:1] and value[0], Message) else ""
    ),
)
def test_stories(feed: list[Message], expected: list[tuple[str, str, str]]) -> None:
    assert told(registry(), *feed) == expected


def test_a_message_routed_again_after_a_crash_tells_the_same() -> None:
    known, admitted = registry(), adt("A01")
    assert told(known, admitted) == told(known, admitted) == [(*NEW, "admit")]


@pytest.mark.parametrize(
    ("change", "is_news"),
    [
        (adt("A08", PV1_3="4W^1^A^STANNE"), False),
        (adt("A08", PV1_7="1003000126^Hale"), False),  # a number, which it is not told
        (adt("A08", PV1_7="1003000126^Ray"), True),
        (adt("A08", PV1_44="202611250700"), True),
        (adt("A08", PID_5="Oxenham^Rosalind^J"), True),
        (adt("A08", PID_7="19700313"), False),
    ],
)
def test_who_is_told_the_least_hears_of_a_change_of_that(change: Message, is_news: bool) -> None:
    known = registry(replace(RIVERSIDE, content="minimum"))
    assert told(known, adt("A01"), change) == [(*NEW, "admit"), *([(*CHANGED, "admit")] if is_news else [])]


def test_who_is_told_the_least_hears_of_each_transfer() -> None:
    moves = [("STJOHN", "STANNE"), ("STMARY", "STJOHN")]
    feed = [adt("A02", PV1_3=f"1^1^A^{to}", PV1_6=f"1^1^A^{left}") for to, left in moves]
    assert told(registry(replace(RIVERSIDE, content="minimum")), *feed) == [(*NEW, "transfer")] * 2


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ([adt("A01"), adt("A01")], (*NEW, "admit")),
        ([adt("A01"), adt("A01", PV1_7="1^Ray")], (*NEW, "admit")),
        ([adt("A01"), adt("A08")], (*CHANGED, "admit")),
        ([adt("A01"), adt("A11")], (*BACK, "admit")),
        ([adt("A01"), adt("A11"), adt("A11")], (*BACK, "admit")),
        ([adt("A03"), adt("A03")], (*NEW, "discharge")),
    ],
    ids=lambda value: " ".join(each.er7.trigger_event for each in value) if isinstance(value, list) else "",
)
def test_what_never_arrived_is_told_when_it_is_sent_again(feed: list[Message], expected: tuple[str, str, str]) -> None:
    known = registry()
    told(known, *feed[:-1])
    known.lose()
    assert told(known, feed[-1]) == [expected]


@pytest.mark.parametrize(
    ("now", "late"),
    [
        (adt("A01", PV1_7="1^Ray"), adt("A01")),
        (adt("A01", PV1_7="1^Ray"), adt("A08")),
        (adt("A01"), adt("A11")),
        (adt("A03", PV1_36="06"), adt("A03")),
        (adt("A03", PV1_36="06"), adt("A13")),
    ],
    ids=lambda value: value.er7.trigger_event,
)
def test_what_is_routed_late_says_nothing_over_what_is_newer(now: Message, late: Message) -> None:
    known = registry()
    assert len(told(known, now)) == 1
    assert told(known, replace(late, received=now.received - timedelta(hours=1))) == []


def test_who_was_admitted_and_sent_home_is_not_admitted_by_a_replay() -> None:
    known, admitted = registry(), adt("A01")
    told(known, adt("A01"), replace(adt("A11"), received=admitted.received + timedelta(hours=1)))
    assert told(known, admitted) == []


def test_each_subscriber_hears_what_it_wants_to_hear() -> None:
    known = registry(RIVERSIDE, HILLSIDE)
    assert told(known, adt("A01"), adt("A03"), adt("A13")) == [
        (*NEW, "admit"),
        (*NEW, "discharge"),
        ("hillside", "new", "discharge"),
        (*BACK, "discharge"),
        ("hillside", "withdrawal", "discharge"),
    ]


def test_nobody_is_told_about_a_stranger_or_a_twin() -> None:
    stranger = adt("A01", PID_3="9^^^OTHER", PID_5="Ward^Ada")
    twin = adt("A01", PID_3="9^^^OTHER", PID_5="Oxenham^Edith")
    assert told(registry(), stranger, twin) == []


def test_a_doubtful_match_is_for_a_person_and_carries_no_subscriber() -> None:
    known = registry()
    known.rosters = [Membership("riverside", "17", replace(ROSALIND, identifiers=frozenset(), birth_date="19700312"))]
    event = notify_event(adt("A01", PID_5="Oxenham^Rosalnd"))
    (review,) = match_panel(event, registry=known)  # type: ignore[arg-type]
    assert review.get("match.verdict") == "review"
    assert [finding.code for finding in review.findings] == ["MATCH-101"]
    assert not [name for name in review.attributes if name.startswith("subscriber.")]
    assert tell_once(review, registry=known) == review


@pytest.mark.parametrize(
    ("roster", "person", "is_told"),
    [
        ("", ROSALIND, False),
        ("riverside", ROSALIND, False),
        ("hillside", ROSALIND, True),
        ("", Person(names=(Name.of("Ward", ["Ada"]),), birth_date="19700312"), True),
        ("", Person(names=(Name.of("Oxenham", ["Rosalind"]),), birth_date="19700312"), False),
    ],
)
def test_who_opted_out_is_told_of_to_nobody(roster: str, person: Person, is_told: bool) -> None:
    known = registry()
    known.opted = [Membership(roster, "x", person)]
    assert told(known, adt("A01")) == ([(*NEW, "admit")] if is_told else [])


@pytest.mark.parametrize(
    ("subscriber", "now", "after"),
    [
        (RIVERSIDE, "2026-11-25T03:00", None),
        (replace(RIVERSIDE, quiet=Quiet(time(22), time(7)), zone="America/Chicago"), "2026-11-25T12:00", "25T13:00"),
        (replace(RIVERSIDE, quiet=Quiet(time(22), time(7)), zone="America/Chicago"), "2026-11-25T13:00", None),
        (replace(RIVERSIDE, quiet=Quiet(time(22), time(7)), zone="America/Chicago"), "2026-11-25T04:30", "25T13:00"),
        (replace(RIVERSIDE, quiet=Quiet(time(12), time(13))), "2026-11-25T12:59", "25T13:00"),
        (replace(RIVERSIDE, digest=time(7)), "2026-11-25T06:59", "25T07:00"),
        (replace(RIVERSIDE, digest=time(7)), "2026-11-25T07:00", "26T07:00"),
    ],
)
def test_quiet_hours_and_digests(subscriber: Subscriber, now: str, after: str | None) -> None:
    found = told_after(subscriber, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == (None if after is None else datetime.fromisoformat(f"2026-11-{after}").replace(tzinfo=UTC))


def test_of_two_patients_in_one_message_nobody_is_told() -> None:
    both = adt("A01").body.replace(b"PV1|", b"PID|2||4712^^^STANNE||Ward^Peter\rPV1|", 1)
    with pytest.raises(StepError, match="two patients"):
        notify_event(replace(adt("A01"), body=both))
    swapped = adt("A17").body.replace(b"PV1|", b"PID|2||4712^^^STANNE||Ward^Peter\rPV1|", 1)
    assert notify_event(replace(adt("A17"), body=swapped)) == []


def test_the_steps_say_what_they_need() -> None:
    with pytest.raises(StepError, match="no notice to a subscriber"):
        tell_once(adt("A01"), registry=registry())
    with pytest.raises(StepError, match="names no patient"):
        list(match_panel(message("MSH|^~\\&|A|B|||20261125||ADT^A01|1|P|2.5.1\n"), registry=registry()))  # type: ignore[call-overload]
