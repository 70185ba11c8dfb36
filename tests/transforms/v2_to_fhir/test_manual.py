"""The pages on the maps: every type of message that is converted has one, made from what the maps do."""

from __future__ import annotations

from pathlib import Path

import pytest

from transforms.v2_to_fhir.manual import FOLDER, handlers_of, pages
from transforms.v2_to_fhir.messages.dispatch import MAPS

SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"


def test_every_type_of_message_has_a_page() -> None:
    made = pages({})
    assert {f"{FOLDER}/{kind.lower()}.md" for kind, _ in MAPS} <= set(made)


def test_a_page_says_what_becomes_of_each_segment_and_of_the_samples_elements() -> None:
    page = pages({"adt_a01.hl7": (SAMPLES / "adt_a01.hl7").read_bytes()})[f"{FOLDER}/adt.md"]
    assert "| NK1 | a person is a RelatedPerson" in page
    assert "| PID-5.1 | mapped | `Patient.name.family` |" in page
    assert "| PID-1 | left out |" in page
    assert "adt_a01.hl7" in page


def test_the_guides_rows_show_where_they_are_not_followed() -> None:
    page = pages({})[f"{FOLDER}/segments.md"]
    assert "| PID-7 | `birthDate` |  |" in page
    assert "a time is computed where the unit is one of time" in page


@pytest.mark.parametrize("key", sorted(MAPS))
def test_the_handlers_of_a_map_can_be_told(key: tuple[str, str]) -> None:
    handlers = handlers_of(MAPS[key])
    assert "MSH" in handlers
    assert all((handler.__doc__ or "").strip() for handler in handlers.values())
