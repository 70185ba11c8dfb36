"""A message that goes to FHIR and back is the message that it was."""

from pathlib import Path

import pytest

from schemas.hl7v2 import Er7
from tests.transforms.fhir_to_v2.conversion import leaves, lost, there_and_back

FOLDER = Path(__file__).parents[3] / "samples" / "hl7v2"
SAMPLES = sorted(FOLDER.glob("adt_*.hl7"))
OTHERS = sorted(
    each
    for kind in ("bar", "omg", "oml", "orm", "oru_r01.", "oru_r01_microbiology", "oru_r01_pdf", "vxu")
    for each in FOLDER.glob(f"{kind}*")
)


@pytest.mark.parametrize("bundle", ["message", "transaction", "batch", "collection"])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_nothing_is_lost_on_the_way(path: Path, bundle: str) -> None:
    sent, got, conversion = there_and_back(path.read_bytes(), bundle=bundle)
    assert got is not None, conversion.findings
    assert list(leaves(sent))
    assert lost(sent, got) == []
    assert [segment.name for segment in sent.segments] == [segment.name for segment in got.segments]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_no_field_of_orders_results_and_vaccines_is_lost(path: Path) -> None:
    sent, got, conversion = there_and_back(path.read_bytes())
    assert got is not None, conversion.findings
    assert lost(sent, got) == []


def test_a_null_stays_a_null_and_a_local_segment_its_place() -> None:
    text = (
        "MSH|^~\\&|REG|STANNE|||20260312083015+0100||ADT^A08^ADT_A01|C1|P|2.5.1\r"
        "EVN||20260312083015+0100\r"
        'PID|1||77^^^STANNE^MR~""~78^^^STANNE^PI||Vale^Ann||""|F\r'
        "PV1|1|O|4W^412\r"
        "ZPI|1|dog~cat|a^b&c\r"
        "ZPI|2|bird\r"
    )
    sent, got, _ = there_and_back(text.encode())
    assert got is not None
    assert lost(sent, got) == []
    assert got.raw("PID-7") == '""'
    assert [each.text for each in got.named("ZPI")] == ["ZPI|1|dog~cat|a^b&c", "ZPI|2|bird"]


def test_the_mothers_number_and_the_senders_type_of_a_visit_number_come_back() -> None:
    text = (
        "MSH|^~\\&|REG|STANNE|||20260312083015+0100||ADT^A01^ADT_A01|C1|P|2.5.1\r"
        "EVN||20260312083015+0100\r"
        "PID|1||77^^^STANNE^MR||Vale^Ann||1961|F|||||||||||||M9^^^STANNE^MR\r"
        "NK1|1|Vale^Rosa|MTH\r"
        "PV1|1|I|4W^412||||||||||||||||V9^^^STANNE^FIN\r"
    )
    sent, got, _ = there_and_back(text.encode())
    assert got is not None
    assert lost(sent, got) == []
    assert [segment.name for segment in got.segments].count("NK1") == 1


def test_the_comparison_sees_what_is_lost() -> None:
    sent = Er7.parse(b"MSH|^~\\&|A|B|||20260312083015+0100||ADT^A01|C1|P|2.5\rPID|1||7^^^S||Vale^Ann||1961\r")
    got = Er7.parse(b"MSH|^~\\&|A|B|||20260312073015+0000||ADT^A01|C1|P|2.5\rPID|1||7^^^X||Vale||1962\r")
    assert lost(sent, got) == ["PID-3[1].4.1", "PID-5[1].2.1", "PID-7[1].1.1"]
