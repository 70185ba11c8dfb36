"""Segments in groups: the shape of well-ordered and of damaged messages, and what is noticed on the way."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.hl7v2 import Er7
from schemas.hl7v2.structure import Group, Leaf, Tree, groups
from schemas.hl7v2.structure_tables import ANY_SEGMENT, VERSIONS, Node, nearest_version, tables
from schemas.hl7v2.structure_walk import Walker


def structures(version: str) -> list[str]:
    """The names of all message structures of `version`."""
    return list(importlib.import_module(f"hl7apy.v{version.replace('.', '_')}").ELEMENTS["Message"])


def message(kind: str, version: str, *names: str, end: str = "\r") -> Er7:
    """A message of type `kind` with nothing but a header and segments of those names."""
    header = f"MSH|^~\\&|LAB|HOSP|HIE|REGION|20260312083015||{kind}|1|P|{version}"
    return Er7.parse(end.join([header, *(f"{name}|1" for name in names), ""]).encode())


def shape(group: Group) -> str:
    """`MSH PATIENT_RESULT(PATIENT(PID) ...)`, the order of the children as they stand in the tree."""
    parts = [child.name if isinstance(child, Leaf) else f"{child.name}({shape(child)})" for child in group]
    return " ".join(parts)


def codes(tree: Tree) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in tree.findings]


SHAPES = [
    (
        "ADT^A01^ADT_A01",
        "2.5.1",
        "EVN PID PD1 NK1 NK1 PV1 DG1 IN1 IN2 IN1",
        "MSH EVN PID PD1 NK1 NK1 PV1 DG1 INSURANCE(IN1 IN2) INSURANCE(IN1)",
    ),
    (
        "ORU^R01^ORU_R01",
        "2.5.1",
        "PID NTE PV1 ORC OBR NTE OBX NTE OBX SPM OBR OBX",
        "MSH PATIENT_RESULT(PATIENT(PID NTE VISIT(PV1)) "
        "ORDER_OBSERVATION(ORC OBR NTE OBSERVATION(OBX NTE) OBSERVATION(OBX) SPECIMEN(SPM)) "
        "ORDER_OBSERVATION(OBR OBSERVATION(OBX)))",
    ),
    (
        "ORU^R01",
        "2.3",
        "PID OBR OBX PID OBR OBX",
        "MSH PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX))) "
        "PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))",
    ),
    (
        "ORM^O01^ORM_O01",
        "2.5",
        "PID ORC OBR OBX ORC OBR",
        "MSH PATIENT(PID) ORDER(ORC ORDER_DETAIL(CHOICE(OBR) OBSERVATION(OBX))) ORDER(ORC ORDER_DETAIL(CHOICE(OBR)))",
    ),
    (
        "OML^O21^OML_O21",
        "2.5.1",
        "PID ORC OBR OBX ORC OBR PID PV1 ORC OBR OBX",
        "MSH PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR OBSERVATION(OBX))) "
        "ORDER(ORC OBSERVATION_REQUEST(OBR PRIOR_RESULT(PATIENT_PRIOR(PID) PATIENT_VISIT_PRIOR(PV1) "
        "ORDER_PRIOR(ORC OBR OBSERVATION_PRIOR(OBX)))))",
    ),
    (
        "SIU^S14^SIU_S12",
        "2.4",
        "SCH PID PV1 RGS AIS AIL AIP AIP",
        "MSH SCH PATIENT(PID PV1) "
        "RESOURCES(RGS SERVICE(AIS) LOCATION_RESOURCE(AIL) PERSONNEL_RESOURCE(AIP) PERSONNEL_RESOURCE(AIP))",
    ),
    ("ADT^A40^ADT_A39", "2.5", "EVN PID MRG PID MRG", "MSH EVN PATIENT(PID MRG) PATIENT(PID MRG)"),
    ("MDM^T02^MDM_T02", "2.5.1", "EVN PID PV1 TXA OBX OBX", "MSH EVN PID PV1 TXA OBSERVATION(OBX) OBSERVATION(OBX)"),
    (
        "VXU^V04^VXU_V04",
        "2.5.1",
        "PID ORC RXA RXR OBX OBX",
        "MSH PID ORDER(ORC RXA RXR OBSERVATION(OBX) OBSERVATION(OBX))",
    ),
    (
        "RSP^K22^RSP_K21",
        "2.5",
        "MSA QAK QPD PID QRI PID QRI",
        "MSH MSA QAK QPD QUERY_RESPONSE(PID QRI) QUERY_RESPONSE(PID QRI)",
    ),
    ("ACK^A01^ACK", "2.5", "MSA ERR", "MSH MSA ERR"),
]


@pytest.mark.parametrize(("kind", "version", "names", "expected"), SHAPES)
def test_a_well_ordered_message_has_the_groups_of_its_structure_and_no_finding(
    kind: str, version: str, names: str, expected: str
) -> None:
    tree = groups(message(kind, version, *names.split()))
    assert shape(tree) == expected
    assert tree.findings == []


STRUCTURES = [
    ("ADT^A04", "2.5", "ADT_A01"),
    ("ADT^A08^ADT_A01", "2.5", "ADT_A01"),
    ("ADT^A31", "2.5", "ADT_A05"),
    ("ADT^A31", "2.3.1", "ADT_A01"),
    ("ADT^A25", "2.3", "ADT_A02"),
    ("ADT^A08", "2.2", "ADT_A08"),
    ("ADT_A01", "2.5", "ADT_A01"),
    ("SIU^S15", "2.5", "SIU_S12"),
    ("MDM^T08", "2.3", "MDM_T02"),
    ("ORU", "2.1", "ORU_R01"),
    ("ACK", "2.3", "ACK"),
    ("ACK^R01", "2.4", "ACK"),
    ("QBP^Q23", "2.5", "QBP_Q21"),
    ("RDE^O25", "2.5", "RDE_O11"),
]


@pytest.mark.parametrize(("kind", "version", "structure"), STRUCTURES)
def test_the_structure_follows_from_type_event_and_version(kind: str, version: str, structure: str) -> None:
    assert groups(message(kind, version, "NTE")).structure == structure


def test_the_event_of_the_early_versions_stands_in_evn() -> None:
    er7 = Er7.parse(b"MSH|^~\\&|A|B|C|D|198808181126||ADT|1|P|2.1\rEVN|A02|198808181123\rPID|||7||DOE^JANE\rPV1|1|I\r")
    assert groups(er7).structure == "ADT_A02"


DAMAGED = [
    ("ADT^A01^ADT_A01", "EVN PV1", "MSH EVN PV1", [("V2-201", "PID")]),
    ("ADT^A01^ADT_A01", "PID EVN PV1", "MSH PID EVN PV1", [("V2-203", "PID")]),
    ("ADT^A01^ADT_A01", "EVN PID PV1 NK1", "MSH EVN PID PV1 NK1", [("V2-203", "NK1")]),
    ("ADT^A01^ADT_A01", "EVN PID PV1 PID", "MSH EVN PID PV1 PID", [("V2-204", "PID[2]")]),
    ("ADT^A01^ADT_A01", "EVN PID PV1 SPM", "MSH EVN PID PV1 SPM", [("V2-202", "SPM")]),
    ("ADT^A01^ADT_A01", "EVN PID QQQ PV1", "MSH EVN PID QQQ PV1", [("V2-205", "QQQ")]),
    ("ADT^A01^ADT_A01", "EVN PID ZPI PV1 ZPV", "MSH EVN PID ZPI PV1 ZPV", []),
    (
        "ORU^R01^ORU_R01",
        "PID OBX",
        "MSH PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBSERVATION(OBX)))",
        [("V2-201", "OBR")],
    ),
    ("ORU^R01^ORU_R01", "PID", "MSH PATIENT_RESULT(PATIENT(PID))", [("V2-206", "ORDER_OBSERVATION")]),
    (
        "ORU^R01^ORU_R01",
        "PID OBR OBX PV1 OBX",
        "MSH PATIENT_RESULT(PATIENT(PID VISIT(PV1)) ORDER_OBSERVATION(OBR OBSERVATION(OBX) OBSERVATION(OBX)))",
        [("V2-203", "PV1")],
    ),
    (
        "ORU^R01^ORU_R01",
        "PID OBR OBX TXA NTE OBX",
        "MSH PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX TXA NTE) OBSERVATION(OBX)))",
        [("V2-202", "TXA")],
    ),
    (
        "ORM^O01^ORM_O01",
        "PID ORC OBR OBX OBR OBX",
        "MSH PATIENT(PID) ORDER(ORC ORDER_DETAIL(CHOICE(OBR) OBSERVATION(OBX))) "
        "ORDER(ORDER_DETAIL(CHOICE(OBR) OBSERVATION(OBX)))",
        [("V2-201", "ORC")],
    ),
    ("ORM^O01^ORM_O01", "ORC RQD RQ1", "MSH ORDER(ORC ORDER_DETAIL(CHOICE(RQD RQ1)))", [("V2-204", "RQ1")]),
    ("ADT^Z99", "PID PV1 QQQ", "MSH PID PV1 QQQ", [("V2-106", "MSH-9")]),
]


@pytest.mark.parametrize(("kind", "names", "expected", "found"), DAMAGED)
def test_a_damaged_message_keeps_its_groups_and_tells_what_is_wrong(
    kind: str, names: str, expected: str, found: list[tuple[str, str]]
) -> None:
    tree = groups(message(kind, "2.5.1", *names.split()))
    assert shape(tree) == expected
    assert codes(tree) == found


def test_findings_name_the_line_even_after_blank_lines() -> None:
    er7 = Er7.parse(b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01^ADT_A01|1|P|2.5\r\n\r\nEVN||20260101\r\nPV1|1|I\r\nNK1|1\r\n")
    (missing, order) = groups(er7).findings
    assert "line 5" in order.what
    assert "ADT_A01" in missing.what


def test_groups_are_found_by_name_and_segments_by_group() -> None:
    names = ["PID", "ORC", "OBR", "NTE", "OBX", "NTE", "OBX", "OBR", "OBX"]
    tree = groups(message("ORU^R01^ORU_R01", "2.5.1", *names))
    first, second = tree.find_all("ORDER_OBSERVATION")
    assert tree.find("ORDER_OBSERVATION") is first
    assert tree.find_all("ORU_R01_ORDER_OBSERVATION") == [first, second]
    assert (first.repetition, second.repetition) == (1, 2)
    assert tree.find("SPECIMEN") is None
    assert [segment.name for segment in first.segments] == ["ORC", "OBR", "NTE", "OBX", "NTE", "OBX"]
    assert len(first.own("NTE")) == 1
    assert [leaf.index for leaf in second.leaves] == [8, 9]
    assert [leaf.line for leaf in second.leaves] == [9, 10]
    obr = second.first("OBR")
    assert obr is not None
    assert obr.get("1") == "1"
    assert second.first("SPM") is None


def test_a_second_header_ends_the_message() -> None:
    one = "MSH|^~\\&|A|B|C|D|20260101||ADT^A01^ADT_A01|1|P|2.5\rEVN||20260101\rPID|1||7||DOE^JANE\rPV1|1|I\r"
    tree = groups(Er7.parse((one + one).encode()))
    assert tree.findings == []
    assert len(tree.segments) == 8


NEAREST = [
    ("2.5.1", "2.5.1"),
    ("2.7.1", "2.7"),
    ("2.9", "2.8.2"),
    ("2.9.1", "2.8.2"),
    ("2.0", "2.1"),
    ("3.0", None),
    ("x", None),
]


@pytest.mark.parametrize(("version", "nearest"), NEAREST)
def test_a_version_without_tables_is_read_by_the_one_before(version: str, nearest: str | None) -> None:
    assert nearest_version(version) == nearest


def test_version_2_9_is_read_by_2_8_2_and_says_so() -> None:
    tree = groups(message("ADT^A01^ADT_A01", "2.9", "EVN", "PID", "PV1"))
    assert tree.version == "2.8.2"
    assert codes(tree) == [("V2-103", "MSH-12")]


def every_segment(node: Node) -> list[str]:
    """Each place of a structure once, in order; of a choice the first."""
    children = node.children[:1] if node.choice else node.children
    return [name for child in children for name in (every_segment(child) if child.is_group else [child.name])]


AMBIGUOUS = {
    "CSU_C09",
    "EHC_E15",
    "OMD_O01",
    "OMD_O03",
    "OML_O21",
    "OPL_O37",
    "ORD_O02",
    "ORD_O04",
    "QBP_Qnn",
    "SUR_P09",
}
"""Structures in which a segment may begin two groups in a row, or that hold two messages: no reader can tell."""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_structure_of_every_version_takes_each_of_its_segments_in_order(version: str) -> None:
    rules = tables(version)
    walked = 0
    for name in structures(version):
        node = rules.structure(name)
        assert node is not None
        names = [each for each in every_segment(node) if each != ANY_SEGMENT]
        walker = Walker(node, rules, names)
        placements = list(walker.walk())
        assert [placement.index for placement in placements] == list(range(len(names)))
        if name not in AMBIGUOUS:
            assert walker.findings(list(range(1, len(names) + 1))) == [], name
            walked += 1
    assert walked >= 38


@pytest.mark.parametrize("version", VERSIONS)
def test_every_segment_and_data_type_of_every_version_can_be_read(version: str) -> None:
    rules = tables(version)
    assert rules.fields("QQQ") is None
    count = 0
    for name in {each for structure in structures(version) for each in (rules.structure(structure) or _none()).names}:
        for number, field in (rules.fields(name) or {}).items():
            assert number > 0
            assert field.meaning == field.meaning.lower()
            assert all(part.datatype for part in rules.components(field.datatype))
            count += 1
    assert count > 300


def _none() -> Node:
    raise AssertionError("a structure without a node")


NAMES = st.sampled_from(
    ["PID", "PD1", "PV1", "ORC", "OBR", "OBX", "NTE", "SPM", "NK1", "TXA", "ZPI", "MSH", "ADD", "DSC", "QQQ", "TQ1"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["ORU^R01", "ADT^A01", "OML^O21", "ORM^O01", "SIU^S12", "QQQ^Q99"]), st.lists(NAMES, max_size=25)
)
def test_whatever_the_order_each_segment_stands_in_the_tree_once(kind: str, names: list[str]) -> None:
    tree = groups(message(kind, "2.5.1", *names))
    assert [leaf.index for leaf in tree.leaves] == list(range(len(names) + 1))
    assert [segment.name for segment in tree.segments] == ["MSH", *names]
