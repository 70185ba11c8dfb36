"""Location to a participant in the role of a service delivery location (4.32)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import cd_of
from transforms.fhir_to_ccda.datatypes.contacts import addresses_of, telecoms_of
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import T
from transforms.fhir_to_ccda.run import Run

PLACE = (f"{T}32", "")


def place_of(reference: Node, run: Run, period: Node | None = None) -> Element | None:
    """The participant that a reference to a Location is, None where there is none."""
    if not reference:
        return None
    found = run.resolve(reference)
    name = ", ".join(dict.fromkeys(filter(None, (each.text("name") for each in run.chain(found, "partOf")))))
    name = name or reference.text("display")
    reference.pass_over("display")
    if not found and not name:
        return None
    run.mark(*run.chain(found, "partOf"))
    role = make("participantRole", *templates(PLACE), classCode="SDLOC")
    role.extend(ids_of(found, run) if found else [])
    kinds = found.all("type")
    role.append(cd_of(kinds[0], run) if kinds else null("code"))
    role.extend(addresses_of(found.all("address"), run))
    role.extend(telecoms_of(found.all("telecom"), run))
    if name:
        role.append(make("playingEntity", make("name", text=name), classCode="PLC"))
    made = make("participant", role, typeCode="LOC")
    low, high = period_of(period, run) if period is not None else ("", "")
    if low or high:
        made.append(low_high(low, high, "time", "IVL_TS"))
    return made
