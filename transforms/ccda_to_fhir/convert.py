"""A document to a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.ccda import Document
from schemas.fhir import Resource
from schemas.finding import Finding
from transforms.ccda_to_fhir.bundle import bundle_of
from transforms.ccda_to_fhir.header import read_header
from transforms.ccda_to_fhir.leftovers import sweep
from transforms.ccda_to_fhir.options import Options
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.sections import read_body


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a document: its `bundle`, and the findings that say what was noticed on the way."""

    bundle: Resource
    findings: tuple[Finding, ...]


def convert(document: Document, options: Options, now: datetime) -> Conversion:
    """The Bundle (R4) that `document` says, whichever version of C-CDA it keeps, and whether it keeps it.

    The same document and options give the same bundle; `now` (when it was received, with its time zone) is used only
    where the document does not say when it was made. Never raises for what a document contains: a template that fails
    gives a finding, and the rest is converted.
    """
    run = convert_run(document, options)
    return Conversion(bundle_of(run, now), tuple(run.findings))


def convert_run(document: Document, options: Options) -> Run:
    """The finished run, for those who look into it."""
    run = Run(document, options)
    read_header(run)
    read_body(run)
    sweep(run)
    return run
