"""What a clinical document's header says, as XDS metadata has it (IHE PCC TF-2, 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from lxml import etree

from channels.direct.xdm.package import Author, Code, Entry
from schemas.ccda.document import Document
from schemas.ccda.namespaces import V3
from schemas.hl7v2.escape import escape

FORMAT_CODES = "1.3.6.1.4.1.19376.1.2.3"
"""IHE's code system of formats."""

_US_REALM = "2.16.840.1.113883.10.20.22.1.1"
_UNSTRUCTURED = "2.16.840.1.113883.10.20.22.1.10"
_GENDERS = {"M": "M", "F": "F", "UN": "O"}
_TIME = re.compile(r"(\d{4,14})(?:\.\d+)?([+-]\d{4})?\Z")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+\Z")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_MAIL = "mailto:"
_LONGEST_ID = 128  # ITI TF-3, 4.2.3.2.26


def describe_clinical(body: bytes) -> Entry:
    """The entry for the clinical document `body`; raises `CcdaError` where it is none.

    The document's code is both its class and its type. A patient's own identifier stands for the one of a domain that
    sender and receiver share, where they share none.
    """
    root = Document.parse(body).root
    role = _first(root, "recordTarget/patientRole")
    patient_id = next(filter(None, map(_cx, _each(role, "id"))), "")
    service = _first(root, "documentationOf/serviceEvent/effectiveTime")
    encounter = _first(root, "componentOf/encompassingEncounter")
    span = service if service is not None else _first(encounter, "effectiveTime")
    document_code = _code(_first(root, "code"))
    return Entry(
        unique_id=_unique_id(_first(root, "id")),
        mime_type="text/xml",
        title=_text(_first(root, "title")),
        created=_time(_first(root, "effectiveTime")),
        language=_value(_first(root, "languageCode"), "code"),
        service_start=_time(_first(span, "low")) or _time(span),
        service_stop=_time(_first(span, "high")) or _time(span),
        patient_id=patient_id,
        source_patient_id=patient_id,
        patient_info=tuple(_patient_info(role, patient_id)),
        authors=tuple(map(_author, _each(root, "author/assignedAuthor"))),
        legal_authenticator=_person(_first(root, "legalAuthenticator/assignedEntity"), "assignedPerson"),
        class_code=document_code,
        type_code=document_code,
        format_code=_format(root),
        facility=_code(_first(encounter, "location/healthCareFacility/code")),
        confidentiality=tuple(filter(None, (_code(_first(root, "confidentialityCode")),))),
    )


def _format(root: etree._Element) -> Code | None:
    """The format by what templates the document says it keeps: C-CDA R1.1 has them without a version."""
    templates = [(each.get("root"), each.get("extension", "")) for each in _each(root, "templateId")]
    versions = [version for id, version in templates if id == _US_REALM]
    if not versions:
        return None
    structured = not any(id == _UNSTRUCTURED for id, _ in templates)
    release = "2.1" if any(versions) else "1.1"
    code = f"urn:hl7-org:sdwg:ccda-{'structuredBody' if structured else 'nonXMLBody'}:{release}"
    return Code(code, FORMAT_CODES, f"C-CDA R{release}, {'structured' if structured else 'not structured'}")


def _patient_info(role: etree._Element | None, patient_id: str) -> Iterator[str]:
    patient = _first(role, "patient")
    gender = _value(_first(patient, "administrativeGenderCode"), "code")
    yield from (f"PID-3|{patient_id}",) if patient_id else ()
    name = _xpn(_first(patient, "name"))
    yield from (f"PID-5|{name}",) if name else ()
    born = re.match(r"\d{4,8}", _value(_first(patient, "birthTime"), "value"))
    yield from (f"PID-7|{born.group()}",) if born else ()
    yield f"PID-8|{_GENDERS.get(gender, 'U')}"
    address = _xad(_first(role, "addr"))
    yield from (f"PID-11|{address}",) if address else ()


def _author(assigned: etree._Element) -> Author:
    """XCN, XON, and the addresses of mail."""
    institutions = tuple(filter(None, map(_xon, _each(assigned, "representedOrganization"))))
    specialty = _code(_first(assigned, "code"))
    telecoms = [_value(each, "value") for each in _each(assigned, "telecom")]
    mails = tuple(_xtn(each[len(_MAIL) :]) for each in telecoms if each.lower().startswith(_MAIL))
    person = _person(assigned, "assignedPerson")
    device = _first(assigned, "assignedAuthoringDevice/softwareName")
    if not person and device is not None:
        person = f"^{escape(_text(device))}" if _text(device) else ""
    specialties = (escape(specialty.name),) if specialty is not None else ()
    return Author(person, institutions, (), specialties, mails)


