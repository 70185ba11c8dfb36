"""NTE: notes, which go to what they follow."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from schemas.hl7v2.escape import escape
from transforms.v2_to_fhir.datatypes.annotations import (
    dtm_annotation_time,
    ft_annotation_comment,
    lines,
    xcn_annotation_author,
)
from transforms.v2_to_fhir.datatypes.attachments import text_attachment
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.elements import append, coded
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.extensions import ALTERNATE_CODES, CORE, OWN, R5, V2_TEXT, add_extension, extension
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
    """NTE: a note on what is before it; one that goes on with the note before it is a further line of that note."""
    target = run.latest or run.patient or run.header
    before = run.segments[run.position - 1]
    if before.name == "NTE" and run.note and all(nte.raw(field) in ("", before.raw(field)) for field in (2, 4, 5, 6)):
        text = lines(nte.all(3))
        _keep_texts(run.note, run.note["text"], text, nte, run)
        run.note["text"] += f"\n{text}"
        nte.mark(2, 4, 5, 6)
        _put_coded_comment(run.note, nte, run)
        return target
    annotation = run.note = nte_annotation(nte, run)
    if annotation is None:
        return target
    _keep_texts(annotation, "", annotation["text"], nte, run)
    kind = target["resourceType"]
    if kind in _WITH_NOTE:
        target.setdefault("note", []).append(annotation)
    elif kind in _WITH_NOTE_IN_R5:
        add_extension(target, extension(f"{R5}{kind}.note", "valueAnnotation", annotation))
    else:
        add_extension(target, extension(f"{OWN}note", "valueAnnotation", annotation))
    return target


def _keep_texts(note: Element, before: str, text: str, nte: SourceSegment, run: Run) -> None:
    """Keep the texts of the NTE that a note is made of, where its lines do not say which came from which."""
    is_kept = any(each["url"] == V2_TEXT for each in note.get("extension", ()))
    if "\n" not in text and not is_kept:
        return
    for line in before.split("\n") if before and not is_kept else ():
        add_extension(note, extension(V2_TEXT, "valueString", escape(line)))
    keep_text(note, nte.raw(3), run)


def nte_annotation(nte: SourceSegment, run: Run) -> Element | None:
    """The note that an NTE is: its text, who wrote it, when, and of what kind."""
    annotation: Element = {}
    xcn_annotation_author(nte.first(5), run, nte.where(5), annotation)
    dtm_annotation_time(nte.text(6), run, nte.where(6), annotation)
    comment = ft_annotation_comment(nte.all(3))
    text = comment["text"] if comment is not None else _coded_text(nte, run)
    if not text.strip():
        return None
    annotation["text"] = text
    kind = cwe_codeable_concept(nte.first(4), run, nte.where(4), "CommentType", "0364")
    if kind is not None:
        add_extension(annotation, extension(f"{CORE}annotationType", "valueCodeableConcept", kind))
    source = nte.text(2)
    if source:
        add_extension(annotation, extension(f"{OWN}note-source", "valueCodeableConcept", coded(_SOURCE, source)))
    _put_coded_comment(annotation, nte, run)
    return annotation


def nte_observation(nte: SourceSegment, run: Run, observation: Resource) -> None:
    """NTE[Observation]."""
    append(observation, "note", nte_annotation(nte, run))


def nte_service_request(nte: SourceSegment, run: Run, order: Resource) -> None:
    """NTE[ServiceRequest]."""
    append(order, "note", nte_annotation(nte, run))


def nte_appointment_comment(nte: SourceSegment, run: Run, appointment: Resource) -> None:
    """NTE[Appointment-Comment]."""
    annotation = nte_annotation(nte, run)
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
