"""What the templates have in common: identifiers, text, status, negation, notes, what is within an entry."""

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
from transforms.elements import US_CORE, append, put

COMMENT = "2.16.840.1.113883.10.20.22.4.64"
_COMMENT_CODE = "48767-8"
_WRAPPERS = ("act", "organizer")
PLANNED = frozenset(("INT", "RQO", "PRMS", "PRP", "ARQ", "APT", "GOL", "PERM", "SLOT"))
"""The moods of what has not happened."""


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
) -> Iterator[Node]:
    """What is said within `node` and goes into `resource`: of one of `templates`, or with one of `codes`.

    `types` narrows it to entryRelationships of these types, `names` to these elements; with neither templates nor codes
    all of those. Each is marked as taken, and is not read as an entry of its own.
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
        if inner.target is None or inner.target is resource:
            inner.target = resource
            inner.value("statusCode", "code")
            if code is not None and (is_named or code.peek("code") in STRUCTURAL):
                code.mark()
            yield inner


def wrapper_of(node: Node) -> Node | None:
    """The act or organizer that `node` is directly within, None where it stands for itself."""
    link = node.parent
    if link is None or link.name not in ("entryRelationship", "component"):
        return None
    return link.parent if link.parent is not None and link.parent.name in _WRAPPERS else None


def is_negated(node: Node) -> bool:
    """Whether `node`, or an act or organizer that it is within, says that it is not so (negationInd)."""
    here: Node | None = node
    while here is not None:
        if here.flag("negationInd"):
            return True
        here = wrapper_of(here)
    return False


def is_planned(node: Node) -> bool:
    """Whether the mood of `node` is one of what has not happened."""
    return node.attr("moodCode") in PLANNED


def status_of(node: Node) -> str:
    """The statusCode of `node`, in lower case; `nullified` where an act or organizer that it is within is so."""
    outer = wrapper_of(node)
    if outer is not None and outer.value("statusCode", "code").lower() == "nullified":
        return "nullified"
    return node.value("statusCode", "code").lower()


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
