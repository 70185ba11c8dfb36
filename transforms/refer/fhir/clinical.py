"""What is known of the patient's health as FHIR carries it: resources, and the document that BSeR wants of them."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN
from transforms.identity import resource_id
from transforms.refer.fhir.documents import OWN_BUNDLE, bundle_in
from transforms.refer.fhir.request import BRINGS, Sides, key_of
from transforms.refer.fhir.source import Entries, address_of
from transforms.refer.fhir.words import LOINC
from transforms.refer.referral import Attached, ReferralMessage, Side


def clinical_entries(message: ReferralMessage, patient: Resource) -> list[Element]:
    """The entries of what the message says itself, but for what one of its documents says already."""
    said = message.clinical.get("entry", []) if message.clinical is not None else []
    there = {url for each in message.documents for url in _told_by(each, patient["id"])}
    return [each for each in said if each.get("fullUrl") not in there]


def clinical_document(
    message: ReferralMessage, entries: list[Element], patient: Resource, sides: Sides, author: list[Resource]
) -> Resource:
    """A document Bundle with one Composition, by who acts, of these entries."""
    is_report = message.act in BRINGS
    code, display = ("11488-4", "Consult note") if is_report else ("57133-1", "Referral note")
    composition: Resource = {
        "resourceType": "Composition",
        "id": resource_id("Composition", *key_of(message), message.control_id),
        "status": "final",
        "type": {"coding": [{"system": LOINC, "code": code, "display": display}]},
        "subject": sides.patient,
        "date": message.at.isoformat(),
        "author": [sides.recipient if message.act.side is Side.RECIPIENT else sides.initiator],
        "title": "Referral feedback" if is_report else "Referral request",
        "section": [
            {
                "title": "Supporting information",
                "code": {"coding": [{"system": f"{OWN}section", "code": "supporting-information"}]},
                "entry": [{"reference": each["fullUrl"]} for each in entries],
            }
        ],
    }
    number = resource_id("Bundle", *key_of(message), message.control_id, "clinical")
    held = [{"fullUrl": address_of(each), "resource": each} for each in (composition, patient, *author)]
    return {
        "resourceType": "Bundle",
        "id": number,
        "identifier": {"system": OWN_BUNDLE, "value": number},
        "type": "document",
        "timestamp": message.at.isoformat(),
        "entry": [*held, *entries],
    }


def _told_by(document: Attached, patient_id: str) -> list[str]:
    """The addresses of what a document that is a Bundle says of the patient's health itself."""
    bundle = bundle_in(document)
    if bundle is None:
        return []
    inner = Entries(bundle)
    patient = inner.patient_of(inner.first("Composition").node.one("subject"))
    return [each["fullUrl"] for each in inner.clinical(patient, patient_id)]
