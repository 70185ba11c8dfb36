"""What has no template of its own and is carried by its class: List, Basic, Media, and a DeviceRequest."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.attachments import ed_of
from transforms.fhir_to_ccda.datatypes.codes import cd_of, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import time_of, ts_text
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comment,
    comments,
    indications,
    performers,
    references,
    status,
    text_reference,
)
from transforms.fhir_to_ccda.entries.devices import device_participant, told
from transforms.fhir_to_ccda.entries.observations import observed
from transforms.fhir_to_ccda.entries.plans import MOODS, STATUSES
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry, writer_of
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import is_denied, left_out

PLANNED_SUPPLY = (f"{T}43", "2014-06-09")

_DEEPEST = 8
"""How deep lists within lists are followed."""


@entry("List")
def listed(resource: Node, row: Row, run: Run) -> Element | None:
    """The organizer of a List, with what it lists; None of one entered in error."""
    run.mark(resource)
    made = make("organizer", classCode="CLUSTER", moodCode="EVN")
    made.extend(ids_of(resource, run))
    if resource.one("code"):
        made.append(cd_of(resource.one("code"), run))
    made.append(status("completed" if resource.text("status") == "retired" else "active"))
    resource.text("mode")
    when = ts_text(resource, "date", run)
    if when:
        made.append(make("effectiveTime", value=when))
    made.extend(authors(resource, run, ("source", "date")))
    row.tell("Contents", resource.text("title") or shown(resource.one("code")))
    for each in resource.all("entry"):
        found = run.resolve(each.one("item"))
        part = None if not found or found.path in run.done else _member(found, row, run)
        if part is not None:
            made.append(make("component", part))
    made.extend([make("component", comment(each.text("text"), row, run, each)) for each in resource.all("note")])
    return made


def _member(resource: Node, row: Row, run: Run) -> Element | None:
    kind = resource.peek("resourceType")
    writer = writer_of(kind, run.section) if run.depth < _DEEPEST else None
    if writer is not None:
        run.depth += 1
        try:
            return writer(resource, row, run)
        finally:
            run.depth -= 1
    if kind == "Observation" and not left_out(resource, run):
        return observed(resource, row, run, None)
    return None


@entry("Basic")
def basic(resource: Node, row: Row, run: Run) -> Element | None:
    """The act of a Basic, negated where a modifier denies it: what it is called, when and by whom."""
    run.mark(resource)
    negated = is_denied(resource)
    made = make("act", classCode="ACT", moodCode="EVN", negationInd="true" if negated else "")
    made.extend(ids_of(resource, run))
    made.append(cd_of(resource.one("code"), run))
    made.append(text_reference(row))
    when = ts_text(resource, "created", run)
    if when:
        made.append(make("effectiveTime", value=when))
    made.extend(authors(resource, run, ("author", "created")))
    row.tell("Contents", ("not so: " if negated else "") + (shown(resource.one("code")) or "not named"))
    row.tell("Time", resource.peek("created"))
    return made


@entry("Media")
def media(resource: Node, row: Row, run: Run) -> Element | None:
    """The observationMedia of a Media that has a content; None of one entered in error."""
    value = ed_of(resource.one("content"), run, "value", "")
    if value is None:
        return None
    run.mark(resource)
    resource.text("status")
    resource.one("content").text("title")
    made = make("observationMedia", *ids_of(resource, run), value, classCode="OBS", moodCode="EVN")
    made.extend(authors(resource, run, ("operator", "issued")))
    return made


@entry("DeviceRequest", home="plan")
def device_request(resource: Node, row: Row, run: Run) -> Element | None:
    """The planned supply of a DeviceRequest; None of one entered in error."""
    run.mark(resource)
    state = resource.text("status")
    mood = MOODS.get(resource.text("intent"), "INT")
    made = make("supply", classCode="SPLY", moodCode=mood)
    made.extend(templates(PLANNED_SUPPLY) if state == "active" else [])
    made.extend(ids_of(resource, run))
    made.append(text_reference(row))
    made.append(status(STATUSES[state]) if state in STATUSES else null("statusCode"))
    if resource.choice("occurrence") in ("occurrenceDateTime", "occurrencePeriod"):
        made.append(time_of(resource, "occurrence", run, kind="IVL_TS"))
    device = run.resolve(resource.one("codeReference"))
    if device:
        made.append(device_participant(device, run, "PRD"))
        told(device, row)
    elif resource.one("codeCodeableConcept"):
        playing = make("playingDevice", cd_of(resource.one("codeCodeableConcept"), run))
        made.append(make("participant", make("participantRole", playing, classCode="MANU"), typeCode="PRD"))
        row.tell("Device", shown(resource.one("codeCodeableConcept")))
    made.extend(performers(resource, run, "performer", ""))
    made.extend(authors(resource, run, ("requester", "authoredOn")))
    made.extend(indications(resource, row, run))
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter", "basedOn"))
    row.tell("Planned", "device")
    return made
