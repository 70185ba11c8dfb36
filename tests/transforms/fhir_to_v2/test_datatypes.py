"""Data types backwards: an element in, what the field says out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transforms.fhir_to_v2.conversion import NOW
from transforms.fhir_node import Node
from transforms.fhir_to_v2 import Options
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.codes import cwe_of
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import cx_of, ei_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.datatypes.quantities import cq_of, sn_of, sn_of_range, sn_of_ratio, units_of
from transforms.fhir_to_v2.datatypes.times import dtm, tm
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run

LN, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
V2 = "http://terminology.hl7.org/CodeSystem/v2-"


def run_of(**options: Any) -> Run:
    """A conversion of nothing, for what a data type asks of it."""
    return Run({"resourceType": "Bundle"}, Options(**options), NOW)


def written(parts: Any) -> str:
    """One repetition as a message writes it."""
    line = Line("ZZZ")
    line.put(1, parts)
    return line.wire().partition("|")[2]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026", "", "2026"),
        ("2026-03", "", "202603"),
        ("2026-03-12", "", "20260312"),
        ("2026-03-12", "America/Chicago", "20260312"),
        ("2026-03-12T08:30:00+01:00", "", "20260312083000+0100"),
        ("2026-03-12T08:30:15.123456Z", "", "20260312083015.1234+0000"),
        ("2026-03-12T08:30:00+01:00", "America/Chicago", "20260312023000-0500"),
        ("2026-01-12T23:30:00Z", "+05:30", "20260113050000+0530"),
        ("2016-12-31T23:59:60Z", "", "20161231235960+0000"),
        ("12 March", "", ""),
        ("2026-03-12T08:30:00+01:00\n", "", ""),
    ],
)
def test_a_time_keeps_its_exactness_and_its_offset(text: str, zone: str, expected: str) -> None:
    assert dtm(text, zone) == expected


def test_a_time_of_day() -> None:
    assert [tm(text) for text in ("08:30:00", "08:30:00.5", "8.30")] == ["083000", "083000.5", ""]


@pytest.mark.parametrize(
    ("concept", "codes", "table", "expected"),
    [
        ({"coding": [{"system": LN, "code": "2823-3", "display": "Potassium"}]}, "", "", "2823-3^Potassium^LN"),
        ({"text": "a cough"}, "", "", "^a cough"),
        ({"coding": [{"system": LN, "code": "1"}], "text": "one"}, "", "", "1^^LN^^^^^^one"),
        ({"coding": [{"system": f"{V2}0069", "code": "CAR"}]}, "HospitalService", "0069", "CAR"),
        ({"coding": [{"system": "urn:x", "code": "a"}, {"system": LN, "code": "b"}]}, "", "", "a^^urn:x^b^^LN"),
        ({"coding": [{"code": "a^b", "display": "x|y"}]}, "", "", "a\\S\\b^x\\F\\y"),
        (
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]},
            "MaritalStatus",
            "0002",
            "M",
        ),
        (
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"},
                    {"system": f"{V2}0002", "code": "M", "display": "Wed"},
                ]
            },
            "MaritalStatus",
            "0002",
            "M^Wed^HL70002",
        ),
        (
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]},
            "",
            "",
            "",
        ),
        ({"coding": "nonsense", "text": {"a": 1}}, "", "", ""),
    ],
)
def test_codes(concept: dict[str, Any], codes: str, table: str, expected: str) -> None:
    assert written(cwe_of(Node(concept, "x"), run_of(), codes, table)) == expected


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ({"value": "7"}, "7"),
        ({"system": "urn:oid:1.2.3", "value": "7"}, "7^^^&1.2.3&ISO"),
        ({"system": "https://a.example/mrn", "value": "7"}, "7^^^&https://a.example/mrn&URI"),
        ({"system": "urn:hie-engine:authority:STANNE", "value": "7"}, "7^^^STANNE"),
        ({"system": "urn:hie-engine:authority:EAST:ST%20ANNE", "value": "7"}, "7^^^ST ANNE"),
        ({"system": "http://hl7.org/fhir/sid/us-npi", "value": "7"}, "7^^^NPI&2.16.840.1.113883.4.6&ISO"),
        ({"system": "http://hl7.org/fhir/sid/us-npi", "value": "7", "assigner": {"display": "NPI"}}, "7^^^NPI"),
        ({"type": {"coding": [{"system": f"{V2}0203", "code": "MR"}]}, "value": "7"}, "7^^^^MR"),
        ({"value": "7", "period": {"start": "2026-03-12T08:30:00Z"}}, "7^^^^^^20260312"),
        ({"system": "urn:oid:1.2.3"}, ""),
    ],
)
def test_an_identifier(identifier: dict[str, Any], expected: str) -> None:
    assert written(cx_of(Node(identifier, "x"), run_of())) == expected


def test_an_entity_identifier() -> None:
    assert written(ei_of(Node({"system": "urn:uuid:ab", "value": "7"}, "x"), run_of())) == "7^^ab^UUID"


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ({"family": "Vale", "given": ["Ann", "B", "C"], "prefix": ["Dr"]}, "2.5.1", "Vale^Ann^B C^^Dr"),
        ({"family": "Vale", "suffix": ["Jr", "MD"], "use": "official"}, "2.5.1", "Vale^^^Jr^^MD^L"),
        ({"family": "Vale", "suffix": ["Jr", "MD"]}, "2.7", "Vale^^^Jr^^^^^^^^^^MD"),
        ({"text": "Ann of Eastmere"}, "2.5.1", "Ann of Eastmere"),
        ({"family": "Vale", "period": {"start": "2020"}}, "2.5.1", "Vale^^^^^^^^^^^2020"),
        ({"family": "Vale", "period": {"start": "2020"}}, "2.4", "Vale^^^^^^^^^2020"),
    ],
)
def test_a_name(name: dict[str, Any], version: str, expected: str) -> None:
    assert written(xpn_of(Node(name, "x"), run_of(version=version))) == expected


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ({"system": "phone", "value": "1", "use": "home"}, "1^PRN^PH"),
        ({"system": "phone", "value": "1", "use": "mobile"}, "1^PRN^CP"),
        ({"system": "email", "value": "a@b.example"}, "^NET^Internet^a@b.example"),
        ({"system": "fax", "value": "1", "use": "work"}, "1^WPN^FX"),
        ({"system": "phone"}, ""),
    ],
)
def test_a_contact(contact: dict[str, Any], expected: str) -> None:
    assert written(xtn_of(Node(contact, "x"), run_of())) == expected


def test_an_address() -> None:
    lines = {"line": ["14 Lantern Row", "Apt 3B", "at the back"], "city": "Eastmere", "use": "home", "country": "USA"}
    address = Node(lines, "x")
    assert written(xad_of(address, run_of())) == "14 Lantern Row^Apt 3B, at the back^Eastmere^^^USA^H"
    assert written(xad_of(address, run_of(version="2.8"))).startswith("14 Lantern Row^Apt 3B^Eastmere")


def test_quantities() -> None:
    litre = {"value": 5, "unit": "litre", "system": UCUM, "code": "L"}
    assert written(units_of(Node(litre, "x"))) == "L^litre^UCUM"
    assert written(cq_of(Node({"value": 5, "unit": "drops"}, "x"))) == "5^drops"
    assert written(sn_of(Node({"value": 5, "comparator": ">="}, "x"))) == ">=^5"
    assert written(sn_of_range(Node({"low": {"value": 1}, "high": {"value": 2}}, "x"))) == "^1^-^2"
    assert written(sn_of_ratio(Node({"numerator": {"value": 1}, "denominator": {"value": 128}}, "x"))) == "^1^:^128"
