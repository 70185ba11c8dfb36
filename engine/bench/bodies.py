"""The FHIR that the load test sends: a Patient of 1 KB, a transaction of 20 entries."""

from __future__ import annotations

from typing import Any

from schemas.fhir import dumps

ENTRIES = 20
_TERMS = "http://terminology.hl7.org/CodeSystem"


def patient(number: int) -> bytes:
    """Patient number `number`, about 1 KB."""
    return dumps(_patient(number))


def transaction(number: int) -> bytes:
    """A transaction of 20 entries: patient number `number`, the visit, and what was measured."""
    person, visit = f"urn:uuid:{number:032x}", f"urn:uuid:{number | 1 << 120:032x}"
    whole = [
        {"fullUrl": person, "resource": _patient(number), "request": {"method": "POST", "url": "Patient"}},
        {"fullUrl": visit, "resource": _encounter(person), "request": {"method": "POST", "url": "Encounter"}},
    ]
    for index in range(ENTRIES - len(whole)):
        measured = _observation(person, visit, index)
        whole.append({"resource": measured, "request": {"method": "POST", "url": "Observation"}})
    return dumps({"resourceType": "Bundle", "type": "transaction", "entry": whole})


def _patient(number: int) -> dict[str, Any]:
    mr = {"coding": [{"system": f"{_TERMS}/v2-0203", "code": "MR", "display": "Medical record number"}]}
    return {
        "resourceType": "Patient",
        "identifier": [
            {"use": "usual", "type": mr, "system": "https://stanne.example/id", "value": str(100_000 + number)},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "900-00-0001"},
        ],
        "active": True,
        "name": [{"use": "official", "family": "Example", "given": ["Avery", "Quinn"]}],
        "telecom": [
            {"system": "phone", "use": "home", "value": "+1 217 5550101"},
            {"system": "phone", "use": "work", "value": "+1 217 5550102"},
            {"system": "email", "value": "avery@example.org"},
        ],
        "gender": "female",
        "birthDate": "1980-02-14",
        "address": [
            {
                "use": "home",
                "line": ["1 Test Street"],
                "city": "Springfield",
                "state": "IL",
                "postalCode": "62701",
                "country": "US",
            }
        ],
        "maritalStatus": {"coding": [{"system": f"{_TERMS}/v3-MaritalStatus", "code": "M", "display": "Married"}]},
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}, "preferred": True}],
    }


def _encounter(person: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"system": f"{_TERMS}/v3-ActCode", "code": "IMP"},
        "subject": {"reference": person},
        "period": {"start": "2026-11-22T14:25:00-05:00"},
    }


def _observation(person: str, visit: str, index: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": f"{_TERMS}/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": {"reference": person},
        "encounter": {"reference": visit},
        "effectiveDateTime": f"2026-11-22T15:{index:02d}:00-05:00",
        "valueQuantity": {
            "value": 60 + index,
            "unit": "beats/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }
