"""FHIR's XML: the same resource as in JSON, and nothing that an attacker would like."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.fhir import Resource
from schemas.fhir.error import FhirError
from schemas.fhir.read import read_exact
from schemas.fhir.xml import from_xml, to_xml
from schemas.hl7v2 import Er7
from tests.schemas.fhir.made import resources
from tests.schemas.fhir.test_corpus import CORPUS
from transforms.v2_to_fhir import Options, convert

SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"

PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"profile": ["http://x.example/p"]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Ann &amp; Bo</p></div>'},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "St. Anne"}],
    "extension": [{"url": "http://x.example/e", "valueDecimal": Decimal("7.10")}],
    "active": True,
    "name": [{"id": "n1", "family": "Vale", "given": ["Ann", None, "Bo"], "_given": [None, {"id": "g"}, None]}],
    "birthDate": "1961-04-17",
    "_birthDate": {"extension": [{"url": "http://x.example/t", "valueDateTime": "1961-04-17T08:00:00Z"}]},
    "multipleBirthInteger": 2,
}
XML = (
    '<Patient xmlns="http://hl7.org/fhir"><id value="p1"/><meta><profile value="http://x.example/p"/></meta>'
    '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Ann &amp; Bo</p></div></text>'
    '<contained><Organization><id value="o"/><name value="St. Anne"/></Organization></contained>'
    '<extension url="http://x.example/e"><valueDecimal value="7.10"/></extension><active value="true"/>'
    '<name id="n1"><family value="Vale"/><given value="Ann"/><given id="g"/><given value="Bo"/></name>'
    '<birthDate value="1961-04-17"><extension url="http://x.example/t"><valueDateTime value="1961-04-17T08:00:00Z"/>'
    '</extension></birthDate><multipleBirthInteger value="2"/></Patient>'
)


def test_json_and_xml_say_the_same() -> None:
    assert to_xml(PATIENT).decode().partition("?>\n")[2] == XML
    assert from_xml(XML.encode()) == PATIENT


def test_a_bundle_holds_resources() -> None:
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"fullUrl": "urn:x", "resource": PATIENT}]}
    assert from_xml(to_xml(bundle)) == bundle


def test_what_is_made_of_the_samples_comes_back() -> None:
    files = sorted(SAMPLES.glob("adt_*.hl7"))
    assert len(files) >= 15
    for file in files:
        bundle = convert(Er7.parse(file.read_bytes()), Options(), datetime(2026, 1, 1, tzinfo=UTC)).bundle
        assert bundle is not None
        assert from_xml(to_xml(bundle)) == bundle, file.name


HOSTILE = [
    ('<!DOCTYPE Patient [<!ENTITY x "y">]><Patient xmlns="http://hl7.org/fhir"/>', "document type"),
    ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><Patient xmlns="http://hl7.org/fhir"/>', "document type"),
    (
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir">'
        '<id value="&a;"/></Patient>',
        "XML|document type",
    ),
    ("<Patient/>", "no element of FHIR"),
    ('<Nothing xmlns="http://hl7.org/fhir"/>', "no such resource"),
    ('<Patient xmlns="http://hl7.org/fhir"><nmae value="x"/></Patient>', "no such element"),
    ('<Patient xmlns="http://hl7.org/fhir"><active value="yes"/></Patient>', "true or false"),
    ('<Patient xmlns="http://hl7.org/fhir"><id value="a"/><id value="b"/></Patient>', "twice"),
    ('<Patient xmlns="http://hl7.org/fhir"><multipleBirthInteger value="1e9"/></Patient>', "whole number"),
    ('<Patient xmlns="http://hl7.org/fhir">', "no XML"),
    ('<Patient xmlns="http://hl7.org/fhir">' + "<extension>" * 200 + "</extension>" * 200 + "</Patient>", "deep"),
    ("", "no XML"),
    ("\x00\x01", "no XML"),
]


@pytest.mark.parametrize(("body", "what"), HOSTILE)
def test_what_is_no_resource_is_refused_with_a_reason(body: str, what: str) -> None:
    with pytest.raises(FhirError, match=what):
        from_xml(body.encode())


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Nothing"},
        {"resourceType": "Patient", "nmae": "x"},
        {"resourceType": "Patient", "name": "x"},
        {"resourceType": "Patient", "birthDate": {"x": 1}},
        {"resourceType": "Patient", "birthDate": "\x00"},
        {"resourceType": "Patient", "text": {"div": "<p>no div</p>"}},
        {"resourceType": "Patient", "text": {"div": '<!DOCTYPE a [<!ENTITY a "b">]><div/>'}},
    ],
)
def test_what_xml_cannot_say_is_refused_with_a_reason(resource: Resource) -> None:
    with pytest.raises(FhirError):
        to_xml(resource)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "id", "text", "_id", "x"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["name", "id", "text", "contained", "_active", "active", "extension"]), _JSON))
def test_any_object_is_written_or_refused(body: Resource) -> None:
    try:
        to_xml({"resourceType": "Patient", **body})
    except FhirError:
        return


@given(st.binary(max_size=60) | st.text(st.sampled_from('<>/="ab &;!?-'), max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for each in (body, b'<Patient xmlns="http://hl7.org/fhir">' + body + b"</Patient>"):
        try:
            assert from_xml(each)["resourceType"]
        except FhirError:
            continue


@given(resources())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_resource_of_r4_comes_back(resource: Resource) -> None:
    assert from_xml(to_xml(resource)) == resource


def test_comments_are_no_elements() -> None:
    body = (
        '<!-- a --><Bundle xmlns="http://hl7.org/fhir"><!-- b --><entry><resource><!-- c --><Patient/></resource>'
        "</entry></Bundle>"
    )
    assert from_xml(body.encode()) == {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}


@pytest.mark.timeout(300)
def test_the_corpus_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    count = 0
    for file in sorted((CORPUS / "fhir-ig-examples").glob("*/*.json")):
        try:
            resource = read_exact(file.read_bytes())
            written = to_xml(resource)
        except FhirError:
            continue  # no resource, or none of R4
        count += 1
        assert with_same_narratives(from_xml(written)) == with_same_narratives(resource), file.name
    with capsys.disabled():
        print(f"\n{count} resources came back from XML")
    assert count == 0 or count >= 180


def with_same_narratives(value: Any) -> Any:
    """`value` with its narratives in XML's canonical form: quotes and empty elements may be written in two ways."""
    if isinstance(value, dict):
        return {
            name: etree.tostring(etree.fromstring(inner), method="c14n")
            if name == "div"
            else with_same_narratives(inner)
            for name, inner in value.items()
        }
    return [with_same_narratives(each) for each in value] if isinstance(value, list) else value
