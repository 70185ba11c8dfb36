"""What a package says about a document, as attributes of the message that the document becomes."""

from __future__ import annotations

from channels.direct.xdm.package import Code, Document, Submission


def attributes_of(submission: Submission, document: Document) -> dict[str, str]:
    """The facts of `document` and of how it was sent, by their attributes (`xdm.type_code`); none that is not said."""
    entry = document.entry
    said = {
        "xdm.unique_id": entry.unique_id,
        "xdm.title": entry.title,
        "xdm.mime_type": entry.mime_type,
        "xdm.created": entry.created,
        "xdm.language": entry.language,
        "xdm.class_code": _code(entry.class_code),
        "xdm.type_code": _code(entry.type_code),
        "xdm.format_code": _code(entry.format_code),
        "xdm.confidentiality": ",".join(code.code for code in entry.confidentiality),
        "xdm.patient_id": entry.patient_id,
        "xdm.source_patient_id": entry.source_patient_id,
        "xdm.reference_id": next(iter(entry.reference_ids), ""),
        "xdm.path": document.path,
        "xdm.submission_id": submission.unique_id,
        "xdm.source_id": submission.source_id,
        "xdm.submitted": submission.submitted,
        "xdm.content_type": _code(submission.content_type),
    }
    return {name: value for name, value in said.items() if value}


def _code(code: Code | None) -> str:
    return code.code if code is not None else ""
