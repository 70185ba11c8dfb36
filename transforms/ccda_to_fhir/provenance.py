"""Who wrote what, and when: authors as recorder and as Provenance."""

from __future__ import annotations

from typing import NamedTuple

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.times import instant, made_at, put_time
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import Actor, actor
from transforms.ccda_to_fhir.run import Run
from transforms.elements import absent, append, coded, put

PARTICIPANT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_CONTEXTS = ("act", "organizer", "observation", "procedure", "encounter", "substanceAdministration", "supply")


class Author(NamedTuple):
    """One author: who, and when (a TS)."""

    actor: Actor
    time: Node | None


def authors_of(node: Node, run: Run) -> list[Author]:
    """The authors of an entry: its own, else those of what it is within, up to its section (context conduction)."""
    here: Node | None = node
    while here is not None:
        if here.name in _CONTEXTS or here.name == "section":
            found = here.all("author")
            if found:
                return [_author(each, run) for each in found]
            if here.name == "section":
                return []
        here = here.parent
    return []


def put_authors(
    resource: Resource, node: Node, run: Run, recorder: str = "recorder", recorded: str = "recordedDate"
) -> None:
    """Put the last author of `node` into `resource` as `recorder` and the earliest time as `recorded`.

    Each author is named by a Provenance as well. An empty name puts nothing.
    """
    authors = authors_of(node, run)
    if not authors:
        return
    ordered = sorted(authors, key=lambda each: each.time.peek("value") if each.time is not None else "")
    timed = [each for each in ordered if each.time is not None and each.time.peek("value")]
    if recorded and timed:
        put_time(resource, recorded, timed[0].time, run)
    who = next((found for each in reversed(ordered) if (found := each.actor.reference) is not None), None)
    if recorder and who is not None and run.referred(who)["resourceType"] in _RECORDERS:
        put(resource, recorder, dict(who))
    for each in ordered:
        put_provenance(resource, each, run)


_RECORDERS = ("Practitioner", "PractitionerRole", "RelatedPerson", "Patient")


def put_provenance(resource: Resource, author: Author, run: Run, kind: str = "author") -> None:
    """Say by a Provenance that `author` wrote `resource`; one Provenance serves all that one author wrote at once."""
    who = author.actor.reference
    when = author.time.attr("value") if author.time is not None else ""
    if who is None and not when:
        return
    named = dict(who) if who is not None else {"display": "unknown", **absent("unknown")}
    agent: Element = {"type": coded(PARTICIPANT_TYPE, kind, kind.capitalize()), "who": named}
    company = author.actor.organization
    if company is not None and company != who:
        agent["onBehalfOf"] = dict(company)
    key = run.referred(who)["id"] if who is not None else ""
    provenance = run.add("Provenance", run.document_key, key, kind, when)
    if "agent" not in provenance:
        if author.time is not None and when:
            put_time(provenance, "occurredDateTime", author.time, run)
        recorded = instant(author.time, run) or made_at(run)
        if recorded:
            provenance["recorded"] = recorded
        else:
            provenance["_recorded"] = absent("unknown")
        provenance["agent"] = [agent]
    append(provenance, "target", run.refer(resource))


def _author(node: Node, run: Run) -> Author:
    return Author(actor(node.get("assignedAuthor"), run, node.get("functionCode")), node.get("time"))
