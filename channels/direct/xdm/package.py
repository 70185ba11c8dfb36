"""A package of documents with what is said about them, in the terms of IHE XDS metadata (ITI TF-3, 4.2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.finding import Finding


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value: `scheme` is an OID, or a name where the sender has no OID."""

    code: str
    scheme: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote something: HL7 v2 values (XCN, XON, text, text, XTN), escaped as they stand in metadata."""

    person: str = ""
    institutions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()
    telecoms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said about one document: "" and () where nothing is. Ids of patients are CX, times DTM in UTC.

    `patient_info` is of lines like `PID-5|Family^Given`; `reference_ids` are CXi, of a referral for one.
    """

    unique_id: str = ""
    mime_type: str = ""
    title: str = ""
    comments: str = ""
    created: str = ""
    language: str = ""
    service_start: str = ""
    service_stop: str = ""
    patient_id: str = ""
    source_patient_id: str = ""
    patient_info: tuple[str, ...] = ()
    authors: tuple[Author, ...] = ()
    legal_authenticator: str = ""
    class_code: Code | None = None
    type_code: Code | None = None
    format_code: Code | None = None
    facility: Code | None = None
    practice: Code | None = None
    confidentiality: tuple[Code, ...] = ()
    events: tuple[Code, ...] = ()
    reference_ids: tuple[str, ...] = ()
    uri: str = ""
    hash: str = ""
    size: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a package: its bytes, what is said about it, and its path in the package."""

    data: bytes = field(repr=False)
    entry: Entry = field(default_factory=Entry, repr=False)
    path: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """Documents that were sent together, and what is said about the sending. `recipients` are as metadata has them:
    `organization|person|telecom`, the last an XTN (`^^Internet^bob@receiver.example`)."""

    documents: tuple[Document, ...] = field(repr=False)
    unique_id: str = ""
    source_id: str = ""
    patient_id: str = ""
    submitted: str = ""
    title: str = ""
    comments: str = ""
    authors: tuple[Author, ...] = field(default=(), repr=False)
    content_type: Code | None = None
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    """What a package holds, and what was noticed in it."""

    submissions: tuple[Submission, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def documents(self) -> tuple[Document, ...]:
        """All its documents, in the order of its metadata."""
        return tuple(document for submission in self.submissions for document in submission.documents)
