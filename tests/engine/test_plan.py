"""What becomes of one message in one channel: children, filters, failures, decisions, and the lines they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.ends import End
from engine.channel import BoundEnd, Channel, Route
from engine.plan import NO_ROUTE, Plan, plan
from schemas.condition import Condition
from schemas.finding import Finding, Severity
from schemas.message import Message
from transforms.select import drop, keep
from transforms.step import Nothing, Step, StepError, StepFunction

ROOT = "019a" + "0" * 28
SECRET = "Penelope"
END = BoundEnd(End("file"))


def adt(event: str = "A01", *more: str, pid: str = "PID|1||4711^^^STANNE^MR~99^^^STATE^SS||Ames^Penelope") -> bytes:
    header = f"MSH|^~\\&|ADT1|STANNE|HIE|EX|20240301||ADT^{event}|M1|P|2.5.1"
    return "".join(line + "\r" for line in (header, f"EVN|{event}", pid, *more)).encode()


def message(body: bytes | None = None, **more: Any) -> Message:
    when = datetime(2024, 3, 1, tzinfo=UTC)
    return Message(ROOT, "adt", more.pop("format", "hl7v2"), adt() if body is None else body, when, **more)


def bound(function: StepFunction, *arguments: object, written: str = "") -> Step:
    return Step(function.__name__, function, arguments, None, written)


def where(**clauses: object) -> Condition:
    return Condition.read({path.replace("__", "-").replace("_", "."): value for path, value in clauses.items()})


def channel(*routes: Route, steps: tuple[Step, ...] = ()) -> Channel:
    return Channel("adt", END, steps, routes)


def twice(one: Message) -> Iterator[Message]:
    yield one.derive("twice/0", attributes={"copy.n": "0"})
    yield one.derive("twice/1", attributes={"copy.n": "1"})


def shout(one: Message) -> Message:
    return one.derive("shout", body=one.body.upper(), findings=[Finding("X-1", "PID-5", "loud", "", Severity.WARNING)])


def refuse(one: Message) -> Message:
    raise StepError("no bed is named", "send PV1-3")


def crash(one: Message) -> Message:
    raise RuntimeError(f"cannot handle {one.body!r}")


def late(one: Message) -> Iterator[Message]:
    yield one.derive("late/0")
    raise KeyError(SECRET)


def wrong(one: Message) -> Any:
    return ["a text"]


def shown(made: Plan) -> list[tuple[str, bytes]]:
    return [(child.route.name, child.message.body) for child in made.children]


def test_without_steps_every_route_gets_the_body_itself() -> None:
    root = message(attributes={"mllp.peer": "10.0.0.1"})
    made = plan(root, channel(Route("practice-a", END), Route("archive", END)))
    assert [child.route.name for child in made.children] == ["practice-a", "archive"]
    assert all(child.message.body is root.body for child in made.children)
    assert all(child.message.parent == ROOT for child in made.children)
    assert all(child.message.attributes == {"mllp.peer": "10.0.0.1"} for child in made.children)
    assert len({child.message.id for child in made.children}) == 2
    assert [(each.route, each.taken, each.why, each.children) for each in made.routes] == [
        ("practice-a", True, "always", 1),
        ("archive", True, "always", 1),
    ]
    assert made.failed is None
    assert made.filtered == ""


def test_the_same_message_makes_the_same_children() -> None:
    flow = channel(Route("a", END, steps=(bound(twice), bound(shout))), Route("b", END), steps=(bound(twice),))
    first, again = plan(message(), flow), plan(message(), flow)
    ids = [child.message.id for child in first.children]
    assert ids == [child.message.id for child in again.children]
    assert len(set(ids)) == len(ids) == 6
    assert first == again


def test_the_outputs_of_a_step_go_through_the_rest_in_order() -> None:
    flow = channel(Route("a", END), steps=(bound(twice), bound(drop, where(copy_n="0"), written="drop: {copy.n: 0}")))
    (child,) = plan(message(), flow).children
    assert child.message.attributes["copy.n"] == "1"
    assert child.message.parent == ROOT


def test_attributes_and_findings_of_steps_go_along() -> None:
    root = message(findings=(Finding("V2-1", "MSH-7", "odd"),))
    (child,) = plan(
        root, channel(Route("a", END, steps=(bound(shout),)), steps=(bound(twice), bound(keep, where(copy_n="1"))))
    ).children
    assert [finding.code for finding in child.message.findings] == ["V2-1", "X-1"]
    assert child.message.attributes["copy.n"] == "1"
    assert child.message.body == root.body.upper()


def test_a_route_takes_what_its_condition_names() -> None:
    flow = channel(
        Route("admissions", END, where(MSH__9_2=["A01", "A02"])),
        Route("merges", END, where(MSH__9_1="ADT", MSH__9_2="A40")),
    )
    made = plan(message(adt("A40", "MRG|88^^^STANNE")), flow)
    assert [child.route.name for child in made.children] == ["merges"]
    assert [(each.taken, each.why) for each in made.routes] == [
        (False, "not met: MSH-9.2: [A01, A02]"),
        (True, "when MSH-9.1: ADT, MSH-9.2: A40"),
    ]


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (
            (
                bound(
                    keep,
                    where(MSH__9_1="ADT", MSH__9_2=["A02", "A03"]),
                    written="keep: {MSH-9.1: ADT, MSH-9.2: [A02, A03]}",
                ),
            ),
            "keep: {MSH-9.1: ADT, MSH-9.2: [A02, A03]}: not met: MSH-9.2: [A02, A03]",
        ),
        ((bound(drop, where(MSH__9_2="A01"), written="drop: {MSH-9.2: A01}"),), "drop: {MSH-9.2: A01}: holds"),
        ((Step("nothing", lambda one: None),), "nothing: gave no message"),
        ((Step("nothing", lambda one: Nothing("it is old")),), "nothing: it is old"),
        ((bound(twice), Step("nothing", lambda one: Nothing("it is old"))), "nothing: it is old"),
        ((bound(twice), Step("nothing", lambda one: [])), "nothing: gave no message"),
    ],
)
def test_a_filtered_message_says_what_filtered_it(steps: tuple[Step, ...], why: str) -> None:
    made = plan(message(), channel(Route("a", END), steps=steps))
    assert made == Plan(filtered=why)


def test_a_filter_of_one_route_leaves_the_others() -> None:
    only_a03 = bound(keep, where(MSH__9_2="A03"), written="keep: {MSH-9.2: A03}")
    made = plan(message(), channel(Route("a", END, steps=(only_a03,)), Route("b", END)))
    assert [child.route.name for child in made.children] == ["b"]
    assert made.routes[0].why == "keep: {MSH-9.2: A03}: not met: MSH-9.2: A03"
    assert not made.routes[0].taken


def test_a_message_that_no_route_takes_is_filtered_and_the_routes_say_why() -> None:
    made = plan(message(), channel(Route("a", END, where(MSH__9_2="A03"))))
    assert made.filtered == NO_ROUTE
    assert made.children == ()
    assert made.routes[0].why == "not met: MSH-9.2: A03"


@pytest.mark.parametrize("function", [refuse, crash, late, wrong])
@pytest.mark.parametrize("shared", [True, False])
def test_a_step_that_raises_fails_the_whole_message(function: StepFunction, shared: bool) -> None:
    step = bound(function, written=f"{function.__name__}: {{some: option}}")
    flow = channel(
        Route("fine", END),
        Route("broken", END, steps=() if shared else (step,)),
        steps=(step,) if shared else (),
    )
    made = plan(message(), flow)
    assert made.children == ()
    assert made.failed is not None
    assert made.failed.step == step.written
    assert made.failed.route == (None if shared else "broken")
    assert SECRET not in str(made.failed)


def test_a_step_error_gives_its_reason_and_hint() -> None:
    failed = plan(message(), channel(Route("a", END, steps=(bound(refuse),)))).failed
    assert str(failed) == "a: refuse: no bed is named (send PV1-3)"


def test_an_unexpected_exception_gives_its_type_and_place_only() -> None:
    failed = plan(message(), channel(Route("a", END), steps=(bound(crash),))).failed
    assert failed is not None
    line = crash.__code__.co_firstlineno + 1
    assert failed.reason == f"RuntimeError at engine/test_plan.py:{line}"


@pytest.mark.parametrize("part", ["shared", "when", "in_order"])
def test_a_message_that_cannot_be_read_fails_with_the_reason(part: str) -> None:
    """A body without a header is journaled as it came; what then needs a field of it stops with the parser's reason."""
    asks = where(MSH__9_1="ADT")
    flow = {
        "shared": channel(Route("a", END), steps=(bound(keep, asks),)),
        "when": channel(Route("fine", END), Route("a", END, asks)),
        "in_order": channel(Route("fine", END), Route("a", END, in_order="PID-3.1")),
    }[part]
    made = plan(message(b"Dear colleague, Penelope Ames was seen"), flow)
    assert made.children == ()
    assert made.failed is not None
    assert "MSH" in made.failed.reason
    assert SECRET not in str(made.failed)


