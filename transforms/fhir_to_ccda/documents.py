"""The types of document: which one a Bundle becomes, and what it must contain."""

from __future__ import annotations

from typing import NamedTuple

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.run import Run

_D = "2.16.840.1.113883.10.20.22.1."


class DocumentType(NamedTuple):
    """A type of document; `codes` are the LOINC codes that it may have, the first where the Bundle has none of them.

    `required` are the keys of the sections that it must have, in order.
    """

    name: str
    template: str
    codes: tuple[str, ...]
    title: str
    required: tuple[str, ...]


CCD = DocumentType(
    "ccd",
    f"{_D}2",
    ("34133-9",),
    "Continuity of Care Document",
    ("allergies", "medications", "problems", "results", "social", "vitals"),
)
REFERRAL_NOTE = DocumentType(
    "referral_note",
    f"{_D}14",
    ("57133-1", "28616-1", "57170-3", "57178-6"),
    "Referral Note",
    ("referral", "problems", "allergies", "medications", "assessment", "plan"),
)
DISCHARGE_SUMMARY = DocumentType(
    "discharge_summary",
    f"{_D}8",
    ("18842-5", "28655-9", "11490-0", "28574-2", "34105-7", "34106-5", "29761-4"),
    "Discharge Summary",
    ("allergies", "course", "discharge_diagnosis", "plan"),
)
TRANSFER_SUMMARY = DocumentType(
    "transfer_summary",
    f"{_D}13",
    ("18761-7", "28651-8", "34755-9"),
    "Transfer Summary",
    ("referral", "allergies", "medications", "problems", "results", "vitals", "assessment", "plan"),
)

DOCUMENTS = {each.name: each for each in (CCD, REFERRAL_NOTE, DISCHARGE_SUMMARY, TRANSFER_SUMMARY)}

_LOINC = "http://loinc.org"


def document_type(run: Run) -> DocumentType:
    """The type of the document: the site's choice, else what the Composition or the event of the message says."""
    if run.options.document != "auto":
        return DOCUMENTS[run.options.document]
    codes = {each.peek("code") for each in run.composition.one("type").all("coding")}
    for each in DOCUMENTS.values():
        if codes & set(each.codes):
            return each
    return _of_event(run) or CCD


def code_of(document: DocumentType, kind: Node) -> str:
    """The LOINC code of the document: the Composition's own where the type allows it."""
    for each in kind.all("coding"):
        if each.peek("system") == _LOINC and each.peek("code") in document.codes:
            return each.peek("code")
    return document.codes[0]


_EVENTS = {
    "A03": DISCHARGE_SUMMARY,
    "A02": TRANSFER_SUMMARY,
    "A01": TRANSFER_SUMMARY,
    "I12": REFERRAL_NOTE,
    "I13": REFERRAL_NOTE,
    "I14": REFERRAL_NOTE,
}


def _of_event(run: Run) -> DocumentType | None:
    event = run.first("MessageHeader").one("eventCoding")
    return _EVENTS.get(event.peek("code"))
