"""A package made of documents: what is said about each, names, pages for people, and the ZIP around it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape

from channels.direct.xdm.archive import LIMITS
from channels.direct.xdm.describe import describe
from channels.direct.xdm.error import XdmError
from channels.direct.xdm.package import Author, Code, Document, Entry, Submission
from channels.direct.xdm.request import write_metadata

SUBJECT = "XDM/1.0/DDM"
"""What the subject of a mail says that carries a package (ITI TF-2, 3.32.4.1.4)."""

_FOLDER = "IHE_XDM/SUBSET01"
_SNOMED = "2.16.840.1.113883.6.96"
SITE_OF_CARE = Code("43741000", _SNOMED, "Site of care")
CLINICAL_SPECIALTY = Code("394658006", _SNOMED, "Clinical specialty")

_SUFFIXES = {
    "text/xml": "XML",
    "application/xml": "XML",
    "application/pdf": "PDF",
    "text/plain": "TXT",
    "x-application/hl7-v2+er7": "HL7",
    "application/fhir+json": "JSN",
}


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends a package to whom, and what is said of a document that does not say it itself.

    `sender` and `recipients` are addresses; `source_id` is the OID of the sending system. `facility` and `practice` are
    codes of the sender's own; the ones that stand here say nothing particular. `reference_ids` are CXi, of the referral
    that the documents belong to.
    """

    sender: str
    recipients: tuple[str, ...]
    source_id: str
    organization: str = ""
    facility: Code = SITE_OF_CARE
    practice: Code = CLINICAL_SPECIALTY
    language: str = "en-US"
    reference_ids: tuple[str, ...] = ()


def submit(documents: Sequence[bytes], sending: Sending, now: datetime, new_id: Callable[[], str]) -> Submission:
    """The submission of `documents` with all that full metadata asks for: what they say, else what `sending` says.

    A document that has no identifier of its patient gets that of another, unless the two name different persons.
    `new_id` gives 32 hexadecimal digits. Raises `XdmError` where there is no document, or where they are about several
    patients.
    """
    if not documents:
        raise XdmError("xdm-empty", "a package holds a document at least")
    moment = now.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    telecom = f"^^Internet^{sending.sender}"
    author = Author(institutions=(sending.organization,) if sending.organization else (), telecoms=(telecom,))
    said = [describe(data) for data in documents]
    about = next((entry for entry in said if entry.patient_id), Entry())
    if any(_is_of_another(entry, about) for entry in said):
        raise XdmError("xdm-patients", "documents of several patients do not go in one package", "send them apart")

    def completed(entry: Entry) -> Entry:
        own = about if not entry.patient_id and _may_be_of(entry, about) else entry
        return replace(
            entry,
            unique_id=entry.unique_id or _oid(new_id()),
            created=entry.created or moment,
            language=entry.language or sending.language,
            patient_id=own.patient_id,
            source_patient_id=own.source_patient_id,
            patient_info=entry.patient_info or own.patient_info,
            authors=entry.authors or (author,),
            facility=entry.facility or sending.facility,
            practice=entry.practice or sending.practice,
            reference_ids=sending.reference_ids,
        )

    entries = [completed(entry) for entry in said]
    return Submission(
        documents=tuple(Document(data, entry) for data, entry in zip(documents, entries, strict=True)),
        unique_id=_oid(new_id()),
        source_id=sending.source_id,
        patient_id=about.patient_id,
        submitted=moment,
        title=next((entry.title for entry in entries if entry.title), ""),
        authors=(author,),
        content_type=entries[0].type_code,
        recipients=tuple(f"||^^Internet^{recipient}" for recipient in sending.recipients),
    )


def write_xdm(submission: Submission, now: datetime) -> bytes:
    """`submission` as a package by IHE XDM; names, sizes and hashes are those of what is written.

    Raises `XdmError` for more documents or bytes than a reader takes, and for texts that XML cannot write.
    """
    documents = submission.documents
    if (
        len(documents) > LIMITS.files - 8
        or sum(len(each.data) for each in documents) > LIMITS.unpacked - LIMITS.metadata
    ):
        raise XdmError("xdm-too-large", "the package would be larger than receivers take")
    named = tuple(_named(document, number) for number, document in enumerate(documents, 1))
    submission = replace(submission, documents=named)
    files = {
        "INDEX.HTM": _index(submission),
        "README.TXT": _readme(submission),
        f"{_FOLDER}/METADATA.XML": write_metadata(submission),
        **{document.path: document.data for document in named},
    }
    stamp = now.astimezone(UTC)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for path, data in files.items():
            member = zipfile.ZipInfo(path, (max(1980, stamp.year), *stamp.timetuple()[1:6]))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            package.writestr(member, data)
    return made.getvalue()


def _is_of_another(entry: Entry, about: Entry) -> bool:
    """Whether both have an identifier of one authority, and not the same."""
    return entry.patient_id != about.patient_id and _authority(entry) == _authority(about) != ""


def _authority(entry: Entry) -> str:
    return entry.patient_id.partition("^^^")[2]


def _may_be_of(entry: Entry, about: Entry) -> bool:
    """Whether what an entry says of its patient, if anything, is said of the other's too."""
    ours, theirs = (
        dict(each.partition("|")[::2] for each in info) for info in (entry.patient_info, about.patient_info)
    )
    family = (ours.get("PID-5", "").partition("^")[0], theirs.get("PID-5", "").partition("^")[0])
    born = (ours.get("PID-7", "")[:8], theirs.get("PID-7", "")[:8])
    return all(not one or one.casefold() == other.casefold() for one, other in (family, born))


def _named(document: Document, number: int) -> Document:
    uri = f"DOC{number:05}.{_SUFFIXES.get(document.entry.mime_type, 'BIN')}"
    entry = replace(
        document.entry,
        uri=uri,
        size=str(len(document.data)),
        hash=hashlib.sha1(document.data, usedforsecurity=False).hexdigest(),
    )
    return Document(document.data, entry, f"{_FOLDER}/{uri}")


def _oid(id: str) -> str:
    """The OID that stands for a UUID (ITU-T X.667, 7)."""
    return f"2.25.{int(id, 16)}"


def _index(submission: Submission) -> bytes:
    """The page that a browser opens: XHTML, what is in the package, and where."""
    items = "".join(
        f'    <li><a href="{document.path}">{escape(document.entry.title or document.entry.uri)}</a></li>\n'
        for document in submission.documents
    )
    page = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML Basic 1.1//EN" "http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en">\n'
        f"  <head><title>{escape(submission.title or 'Documents')}</title></head>\n"
        f"  <body>\n  <h1>{escape(submission.title or 'Documents')}</h1>\n  <ul>\n{items}  </ul>\n"
        '  <p><a href="README.TXT">About this package</a></p>\n  </body>\n</html>\n'
    )
    return page.encode()


def _readme(submission: Submission) -> bytes:
    """Who sent it, and what is in it, without a word about a patient."""
    senders = ", ".join(telecom.rpartition("^")[2] for author in submission.authors for telecom in author.telecoms)
    lines = (
        "This package of clinical documents follows IHE XDM.",
        f"Sent by: {senders}",
        f"Documents: {len(submission.documents)}",
        "",
        "INDEX.HTM             opens in a browser and links to each document",
        f"{_FOLDER}/      the documents, and METADATA.XML about them",
        "",
    )
    return "\r\n".join(lines).encode("ascii", "replace")
