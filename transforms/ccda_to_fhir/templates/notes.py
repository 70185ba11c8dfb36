"""Notes: what a clinician wrote, as a document of its own."""

from __future__ import annotations

import base64

from lxml import etree

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.attachments import attachment
from transforms.ccda_to_fhir.datatypes.codes import concept_or_absent
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.times import instant, period, put_time
from transforms.ccda_to_fhir.entry import start, taken
from transforms.ccda_to_fhir.extensions import NEGATED
from transforms.ccda_to_fhir.narrative import entry_narrative, referred
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import authors_of, put_authors
from transforms.ccda_to_fhir.registry import read_entry, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, status_of
from transforms.elements import absent, add_extension, append, coded, put

CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
_STATUSES = {"active": "preliminary", "completed": "final", "nullified": "entered-in-error", "aborted": "preliminary"}
_RELATIONS = {"RPLC": "replaces", "APND": "appends", "XFRM": "transforms"}
_PLAIN = ("content", "br")


@template("2.16.840.1.113883.10.20.22.4.202", codes=[("34109-9", "act")])
def note_activity(act: Node, run: Run) -> list[Resource]:
    """Note Activity: a DocumentReference that holds the note; one that is to be written: a ServiceRequest.

    One that is denied counts as entered in error: what stands there is no note.
    """
    resource = start("DocumentReference", act, run, profile="us-core-documentreference")
    act.target = resource
    status = status_of(act)
    resource["status"] = "entered-in-error" if status == "nullified" else "current"
    put(resource, "docStatus", _STATUSES.get(status))
    if is_negated(act):
        resource["status"] = resource["docStatus"] = "entered-in-error"
        add_extension(resource, {"url": NEGATED, "valueBoolean": True})
    resource["type"] = concept_or_absent(act.get("code"), run)
    resource["category"] = [{**coded(CATEGORY, "clinical-note", "Clinical Note"), "text": "Clinical Note"}]
    resource["content"] = [{"attachment": _content(act, run)}]
    _put_authors(resource, act, run)
    _put_context(resource, act, run)
    for reference in act.all("reference"):
        document = reference.get("externalDocument")
        for number in identifiers(document, run) if document is not None else ():
            append(resource, "relatesTo", _relation(reference, number))
    return [resource]


def _content(act: Node, run: Run) -> Element:
    """The note itself: what the entry holds, else the part of the narrative that it refers to."""
    text = act.get("text")
    if text is None:
        return {"contentType": "text/plain", "_data": absent("unknown")}
    target = referred(text, run)
    if text.peek("representation") == "B64" and text.own_text:
        found = attachment(text, run)
        return found or {"_data": absent("unknown")}
    narrative = entry_narrative(text, run)
    if narrative is None:
        return attachment(text, run) or {"contentType": "text/plain", "_data": absent("unknown")}
    if target is None or _is_plain(target):
        written = _lines(target) if target is not None else text.text
        if not written:
            return {"contentType": "text/plain", "_data": absent("unknown")}
        return {"contentType": "text/plain", "data": base64.b64encode(written.encode()).decode()}
    return {"contentType": "application/xhtml+xml", "data": base64.b64encode(narrative["div"].encode()).decode()}


def _is_plain(target: etree._Element) -> bool:
    """Whether the narrative has no more to it than words and ends of lines."""
    return all(str(each.tag).rpartition("}")[2] in _PLAIN for each in target.iterdescendants())


def _lines(target: etree._Element) -> str:
    parts = [target.text or ""]
    for each in target.iterdescendants():
        is_break = str(each.tag).rpartition("}")[2] == "br"
        parts.append("\n" if is_break else each.text or "")
        parts.append(each.tail or "")
    lines = "".join(parts).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip()


def _put_authors(resource: Resource, act: Node, run: Run) -> None:
    authors = authors_of(act, run)
    for each in authors:
        append(resource, "author", each.actor.reference)
    written = sorted(filter(None, (instant(each.time, run) for each in authors)))
    if written:
        resource["date"] = written[0]
    put_authors(resource, act, run, "", "")
    for participant in act.all("participant"):
        role = participant.get("participantRole")
        if participant.attr("typeCode") == "LA" and role is not None:
            put(resource, "authenticator", actor(role, run).reference)


def _put_context(resource: Resource, act: Node, run: Run) -> None:
    context: Element = {}
    time = act.get("effectiveTime")
    if time is not None and time.peek("value"):
        span: Element = {}
        put_time(span, "start", time, run)
        put(context, "period", span)
    else:
        put(context, "period", period(time, run))
    for encounter in taken(act, resource, names=("encounter",)):
        encounter.target = None
        known = run.known_by(encounter)
        for each in [known] if known is not None else read_entry(encounter, run):
            if each["resourceType"] == "Encounter":
                append(context, "encounter", run.refer(each))
        encounter.target = resource
    outer = act.parent.parent if act.parent is not None else None
    if "encounter" not in context and outer is not None and outer.name == "encounter" and outer.target is not None:
        append(context, "encounter", run.refer(outer.target))
    if "encounter" not in context and run.encounter is not None:
        append(context, "encounter", run.refer(run.encounter))
    put(resource, "context", context)


def _relation(reference: Node, number: Element) -> Element:
    code = _RELATIONS.get(reference.attr("typeCode"))
    element: Element = {"code": code} if code else {"_code": absent("unknown")}
    element["target"] = {"identifier": number}
    return element
