"""The account: every populated element once, and what depends on it found by taking it away."""

import re
from datetime import UTC, datetime
from pathlib import Path

from schemas.hl7v2 import Er7
from transforms.accounting import Use
from transforms.v2_to_fhir import Options
from transforms.v2_to_fhir.report import account

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"
HEADER = "MSH|^~\\&|ADTREG|STANNE|HIE|REGION|20260312083015+0100||ADT^A01^ADT_A01|M1|P|2.5.1\r"
MESSAGE = HEADER + 'PID|1||77^^^STANNE^MR||Vale^Ann^^^^^L|""|19610417|F|||||||||||||||||||||||||||||x\rZPI|1\r'


def uses(text: str, options: Options | None = None, *, trace: bool = True) -> dict[str, Use]:
    """The account of a message by path."""
    found = account(Er7.parse(text.encode()), options or Options(), NOW, trace=trace)
    assert len({each.path for each in found}) == len(found)
    return {each.path: each for each in found}


def test_it_says_where_each_element_went() -> None:
    found = uses(MESSAGE)
    assert found["PID-5.1"] == Use("PID-5.1", "mapped", ("Patient.name.family",))
    assert found["PID-5.7"] == Use("PID-5.7", "mapped", ("Patient.name.use",))
    assert found["PID-7"] == Use("PID-7", "mapped", ("Patient.birthDate",))
    assert "Patient.identifier.value" in found["PID-3.1"].targets
    assert found["PID-37"] == Use("PID-37", "kept", ("Patient.extension(v2-element)",))
    assert found["PID-6"].use == "kept"
    assert found["ZPI-1"] == Use("ZPI-1", "kept", ("Basic.extension(v2-element)",))


def test_what_is_left_out_has_its_reason() -> None:
    found = uses(MESSAGE)
    assert found["PID-1"].use == found["MSH-12"].use == "left out"
    assert "FHIR R4" in found["MSH-12"].reason


def test_what_is_not_carried_is_unmapped() -> None:
    found = uses(MESSAGE, Options(unmapped_field="report", z_segments="drop"))
    assert (found["PID-37"].use, found["ZPI-1"].use) == ("unmapped", "left out")


def test_a_refused_message_carries_nothing() -> None:
    found = uses(MESSAGE.replace("ADT^A01^ADT_A01", "ZZZ^Z01"))
    assert {each.use for each in found.values()} == {"unmapped"}


def test_every_populated_element_of_the_samples_is_accounted_for() -> None:
    files = [*SAMPLES.glob("adt_a0*.hl7")]
    assert len(files) >= 8
    for file in files:
        er7 = Er7.parse(file.read_bytes())
        found = {each.path for each in account(er7, Options(), NOW, trace=False)}
        for segment in er7.segments:
            name = segment.name if segment.occurrence == 1 else f"{segment.name}[{segment.occurrence}]"
            fields = [n for n, text in enumerate(segment.fields) if text and n >= (3 if name == "MSH" else 1)]
            missing = [n for n in fields if not any(re.match(rf"{re.escape(name)}-{n}\b", each) for each in found)]
            assert missing == []


def test_it_never_quotes_a_value() -> None:
    assert not any("Vale" in str(each) for each in uses(MESSAGE).values())
