"""Filters of subscriptions: what each lets through, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fhir.topic import EVENTS, About, FilterError, read_filter
from transforms.notify.events import CLASSES

ABOUT = About("admit", "STANNE", frozenset({"p-1"}), frozenset({("urn:oid:1.2.3", "4711"), ("", "88")}))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Encounter?event=admit", True),
        ("event=admit", True),
        ("Encounter?event=discharge,admit", True),
        ("Encounter?event=discharge", False),
        ("Encounter?event=admit&facility=stanne", True),
        ("Encounter?event=admit&facility=STJOHN", False),
        ("Encounter?facility=STJOHN&facility=STANNE", False),
        ("Encounter?patient=Patient/p-1", True),
        ("Encounter?subject=p-1", True),
        ("Encounter?subject:Patient=https://hie.example/fhir/Patient/p-1", True),
        ("Encounter?patient=Patient/p-2,Patient/p-1", True),
        ("Encounter?patient=Patient/p", False),
        ("Encounter?patient.identifier=urn:oid:1.2.3|4711", True),
        ("Encounter?patient:identifier=urn%3Aoid%3A1.2.3%7C4711", True),
        ("Encounter?subject.identifier=4711", True),
        ("Encounter?patient.identifier=|4711", False),
        ("Encounter?patient.identifier=|88", True),
        ("Encounter?patient.identifier=urn:oid:9|4711", False),
    ],
)
def test_what_a_filter_lets_through(text: str, holds: bool) -> None:
    assert read_filter(text).holds(ABOUT) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Encounter",
        "Encounter?",
        "Observation?event=admit",
        "Encounter?status=finished",
        "Encounter?event=admitted",
        "Encounter?event=",
        "Encounter?event=admit,",
        "Encounter?patient=Group/1",
        "Encounter?patient=a b",
        "Encounter?patient.identifier=urn:oid:1|",
        "Encounter?patient.name=Willowby",
        "Encounter?facility=" + "x" * 2000,
    ],
)
def test_what_is_no_filter_says_so_and_quotes_no_value(text: str) -> None:
    with pytest.raises(FilterError) as refusal:
        read_filter(text)
    assert "Willowby" not in str(refusal.value)


@given(st.text())
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    try:
        found = read_filter(text)
    except FilterError:
        return
    assert found.holds(ABOUT) in (True, False)


def test_the_events_are_those_that_messages_tell_of() -> None:
    assert set(EVENTS) == {*CLASSES.values(), "transfer", "discharge"} - {""}
