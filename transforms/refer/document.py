"""A clinical document that comes alone: somebody refers the patient and does no more than send their record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from schemas.ccda import Document
from schemas.content import Kind
from schemas.tables import CodeMap
from transforms.ccda_to_fhir.header import read_header
from transforms.ccda_to_fhir.options import Options
from transforms.ccda_to_fhir.run import Run
from transforms.fhir_node import Node
from transforms.refer.error import ReferralError
from transforms.refer.fhir.parties import party
from transforms.refer.fhir.source import Entries, uuid_of
from transforms.refer.fhir.values import identifier, moment
from transforms.refer.referral import Act, Attached, ReferralMessage

_RECIPIENT = "InformationRecipientExtension"


def read_document(
    document: Document, body: bytes, received: datetime, systems: CodeMap | None, documents: Iterable[Attached] = ()
) -> ReferralMessage:
    """A request with the document: its patient, its author as who refers, its first recipient as to whom.

    The referral's identifier is that of the document's set of versions, else its own. Whether it is the outcome of a
    referral that is open is for the caller to know. Raises `ReferralError` where the document has no identifier.
    """
    run = Run(document, Options(bundle="collection", profile="none", systems=systems))
    read_header(run)
    entry = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in run.resources]
    entries = Entries({"resourceType": "Bundle", "type": "collection", "entry": entry})
    composition = entries.first("Composition").node
    referral = identifier(composition.one("identifier"), entries)
    if referral is None:
        hint = "give it an id; nothing else tells its referral from others"
        raise ReferralError("the document has no identifier", where="/ClinicalDocument/id", hint=hint)
    patient = entries.patient_of(composition.one("subject"))
    number = run.root.get("id")
    own = "^".join(filter(None, (number.peek("root"), number.peek("extension")))) if number is not None else ""
    attached = Attached(body, Kind.CCDA.media_type, composition.peek("title"), own)
    return ReferralMessage(
        act=Act.REQUEST,
        referral=referral,
        at=moment(composition.peek("date")) or received,
        patient=entries.plain(patient, patient, uuid_of(patient)),
        control_id=own,
        initiator=party(composition.one("author"), entries),
        recipient=party(_recipient(composition), entries),
        documents=(attached, *documents),
    )


def _recipient(composition: Node) -> Node:
    for each in composition.all("extension"):
        if each.peek("url").endswith(_RECIPIENT):
            return each.one("valueReference")
    return Node(None, "")
