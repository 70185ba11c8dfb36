"""Documents of a few entries, converted, and what one looks for in the bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.ccda import Document
from schemas.fhir import Resource
from transforms.ccda_to_fhir import Conversion, Options, convert

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
PATIENT = """<recordTarget><patientRole><id root="2.16.840.1.113883.19.5" extension="77"/><patient>
<name use="L"><given>Ann</given><family>Vale</family></name><administrativeGenderCode code="F"
codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19610417"/></patient></patientRole></recordTarget>"""
AUTHOR = """<author><time value="20260312083015+0100"/><assignedAuthor>
<id root="2.16.840.1.113883.4.6" extension="1234567893"/><assignedPerson><name><given>Eve</given><family>Ross</family>
</name></assignedPerson></assignedAuthor></author>"""


def document(body: str, *, header: str = PATIENT + AUTHOR, time: str = "20260312083015+0100") -> Document:
    """A document with that header and that body: what stands within `component`."""
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>
<id root="2.16.840.1.113883.19.5.1" extension="D1"/>
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summarization of Episode Note"/>
<title>Summary</title><effectiveTime value="{time}"/>
<confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/><languageCode code="en-US"/>
{header}<component>{body}</component></ClinicalDocument>"""
    return Document.parse(text.encode())


def section(code: str, *entries: str, text: str = "<paragraph>What there is.</paragraph>", title: str = "") -> str:
    """A body of one section with that LOINC code, text and entries."""
    inner = "".join(f"<entry>{each}</entry>" for each in entries)
    return f"""<structuredBody><component><section><code code="{code}" codeSystem="2.16.840.1.113883.6.1"/>
<title>{title or code}</title><text>{text}</text>{inner}</section></component></structuredBody>"""


def convert_body(body: str, options: Options | None = None, header: str = PATIENT + AUTHOR) -> Conversion:
    """The conversion of a document with that body."""
    return convert(document(body, header=header), options or Options(), NOW)


def convert_entries(code: str, *entries: str, text: str = "<paragraph>What there is.</paragraph>") -> Conversion:
    """The conversion of a document of one section with these entries."""
    return convert_body(section(code, *entries, text=text))


def resources(found: Conversion, resource_type: str) -> list[Resource]:
    """The resources of that type, in the order of the bundle."""
    entries = (entry["resource"] for entry in found.bundle["entry"])
    return [each for each in entries if each["resourceType"] == resource_type]


def only(found: Conversion, resource_type: str) -> Resource:
    """The one resource of that type."""
    (one,) = resources(found, resource_type)
    return one


def codes(found: Conversion) -> set[str]:
    """The codes of the findings."""
    return {each.code for each in found.findings}


def code(concept: dict[str, Any] | None) -> str | None:
    """The first code of a CodeableConcept, None where there is none."""
    codings = (concept or {}).get("coding", [])
    return codings[0]["code"] if codings else None


def extensions(element: dict[str, Any], url: str) -> list[Any]:
    """The values of the extensions with that URL, or with one that ends so."""
    found = []
    for each in element.get("extension", []):
        if each["url"].endswith(url):
            found += [value for name, value in each.items() if name != "url"]
    return found
