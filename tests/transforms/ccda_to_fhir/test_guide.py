"""HL7's guide C-CDA on FHIR, row by row: each is done, or `deviations.csv` says why it is not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from schemas.ccda import Document
from schemas.ccda.namespaces import SDTC
from schemas.fhir.facts import Fact, facts
from tests.transforms.ccda_to_fhir.conversion import NOW
from transforms.ccda_to_fhir import Options, convert
from transforms.ccda_to_fhir.guide import Row, deviations, rows

DOCUMENTS = Path(__file__).with_name("guide")
PAGES = sorted({row.page for row in rows()})
PATIENT = '<recordTarget><patientRole><id root="2.16.840.1.113883.19.5" extension="77"/></patientRole></recordTarget>'


def document(name: str) -> etree._Element:
    """The document of that name, its elements without a namespace: what it says of a page of the guide, in a frame."""
    part = etree.parse(DOCUMENTS / f"{name}.xml").getroot()
    root = etree.fromstring(
        f'<ClinicalDocument xmlns:sdtc="{SDTC}"><id root="1.2.3.4"/><effectiveTime value="20240101120000+0000"/>'
        f"{'' if part.tag == 'header' else PATIENT}</ClinicalDocument>"
    )
    if part.tag == "header":
        root.extend(list(part))
        return root
    body = etree.SubElement(etree.SubElement(root, "component"), "structuredBody")
    etree.SubElement(body, "component").append(part)
    return root


def said(root: etree._Element) -> Counter[Fact]:
    """What the conversion of a document says."""
    return facts(convert(Document.parse(etree.tostring(root)), Options(profile="none"), NOW).bundle)


def is_done(row: Row) -> bool:
    """Whether the row's FHIR element changes when its CDA element is taken out of the page's document."""
    root = document(row.document)
    whole = said(root)
    found = root.xpath(row.xpath, namespaces={"sdtc": SDTC})
    assert isinstance(found, list) and found, f"{row}: the document has no such element"
    target = found[0]
    if isinstance(target, etree._Element):
        parent = target.getparent()
        assert parent is not None
        parent.remove(target)
    else:
        owner = target.getparent()
        if target.is_attribute:
            del owner.attrib[target.attrname]
        else:
            owner.text = ""
    lost = whole - said(root)
    return any(place == row.fhir or place.startswith((f"{row.fhir}.", f"{row.fhir}(")) for place, _ in lost)


@pytest.mark.parametrize("page", PAGES)
def test_every_row_is_done_or_has_a_stated_reason(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    neither = []
    for row in rows():
        if row.page != page:
            continue
        state = "done" if row.xpath and is_done(row) else "stated reason" if row.deviation else "neither"
        counts[state] += 1
        if state == "neither":
            neither.append(f"{row.page} {row.row} {row.source} -> {row.target}: {row.xpath} {row.fhir}")
    with capsys.disabled():
        print(f"\nguide: {counts.total()} rows of {page}: {dict(counts)}")
    assert neither == []


def test_every_deviation_is_of_a_row_that_is_not_done() -> None:
    known = {(row.page, row.row) for row in rows()}
    assert [each for each in deviations() if not each.reason or (each.page, each.row) not in known] == []
    assert [row for row in rows() if row.xpath and row.deviation] == []
