"""Which map a message is converted by."""

from __future__ import annotations

from collections.abc import Callable

from transforms.v2_to_fhir.messages.adt import adt_a01
from transforms.v2_to_fhir.run import Run

MessageMap = Callable[[Run], None]

MAPS: dict[tuple[str, str], MessageMap] = {("ADT", ""): adt_a01}
"""The map of each message type and trigger event; an empty event stands for every other."""


def message_map(run: Run) -> MessageMap | None:
    """The map for the type and event of the message of `run`, None where there is none."""
    return MAPS.get((run.message_type, run.trigger_event)) or MAPS.get((run.message_type, ""))
