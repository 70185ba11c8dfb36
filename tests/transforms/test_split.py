"""`split`: batches byte for byte, repeating segments, groups of the structure."""

import pytest

from schemas.ids import derived_id
from tests.transforms.written import ROOT, UnboundError, bind, message, run, text
from transforms import StepError

HEAD = "MSH|^~\\&|LIS|LAB|||||ORU^R01^ORU_R01|M1|P|2.5.1\n"
PID = "PID|1||4711\n"
FIRST = "ORC|RE|1\nOBR|1|1||GLU\nOBX|1|NM|GLU||5\nNTE|1||x\n"
SECOND = "ORC|RE|2\nOBR|2|2||NA\nOBX|1|NM|NA||140\n"


def renumbered(body: str, number: int) -> str:
    return body.replace("|M1|", f"|M1-{number}|")


@pytest.mark.parametrize("written", ["split: {by: ORC}", "split: {group: ORDER_OBSERVATION}"])
def test_one_message_for_each_order(written: str) -> None:
    one = message(HEAD + PID + FIRST + SECOND)
    made = run(written, one)
    assert [text(each) for each in made] == [renumbered(HEAD, 1) + PID + FIRST, renumbered(HEAD, 2) + PID + SECOND]
    assert [(each.get("split.number"), each.get("split.count")) for each in made] == [("1", "2"), ("2", "2")]
    assert [each.id for each in made] == [derived_id(ROOT, "split/1"), derived_id(ROOT, "split/2")]
    assert not any(each.findings for each in made)
    assert run(written, one) == made


@pytest.mark.parametrize("written", ["split: {by: ORC}", "split: {group: ORDER_OBSERVATION}", "split: batch"])
@pytest.mark.parametrize("body", [HEAD + PID, HEAD + PID + FIRST])
def test_a_message_of_one_part_goes_on_as_it_is(written: str, body: str) -> None:
    one = message(body)
    assert run(written, one)[0] is one


def test_a_group_takes_what_is_above_and_beside_it() -> None:
    """Two patients: each order goes with its own patient, and the software segment with all."""
    soft, other = "SFT|X\n", "PID|2||4712\n"
    made = run("split: {group: ORDER_OBSERVATION}", message(HEAD + soft + PID + FIRST + other + SECOND + FIRST))
    assert [text(each) for each in made] == [
        renumbered(HEAD, 1) + soft + PID + FIRST,
        renumbered(HEAD, 2) + soft + other + SECOND,
        renumbered(HEAD, 3) + soft + other + FIRST,
    ]


def test_segments_in_no_part_are_reported() -> None:
    """The second patient has no order, so that no part is about it."""
    made = run("split: {group: ORDER_OBSERVATION}", message(HEAD + PID + FIRST + SECOND + "PID|2||4712\nPV1|1|I\n"))
    assert [text(each) for each in made] == [renumbered(HEAD, 1) + PID + FIRST, renumbered(HEAD, 2) + PID + SECOND]
    assert [[each.code for each in one.findings] for one in made] == [["SPLIT-101"], ["SPLIT-101"]]
    assert "PID, PV1" in made[0].findings[0].what


def test_a_group_needs_a_known_structure() -> None:
    with pytest.raises(StepError, match="structure of the message is not known"):
        run("split: {group: ORDER_OBSERVATION}", message(HEAD.replace("ORU^R01^ORU_R01", "ZZZ^Z01") + FIRST + SECOND))


A = "MSH|^~\\&|A|B|||||ADT^A01|1|P|2.3\rPID|||4711\r"
B = "MSH|^~\\&|A|B|||||ADT^A03|2|P|2.3\r\nPID|||4712\r\n"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (f"FHS|^~\\&|A\rBHS|^~\\&|A\r{A}{B}BTS|2\rFTS|1\r", []),
        (f"BHS|^~\\&|A\r{A}{B}BTS|2\r", []),
        (A + B, []),
        (f"BHS|^~\\&|A\r{A}{B}BTS|3\r", ["V2-023"]),
    ],
)
def test_each_member_of_a_batch_byte_for_byte(body: str, codes: list[str]) -> None:
    made = run("split: batch", message(body.encode()))
    assert [each.body for each in made] == [A.encode(), B.encode()]
    assert [[finding.code for finding in each.findings] for each in made] == [codes, codes]
    assert [each.get("MSH-10") for each in made] == ["1", "2"]


def test_a_batch_of_one_message_loses_its_envelope() -> None:
    (made,) = run("split: batch", message(f"FHS|^~\\&|A\r{A}FTS|1\r".encode()))
    assert made.body == A.encode()


def test_the_bytes_of_the_parts_stay() -> None:
    body = (HEAD + PID + FIRST + SECOND).replace("GLU", "GL\xdc").replace("\n", "\r\n")
    made = run("split: {by: ORC}", message(body.encode("latin-1")))
    assert made[0].body == renumbered(HEAD + PID + FIRST, 1).replace("GLU", "GL\xdc").replace("\n", "\r\n").encode(
        "latin-1"
    )


def test_a_message_of_too_many_parts_stops() -> None:
    with pytest.raises(StepError, match="more than 10,000"):
        run("split: {by: OBX}", message(HEAD + "OBX|1\n" * 10_001))


def test_only_hl7_is_split() -> None:
    with pytest.raises(StepError, match="the body is fhir"):
        run("split: batch", message(b"{}", format="fhir"))


@pytest.mark.parametrize(
    "written",
    [
        "split: orders",
        "split: {by: orc}",
        "split: {by: MSH}",
        "split: {by: ORC, group: X}",
        "split: {on: ORC}",
        "split: [ORC]",
    ],
)
def test_a_way_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(UnboundError):
        bind(written)
