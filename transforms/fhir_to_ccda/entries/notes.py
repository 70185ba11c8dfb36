"""DocumentReference to a Note Activity (4.202)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.attachments import ed_of, text_of
from transforms.fhir_to_ccda.datatypes.codes import LOINC, attributes_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of, ii_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of, ts_text
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.entries.common import (
    T,
    act,
    authors,
    comment,
    references,
    related,
    status,
)
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import participant_of, party_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

NOTE = (f"{T}202", "2016-11-01")


@entry("DocumentReference", home="notes")
def note(resource: Node, row: Row, run: Run) -> Element | None:
    """The activity of a note, its text in the narrative where it is plain; None of one entered in error."""
    run.mark(resource)
    made = act(NOTE)
    made.extend(ids_of(resource, run))
    master = ii_of(resource.one("masterIdentifier"), run)
    if master is not None:
        made.append(master)
    made.append(_code(resource, run))
    contents = resource.all("content")
    made.append(_text(contents[0].one("attachment"), row, run) if contents else null("text"))
    state = resource.text("status")
    draft = resource.text("docStatus") == "preliminary"
    made.append(status("aborted" if state == "superseded" else ("active" if draft else "completed")))
    low, high = period_of(resource.one("context").one("period"), run)
    when = ts_text(resource, "date", run)
    if low or high:
        made.append(low_high(low, high))
    else:
        made.append(make("effectiveTime", value=when) if when else null("effectiveTime"))
    made.extend(authors(resource, run, ("author", "date")))
    signer = party_of(resource.one("authenticator"), run)
    if signer is not None:
        signer.names = signer.names or [null("name")]
        one = participant_of(signer, run, "LA", "ASSIGNED")
        one.append(null("time"))
        made.append(one)
    for each in contents[1:]:
        further = act()
        further.append(_code(resource, run))
        further.append(_text(each.one("attachment"), row, run))
        made.append(related("COMP", further))
    for relation in resource.all("relatesTo"):
        made.append(_related(relation, run))
    made.extend(references(resource.one("context"), run, "encounter", kind="COMP"))
    made.extend(references(resource.one("context"), run, "related"))
    if resource.text("description"):
        made.append(related("SUBJ", comment(resource.peek("description"), row, run), inverted=True))
    row.tell("Note", shown(resource.one("type")))
    row.tell("Time", resource.peek("date")[:10])
    row.tell("Status", state if state != "current" else resource.peek("docStatus"))
    return made


def _related(relation: Node, run: Run) -> Element:
    """The document that a note replaces, or has to do with otherwise."""
    target = relation.one("target")
    found = run.resolve(target)
    target.pass_over("display", "type")
    ids = ids_of(found, run) if found else []
    if not found and target.one("identifier"):
        ids = [made for made in [ii_of(target.one("identifier"), run)] if made is not None]
    document = make("externalDocument", *(ids or [null("id")]), classCode="DOC", moodCode="EVN")
    return make("reference", document, typeCode="RPLC" if relation.text("code") == "replaces" else "REFR")


def _code(resource: Node, run: Run) -> Element:
    made = coded("code", "34109-9", LOINC, "Note")
    kind = resource.one("type")
    if kind.text("text"):
        made.append(make("originalText", text=kind.peek("text")))
    codings = [each for each in kind.all("coding") if each.peek("code") != "34109-9"]
    for each in kind.all("coding"):
        if each.peek("code") == "34109-9":
            each.pass_over(*each.names())
    made.extend([make("translation", **attributes_of(each, run)) for each in codings])
    for category in resource.all("category"):
        if any(each.peek("code") == "clinical-note" for each in category.all("coding")):
            category.pass_over(*category.names())
    return made


def _text(attachment: Node, row: Row, run: Run) -> Element:
    """The text of a note: plain text stands in the narrative, anything else in itself, and the narrative names it."""
    media = attachment.peek("contentType").partition(";")[0]
    said = text_of(attachment.peek("data")) if media == "text/plain" else ""
    title = attachment.text("title")
    attachment.text("creation")
    if said:
        row.tell("Note", title)
        attachment.pass_over("data", "contentType", "size", "hash", "language")
        return make("text", make("reference", value=f"#{row.anchor('Text', said)}"))
    made = ed_of(attachment, run, "text", "")
    id = row.anchor("Text", title or f"attached: {media or 'a document'}")
    if made is None:
        made = make("text")
    if not len(made):
        made.insert(0, make("reference", value=f"#{id}"))
        if made.text:
            made[0].tail, made.text = made.text, None
    return made
