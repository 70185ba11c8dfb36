"""PV2: what else is known of the visit."""

from __future__ import annotations

import html
import re

from transforms.elements import CORE, OWN, R5
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.authorities import xon_of
from transforms.fhir_to_v2.datatypes.codes import cwe_of, cwe_of_coding, yes_no
from transforms.fhir_to_v2.datatypes.locations import pl_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.pv1 import pending_locations

_TAG = re.compile(r"<[^<>]{0,200}>")
_CONCEPTS = (
    (7, "visit-user-code", "VisitUserCode", "0130"),
    (21, "visit-publicity-code", "PublicityCode", "0215"),
    (40, "admission-level-of-care", "AdmissionLevelOfCareCode", "0432"),
)


def pv2_of(encounter: Node, run: Run) -> Line | None:
    """Encounter[PV2], where there is anything to say."""
    pv2 = Line("PV2", encounter)
    for each in pending_locations(encounter)[:1]:
        each.text("status")
        pv2.put(1, pl_of(each.one("location"), run))
    for each in encounter.all("participant"):
        if field_of(each, "PV2"):
            for kind in each.all("type"):
                kind.skip("coding", "text")
            pv2.put(13, xcn_of(each.one("individual"), run))
    pv2.put(3, *(cwe_of(each, run) for each in encounter.all("reasonCode")))
    for field, name in ((8, "plannedStartDate"), (9, "plannedEndDate")):
        pv2.put(field, dtm_of(encounter.extension(f"{R5}Encounter.{name}"), "valueDateTime", run))
    for field, name, codes, table in _CONCEPTS:
        for each in encounter.extensions(OWN + name):
            pv2.put(field, cwe_of(each.one("valueCodeableConcept"), run, codes, table))
    pv2.put(10, _days(encounter.extension(f"{OWN}estimated-length-of-stay").one("valueQuantity")))
    pv2.put(11, _days(encounter.one("length")))
    narrative = encounter.one("text")
    if narrative.peek("status") == "additional":
        pv2.put(12, html.unescape(_TAG.sub("", narrative.text("div"))))
    pv2.put(22, yes_no(encounter.extension(f"{OWN}visit-protection"), "valueBoolean"))
    if encounter.has("serviceProvider"):
        pv2.put(23, xon_of(encounter.one("serviceProvider"), run))
    pv2.put(25, cwe_of(encounter.one("priority"), run, "EncounterPriority", "0217"))
    arrival = encounter.extension(f"{CORE}encounter-modeOfArrival").one("valueCoding")
    pv2.put(38, cwe_of_coding(arrival, run, "ModeOfArrivalCode", "0430"))
    return run.append(pv2)


def _days(quantity: Node) -> str:
    """A length of stay in days, "" in any other unit."""
    if quantity.peek("code") != "d" and quantity.peek("unit") not in ("d", "day", "days"):
        return ""
    quantity.skip("unit", "system", "code")
    return quantity.text("value")
