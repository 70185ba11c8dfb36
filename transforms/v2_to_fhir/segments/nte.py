"""NTE: notes, which go to what they follow."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, CORE, OWN, R5, add_extension, append, coded, extension
from transforms.v2_to_fhir.datatypes.annotations import (
    dtm_annotation_time,
    lines,
    xcn_annotation_author,
)
from transforms.v2_to_fhir.datatypes.attachments import text_attachment
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

_WITH_NOTE = (
    *("AllergyIntolerance", "CarePlan", "CareTeam", "ChargeItem", "Condition", "Device", "Goal", "Immunization"),
    *("MedicationAdministration", "MedicationDispense", "MedicationRequest", "NutritionOrder", "Observation"),
    *("Procedure", "ServiceRequest", "Specimen", "SupplyRequest", "Task"),
)
"""The resources that have an element for notes in R4."""
_WITH_NOTE_IN_R5 = ("Appointment", "DiagnosticReport", "DocumentReference")
_SOURCE = "http://terminology.hl7.org/CodeSystem/v2-0105"


def on_nte(nte: SourceSegment, run: Run) -> Resource | None:
    """NTE: a note on what is before it; those that go on with it are further lines of that note."""
    if nte.target is not None:
        return nte.target
    target = run.latest or run.patient or run.header
    more = note_lines(nte, run)
    for line in more:
        line.target = target
    match target["resourceType"]:
        case "Appointment":
            nte_appointment_comment(nte, run, target, more)
        case "Observation":
            nte_observation(nte, run, target, more)
        case "ServiceRequest":
            nte_service_request(nte, run, target, more)
        case kind:
            _put_note(nte, run, target, more, kind)
    return target


def note_lines(nte: SourceSegment, run: Run) -> list[SourceSegment]:
    """The NTE that follow at once and go on with the note: by the same hand, at the same time, of the same kind."""
    found = []
    for following in run.following():
        if following.name != "NTE" or any(following.raw(field) not in ("", nte.raw(field)) for field in (2, 4, 5, 6)):
            break
        found.append(following)
    for line in found:
        line.mark(2, 4, 5, 6)
    return found


def nte_annotation(nte: SourceSegment, run: Run, more: list[SourceSegment]) -> Element | None:
    """The note that an NTE is: its text and that of `more`, who wrote it, when, and of what kind."""
    annotation: Element = {}
    xcn_annotation_author(nte.first(5), run, nte.where(5), annotation)
    dtm_annotation_time(nte.text(6), run, nte.where(6), annotation)
    texts = [lines(each.all(3)) for each in (nte, *more)]
    text = "\n".join(texts)
    if not text.strip():
        text = "\n".join(filter(None, (_coded_text(each, run) for each in (nte, *more))))
    if not text.strip():
        return None
    annotation["text"] = text
    kind = cwe_codeable_concept(nte.first(4), run, nte.where(4), "CommentType", "0364")
    if kind is not None:
        add_extension(annotation, extension(f"{CORE}annotationType", "valueCodeableConcept", kind))
    source = nte.text(2)
    if source:
        add_extension(annotation, extension(f"{OWN}note-source", "valueCodeableConcept", coded(_SOURCE, source)))
    is_ambiguous = any("\n" in own for own in texts)
    for each in (nte, *more):
        _put_coded_comment(annotation, each, run)
        if is_ambiguous:
            # The lines of the note do not say which NTE each came from.
            keep_text(annotation, each.raw(3), run)
    return annotation


def nte_observation(nte: SourceSegment, run: Run, observation: Resource, more: list[SourceSegment]) -> None:
    """NTE[Observation]."""
    append(observation, "note", nte_annotation(nte, run, more))


def nte_service_request(nte: SourceSegment, run: Run, order: Resource, more: list[SourceSegment]) -> None:
    """NTE[ServiceRequest]."""
    append(order, "note", nte_annotation(nte, run, more))


def nte_appointment_comment(nte: SourceSegment, run: Run, appointment: Resource, more: list[SourceSegment]) -> None:
    """NTE[Appointment-Comment]."""
    annotation = nte_annotation(nte, run, more)
    if annotation is not None:
        add_extension(appointment, extension(f"{R5}Appointment.note", "valueAnnotation", annotation))


def nte_document_reference(nte: SourceSegment, run: Run, document: Resource) -> None:
    """NTE[DocumentReference]: the note as a content of its own."""
    text = lines(nte.all(3)) or _coded_text(nte, run)
    if text.strip():
        append(document, "content", {"attachment": text_attachment(text)})


def _coded_text(nte: SourceSegment, run: Run) -> str:
    """NTE-9 in words: each comment's own text, else its code's."""
    concepts = [cwe_codeable_concept(value, run, nte.where(9)) or {} for value in nte[9]]
    texts = []
    for concept in concepts:
        coding = concept.get("coding", [{}])[0]
        texts.append(concept.get("text") or coding.get("display") or coding.get("code", ""))
    return "\n".join(texts)


def _put_coded_comment(annotation: Element, nte: SourceSegment, run: Run) -> None:
    for value in nte[9]:
        concept = cwe_codeable_concept(value, run, nte.where(9))
        if concept is not None:
            add_extension(annotation, extension(ALTERNATE_CODES, "valueCodeableConcept", concept))


def _put_note(nte: SourceSegment, run: Run, target: Resource, more: list[SourceSegment], kind: str) -> None:
    """Put the note into `target`: its element for notes, that of R5, or an extension of our own where it has none."""
    annotation = nte_annotation(nte, run, more)
    if annotation is None:
        return
    if kind in _WITH_NOTE:
        append(target, "note", annotation)
    elif kind in _WITH_NOTE_IN_R5:
        add_extension(target, extension(f"{R5}{kind}.note", "valueAnnotation", annotation))
    else:
        add_extension(target, extension(f"{OWN}note", "valueAnnotation", annotation))
