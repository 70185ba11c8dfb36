"""EVN: what happened, when and by whose hand."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import absent, append, extension, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.locations import hd_location
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_field_time, put_instant
from transforms.v2_to_fhir.extensions import V2_TIME
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import msh_provenance_operator
from transforms.v2_to_fhir.source import SourceSegment


def evn_provenance(evn: SourceSegment, run: Run) -> Resource:
    """EVN[Provenance]."""
    provenance = run.add("Provenance", run.sender, run.control_id, "event")
    provenance["target"] = [run.refer(run.header)]
    put_field_time(provenance, "occurredDateTime", evn, 6, run)
    run.occurred = provenance.get("occurredDateTime", "")
    put_instant(provenance, "recorded", evn.text(2), run, evn.where(2))
    if "recorded" not in provenance:
        provenance["recorded"] = run.now.isoformat()
        if "_recorded" in provenance:
            provenance["_recorded"] = {"extension": [extension(V2_TIME, "valueString", evn.text(2))]}
    put(provenance, "location", hd_location(evn.first(7), run))
    reason = evn.first(4)
    if reason is not None and reason[1] == "U":
        provenance["reason"] = [absent("unknown")]
    elif reason is not None:
        append(provenance, "reason", cwe_codeable_concept(reason, run, evn.where(4), "EventReason", "0062"))
    event = f"{run.message_type}^{evn.text(1) or run.trigger_event}"
    provenance["activity"] = {"coding": [{"display": f"event - {event}"}]}
    for operator in evn[5]:
        who = xcn_practitioner(operator, run, evn.where(5))
        if who is not None:
            append(provenance, "agent", {"who": who})
    if "agent" not in provenance:
        msh_provenance_operator(run.segments[0], provenance, run)
    if "agent" not in provenance:
        provenance["agent"] = [{"who": {"display": "whoever entered the event, whom the message does not name"}}]
    return provenance
