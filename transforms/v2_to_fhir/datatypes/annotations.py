"""FT, CWE, XCN and DTM to Annotation: a note, who wrote it and when."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.elements import put
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_date_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value


def ft_annotation_comment(values: list[Value]) -> Element | None:
    """FT[Annotation-Comment]: each repetition is a line (HL7 v2.9, 2A.2.31)."""
    text = lines(values)
    return {"text": text} if text else None


def cwe_annotation(cwe: Value | None) -> Element | None:
    """CWE[Annotation]: the field as it was sent, its separators included."""
    text = cwe.whole() if cwe is not None else ""
    return {"text": text} if text else None


def xcn_annotation_author(xcn: Value | None, run: Run, where: str, annotation: Element) -> None:
    """XCN[Annotation-Author]: who wrote it."""
    put(annotation, "authorReference", xcn_practitioner(xcn, run, where))


def dtm_annotation_time(text: str, run: Run, where: str, annotation: Element) -> None:
    """DTM[Annotation-Time]: when it was written."""
    put_date_time(annotation, "time", text, run, where)


def lines(values: list[Value]) -> str:
    """The repetitions of a text (TX, FT) as lines; an empty one is an empty line."""
    return "\n".join(value.whole() for value in values)
