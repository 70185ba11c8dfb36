"""What a FHIR message can be found by."""

import pytest

from schemas.fhir.keys import control_id, patient_id, type_of
from schemas.fhir.resource import Resource

PATIENT: Resource = {"resourceType": "Patient", "id": "p", "identifier": [{"use": "usual"}, {"value": "4711"}]}


@pytest.mark.parametrize(
    ("resource", "keys"),
    [
        (PATIENT, ("Patient", "p", "4711")),
        ({"resourceType": "Observation"}, ("Observation", "", "")),
        (
            {
                "resourceType": "Bundle",
                "type": "message",
                "id": "b",
                "identifier": {"value": "MSG1"},
                "entry": [{}, {"resource": {"resourceType": "MessageHeader"}}, {"resource": PATIENT}],
            },
            ("Bundle/message", "MSG1", "4711"),
        ),
        ({"resourceType": "Bundle", "id": "b", "entry": {}}, ("Bundle", "b", "")),
        (
            {"resourceType": "Bundle", "type": 1, "id": [], "identifier": [], "entry": [1, {"resource": 2}]},
            ("Bundle", "", ""),
        ),
        ({"resourceType": "Patient", "id": 3, "identifier": [1, {"value": 2}]}, ("Patient", "", "")),
    ],
)  # fmt: skip
def test_type_identifier_and_patient(resource: Resource, keys: tuple[str, str, str]) -> None:
    assert (type_of(resource), control_id(resource), patient_id(resource)) == keys
