"""METADATA.XML written: a SubmitObjectsRequest of ebRIM 3.0, its elements in the order of the schema."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from channels.direct.xdm import schemes
from channels.direct.xdm.error import XdmError
from channels.direct.xdm.package import Author, Code, Entry, Submission

_SET = "SubmissionSet01"
_OBJECT = f"{schemes.OBJECT}:"
_LONGEST_VALUE, _LONGEST_TEXT = 256, 1024
"""What the schema of ebRIM 3.0 allows (LongName, FreeFormText); a value that is longer is left out, a text is cut."""


def write_metadata(submission: Submission) -> bytes:
    """The METADATA.XML that says what `submission` and its documents say; raises `XdmError` where a text holds a
    character that XML has not."""
    root = etree.Element(f"{{{schemes.LCM}}}SubmitObjectsRequest", nsmap={"lcm": schemes.LCM, "rim": schemes.RIM})
    objects = etree.SubElement(root, _rim("RegistryObjectList"))
    try:
        ids = [f"Document{number:02}" for number in range(1, len(submission.documents) + 1)]
        for id, document in zip(ids, submission.documents, strict=True):
            _document(objects, id, document.entry)
        _submission_set(objects, submission)
        _add(objects, "Classification", id="Classified01", classifiedObject=_SET, classificationNode=schemes.SUBMISSION,
             objectType=f"{_OBJECT}Classification")  # fmt: skip
        for number, id in enumerate(ids, 1):
            member = _add(objects, "Association", id=f"Member{number:02}", associationType=schemes.HAS_MEMBER,
                          sourceObject=_SET, targetObject=id, objectType=f"{_OBJECT}Association")  # fmt: skip
            _slot(member, "SubmissionSetStatus", ("Original",))
    except ValueError:
        raise XdmError("xdm-text", "a text holds a character that XML cannot write") from None
    written: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _document(objects: etree._Element, id: str, entry: Entry) -> None:
    node = _add(objects, "ExtrinsicObject", id=id, objectType=schemes.DOCUMENT, mimeType=entry.mime_type,
                status=schemes.APPROVED)  # fmt: skip
    for name, value in (
        ("creationTime", entry.created),
        ("languageCode", entry.language),
        ("serviceStartTime", entry.service_start),
        ("serviceStopTime", entry.service_stop),
        ("sourcePatientId", entry.source_patient_id),
        ("legalAuthenticator", entry.legal_authenticator),
        ("URI", entry.uri),
        ("size", entry.size),
        ("hash", entry.hash),
    ):
        _slot(node, name, (value,))
    _slot(node, "sourcePatientInfo", entry.patient_info)
    _slot(node, schemes.REFERENCE_IDS, entry.reference_ids)
    _words(node, entry.title, entry.comments)
    _authors(node, id, schemes.AUTHOR, entry.authors)
    single = (
        (schemes.CLASS_CODE, entry.class_code),
        (schemes.TYPE_CODE, entry.type_code),
        (schemes.FORMAT_CODE, entry.format_code),
        (schemes.FACILITY, entry.facility),
        (schemes.PRACTICE, entry.practice),
    )
    repeating = (*((schemes.CONFIDENTIALITY, each) for each in entry.confidentiality),
                 *((schemes.EVENT, each) for each in entry.events))  # fmt: skip
    _codes(node, id, (*single, *repeating))
    _identifiers(
        node,
        id,
        (schemes.PATIENT_ID, "XDSDocumentEntry.patientId", entry.patient_id),
        (schemes.UNIQUE_ID, "XDSDocumentEntry.uniqueId", entry.unique_id),
    )


def _submission_set(objects: etree._Element, submission: Submission) -> None:
    node = _add(objects, "RegistryPackage", id=_SET, status=schemes.APPROVED, objectType=f"{_OBJECT}RegistryPackage")
    _slot(node, "submissionTime", (submission.submitted,))
    _slot(node, "intendedRecipient", submission.recipients)
    _words(node, submission.title, submission.comments)
    _authors(node, _SET, schemes.SUBMISSION_AUTHOR, submission.authors)
    _codes(node, _SET, ((schemes.CONTENT_TYPE, submission.content_type),))
    _identifiers(
        node,
        _SET,
        (schemes.SUBMISSION_PATIENT_ID, "XDSSubmissionSet.patientId", submission.patient_id),
        (schemes.SUBMISSION_SOURCE_ID, "XDSSubmissionSet.sourceId", submission.source_id),
        (schemes.SUBMISSION_UNIQUE_ID, "XDSSubmissionSet.uniqueId", submission.unique_id),
    )


def _words(node: etree._Element, title: str, comments: str) -> None:
    for name, text in (("Name", title), ("Description", comments)):
        if text:
            _localized(node, name, text)


def _authors(node: etree._Element, of: str, scheme: str, authors: Iterable[Author]) -> None:
    for number, author in enumerate(authors, 1):
        made = _classification(node, f"{of}.Author{number:02}", of, scheme, "")
        _slot(made, "authorPerson", (author.person,))
        _slot(made, "authorInstitution", author.institutions)
        _slot(made, "authorRole", author.roles)
        _slot(made, "authorSpecialty", author.specialties)
        _slot(made, "authorTelecommunication", author.telecoms)


def _codes(node: etree._Element, of: str, codes: Iterable[tuple[str, Code | None]]) -> None:
    for number, (scheme, code) in enumerate(codes, 1):
        if code is not None:
            made = _classification(node, f"{of}.Code{number:02}", of, scheme, code.code)
            _slot(made, "codingScheme", (code.scheme,))
            _localized(made, "Name", code.name or code.code)


def _identifiers(node: etree._Element, of: str, *identifiers: tuple[str, str, str]) -> None:
    for number, (scheme, name, value) in enumerate(identifiers, 1):
        if value:
            made = _add(node, "ExternalIdentifier", id=f"{of}.Id{number:02}", registryObject=of,
                        identificationScheme=scheme, value=value,
                        objectType=f"{_OBJECT}ExternalIdentifier")  # fmt: skip
            _localized(made, "Name", name)


def _classification(node: etree._Element, id: str, of: str, scheme: str, code: str) -> etree._Element:
    return _add(node, "Classification", id=id, classificationScheme=scheme, classifiedObject=of,
                nodeRepresentation=code, objectType=f"{_OBJECT}Classification")  # fmt: skip


def _slot(node: etree._Element, name: str, values: Iterable[str]) -> None:
    kept = [value for value in values if 0 < len(value) <= _LONGEST_VALUE]
    if kept:
        values_of = _add(_add(node, "Slot", name=name), "ValueList")
        for value in kept:
            _add(values_of, "Value").text = value


def _localized(node: etree._Element, name: str, text: str) -> None:
    _add(_add(node, name), "LocalizedString", value=text[:_LONGEST_TEXT])


def _add(node: etree._Element, name: str, /, **attributes: str) -> etree._Element:
    return etree.SubElement(node, _rim(name), attributes)


def _rim(name: str) -> str:
    return f"{{{schemes.RIM}}}{name}"
