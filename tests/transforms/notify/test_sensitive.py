"""What a site keeps to itself, and what it passes on."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from schemas.message import FHIR, TEXT
from tests.transforms.written import message
from transforms.notify.sensitive import drop_sensitive
from transforms.step import StepError

ADT = """\
MSH|^~\\&|ADT1|STANNE|||20261125||ADT^A01|M1|P|2.5.1
PID|1||4711^^^STANNE||Oxenham^Rosalind
PV1|1|I|DETOX^12^A|||3W||||PSY||||||VIP
DG1|1||I10^Hypertension^I10C
DG1|2||f10.20^Dependence^I10C
DG1|3||LOC7^Use of opioids^L^F11.20^Opioid dependence^I10C
OBX|1|NM|75622-1^HIV 1 and 2 tests^LN||1
"""
CONDITION = {
    "resourceType": "Bundle",
    "type": "message",
    "entry": [
        {"resource": {"resourceType": "Condition", "meta": {"security": [{"code": "R"}]},
                      "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F10.20"}]}}}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({"codes": ["F10*"]}, False),
        ({"codes": ["F1020"]}, False),
        ({"codes": ["F10"]}, True),
        ({"codes": ["F11*", "Z21"]}, False),
        ({"codes": ["F12*", "Z21"]}, True),
        ({"codes": ["75622-1"]}, False),
        ({"units": ["DETOX"]}, False),
        ({"units": ["3W"]}, False),
        ({"units": ["PSY"]}, False),
        ({"units": ["4W", "DET"]}, True),
        ({"confidentiality": ["VIP"]}, False),
        ({"confidentiality": ["R"], "codes": ["Z21"]}, True),
        ({"codes": ["*"]}, False),
    ],
)
def test_what_hl7_v2_says(options: dict[str, list[str]], passes: bool) -> None:
    one = message(ADT)
    assert (drop_sensitive(one, **options) is one) is passes


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({"codes": ["F10*"]}, False),
        ({"confidentiality": ["R"]}, False),
        ({"codes": ["R"]}, True),
        ({"confidentiality": ["F10*"]}, True),
    ],
)
def test_what_fhir_says(options: dict[str, list[str]], passes: bool) -> None:
    one = replace(message(ADT), format=FHIR, body=orjson.dumps(CONDITION))
    assert (drop_sensitive(one, **options) is one) is passes


def test_what_cannot_be_looked_at_is_no_pass() -> None:
    with pytest.raises(StepError, match="nothing is said"):
        drop_sensitive(message(ADT))
    with pytest.raises(StepError, match="units"):
        drop_sensitive(replace(message(ADT), format=FHIR, body=orjson.dumps(CONDITION)), units=["DETOX"])
    with pytest.raises(StepError, match="not read"):
        drop_sensitive(replace(message(ADT), format=TEXT), codes=["F10*"])
