"""HL7 v2 to a clinical document: which one, and what it tells of."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from schemas.hl7v2 import Er7
from schemas.message import CCDA, HL7V2, Message
from tests.transforms.fhir_to_ccda.conversion import NOW, find
from tests.transforms.fhir_to_ccda.oracle import faults
from tests.transforms.written import UnboundError, bind, run
from transforms import StepError
from transforms.v2_to_ccda import convert, options_of

SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"
MESSAGES = sorted(SAMPLES.glob("*.hl7"))


@pytest.mark.parametrize(
    ("name", "template", "told"),
    [
        ("adt_a03", "8", "//v:encompassingEncounter/v:effectiveTime/v:high[@value]"),
        ("adt_a01", "13", "//v:encompassingEncounter/v:location"),
        ("adt_a02", "13", "//v:encompassingEncounter"),
        ("ref_i12", "14", "//v:informationRecipient"),
        ("oru_r01", "2", "//v:section[v:code/@code='30954-2']/v:entry/v:organizer/v:component/v:observation"),
        ("vxu_v04", "2", "//v:section[v:code/@code='11369-6']/v:entry/v:substanceAdministration"),
        ("mdm_t02", "2", "//v:section[v:code/@code='34109-9']/v:entry/v:act"),
    ],
)
def test_the_event_chooses_the_document(name: str, template: str, told: str) -> None:
    (made,) = run("v2_to_ccda", message((SAMPLES / f"{name}.hl7").read_bytes()))
    assert made.format == CCDA
    root = etree.fromstring(made.body)
    assert f"2.16.840.1.113883.10.20.22.1.{template}" in find(root, "v:templateId/@root")
    assert find(root, told)


def test_every_message_that_becomes_fhir_becomes_a_valid_document() -> None:
    made = 0
    for file in MESSAGES:
        try:
            er7 = Er7.parse(file.read_bytes())
        except ValueError:
            continue
        converted = convert(er7, options_of(), NOW)
        if converted.document is None:
            assert converted.findings[-1].code in ("FHIR-001", "CCDA-201"), file.name
            continue
        assert faults(converted.document) == [], file.name
        made += 1
    assert made >= 40


def test_a_refused_immunization_stays_refused() -> None:
    (made,) = run("v2_to_ccda", message((SAMPLES / "vxu_v04_refused.hl7").read_bytes()))
    given = find(etree.fromstring(made.body), "//v:entry/v:substanceAdministration/@negationInd")
    assert "true" in given


def test_another_body_stops_here_and_options_are_checked() -> None:
    with pytest.raises(StepError):
        run("v2_to_ccda", message(b"{}", "fhir"))
    with pytest.raises(UnboundError):
        bind("v2_to_ccda: {document: letter}")


def message(body: bytes, format: str = HL7V2) -> Message:
    """A message as an inbound end makes it."""
    return Message("0" * 32, "test", format, body, NOW)
