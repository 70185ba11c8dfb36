"""`keep` and `drop`."""

from dataclasses import replace

import pytest

from schemas.message import FHIR
from tests.transforms.written import UnboundError, bind, message, run

ADT = message(
    "MSH|^~\\&|ADT1|STANNE|||||ADT^A01|M1|P|2.5\nPID|1||4711^^^A~12^^^B||Ames\nPV1|1|I\nOBX|1|NM|GLU\nOBX|2|NM|NA\n",
    subscriber_id="s1",
)

PATIENT = replace(
    ADT,
    format=FHIR,
    body=b'{"resourceType":"Patient","active":true,"identifier":[{"system":"http://y","value":"1"},'
    b'{"system":"http://x","value":"4711"}],"name":[{"family":"Ames"},{"family":"Pine"}],"deceasedBoolean":false}',
)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{MSH-9.1: ADT}", True),
        ("{MSH-9.1: ADT, MSH-9.2: [A01, A02]}", True),
        ("{MSH-9.1: ADT, MSH-9.2: [A02, A03]}", False),
        ("{MSH-9.1: ORU}", False),
        ("{MSH-9.2: {not: A03}}", True),
        ("{MSH-9.2: {not: [A03, A01]}}", False),
        ('{MSH-9.2: {like: "A0*"}}', True),
        ("{MSH-9.2: {like: A1?}}", False),
        ("{PID-19: {exists: false}}", True),
        ("{PID-3.1: {exists: true}}", True),
        ("{MRG-1: {exists: true}}", False),
        ('{"OBX[*]-3": NA}', True),
        ('{"OBX[*]-3": K}', False),
        ('{"PID-3[*].4": B}', True),
        ("{subscriber.id: s1}", True),
        ("{subscriber.id: s2}", False),
        ("{}", True),
    ],
)
def test_keep_and_drop_are_opposites(condition: str, holds: bool) -> None:
    assert run(f"keep: {condition}", ADT) == ([ADT] if holds else [])
    assert run(f"drop: {condition}", ADT) == ([] if holds else [ADT])


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{Patient.active: true}", True),
        ("{Patient.active: [false, true]}", True),
        ("{Patient.name.family: Pine}", True),
        ('{"Patient.name[0].family": Pine}', False),
        ("{Patient.name.family: {not: Pine}}", False),
        ("{Patient.name.family: {not: Pane}}", True),
        ('{Patient.name.family: {like: "A*"}}', True),
        ("{Patient.birthDate: {exists: false}}", True),
        ('{Patient.birthDate: ""}', True),
        ("{Patient.birthDate: {not: 1980-01-01}}", True),
        ("{Patient.deceased: {exists: true}}", True),
        ("{\"Patient.identifier.where(system='http://x').value\": 4711}", True),
        ("{Observation.status: final}", False),
        ("{PID-3.1: 4711}", False),
        ("{message.format: fhir}", True),
    ],
)
def test_a_condition_on_fhir_looks_at_every_value_there(condition: str, holds: bool) -> None:
    assert run(f"keep: {condition}", PATIENT) == ([PATIENT] if holds else [])


def test_a_condition_on_fhir_does_not_hold_for_hl7_v2() -> None:
    assert run("keep: {Patient.active: true}", ADT) == []


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("keep: MSH-9.1", "a condition is paths and their values"),
        ("keep: {MSH-9.2: {near: A01}}", "near"),
        ("keep: {MSH-9.2: {exists: maybe}}", "true or false"),
        ("keep: {MSH-9.2: [[A01]]}", "a text or a list of texts"),
    ],
)
def test_a_condition_without_meaning_is_refused(written: str, why: str) -> None:
    with pytest.raises(UnboundError, match=why):
        bind(written)
