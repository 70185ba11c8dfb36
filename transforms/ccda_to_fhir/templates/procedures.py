"""Procedures: what was done to the patient, and what was not."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, concept_or_absent, concepts
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.devices import device
from transforms.ccda_to_fhir.encompassing import service_delivery_location
from transforms.ccda_to_fhir.entry import put_notes, start
from transforms.ccda_to_fhir.extensions import NEGATED
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.reasons import put_reasons
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_stated, status_of
from transforms.elements import CORE, absent, add_extension, append, extension, put

METHOD = f"{CORE}procedure-method"
_NOT_PERFORMED = ("not-done", "entered-in-error", "preparation", "unknown")


@template(
    "2.16.840.1.113883.10.20.22.4.14",
    "2.16.840.1.113883.10.20.22.4.12",
    "2.16.840.1.113883.10.20.22.4.13",
    "2.16.840.1.113883.10.20.1.29",
    sections=[("47519-4", name) for name in ("procedure", "act", "observation")],
    carries=["procedure"],
)
def procedure_activity(procedure: Node, run: Run) -> list[Resource]:
    """Procedure Activity Procedure, Act and Observation: a Procedure."""
    resource = start("Procedure", procedure, run, profile="us-core-procedure")
    procedure.target = resource
    status = concept_map("CF-ProcedureStatus").code(status_of(procedure)) or "unknown"
    resource["status"] = "not-done" if is_negated(procedure) and status != "entered-in-error" else status
    resource["code"] = concept_or_absent(procedure.get("code"), run)
    put_when(resource, "performed", procedure.get("effectiveTime"), run)
    if not any(name.lstrip("_").startswith("performed") for name in resource) and status not in _NOT_PERFORMED:
        resource["_performedDateTime"] = absent("unknown")
    put(resource, "bodySite", concepts(procedure.all("targetSiteCode"), run))
    method = codeable_concept(procedure.get("methodCode"), run)
    if method is not None:
        add_extension(resource, extension(METHOD, "valueCodeableConcept", method))
    outcome = codeable_concept(procedure.get("value"), run)
    if outcome is not None and is_negated(procedure):
        add_extension(resource, extension(NEGATED, "valueCodeableConcept", outcome))
    else:
        put(resource, "outcome", outcome)
    for each in procedure.all("performer"):
        who = actor(each.get("assignedEntity"), run).reference
        append(resource, "performer", {"actor": who} if who is not None else None)
    for each in procedure.all("participant"):
        role = each.get("participantRole")
        if each.peek("typeCode") == "LOC" and role is not None:
            put(resource, "location", service_delivery_location(role, run))
        elif each.peek("typeCode") == "DEV" and role is not None:
            append(
                resource,
                "focalDevice",
                {"manipulated": run.refer(device(role, run, is_of_patient=is_stated(procedure)))},
            )
    put_reasons(resource, procedure, run)
    put_notes(resource, procedure, run)
    put_authors(resource, procedure, run, "recorder", "")
    return [resource]