def keys(body: bytes, in_order: str | None, **more: Any) -> tuple[str, ...]:
    (child,) = plan(message(body, **more), channel(Route("a", END, in_order=in_order))).children
    return child.order_keys


TWO = "PID|1|11|4711^^^STANNE^MR~99^^^STATE^SS|22|Ames|||||||||||||A-1^^^STANNE"
MRG = "MRG|88^^^STANNE^MR~77^^^STATE^SS|23|A-2^^^STANNE|12|V-2|W-2|Amis"
PV1 = "PV1|1|I|||||||||||||||||V-1^^^STANNE" + "|" * 31 + "W-1"


@pytest.mark.parametrize(
    ("body", "in_order", "expected"),
    [
        (adt(), None, ()),
        (adt(), "true", ("",)),
        (adt(), "PID-3.1", ("4711",)),
        (adt(), "PID-3[2].1", ("99",)),
        (adt(), "PID-3", ("4711^^^STANNE^MR",)),
        (adt(pid="PID|1"), "PID-3.1", ("",)),
        (adt("A40", TWO, MRG), "true", ("",)),
        (adt("A40", MRG), "PID-3.1", ("4711", "99", "88", "77")),
        (adt("A40", MRG), "PID-3", ("4711^^^STANNE^MR", "99^^^STATE^SS", "88^^^STANNE^MR", "77^^^STATE^SS")),
        (adt("A40", "MRG|4711^^^OTHER"), "PID-3.1", ("4711", "99")),
        (adt("A40", "MRG|", pid="PID|1"), "PID-3.1", ("",)),
        (adt("A40", "MRG|88", "PID|2||4712", "MRG|89"), "PID-3.1", ("4711", "99", "4712", "88", "89")),
        (adt("A24", "PID|2||4712"), "PID-3.1", ("4711", "99", "4712")),
        (adt("A37", "PID|2||4712"), "PID-3.1", ("4711", "99", "4712")),
        (adt("A17", "PV1|1|I", "PID|2||4712", "PV1|1|I"), "PID-3.1", ("4711", "99", "4712")),
        (adt("A44", MRG, pid=TWO), "PID-18.1", ("A-1", "A-2")),
        (adt("A45", MRG, PV1, pid=TWO), "PV1-19.1", ("V-1", "V-2")),
        (adt("A51", MRG, PV1, pid=TWO), "PV1-50", ("W-1", "W-2")),
        (adt("A46", MRG, pid=TWO), "PID-2", ("11", "12")),
        (adt("A48", MRG, pid=TWO), "PID-4", ("22", "23")),
        (adt("A06", "MRG|88"), "PID-3.1", ("4711", "99", "88")),
        (adt("A40", MRG, "ZID|5"), "ZID-1", ("5",)),
    ],
)
def test_order_keys(body: bytes, in_order: str | None, expected: tuple[str, ...]) -> None:
    assert keys(body, in_order) == expected


