"""Conversions as tests write them, and how they look into a document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lxml import etree

from schemas.ccda.namespaces import SDTC, V3, XSI
from schemas.fhir import Resource
from tests.transforms.fhir_to_ccda.oracle import faults
from transforms.fhir_to_ccda import Conversion, Options, convert

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
DOCUMENTS = ("ccd", "referral_note", "discharge_summary", "transfer_summary")
SNOMED, LOINC, RXNORM = "http://snomed.info/sct", "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:oid:2.999.1", "value": "7704318"}],
    "name": [{"family": "Okonjo", "given": ["Thessaly"]}],
    "gender": "female",
    "birthDate": "1961-04-17",
}
_SPACES = {"v": V3, "sdtc": SDTC, "xsi": XSI}


def concept(code: str, system: str = SNOMED, display: str = "") -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def bundle(*resources: Resource, patient: Resource = PATIENT) -> Resource:
    """A collection of the patient and what is hers."""
    about = [
        each if "resourceType" not in each or "subject" in each or "patient" in each else each | _subject(each)
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in (patient, *about)]}


def _subject(resource: Resource) -> dict[str, Any]:
    name = "patient" if resource["resourceType"] in ("AllergyIntolerance", "Immunization") else "subject"
    return {name: {"reference": "Patient/p"}}


def there(resource: Resource, **options: Any) -> Conversion:
    """What becomes of `resource`."""
    return convert(resource, Options(**options), NOW)


def document(resource: Resource, **options: Any) -> etree._Element:
    """The document that `resource` becomes, against which HL7's validators have nothing to say."""
    made = there(resource, **options)
    assert made.document is not None, made.findings
    assert faults(made.document) == []
    return etree.fromstring(made.document)


def find(element: etree._Element, path: str) -> list[Any]:
    """What is at an XPath in which `v:` is the namespace of the document."""
    found = element.xpath(path, namespaces=_SPACES)
    return found if isinstance(found, list) else [found]


def entries(element: etree._Element, template: str) -> list[etree._Element]:
    """The entries of a template, by the last part of its root."""
    root = f"2.16.840.1.113883.10.20.22.4.{template}"
    return find(element, f"//*[v:templateId[@root='{root}']]")
