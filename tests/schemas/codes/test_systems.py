"""Coding systems and identifier systems by the names that feeds write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import identifier_system, system_name, system_uri
from schemas.codes.data import rows

THO = "http://terminology.hl7.org/CodeSystem/"
RACE = "urn:oid:2.16.840.1.113883.6.238"


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("LN", "http://loinc.org"),
        ("ln", "http://loinc.org"),
        (" LN ", "http://loinc.org"),
        ("SCT", "http://snomed.info/sct"),
        ("SNOMED-CT", "http://snomed.info/sct"),
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("ICD-10-CM", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("C4", "http://www.ama-assn.org/go/cpt"),
        ("CPT4", "http://www.ama-assn.org/go/cpt"),
        ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("NDC", "http://hl7.org/fhir/sid/ndc"),
        ("CVX", "http://hl7.org/fhir/sid/cvx"),
        ("HL70292", "http://hl7.org/fhir/sid/cvx"),
        ("MVX", "http://hl7.org/fhir/sid/mvx"),
        ("UCUM", "http://unitsofmeasure.org"),
        ("CDCREC", RACE),
        ("HL70005", RACE),
        ("HL70189", THO + "v2-0189"),
        ("HL70001", THO + "v2-0001"),
        ("hl70203", THO + "v2-0203"),
        ("HL7127", THO + "v2-0127"),
        ("HL7-0354", THO + "v2-0354"),
        ("HL70000", ""),
        ("HL7nnnn", ""),
        ("CDCPHINVS", "urn:oid:2.16.840.1.114222.4.5.274"),
        ("NIP001", "urn:oid:2.16.840.1.114222.4.5.293"),
        ("1.0.3166.1", "urn:iso:std:iso:3166"),
        ("NULLFL", THO + "v3-NullFlavor"),
        ("PHINQUESTION", "urn:oid:2.16.840.1.114222.4.5.232"),
        ("2.16.840.1.113883.6.1", "http://loinc.org"),
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("2.16.840.1.113883.6.103", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("2.16.840.1.113883.12.292", "http://hl7.org/fhir/sid/cvx"),
        ("2.16.840.1.113883.12.1", THO + "v2-0001"),
        ("2.16.840.1.113883.5.4", THO + "v3-ActCode"),
        ("2.16.840.1.113883.6.238", RACE),
        ("urn:oid:2.16.840.1.113883.6.69", "http://hl7.org/fhir/sid/ndc"),
        ("1.2.3.4", "urn:oid:1.2.3.4"),
        ("L", ""),
        ("99ABC", ""),
        ("ISO+", ""),
        ("1.2.x", ""),
        ("HL7", ""),
        ("", ""),
    ],
)
def test_a_name_has_the_uri(name: str, uri: str) -> None:
    assert system_uri(name) == uri


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://loinc.org", "LN"),
        ("http://snomed.info/sct", "SCT"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "I10C"),
        ("http://www.ama-assn.org/go/cpt", "C4"),
        (THO + "v2-0203", "HL70203"),
        (THO + "v2-0292", "CVX"),
        (THO + "v3-ActCode", "ACTCODE"),
        (THO + "v3-MaritalStatus", ""),
        (RACE, "CDCREC"),
        ("urn:oid:2.16.840.1.113883.6.1", "LN"),
        ("urn:oid:2.16.840.1.113883.12.203", "HL70203"),
        ("urn:oid:1.2.3.4", ""),
        (THO + "v2-0360|2.7", ""),
        ("http://example.org/codes", ""),
        ("", ""),
    ],
)
def test_a_uri_has_the_name(uri: str, name: str) -> None:
    assert system_name(uri) == name


def test_names_are_of_one_system_and_lead_back_to_it() -> None:
    keys: list[str] = []
    for uri, names, oids, _ in rows("systems.csv"):
        keys += [*names.upper().split(), *oids.split()]
        assert all(system_uri(each) == uri for each in (*names.split(), *oids.split()))
        assert system_name(uri) == (names.split() or [""])[0]
    assert len(keys) == len(set(keys))


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    uri = system_uri(text)
    assert uri == "" or uri.startswith(("http", "urn:"))
    assert isinstance(system_name(text), str)
    assert isinstance(identifier_system(text, text), str)


@pytest.mark.parametrize(
    ("namespace", "oid", "uri"),
    [
        ("NPI", "", "http://hl7.org/fhir/sid/us-npi"),
        ("npi", "", "http://hl7.org/fhir/sid/us-npi"),
        ("", "2.16.840.1.113883.4.6", "http://hl7.org/fhir/sid/us-npi"),
        ("SSA", "2.16.840.1.113883.4.1", "http://hl7.org/fhir/sid/us-ssn"),
        ("MBI", "", "http://hl7.org/fhir/sid/us-mbi"),
        ("CLIA", "", "urn:oid:2.16.840.1.113883.4.7"),
        ("STANNE", "", ""),
        ("NPI", "1.2.3.4", ""),
        ("", "", ""),
    ],
)
def test_an_assigner_has_the_uri(namespace: str, oid: str, uri: str) -> None:
    assert identifier_system(namespace, oid) == uri
