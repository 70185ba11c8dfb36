"""Documents of a referral in FHIR: DocumentReference, document Bundle, or the attachment of a Task."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from schemas.error import BodyError
from schemas.fhir import Element, Resource, dumps
from schemas.fhir.read import read_exact
from transforms.elements import OWN, URI, extension
from transforms.fhir_node import Node
from transforms.identity import resource_id
from transforms.refer.error import ReferralError
from transforms.refer.fhir.source import Entries, Entry
from transforms.refer.fhir.words import LOINC
from transforms.refer.referral import LINKS, Attached

FHIR_JSON = "application/fhir+json"
UNIQUE_ID = f"{OWN}document-id"
OWN_BUNDLE = f"{OWN}referral-clinical"
"""The identifier system of a document that was made here of what is known of the patient's health: no document that
anybody wrote."""


def documents_of(
    references: list[Node], attachments: list[Node], entries: Entries, patient: Entry
) -> Iterator[Attached]:
    """What these references lead to, these attachments hold, or nothing leads to, that is a document of the patient.

    Raises `ReferralError` for one whose data cannot be read: it must not be missing in silence.
    """
    seen: set[int] = set()
    named = map(entries.resolve, references)
    for found in (*named, *entries.about(patient, "DocumentReference", "Bundle")):
        if not found.resource or id(found) in seen:
            continue
        seen.add(id(found))
        if found.type == "DocumentReference":
            yield from _of_document_reference(found, entries)
        elif is_document(found.resource) and not is_own(found.resource):
            yield _of_bundle(found)
        elif found.type == "Binary":
            yield Attached(_data(found.node, "data"), found.node.peek("contentType"))
    for node in attachments:
        ids = [each.peek("valueString") for each in node.all("extension") if each.peek("url") == UNIQUE_ID]
        yield _of_attachment(node, ids[0] if ids else "", entries)


def refuse_missing(references: list[Node], entries: Entries) -> None:
    """Raise `ReferralError` for a document that these references name and that did not come along."""
    for each in references:
        kind = each.peek("type") or each.peek("reference").rpartition("/")[0].rpartition("/")[2]
        if kind in ("DocumentReference", "Binary", "Bundle") and not entries.resolve(each).resource:
            hint = "send it in the Bundle, or as an attachment of the Task: nothing is fetched"
            raise ReferralError("a document is named and did not come along", where=each.path, hint=hint)


def is_document(resource: Resource) -> bool:
    """Whether a resource is a document Bundle."""
    return resource.get("resourceType") == "Bundle" and resource.get("type") == "document"


def is_own(bundle: Resource) -> bool:
    """Whether a document Bundle was made here."""
    return Node(bundle, "Bundle").one("identifier").peek("system") == OWN_BUNDLE


def document_resource(document: Attached, number: int, patient: Element, control_id: str) -> Resource:
    """The resource that carries a document: the Bundle that it is, else a DocumentReference with its bytes."""
    bundle = bundle_in(document)
    if bundle is not None:
        return bundle if isinstance(bundle.get("id"), str) else {**bundle, "id": _id(document, number, control_id)}
    reference: Resource = {"resourceType": "DocumentReference", "id": _id(document, number, control_id)}
    if document.unique_id:
        reference["masterIdentifier"] = _unique_identifier(document.unique_id)
    reference["status"] = "current"
    reference["type"] = {"coding": [{"system": LOINC, "code": "34109-9", "display": "Note"}]}
    reference["subject"] = patient
    reference["content"] = [{"attachment": attachment_of(document)}]
    return reference


def bundle_in(document: Attached) -> Resource | None:
    """The document Bundle that the bytes are, where writing it gives the same bytes again."""
    if document.media_type != FHIR_JSON:
        return None
    try:
        bundle = read_exact(document.body)
    except BodyError:
        return None
    if not is_document(bundle) or is_own(bundle) or dumps(bundle) != document.body:
        return None
    says_the_same = _title(bundle) == document.title and _bundle_id(bundle) == document.unique_id
    return bundle if says_the_same and isinstance(bundle.get("id"), str) else None


def attachment_of(document: Attached) -> Element:
    """An Attachment with the bytes, or with the address where the document lies."""
    if document.link and " " not in document.link:
        found: Element = {"url": document.link}
    else:
        data = base64.b64encode(document.body).decode("ascii")
        found = {"contentType": document.media_type, "data": data}
    if document.title:
        found["title"] = document.title
    return found


def numbered_attachment(document: Attached) -> Element:
    """An Attachment that stands alone, with the document's unique id."""
    found = attachment_of(document)
    if document.unique_id:
        found = {"extension": [extension(UNIQUE_ID, "valueString", document.unique_id)], **found}
    return found


def _of_document_reference(entry: Entry, entries: Entries) -> Iterator[Attached]:
    unique = entry.node.one("masterIdentifier")
    unique_id = _plain_id(unique.peek("value")) if unique else ""
    for content in entry.node.all("content"):
        yield _of_attachment(content.one("attachment"), unique_id, entries)


def _of_attachment(node: Node, unique_id: str, entries: Entries) -> Attached:
    title = node.peek("title")
    if node.has("data"):
        return Attached(_data(node, "data"), node.peek("contentType"), title, unique_id)
    url = node.peek("url")
    held = entries.by_url(url)
    if held.type == "Binary":
        media_type = held.node.peek("contentType") or node.peek("contentType")
        return Attached(_data(held.node, "data"), media_type, title, unique_id)
    if not url:
        raise ReferralError("the document has neither data nor an address", where=node.path)
    return Attached(url.encode() + b"\r\n", LINKS, title, unique_id)


def _of_bundle(entry: Entry) -> Attached:
    bundle = entry.resource
    return Attached(dumps(bundle), FHIR_JSON, _title(bundle), _bundle_id(bundle))


def _title(bundle: Resource) -> str:
    return Node(bundle, "Bundle").one("entry").one("resource").peek("title")


def _bundle_id(bundle: Resource) -> str:
    return _plain_id(Node(bundle, "Bundle").one("identifier").peek("value"))


def _data(node: Node, name: str) -> bytes:
    try:
        return base64.b64decode("".join(node.peek(name).split()), validate=True)
    except (binascii.Error, ValueError):
        raise ReferralError("the document cannot be read", where=f"{node.path}.{name}", hint="it is base64") from None


def _unique_identifier(unique_id: str) -> Element:
    is_uri = all(each.isdigit() for each in unique_id.split(".")) and "." in unique_id
    return {"system": URI, "value": f"urn:oid:{unique_id}"} if is_uri else {"value": unique_id}


def _plain_id(value: str) -> str:
    return value.removeprefix("urn:oid:")


def _id(document: Attached, number: int, control_id: str) -> str:
    return resource_id("DocumentReference", document.unique_id or control_id, str(number))