def _person(entity: etree._Element | None, name: str) -> str:
    """An XCN: id, name, and who assigned the id."""
    who = _xpn(_first(_first(entity, name), "name"))
    ids = [(_value(each, "extension"), _value(each, "root")) for each in _each(entity, "id")]
    id, root = next(((id, root) for id, root in ids if id and _OID.match(root)), ("", ""))
    if not who and not id:
        return ""
    xcn = "^".join((escape(id), *(who or "").split("^")))
    if not id:
        return xcn
    missing = 8 - xcn.count("^")
    return f"{xcn}{'^' * missing}&{root}&ISO"


def _xpn(name: etree._Element | None) -> str:
    """Family, given, further given, suffix, prefix."""
    givens = [_text(each) for each in _each(name, "given") if each.get("qualifier") not in ("BR", "CL")]
    parts = (
        _text(_first(name, "family")),
        givens[0] if givens else "",
        " ".join(givens[1:]),
        _text(_first(name, "suffix")),
        _text(_first(name, "prefix")),
    )
    if not any(parts):
        return escape(_text(name))
    return "^".join(map(escape, parts)).rstrip("^")


def _xad(address: etree._Element | None) -> str:
    lines = [_text(each) for each in _each(address, "streetAddressLine")]
    parts = (
        lines[0] if lines else "",
        " ".join(lines[1:]),
        *(_text(_first(address, name)) for name in ("city", "state", "postalCode", "country")),
    )
    return "^".join(map(escape, parts)).rstrip("^") if any(parts) else ""


def _xon(organization: etree._Element) -> str:
    """A name, and an id with who assigned it."""
    name = escape(_text(_first(organization, "name")))
    for each in _each(organization, "id"):
        root, extension = _value(each, "root"), _value(each, "extension")
        if name and _OID.match(root):
            return f"{name}^^^^^&{root}&ISO^^^^{escape(extension)}" if extension else f"{name}^^^^^^^^^{root}"
    return name


def _xtn(mail: str) -> str:
    return f"^^Internet^{escape(mail.strip())}"


def _cx(id: etree._Element) -> str:
    root, extension = _value(id, "root"), _value(id, "extension")
    return f"{escape(extension)}^^^&{root}&ISO" if extension and _OID.match(root) else ""


def _unique_id(id: etree._Element | None) -> str:
    """An OID, with the extension where it has one; a UUID is the OID that stands for it (ITU-T X.667, 7)."""
    root, extension = _value(id, "root"), _value(id, "extension")
    if _UUID.match(root):
        root = f"2.25.{UUID(root).int}"
    if not _OID.match(root) or len(root) + len(extension) >= _LONGEST_ID:
        return ""
    return f"{root}^{extension}" if extension else root


def _code(node: etree._Element | None) -> Code | None:
    code = _value(node, "code")
    return Code(code, _value(node, "codeSystem"), _value(node, "displayName") or code) if code else None


def _time(node: etree._Element | None) -> str:
    """A DTM in UTC, as precise as it was written; what says no offset stays as it is."""
    found = _TIME.match(_value(node, "value"))
    if found is None:
        return ""
    digits, offset = found.groups()
    digits = digits[: len(digits) - len(digits) % 2]
    if not offset or len(digits) < 10:
        return digits
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:])) * (-1 if offset[0] == "-" else 1)
    try:
        moment = datetime.strptime(f"{digits:0<14}+0000", "%Y%m%d%H%M%S%z") - ahead
    except (ValueError, OverflowError):
        return ""
    return moment.strftime("%Y%m%d%H%M%S")[: max(12, len(digits))]


def _each(node: etree._Element | None, path: str) -> Iterator[etree._Element]:
    if node is None:
        return iter(())
    return node.iterfind("/".join(f"{{{V3}}}{part}" for part in path.split("/")))


def _first(node: etree._Element | None, path: str) -> etree._Element | None:
    return next(_each(node, path), None)


def _value(node: etree._Element | None, name: str) -> str:
    return node.get(name, "").strip() if node is not None else ""


def _text(node: etree._Element | None) -> str:
    return " ".join("".join(str(text) for text in node.itertext()).split()) if node is not None else ""
