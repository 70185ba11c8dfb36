"""EVN: what happened, when and by whose hand."""

from __future__ import annotations

from schemas.hl7v2 import timestamp
from transforms.elements import DATA_ABSENT_REASON
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import cwe_of
from transforms.fhir_to_v2.datatypes.locations import hd_of_location
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import V2_TIME


def evn_of(event: Event, run: Run) -> Line:
    """Provenance[EVN]: of the Provenance of what happened, where there is one; the event and a time in any case."""
    provenance = event_provenance(run)
    evn = run.line("EVN", provenance)
    evn.put(1, event.trigger_event if run.has_field("EVN", 1) else "")
    kept = provenance.beside("recorded").extension(V2_TIME).text("valueString") if provenance else ""
    evn.put(2, kept or dtm_of(provenance, "recorded", run) or timestamp(run.now))
    for reason in provenance.all("reason"):
        absent = reason.has("extension") and reason.extension(DATA_ABSENT_REASON).text("valueCode")
        evn.put(4, "U" if absent else cwe_of(reason, run, "EventReason", "0062"))
    for agent in provenance.all("agent"):
        who = agent.one("who")
        if run.resolve(who).peek("resourceType") in ("Practitioner", "PractitionerRole"):
            evn.put(5, xcn_of(who, run))
    evn.put(6, dtm_of(provenance, "occurredDateTime", run))
    if provenance.has("location"):
        evn.put(7, dict(enumerate(hd_of_location(provenance.one("location"), run), 1)))
    return evn


def event_provenance(run: Run) -> Node:
    """The Provenance that tells what happened, as the way forward writes it."""
    for each in run.of_type("Provenance"):
        if each.one("activity").one("coding").peek("display").startswith("event - "):
            return each
    return EMPTY
