"""What the templates have in common: identifiers, text, notes, what is within an entry."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.times import put_time
from transforms.ccda_to_fhir.narrative import entry_narrative, text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.registry import statements
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_said_of
from transforms.elements import US_CORE, append, put

COMMENT = "2.16.840.1.113883.10.20.22.4.64"
_COMMENT_CODE = "48767-8"
STRUCTURAL = frozenset(("ASSERTION", "CONC", "SEV"))
"""Codes of entries that say nothing beside their template."""


def start(resource_type: str, node: Node, run: Run, subject: str = "subject", profile: str = "") -> Resource:
    """The resource that `node` becomes, with its identifiers, its text and the patient under the name `subject`.

    `profile` is the US Core profile that its template sees to, where the site wants US Core.
    """
    resource = run.make(resource_type, node)
    if profile and run.options.profile == "us-core":
        resource["meta"] = {"profile": [f"{US_CORE}{profile}"]}
    put(resource, "text", entry_narrative(node.get("text") or node.get("sdtc:text"), run))
    append(resource, "identifier", *identifiers(node, run))
    if subject:
        resource[subject] = run.refer(run.patient)
    return resource


def taken(
    node: Node,
    resource: Resource,
    *templates: str,
    codes: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    relation: str = "entryRelationship",
    to_come: bool = False,
) -> Iterator[Node]:
    """What is said within `node` and goes into `resource`: of one of `templates`, or with one of `codes`.

    `types` narrows it to entryRelationships of these types, `names` to these elements; with neither templates nor codes
    all of those. Each is marked as taken, and is not read as an entry of its own. What is denied, taken back, left open
    or, without `to_come`, yet to be is no part of `resource`: it becomes an entry of its own, which says so.
    """
    for link, inner in statements(node, relation):
        if types and link.attr("typeCode") not in types:
            continue
        if names and inner.name not in names:
            continue
        code = inner.get("code")
        is_named = code is not None and code.peek("code") in codes
        if (templates or codes) and not inner.keeps(*templates) and not is_named:
            continue
        if not is_said_of(inner, node, to_come=to_come):
            continue
        if inner.target is None or inner.target is resource:
            inner.target = resource
            inner.value("statusCode", "code")
            if code is not None and (is_named or code.peek("code") in STRUCTURAL):
                code.mark()
            yield inner


def put_notes(
    resource: Resource, node: Node, run: Run, name: str = "note", relation: str = "entryRelationship"
) -> None:
    """Put the comments within `node` into `resource` as Annotations, with who made them and when."""
    for act in taken(node, resource, COMMENT, codes=(_COMMENT_CODE,), names=("act",), relation=relation):
        text = text_of(act.get("text"), run)
        if not text:
            continue
        annotation: Element = {}
        author = act.get("author")
        if author is not None:
            who = actor(author.get("assignedAuthor"), run).reference
            put(annotation, "authorReference", _person_of(who, run))
            put_time(annotation, "time", author.get("time"), run)
        annotation["text"] = text
        append(resource, name, annotation)


def _person_of(who: Element | None, run: Run) -> Element | None:
    """Whom an Annotation can name: of a PractitionerRole its Practitioner, nobody of a Device."""
    if who is None:
        return None
    found = run.referred(who)
    if found["resourceType"] in ("Practitioner", "Organization", "RelatedPerson", "Patient"):
        return who
    person: Element | None = found.get("practitioner")
    return person