@pytest.mark.parametrize(
    "event",
    [
        "A18",
        "A30",
        "A34",
        "A35",
        "A36",
        "A39",
        "A40",
        "A41",
        "A42",
        "A43",
        "A44",
        "A45",
        "A46",
        "A47",
        "A48",
        "A49",
        "A50",
        "A51",
    ],
)
def test_every_merge_event_is_a_barrier_for_both_its_keys(event: str) -> None:
    assert keys(adt(event, MRG, pid="PID|1||4711^^^STANNE^MR"), "PID-3.1") == ("4711", "88", "77")


def test_a_merge_of_an_old_version_names_its_event_in_evn_only() -> None:
    body = b"MSH|^~\\&|ADT1|STANNE|||||ADT|M1|P|2.2\rEVN|A18\rPID|||4711\rMRG|88\r"
    assert keys(body, "PID-3.1") == ("4711", "88")


def test_an_ordinary_event_does_not_wait_for_a_prior_identifier() -> None:
    assert keys(adt("A08", "MRG|88"), "PID-3.1") == ("4711",)


def test_an_attribute_keeps_order_too() -> None:
    assert keys(adt(), "subscriber.id", attributes={"subscriber.id": "s1"}) == ("s1",)


def test_a_message_keeps_its_line_through_a_transformation() -> None:
    to_fhir = Step("to_fhir", lambda one: one.derive("fhir", format="fhir", body=b"{}"))
    flow = channel(Route("a", END, in_order="PID-3.1", steps=(to_fhir,)))
    (child,) = plan(message(adt("A40", MRG)), flow).children
    assert child.message.format == "fhir"
    assert child.order_keys == ("4711", "99", "88", "77")


