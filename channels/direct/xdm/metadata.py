"""METADATA.XML: what it says about the documents of a package (ebRIM 3.0, as ITI TF-3, 4.2 uses it)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lxml import etree

from channels.direct.xdm import schemes
from channels.direct.xdm.error import XdmError
from channels.direct.xdm.package import Author, Code, Entry, Submission
from schemas.xml import XmlError, parse_xml

_MOST_OBJECTS = 5_000
_LONGEST_VALUE = 65_536


class Described(NamedTuple):
    """A submission set as metadata describes it: without documents yet, and the entries of those."""

    submission: Submission
    entries: tuple[Entry, ...]


def read_metadata(body: bytes, *, strict: bool = False) -> tuple[Described, ...]:
    """The submission sets that `body` describes; raises `XdmError` where it is no metadata.

    A set that names no members has all documents, where it is the only one. What is missing is "": `strict` asks for
    what the full metadata of ITI TF-3, table 4.3.1-3 must have, and for ebRIM 3.0.
    """
    try:
        root = parse_xml(body)
    except XmlError as error:
        raise XdmError("xdm-metadata", f"METADATA.XML is not taken: {error}") from None
    name = etree.QName(root)
    if name.localname != "SubmitObjectsRequest" or (strict and name.namespace != schemes.LCM):
        raise XdmError("xdm-metadata", "METADATA.XML is no SubmitObjectsRequest of ebRIM 3.0")
    objects = _Objects(root)
    described = tuple(_described(objects, strict))
    if not described:
        raise XdmError("xdm-metadata", "METADATA.XML describes no document")
    return described


class _Objects:
    """The registry objects of a request by what they are."""

    def __init__(self, root: etree._Element) -> None:
        self.documents: dict[str, etree._Element] = {}
        self.packages: dict[str, etree._Element] = {}
        self.members: list[tuple[str, str]] = []
        self.classified: dict[str, list[str]] = {}
        for count, node in enumerate(_objects(root)):
            if count > _MOST_OBJECTS:
                raise XdmError("xdm-metadata", f"METADATA.XML has more than {_MOST_OBJECTS} objects")
            match _local(node):
                case "ExtrinsicObject":
                    self._add(self.documents, node)
                case "RegistryPackage":
                    self._add(self.packages, node)
                case "Association" if _last(node.get("associationType", "")) == "HasMember":
                    self.members.append((node.get("sourceObject", ""), node.get("targetObject", "")))
                case "Classification":
                    node_of = node.get("classificationNode", "").lower()
                    self.classified.setdefault(node.get("classifiedObject", ""), []).append(node_of)

    def _add(self, known: dict[str, etree._Element], node: etree._Element) -> None:
        id = node.get("id", "")
        if not id or id in known:
            raise XdmError("xdm-metadata", "an object in METADATA.XML has no id, or that of another")
        known[id] = node

    def sets(self) -> list[tuple[str, etree._Element]]:
        """The packages that are submission sets, not folders: by their classification, or because there is one only."""
        found = [
            (id, node)
            for id, node in self.packages.items()
            if schemes.SUBMISSION in (*self.classified.get(id, ()), *_own_nodes(node))
        ]
        return found or (list(self.packages.items()) if len(self.packages) == 1 else [])


def _described(objects: _Objects, strict: bool) -> Iterator[Described]:
    entries = {id: _entry(node) for id, node in objects.documents.items()}
    sets = objects.sets()
    taken: set[str] = set()
    for id, node in sets:
        members = [target for source, target in objects.members if source == id and target in entries]
        if strict and not members:
            raise XdmError("xdm-metadata", "a submission set in METADATA.XML has no documents")
        if not members and len(sets) == 1:
            members = list(entries)
        members = [member for member in dict.fromkeys(members) if member not in taken]
        taken.update(members)
        submission = _submission(node)
        if strict:
            _check(submission, [entries[each] for each in members])
        if members:
            yield Described(submission, tuple(entries[each] for each in members))
    left = [entry for id, entry in entries.items() if id not in taken]
    if left:
        if strict:
            raise XdmError("xdm-metadata", "METADATA.XML describes a document that belongs to no submission set")
        yield Described(Submission(()), tuple(left))


def _check(submission: Submission, entries: list[Entry]) -> None:
    """Raise `XdmError` with the name of what full metadata must have and this has not."""
    needed: dict[str, object] = {
        "XDSSubmissionSet.uniqueId": submission.unique_id,
        "XDSSubmissionSet.sourceId": submission.source_id,
        "XDSSubmissionSet.patientId": submission.patient_id,
        "XDSSubmissionSet.submissionTime": submission.submitted,
        "XDSSubmissionSet.contentTypeCode": submission.content_type,
    }
    for entry in entries:
        needed |= {
            "XDSDocumentEntry.uniqueId": entry.unique_id,
            "XDSDocumentEntry.mimeType": entry.mime_type,
            "XDSDocumentEntry.URI": entry.uri,
            "XDSDocumentEntry.hash": entry.hash,
            "XDSDocumentEntry.size": entry.size,
            "XDSDocumentEntry.creationTime": entry.created,
            "XDSDocumentEntry.languageCode": entry.language,
            "XDSDocumentEntry.patientId": entry.patient_id,
            "XDSDocumentEntry.sourcePatientId": entry.source_patient_id,
            "XDSDocumentEntry.classCode": entry.class_code,
            "XDSDocumentEntry.typeCode": entry.type_code,
            "XDSDocumentEntry.formatCode": entry.format_code,
            "XDSDocumentEntry.confidentialityCode": entry.confidentiality,
            "XDSDocumentEntry.healthcareFacilityTypeCode": entry.facility,
            "XDSDocumentEntry.practiceSettingCode": entry.practice,
        }
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise XdmError("xdm-missing", f"METADATA.XML lacks {', '.join(missing)}", "`strict` asks for full metadata")


def _entry(node: etree._Element) -> Entry:
    slots, identifiers, codes = _slots(node), _identifiers(node), _classifications(node)
    info = tuple(slots.get("sourcePatientInfo", ()))
    return Entry(
        unique_id=identifiers.get(schemes.UNIQUE_ID, ""),
        mime_type=node.get("mimeType", ""),
        title=_named(node, "Name"),
        comments=_named(node, "Description"),
        created=_one(slots, "creationTime"),
        language=_one(slots, "languageCode"),
        service_start=_one(slots, "serviceStartTime"),
        service_stop=_one(slots, "serviceStopTime"),
        patient_id=identifiers.get(schemes.PATIENT_ID, ""),
        source_patient_id=_one(slots, "sourcePatientId"),
        patient_info=info,
        authors=_authors(codes.get(schemes.AUTHOR, ())),
        legal_authenticator=_one(slots, "legalAuthenticator"),
        class_code=_first(codes.get(schemes.CLASS_CODE, ())),
        type_code=_first(codes.get(schemes.TYPE_CODE, ())),
        format_code=_first(codes.get(schemes.FORMAT_CODE, ())),
        facility=_first(codes.get(schemes.FACILITY, ())),
        practice=_first(codes.get(schemes.PRACTICE, ())),
        confidentiality=tuple(map(_code, codes.get(schemes.CONFIDENTIALITY, ()))),
        events=tuple(map(_code, codes.get(schemes.EVENT, ()))),
        reference_ids=tuple(slots.get(schemes.REFERENCE_IDS, ())),
        uri=_uri(slots.get("URI", [])),
        hash=_one(slots, "hash").lower(),
        size=_one(slots, "size"),
    )


def _submission(node: etree._Element) -> Submission:
    slots, identifiers, codes = _slots(node), _identifiers(node), _classifications(node)
    return Submission(
        documents=(),
        unique_id=identifiers.get(schemes.SUBMISSION_UNIQUE_ID, ""),
        source_id=identifiers.get(schemes.SUBMISSION_SOURCE_ID, ""),
        patient_id=identifiers.get(schemes.SUBMISSION_PATIENT_ID, ""),
        submitted=_one(slots, "submissionTime"),
        title=_named(node, "Name"),
        comments=_named(node, "Description"),
        authors=_authors(codes.get(schemes.SUBMISSION_AUTHOR, ())),
        content_type=_first(codes.get(schemes.CONTENT_TYPE, ())),
        recipients=tuple(slots.get("intendedRecipient", ())),
    )


def _authors(nodes: Sequence[etree._Element]) -> tuple[Author, ...]:
    def author(node: etree._Element) -> Author:
        slots = _slots(node)
        return Author(
            _one(slots, "authorPerson"),
            tuple(slots.get("authorInstitution", ())),
            tuple(slots.get("authorRole", ())),
            tuple(slots.get("authorSpecialty", ())),
            tuple(slots.get("authorTelecommunication", ())),
        )

    return tuple(map(author, nodes))


def _first(nodes: Sequence[etree._Element]) -> Code | None:
    return _code(nodes[0]) if nodes else None


def _code(node: etree._Element) -> Code:
    return Code(node.get("nodeRepresentation", ""), _one(_slots(node), "codingScheme"), _named(node, "Name"))


def _uri(values: list[str]) -> str:
    """The value of a URI slot: of one that is cut into numbered pieces (`1|...`), the pieces together."""
    if len(values) == 1 and "|" not in values[0]:
        return values[0]
    pieces = [value.partition("|") for value in values]
    if not pieces or not all(bar and number.isdecimal() and len(number) < 6 for number, bar, _ in pieces):
        return ""
    return "".join(text for _, _, text in sorted(pieces, key=lambda piece: int(piece[0])))


def _objects(root: etree._Element) -> Iterator[etree._Element]:
    """The registry objects: within a RegistryObjectList, or within a LeafRegistryObjectList of ebRIM 2.1."""
    for node in root.iterchildren(etree.Element):
        if _local(node) in ("RegistryObjectList", "LeafRegistryObjectList"):
            yield from node.iterchildren(etree.Element)


def _own_nodes(node: etree._Element) -> list[str]:
    return [each.get("classificationNode", "").lower() for each in _children(node, "Classification")]


def _slots(node: etree._Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for slot in _children(node, "Slot"):
        values = [_text(value) for each in _children(slot, "ValueList") for value in _children(each, "Value")]
        found.setdefault(slot.get("name", ""), []).extend(filter(None, values))
    return found


def _identifiers(node: etree._Element) -> dict[str, str]:
    return {
        each.get("identificationScheme", "").lower(): each.get("value", "").strip()
        for each in _children(node, "ExternalIdentifier")
    }


def _classifications(node: etree._Element) -> dict[str, list[etree._Element]]:
    found: dict[str, list[etree._Element]] = {}
    for each in _children(node, "Classification"):
        found.setdefault(each.get("classificationScheme", "").lower(), []).append(each)
    return found


def _named(node: etree._Element, name: str) -> str:
    """The text of a Name or Description: of its first LocalizedString."""
    for each in _children(node, name):
        for text in _children(each, "LocalizedString"):
            return text.get("value", "")
    return ""


def _one(slots: dict[str, list[str]], name: str) -> str:
    return next(iter(slots.get(name, ())), "")


def _text(node: etree._Element) -> str:
    text = (node.text or "").strip()
    if len(text) > _LONGEST_VALUE:
        raise XdmError("xdm-metadata", "a value in METADATA.XML is longer than any is")
    return text


def _children(node: etree._Element, name: str) -> Iterator[etree._Element]:
    return (each for each in node.iterchildren(etree.Element) if _local(each) == name)


def _local(node: etree._Element) -> str:
    return etree.QName(node).localname


def _last(urn: str) -> str:
    return urn.rpartition(":")[2]
