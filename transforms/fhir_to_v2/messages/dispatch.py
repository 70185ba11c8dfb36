"""Which function writes a message."""

from __future__ import annotations

from collections.abc import Callable

from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.adt import adt
from transforms.fhir_to_v2.messages.mdm import mdm
from transforms.fhir_to_v2.messages.orders import orders, results
from transforms.fhir_to_v2.messages.ref import ref
from transforms.fhir_to_v2.messages.siu import siu
from transforms.fhir_to_v2.messages.vxu import vxu
from transforms.fhir_to_v2.run import NO_MESSAGE, Run

MessageMap = Callable[[Event, Run], None]

MAPS: dict[str, MessageMap] = {
    **dict.fromkeys(("ADT", "BAR"), adt),
    **dict.fromkeys(("ORU", "OUL", "ORF"), results),
    "VXU": vxu,
    "SIU": siu,
    "MDM": mdm,
    "REF": ref,
    **dict.fromkeys(("ORM", "OML", "OMG", "OMI", "ORR", "ORL", "ORG", "ORI"), orders),
}
"""The function for each message type."""


def message_map(event: Event, run: Run) -> MessageMap:
    """The function that writes messages of that type; raises `RefusedError` where there is none."""
    found = MAPS.get(event.message_type)
    if found is None:
        what = f"no message of type {event.message_type} is made of FHIR"
        raise run.refuse(NO_MESSAGE, "MSH-9", what, "docs/fhir-to-v2.md lists the types")
    return found