def test_a_message_that_never_was_hl7_stands_in_the_one_line_without_a_key() -> None:
    assert keys(b"hello", "PID-3.1", format="text") == ("",)


PATIENT = b'{"resourceType":"Patient","id":"p1","identifier":[{"value":"4711"},{"value":"99"}]}'


@pytest.mark.parametrize(
    ("body", "in_order", "expected"),
    [
        (PATIENT, "Patient.identifier[1].value", ("99",)),
        (PATIENT, "Patient.identifier.value", ("4711",)),
        (PATIENT, "Observation.id", ("",)),
        (PATIENT, "PID-3.1", ("",)),
    ],
)
def test_order_keys_of_fhir(body: bytes, in_order: str, expected: tuple[str, ...]) -> None:
    assert keys(body, in_order, format="fhir") == expected


def test_a_fhir_message_keeps_its_line_through_a_transformation() -> None:
    to_v2 = Step("to_v2", lambda one: one.derive("v2", format="hl7v2", body=adt()))
    flow = channel(Route("a", END, in_order="Patient.id", steps=(to_v2,)))
    (child,) = plan(message(PATIENT, format="fhir"), flow).children
    assert child.order_keys == ("p1",)


def test_a_fhir_body_that_cannot_be_read_fails_with_the_reason() -> None:
    flow = channel(Route("a", END, where(Patient_id="x")))
    made = plan(message(b'{"resourceType":"Patient","name":Ames}', format="fhir"), flow)
    assert made.failed is not None
    assert "no JSON" in made.failed.reason
    assert "Ames" not in str(made.failed)


def test_nothing_of_the_patient_shows_in_a_plan() -> None:
    flow = channel(Route("a", END, where(PID__5_2="Ulysses")), Route("b", END))
    made = plan(message(), flow)
    assert SECRET not in repr(made)
    assert SECRET not in "".join(each.why for each in made.routes)
