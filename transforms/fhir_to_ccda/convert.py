"""A resource to a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from schemas.fhir import Resource
from schemas.finding import Finding
from transforms.converting import line_of
from transforms.fhir_to_ccda.body import Body
from transforms.fhir_to_ccda.documents import document_type
from transforms.fhir_to_ccda.element import Element, arrange, make
from transforms.fhir_to_ccda.header.head import header
from transforms.fhir_to_ccda.leftovers import report_unread
from transforms.fhir_to_ccda.options import Options
from transforms.fhir_to_ccda.run import DEFECT, NO_DOCUMENT, Run


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a resource: the `document` in UTF-8, None where it becomes none, and the findings that say why."""

    document: bytes | None
    findings: tuple[Finding, ...]


def convert(resource: Resource, options: Options, now: datetime) -> Conversion:
    """The clinical document that `resource`, a Bundle or a single one, says: whole or not at all.

    The same resource, options and `now` (with its time zone) give the same document. Never raises for what a resource
    contains.
    """
    document, run = convert_run(resource, options, now)
    body = None if document is None else etree.tostring(document, encoding="UTF-8", xml_declaration=True)
    return Conversion(body, tuple(run.findings))


def convert_run(resource: Resource, options: Options, now: datetime) -> tuple[Element | None, Run]:
    """The document and the finished run, for those who look into it."""
    run = Run(resource, options, now)
    if not run.patient and not run.composition:
        what = "there is neither a Patient nor a Composition to make a document of"
        run.findings.append(Finding(NO_DOCUMENT, run.root.path, what, "put the Patient into the Bundle"))
        return None, run
    try:
        kind = document_type(run)
        head = header(kind, run)
        body = Body(kind, run)
        body.write()
        document = make("ClinicalDocument", *head, make("component", body.element()))
        arrange(document)
        report_unread(run)
    except Exception as error:
        run.findings.append(_defect(error))
        return None, run
    return document, run


def _defect(error: Exception) -> Finding:
    """The finding of a map that failed: in which line of the maps, never the error's text."""
    what = f"a map failed ({line_of(error)}); no document is made"
    return Finding(DEFECT, "Bundle", what, "this is a defect of the engine: report it with this line")
