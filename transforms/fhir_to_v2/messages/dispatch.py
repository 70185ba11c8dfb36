"""Which function writes a message."""

from __future__ import annotations

from collections.abc import Callable

from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.adt import adt
from transforms.fhir_to_v2.run import Run

MessageMap = Callable[[Event, Run], None]

MAPS: dict[str, MessageMap] = {"ADT": adt}
"""The function for each message type."""


def message_map(event: Event) -> MessageMap | None:
    """The function that writes messages of that type, None where there is none."""
    return MAPS.get(event.message_type)
