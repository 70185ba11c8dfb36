"""The body of a document: each section with its text, and what its entries become."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.attachments import attachment
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.narrative import section_narrative
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.registry import read_entry, statements
from transforms.ccda_to_fhir.run import Run
from transforms.elements import append, coded, put

NOTE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
EMPTY_REASON = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_EMPTY_REASONS = {"NASK": "notasked", "ASKU": "unavailable", "NAV": "unavailable", "MSK": "withheld"}


def read_body(run: Run) -> None:
    """Put every section of the body into the Composition, and its entries into the bundle."""
    for component in run.root.all("component"):
        body = component.get("structuredBody")
        for part in body.all("component") if body is not None else ():
            for section in part.all("section"):
                append(run.composition, "section", _section(section, run))
        other = component.get("nonXMLBody")
        if other is not None:
            run.guard(_unstructured, other, other, run)
    run.do_later()


def _section(node: Node, run: Run) -> Element:
    """One section, with those within it."""
    with run.within(node):
        element: Element = {}
        node.target = run.composition
        put(element, "title", node.string("title"))
        code = run.guard(codeable_concept, node, node.get("code"), run)
        put(element, "code", code)
        for author in node.all("author"):
            who = run.guard(actor, author, author.get("assignedAuthor"), run)
            append(element, "author", who.reference if who is not None else None)
        element["text"] = section_narrative(node.get("text"), run)
        made: list[Resource] = []
        for link, statement in statements(node, "entry"):
            link.attr("typeCode")
            made += read_entry(statement, run)
        for resource in made:
            append(element, "entry", run.refer(resource))
        if not made and (node.null or not _has_text(element)):
            reason = _EMPTY_REASONS.get(node.null, "unavailable")
            element["emptyReason"] = coded(EMPTY_REASON, reason)
    for part in node.all("component"):
        for inner in part.all("section"):
            append(element, "section", _section(inner, run))
    if "section" in element:
        element.pop("emptyReason", None)
    return element


def _has_text(element: Element) -> bool:
    return bool(element["text"]["status"] != "empty")


def _unstructured(node: Node, run: Run) -> None:
    """A body that is no XML: the document as it is, in a DocumentReference that the one section refers to."""
    found = attachment(node.get("text"), run)
    resource = run.add("DocumentReference", *run.own_key(node))
    node.target = resource
    resource["status"] = "current"
    resource["type"] = run.composition["type"]
    resource["category"] = [coded(NOTE_CATEGORY, "clinical-note", "Clinical Note")]
    resource["subject"] = run.refer(run.patient)
    put(resource, "date", run.composition.get("date") if "T" in run.composition.get("date", "") else None)
    resource["content"] = [{"attachment": found or {"title": run.composition["title"]}}]
    text = section_narrative(None, run)
    section: Element = {"title": run.composition["title"], "text": text, "entry": [run.refer(resource)]}
    append(run.composition, "section", section)
