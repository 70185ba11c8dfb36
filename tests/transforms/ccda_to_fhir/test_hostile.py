"""Whatever is done to a document, a bundle comes out of it, whole and the same again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.ccda import CcdaError, Document
from schemas.fhir import dumps
from schemas.fhir.bundled import Bundled
from schemas.fhir.read import read
from schemas.fhir.validate import validate
from schemas.finding import Severity
from tests.transforms.ccda_to_fhir.conversion import NOW
from tests.transforms.ccda_to_fhir.test_guide import DOCUMENTS, document
from transforms.ccda_to_fhir import Options, convert
from transforms.ccda_to_fhir import run as runs

CORPUS = Path(os.environ.get("HIE_CORPUS") or Path(__file__).resolve().parents[4] / "shared" / "corpus") / "ccda"
NAMES = sorted(path.stem for path in DOCUMENTS.glob("*.xml"))
TEXTS = [
    "",
    "x",
    "-1",
    "1e400",
    "true",
    "20261332",
    "99999999999999999999",
    "UNK",
    "#nowhere",
    "\u00e9 \u2028",
    "a" * 3000,
]


def damaged(name: str, place: int, what: int, text: str) -> bytes:
    """The document of that name with one element taken out, doubled, emptied, moved or given other attributes."""
    root = document(name)
    elements = [each for each in root.iter() if isinstance(each.tag, str)][1:]
    target = elements[place % len(elements)]
    parent = target.getparent()
    assert parent is not None
    match what:
        case 0:
            parent.remove(target)
        case 1:
            parent.insert(0, etree.fromstring(etree.tostring(target, with_tail=False)))
        case 2:
            target[:] = []
            target.text = text
        case 3:
            for attribute in target.attrib:
                target.set(attribute, text)
        case 4:
            target.attrib.clear()
            target.set("nullFlavor", text or "NI")
        case _:
            elements[(place * 7) % len(elements)].append(etree.fromstring(etree.tostring(target, with_tail=False)))
    return etree.tostring(root)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(NAMES),
    place=st.integers(0, 2000),
    what=st.integers(0, 5),
    text=st.sampled_from(TEXTS),
)
def test_a_damaged_document_is_converted(name: str, place: int, what: int, text: str) -> None:
    body = damaged(name, place, what, text)
    found = convert(Document.parse(body), Options(), NOW)
    assert [each for each in found.findings if each.code == "CCDA-102"] == []
    written = dumps(found.bundle)
    assert dumps(convert(Document.parse(body), Options(), NOW).bundle) == written
    bundle = read(written)
    assert list(Bundled(bundle, "Bundle").unresolved(all_of_them=True, severity=Severity.ERROR)) == []
    errors = [str(each) for each in validate(bundle) if each.severity == Severity.ERROR]
    assert errors == []


@pytest.mark.parametrize("name", NAMES)
def test_no_finding_quotes_what_a_patient_is_called(name: str) -> None:
    root = document(name)
    for element in root.iter():
        if isinstance(element.tag, str) and element.text and element.text.strip():
            element.text = "Zyxwvu"
    found = convert(Document.parse(etree.tostring(root)), Options(unmapped="report"), NOW)
    assert [each for each in found.findings if "Zyxwvu" in str(each)] == []


def test_many_entries_with_one_identifier_do_not_take_ages() -> None:
    entry = """<entry><observation><id root="1.2.3" extension="o1"/><code code="8302-2"/><value value="{}"/>
</observation></entry>"""
    body = "".join(entry.format(number) for number in range(2000))
    text = f"<ClinicalDocument><component><structuredBody><component><section>{body}</section></component>"
    found = convert(Document.parse(f"{text}</structuredBody></component></ClinicalDocument>".encode()), Options(), NOW)
    assert len(found.bundle["entry"]) == 2002


def test_the_corpus_is_converted(capsys: pytest.CaptureFixture[str]) -> None:
    count = 0
    for path in sorted(CORPUS.rglob("*.xml")):
        body = path.read_bytes()
        try:
            parsed = Document.parse(body) if len(body) < 200_000 else None
        except CcdaError:
            parsed = None
        if parsed is not None and count < 60:
            found = convert(parsed, Options(), NOW)
            assert [each for each in found.findings if each.code == "CCDA-102"] == [], path.name
            count += 1
    assert count == 60 or not CORPUS.is_dir()
    with capsys.disabled():
        print(f"\n{count} documents of the corpus converted")


def test_entries_that_each_repeat_all_of_the_narrative_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_REPEATED", 100_000)
    entry = """<entry><observation><id root="1.2.3" extension="{}"/><code code="8302-2"><originalText>
<reference value="#all"/></originalText></code><text><reference value="#all"/></text></observation></entry>"""
    entries = "".join(entry.format(number) for number in range(300))
    text = f"<text><content ID='all'>{'long ' * 2000}</content></text>"
    body = f"<ClinicalDocument><component><structuredBody><component><section>{text}{entries}</section></component>"
    found = convert(Document.parse(f"{body}</structuredBody></component></ClinicalDocument>".encode()), Options(), NOW)
    assert len(dumps(found.bundle)) < 600_000
    assert "CCDA-132" in {each.code for each in found.findings}


def test_of_very_many_elements_that_nobody_reads_the_first_are_told_and_how_many_more() -> None:
    unknown = "".join(f"<priorityCode code='R{number}'/>" for number in range(1500))
    entry = f"<entry><observation><code code='8302-2'/>{unknown}</observation></entry>"
    body = f"<ClinicalDocument><component><structuredBody><component><section>{entry}</section></component>"
    found = convert(Document.parse(f"{body}</structuredBody></component></ClinicalDocument>".encode()), Options(), NOW)
    told = [each for each in found.findings if each.code == "CCDA-101"]
    assert len(told) == 1001
    assert told[-1].what.startswith("500 further elements")
