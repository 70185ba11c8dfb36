"""Two HL7 v2 messages compared path by path."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.hl7v2.compare import MAX_ALIGNED, differences
from schemas.hl7v2.error import Hl7Error

HEAD = "MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5\r"
BODY = HEAD + "PID|1||4711^^^A&1&ISO~12||Ames^Pen\rOBX|1|NM|GLU||5\rOBX|2|NM|NA||140\rOBX|3|NM|K||4\r"


def changed(before: str, after: str) -> list[tuple[str, str, str]]:
    assert before in BODY
    return [tuple(each) for each in differences(BODY.encode(), BODY.replace(before, after, 1).encode())]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("||5\r", "||6\r", [("OBX-5", "5", "6")]),
        ("||140\r", "||141\r", [("OBX[2]-5", "140", "141")]),
        ("Ames^Pen", "Ames^Pan", [("PID-5.2", "Pen", "Pan")]),
        ("Ames^Pen", "Ames", [("PID-5.2", "Pen", "")]),
        ("Ames^Pen", "Ames^Pen||19700101", [("PID-7", "", "19700101")]),
        ("A&1&ISO", "A&2&ISO", [("PID-3.4.2", "1", "2")]),
        ("~12", "~13", [("PID-3[2]", "12", "13")]),
        ("~12", "", [("PID-3[2]", "12", "")]),
        ("~12", "~12^^^B", [("PID-3[2].4", "", "B")]),
        ("OBX|2|NM|NA||140\r", "", [("OBX[2]", "OBX|2|NM|NA||140", "")]),
        ("OBX|2|", "NTE|1||x\rOBX|2|", [("NTE", "", "NTE|1||x")]),
        ("OBX|2|", "OBX|9|\rOBX|2|", [("OBX[2]", "", "OBX|9|")]),
        (
            "PID|",
            "ZID|",
            [("PID", "PID|1||4711^^^A&1&ISO~12||Ames^Pen", ""), ("ZID", "", "ZID|1||4711^^^A&1&ISO~12||Ames^Pen")],
        ),
        ("Ames", "A\\T\\s", [("PID-5.1", "Ames", "A&s")]),
        ("\r", "\r\n", []),
        ("GLU||", "GLU^^||", []),
    ],
)
def test_what_differs_has_its_path(before: str, after: str, expected: list[tuple[str, str, str]]) -> None:
    assert changed(before, after) == expected


def test_other_delimiters_are_one_difference_in_the_header() -> None:
    other = BODY.replace("|", "#").replace("^", "*").replace("MSH#*~", "MSH#*~")
    assert [each.path for each in differences(BODY.encode(), other.encode())] == ["MSH-1", "MSH-2"]


def test_the_same_text_in_another_character_set_is_no_difference() -> None:
    before = BODY.replace("2.5", "2.5||||||8859/1").replace("Ames", "M\xfcller").encode("latin-1")
    after = BODY.replace("2.5", "2.5||||||UNICODE UTF-8").replace("Ames", "M\xfcller").encode()
    assert [each.path for each in differences(before, after)] == ["MSH-18"]


def test_a_very_long_message_is_compared_by_the_number_of_its_segments() -> None:
    many = [f"OBX|{number}|NM|A||{number}\r" for number in range(MAX_ALIGNED + 1)]
    other = [*many[:1000], "OBX|1000|NM|A||x\r", *many[1001:]]
    assert differences((HEAD + "".join(many)).encode(), (HEAD + "".join(other)).encode()) == [
        ("OBX[1001]-5", "1000", "x")
    ]


def test_what_is_not_hl7_is_refused() -> None:
    with pytest.raises(Hl7Error):
        differences(b"{}", BODY.encode())


SEGMENTS = st.lists(st.sampled_from(["PID|1||4711^^^A~2", "OBX|1|a^b&c", "OBX|2|a", "NTE|1", "ZZZ|x"]), max_size=8)


@settings(max_examples=100, deadline=None)
@given(SEGMENTS, SEGMENTS)
def test_there_is_a_difference_exactly_where_the_segments_differ(one: list[str], other: list[str]) -> None:
    before, after = ("\r".join([HEAD.strip(), *lines, ""]).encode() for lines in (one, other))
    assert bool(differences(before, after)) == (one != other)
