"""Which map a message is converted by."""

from __future__ import annotations

from collections.abc import Callable

from transforms.v2_to_fhir.messages.adt import adt_a01, adt_a24, adt_a37, adt_a39
from transforms.v2_to_fhir.messages.bar import bar_p01
from transforms.v2_to_fhir.messages.dft import dft_p03
from transforms.v2_to_fhir.run import Run

MessageMap = Callable[[Run], None]

_WITH_MRG = (
    *("A18", "A30", "A34", "A35", "A36", "A39", "A40", "A41", "A42", "A43"),
    *("A44", "A45", "A46", "A47", "A48", "A49", "A50", "A51"),
)

MAPS: dict[tuple[str, str], MessageMap] = {
    ("ADT", ""): adt_a01,
    ("ADT", "A24"): adt_a24,
    ("ADT", "A37"): adt_a37,
    **{("ADT", event): adt_a39 for event in _WITH_MRG},
    ("BAR", ""): bar_p01,
    ("DFT", ""): dft_p03,
}
"""The map of each message type and trigger event; an empty event stands for every other."""


def message_map(run: Run) -> MessageMap | None:
    """The map for the type and event of the message of `run`, None where there is none."""
    return MAPS.get((run.message_type, run.trigger_event)) or MAPS.get((run.message_type, ""))
