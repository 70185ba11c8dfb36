"""Results: a report of several, and each by itself."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import concept_or_absent, concepts
from transforms.ccda_to_fhir.datatypes.times import instant, put_when
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of, put_span, result_status, supply_time
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import authors_of, put_authors
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.specimens import COLLECTION, COLLECTION_CODE, CONDITION, put_collection, put_specimens
from transforms.ccda_to_fhir.statement import is_negated
from transforms.elements import absent, add_extension, append, coded

SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
RESULTS = "30954-2"
NOTE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note"
"""A note on the whole report, for which R4 has no element and R5 has."""


@template(
    "2.16.840.1.113883.10.20.22.4.1",
    "2.16.840.1.113883.10.20.1.32",
    general=True,
    sections=[(RESULTS, "organizer")],
)
def result_organizer(organizer: Node, run: Run) -> list[Resource]:
    """Result Organizer: a DiagnosticReport with an Observation for each result."""
    resource = start("DiagnosticReport", organizer, run, profile="us-core-diagnosticreport-lab")
    organizer.target = resource
    resource["status"] = result_status(organizer, "CF-ResultReportStatus")
    if is_negated(organizer) and resource["status"] != "entered-in-error":
        resource["status"] = "cancelled"
    _put_categories(resource, organizer, run)
    resource["code"] = concept_or_absent(organizer.get("code"), run)
    put_specimens(resource, organizer, run, many=True)
    _put_components(resource, organizer, run)
    put_when(resource, "effective", organizer.get("effectiveTime"), run)
    put_span(resource, "result", run)
    supply_time(resource, run)
    issued = sorted(filter(None, (instant(each.time, run) for each in authors_of(organizer, run))))
    if issued:
        resource["issued"] = issued[-1]
    elif run.options.profile == "us-core":
        resource["_issued"] = absent("unknown")
    for each in organizer.all("performer"):
        append(resource, "performer", actor(each.get("assignedEntity"), run).reference)
    put_authors(resource, organizer, run, "", "")
    return [resource]


@template(
    "2.16.840.1.113883.10.20.22.4.2",
    "2.16.840.1.113883.10.20.1.31",
    general=True,
    sections=[(RESULTS, "observation")],
)
def result_observation(observation: Node, run: Run) -> list[Resource]:
    """Result Observation: an Observation of the laboratory."""
    resource = observation_of(observation, run, "laboratory", "us-core-observation-lab")
    put_specimens(resource, observation, run, many=False)
    for each in taken(observation, resource, CONDITION, names=("observation",)):
        if "specimen" in resource:
            specimen = run.referred(resource["specimen"])
            each.target = specimen
            append(specimen, "condition", *concepts(each.all("value"), run))
    return [resource]


def _put_categories(resource: Resource, organizer: Node, run: Run) -> None:
    resource["category"] = [coded(SERVICE, "LAB", "Laboratory")]
    append(resource, "category", *concepts(organizer.all("sdtc:category"), run))


def _put_components(resource: Resource, organizer: Node, run: Run) -> None:
    """What the organizer holds: results, how the specimen was collected, and notes on all of them."""
    collections = (COLLECTION_CODE,)
    for each in taken(organizer, resource, COLLECTION, codes=collections, names=("procedure",), relation="component"):
        put_collection(resource, each, run)
    held: Element = {}
    put_notes(held, organizer, run, relation="component")
    for note in held.get("note", ()):
        add_extension(resource, {"url": NOTE, "valueAnnotation": note})
    for _, inner in statements(organizer, "component"):
        if inner.target is not None:
            continue
        for made in read_entry(inner, run):
            if made["resourceType"] == "Observation":
                append(resource, "result", run.refer(made))
