"""There and back: what a document says is what comes of it by way of FHIR."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.ccda import Document
from schemas.fhir import Resource
from schemas.fhir.facts import Fact, facts
from tests.transforms.fhir_to_ccda.conversion import NOW, find, there
from tests.transforms.fhir_to_ccda.oracle import faults
from transforms import ccda_to_fhir

DOCUMENTS = sorted((Path(__file__).parents[3] / "samples" / "ccda").glob("*.xml"))
_CODED = ("code", "system", "status", "intent", "value", "unit", "start", "end")


def to_fhir(body: bytes) -> Resource:
    """The Bundle of a document."""
    return ccda_to_fhir.convert(Document.parse(body), ccda_to_fhir.Options(), NOW).bundle


def coded(bundle: Resource) -> Counter[Fact]:
    """The coded facts of the resources that are about the patient: codes, statuses, amounts and times."""
    about = [each for each in bundle["entry"] if each["resource"]["resourceType"] not in ("Provenance", "Composition")]
    said = facts({**bundle, "entry": about})
    return Counter({fact: 1 for fact in said if fact[0].rpartition(".")[2] in _CODED and ".text" not in fact[0]})


def narrative(bundle: Resource) -> list[str]:
    """The words of each section."""
    found: list[str] = []

    def take(section: dict[str, Any]) -> None:
        found.append(" ".join("".join(etree.fromstring(section["text"]["div"]).itertext()).split()))
        for each in section.get("section", ()):
            take(each)

    for each in next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Composition")[
        "section"
    ]:
        take(each)
    return found


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_coded_facts_and_narrative_come_back(file: Path) -> None:
    first = to_fhir(file.read_bytes())
    conversion = there(first)
    assert conversion.document is not None
    assert faults(conversion.document) == []
    second = to_fhir(conversion.document)
    one, other = coded(first), coded(second)
    lost = one - other
    assert sum(lost.values()) <= 0.02 * sum(one.values()), sorted(lost)
    words, back = narrative(first), narrative(second)
    assert [each for each in words if not any(text.startswith(each) for text in back)] == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_ids_of_the_document_and_its_patient_come_back(file: Path) -> None:
    made = there(to_fhir(file.read_bytes())).document
    assert made is not None
    one, other = etree.parse(file).getroot(), etree.fromstring(made)
    for path in ("v:id", "v:recordTarget/v:patientRole/v:id"):
        assert [dict(each.attrib) for each in find(one, path)] == [dict(each.attrib) for each in find(other, path)]
