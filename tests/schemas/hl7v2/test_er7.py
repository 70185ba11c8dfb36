"""The model: reading by path, writing back byte for byte, editing one element and nothing else."""

from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hl7v2 import Er7, Hl7Error

SAMPLE = (File(__file__).parents[3] / "samples" / "hl7v2" / "adt_a01.hl7").read_bytes()

HEAD = b"MSH|^~\\&|APP|FAC|RAPP|RFAC|20260312||ADT^A01^ADT_A01|C1|P|2.5.1\r"
ADT = HEAD + (
    b"EVN||20260312\r"
    b'PID|1||77^^^HOSP&1.2.3&ISO^MR~88^^^REG||O\\T\\Neil^Ann^^~Old||19610417|F|||""|||\r'
    b"OBX|1|NM|A^Alpha^L||1\r"
    b"OBX|2|TX|B^Beta^L||line\\.br\\two~second\r"
    b"OBX|3|ST|C&c^Gamma^L||\r"
    b"ZPI|x|y||\r"
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-2.1", "^~\\&"),
        ("MSH-3", "APP"),
        ("MSH-9", "ADT^A01^ADT_A01"),
        ("MSH-9.2", "A01"),
        ("MSH-12", "2.5.1"),
        ("MSH-13", ""),
        ("EVN-1", ""),
        ("PID-3", "77^^^HOSP&1.2.3&ISO^MR~88^^^REG"),
        ("PID-3[1]", "77^^^HOSP&1.2.3&ISO^MR"),
        ("PID-3[2]", "88^^^REG"),
        ("PID-3[3]", ""),
        ("PID-3.1", "77"),
        ("PID-3.4", "HOSP&1.2.3&ISO"),
        ("PID-3.4.2", "1.2.3"),
        ("PID-3[2].4", "REG"),
        ("PID-3[2].4.1", "REG"),
        ("PID-3[2].4.2", ""),
        ("PID-3[2].5", ""),
        ("PID-3[*].1", "77"),
        ("PID-5.1", "O&Neil"),
        ("PID-5[1].1", "O&Neil"),
        ("PID-5[2]", "Old"),
        ("PID-5[2].1.1", "Old"),
        ("PID-8", "F"),
        ("PID-8[1]", "F"),
        ("PID-8.1", "F"),
        ("PID-8.1.1", "F"),
        ("PID-8.2", ""),
        ("PID-8[2].1", ""),
        ("PID-11", '""'),
        ("PID-99", ""),
        ("PV1", ""),
        ("PV1-3.1", ""),
        ("OBX", "OBX|1|NM|A^Alpha^L||1"),
        ("OBX-3.2", "Alpha"),
        ("OBX[2]-5[1]", "line\ntwo"),
        ("OBX[2]-5[2]", "second"),
        ("OBX[2]-5", "line\\.br\\two~second"),
        ("OBX[3]-3.1", "C&c"),
        ("OBX[3]-3.1.2", "c"),
        ("OBX[4]-3", ""),
        ("OBX[*]-3.2", "Alpha"),
        ("ZPI-2", "y"),
    ],
)
def test_get(path: str, text: str) -> None:
    assert Er7.parse(ADT).get(path) == text
    split = Er7.parse(ADT)
    assert split.segments
    assert split.get(path) == text


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("OBX[*]-3.1", ["A", "B", "C&c"]),
        ("OBX[*]-5", ["1", "line\\.br\\two~second"]),
        ("OBX[*]-5[*]", ["1", "line\ntwo", "second"]),
        ("PID-3[*].1", ["77", "88"]),
        ("PID-3[*].4.2", ["1.2.3"]),
        ("PID-3[*]", ["77^^^HOSP&1.2.3&ISO^MR", "88^^^REG"]),
        ("PID-3", ["77^^^HOSP&1.2.3&ISO^MR~88^^^REG"]),
        ("MSH-2[*]", ["^~\\&"]),
        ("OBX[2]-2", ["TX"]),
        ("PV1[*]-2", []),
        ("OBX[*]", ["OBX|1|NM|A^Alpha^L||1", "OBX|2|TX|B^Beta^L||line\\.br\\two~second", "OBX|3|ST|C&c^Gamma^L||"]),
    ],
)
def test_get_all(path: str, texts: list[str]) -> None:
    assert Er7.parse(ADT).get_all(path) == texts


@pytest.mark.parametrize(
    ("msh_9", "expected"),
    [
        ("ADT^A01^ADT_A01", ("ADT", "A01", "ADT_A01")),
        ("ADT^A01", ("ADT", "A01", "")),
        ("ADT_A01", ("ADT", "A01", "ADT_A01")),
        ("ACK", ("ACK", "", "")),
        ("ADT^A01~X", ("ADT", "A01", "")),
        ("", ("", "", "")),
    ],
)
def test_the_message_type_as_senders_write_it(msh_9: str, expected: tuple[str, str, str]) -> None:
    parsed = Er7.parse(f"MSH|^~\\&|A|B|C|D|2026||{msh_9}|42|P|2.3\r".encode())
    assert (parsed.message_type, parsed.trigger_event, parsed.structure) == expected
    assert (parsed.control_id, parsed.version) == ("42", "2.3")


@pytest.mark.parametrize(
    "body",
    [
        ADT,
        SAMPLE,
        ADT.removesuffix(b"\r"),
        ADT.replace(b"\r", b"\n"),
        ADT.replace(b"\r", b"\r\n"),
        ADT.replace(b"\r", b"\r\r\n"),
        b"\x0b" + ADT + b"\x1c\r",
        b"\xef\xbb\xbf" + ADT,
        b"\r\n\r\n  " + ADT + b"\r\n\r\n",
        ADT.replace(b"\rPID", b"\r\n\n  PID").replace(b"\rZPI", b"\n\tZPI"),
        b"MSH|^~\\&#|A" + ADT[len(HEAD) - 1 :],
        b"MSH$*!@%$A$B\rPID$1$$1*2%3!4@F@\r",
        b"MSH|^~\\&",
        b"MSH|",
        b"MSH||||\r\rPID|||",
        b"MSH|^^^^|\rPID|^^\r",
        HEAD + b"not a segment\r||||\rpid|1\rPIDX|1\rPID\r",
        HEAD + b"OBX|1|TX|||one\ntwo | three\n\nfour\rOBX|2\r",
        b"FHS|^~\\&|\rBHS|^~\\&|\r" + ADT + b"BTS|1\rFTS|1\r",
        b"garbage <xml> MSH|^~\\&|A\r",
        HEAD + HEAD,
        HEAD + bytes(range(256)),
    ],
)
def test_what_is_not_edited_comes_back_byte_for_byte(body: bytes) -> None:
    parsed = Er7.parse(body)
    assert parsed.encode() == body
    assert parsed.copy().encode() == body
    assert parsed.only(parsed.segments).encode() == body


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n  "])
def test_any_line_end_separates_segments(end: bytes) -> None:
    parsed = Er7.parse(ADT.replace(b"\r", end))
    assert [segment.name for segment in parsed.segments] == ["MSH", "EVN", "PID", "OBX", "OBX", "OBX", "ZPI"]
    assert parsed.get("PID-8") == "F"
    assert parsed.get("OBX[3]-1") == "3"
    parsed.set("PID-8", "M")
    assert parsed.encode() == ADT.replace(b"|F|", b"|M|").replace(b"\r", end)


def test_line_ends_may_be_mixed() -> None:
    body = HEAD + b"EVN|1\nPID|2\r\nPV1|3\n\rZZZ|4"
    parsed = Er7.parse(body)
    assert [parsed.get(path) for path in ("EVN-1", "PID-2", "PID-1", "PV1-1", "ZZZ-1")] == ["1", "", "2", "3", "4"]
    assert [parsed.line_of(segment) for segment in parsed.segments] == [1, 2, 3, 4, 6]


def test_a_line_feed_in_a_field_is_data_where_segments_end_with_cr() -> None:
    body = HEAD + b"OBX|1|TX|||one\ntwo | three\n\nfour^x|F\rOBX|2\n"
    parsed = Er7.parse(body)
    assert parsed.get("OBX-5") == "one\ntwo "
    assert parsed.get("OBX-6.1") == " three\n\nfour"
    assert parsed.get("OBX[2]-1") == "2"
    assert ("V2-009", "OBX-5") in [(finding.code, finding.where) for finding in parsed.findings]
    parsed.set("OBX[2]-1", "3")
    assert parsed.encode() == body.replace(b"OBX|2", b"OBX|3")


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (ADT, []),
        (b"\x0b\r\n" + ADT, []),
        (b"junk" + ADT, [("V2-001", "MSH")]),
        (HEAD + HEAD, [("V2-002", "MSH[2]")]),
        (HEAD + b"hello world\rPIDX|1\rpid|1\r", [("V2-003", f"line {line}") for line in (2, 3, 4)]),
        (b"MSH|\r", [("V2-004", "MSH-2")]),
        (b"MSH|^~|\r", [("V2-004", "MSH-2")]),
        (b"MSH|^~&|\r", [("V2-004", "MSH-2")]),
        (b"MSH|^~\\\\&|\r", [("V2-004", "MSH-2")]),
        (b"MSH|^^^^|\r", [("V2-004", "MSH-2")]),
        (b"MSH|ABCD|\r", [("V2-004", "MSH-2")]),
        (HEAD + b"NTE|1||C:\\temp\r", [("V2-008", "NTE-3")]),
        (HEAD + b"NTE|1||\\Zok\\\\H\\fine\\N\\\r", []),
        (b"FHS|^~\\&|\rBHS|^~\\&|\r" + ADT, []),
    ],
)
def test_findings_name_the_place_and_quote_nothing(body: bytes, codes: list[tuple[str, str]]) -> None:
    assert [(finding.code, finding.where) for finding in Er7.parse(body).findings] == codes


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"MSH",
        b"MSH\r",
        b"PID|1\r",
        b"<ClinicalDocument/>",
        b"MSHA^~",
        b"MSH A",
        b"FHS|^~\\&|\rBTS|0\r",
        b"\0" * 99,
    ],
)
def test_without_a_header_there_is_no_message(body: bytes) -> None:
    with pytest.raises(Hl7Error) as refused:
        Er7.parse(body)
    assert refused.value.where == "MSH"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        ("PID-8", "M", b"|19610417|F|", b"|19610417|M|"),
        ("PID-3.1", "9|9", b"||77^", b"||9\\F\\9^"),
        ("PID-3[2].4", "X&Y", b"88^^^REG|", b"88^^^X\\T\\Y|"),
        ("PID-3[2].4.2", "oid", b"88^^^REG|", b"88^^^REG&oid|"),
        ("PID-3[4].1", "n", b"88^^^REG|", b"88^^^REG~~n|"),
        ("PID-3[2]", "n", b"88^^^REG|", b"n|"),
        ("PID-3", "n", b"77^^^HOSP&1.2.3&ISO^MR~88^^^REG|", b"n|"),
        ("PID-3[*].5", "PI", b"^MR~88^^^REG|", b"^PI~88^^^REG^PI|"),
        ("PID-3.4.2", "", b"HOSP&1.2.3&ISO", b"HOSP&&ISO"),
        ("PID-11", "", b'|""|', b"||"),
        ("PID-20", "d", b'|""|||\r', b'|""|||||||||d\r'),
        ("PID-20", "", b"", b""),
        ("PID-3.9", "", b"", b""),
        ("MSH-3", "NEW", b"|APP|", b"|NEW|"),
        ("OBX[2]-5[2]", "a\nb\rc", b"~second", b"~a\\.br\\b\\X0D\\c"),
        ("OBX[*]-2", "FT", b"", b""),
        ("OBX[4]-1", "4", b"ZPI|x|y||\r", b"ZPI|x|y||\rOBX|4\r"),
        ("ZZ9-2.2", "q", b"ZPI|x|y||\r", b"ZPI|x|y||\rZZ9||^q\r"),
        ("ZZ9[*]-2", "q", b"", b""),
        ("ZZ9-2", "", b"", b""),
    ],
)
def test_set_changes_the_element_and_no_other_byte(path: str, value: str, before: bytes, after: bytes) -> None:
    parsed = Er7.parse(ADT)
    original = parsed.copy()
    parsed.set(path, value)
    if path == "OBX[*]-2":
        expected = ADT.replace(b"|NM|", b"|FT|").replace(b"|TX|", b"|FT|").replace(b"|ST|", b"|FT|")
    else:
        expected = ADT.replace(before, after) if before else ADT
    assert parsed.encode() == expected
    assert original.encode() == ADT
    if value and "*" not in path:
        assert Er7.parse(parsed.encode()).get(path) == value


@pytest.mark.parametrize(
    ("path", "removed", "before", "after"),
    [
        ("OBX", 1, b"OBX|1|NM|A^Alpha^L||1\r", b""),
        ("OBX[3]", 1, b"OBX|3|ST|C&c^Gamma^L||\r", b""),
        ("ZPI", 1, b"ZPI|x|y||\r", b""),
        ("PV1", 0, b"", b""),
        ("PID-3", 1, b"77^^^HOSP&1.2.3&ISO^MR~88^^^REG", b""),
        ("PID-3[1]", 1, b"77^^^HOSP&1.2.3&ISO^MR~", b""),
        ("PID-3[2]", 1, b"~88^^^REG", b""),
        ("PID-3[3]", 0, b"", b""),
        ("PID-3.4", 1, b"^HOSP&1.2.3&ISO^MR", b"^^MR"),
        ("PID-3.5", 1, b"^MR~", b"~"),
        ("PID-3.4.2", 1, b"&1.2.3&", b"&&"),
        ("PID-3.4.3", 1, b"&ISO", b""),
        ("PID-3[*].4", 2, b"^HOSP&1.2.3&ISO^MR~88^^^REG", b"^^MR~88^^"),
        ("PID-9", 0, b"", b""),
        ("PID-99", 0, b"", b""),
        ("OBX[2]-5", 1, b"||line\\.br\\two~second\r", b"|\r"),
    ],
)
def test_remove(path: str, removed: int, before: bytes, after: bytes) -> None:
    parsed = Er7.parse(ADT)
    assert parsed.remove(path) == removed
    assert parsed.encode() == (ADT.replace(before, after) if before else ADT)


def test_remove_every_segment_of_a_name() -> None:
    parsed = Er7.parse(ADT)
    assert parsed.remove("OBX[*]") == 3
    assert b"OBX" not in parsed.encode()
    assert parsed.get("OBX") == ""
    assert parsed.get("ZPI-1") == "x"


def test_the_last_segment_leaves_the_end_as_it_was() -> None:
    parsed = Er7.parse(HEAD + b"PID|1\rZPI|2")
    parsed.remove("ZPI")
    assert parsed.encode() == HEAD + b"PID|1"
    parsed.set("ZPI-1", "9")
    assert parsed.encode() == HEAD + b"PID|1\rZPI|9"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("MSH-1", "$"),
        ("MSH-2", "$"),
        ("OBX[9]-1", "x"),
        ("MSH[2]-3", "x"),
        ("PV1", "x"),
    ],
)
def test_what_cannot_be_set_is_refused_and_changes_nothing(path: str, text: str) -> None:
    parsed = Er7.parse(ADT)
    with pytest.raises(Hl7Error) as refused:
        parsed.set(path, text)
    assert refused.value.hint
    assert parsed.encode() == ADT


def test_encoded_text_is_set_as_it_is() -> None:
    parsed = Er7.parse(ADT)
    parsed.set_raw("PID-5", "Vale^Thessaly^M~Old^Name")
    parsed.set_raw("PID-3[2].4", "REG&1.9&ISO")
    parsed.set_raw("ZPI", "ZPI|whole|segment")
    parsed.set_raw("ZPI[2]", "ZPI|another")
    again = Er7.parse(parsed.encode())
    assert again.get("PID-5[2].2") == "Name"
    assert again.get("PID-3[2].4.2") == "1.9"
    assert again.get_all("ZPI[*]-1") == ["whole", "another"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("PID-5", "a|b"),
        ("PID-5[1]", "a~b"),
        ("PID-5.1", "a^b"),
        ("PID-5.1", "a~b"),
        ("PID-5.1.1", "a&b"),
        ("PID-5", "a\rPV1|1"),
        ("PID-5", "a\nb"),
        ("ZPI", "PID|1"),
        ("ZPI", "ZPIX|1"),
        ("MSH", "MSH|^~\\&|"),
    ],
)
def test_encoded_text_may_not_break_out_of_its_element(path: str, text: str) -> None:
    parsed = Er7.parse(ADT)
    with pytest.raises(Hl7Error):
        parsed.set_raw(path, text)
    assert parsed.encode() == ADT


def test_delimiters_that_are_not_declared_separate_nothing() -> None:
    body = b"MSH|^~|A\rPID|1||a&b\\T\\c^d\r"
    parsed = Er7.parse(body)
    assert parsed.get("PID-3.1") == "a&b\\T\\c"
    with pytest.raises(Hl7Error):
        parsed.set("PID-3.1.2", "x")
    with pytest.raises(Hl7Error):
        parsed.set("PID-3.1", "a|b")
    parsed.set("PID-3.1", "a&b")
    assert parsed.encode() == b"MSH|^~|A\rPID|1||a&b^d\r"


@pytest.mark.parametrize("encoding_characters", [b"", b"^~&", b"^~\\\\&"])
def test_a_lost_or_doubled_backslash_means_the_usual_delimiters(encoding_characters: bytes) -> None:
    body = b"MSH|" + encoding_characters + b"|A\rPID|1||7^^^X&1.2~8||O\\T\\N\r"
    parsed = Er7.parse(body)
    assert [parsed.get(path) for path in ("PID-3.4.2", "PID-3[2]", "PID-5")] == ["1.2", "8", "O&N"]
    parsed.set("PID-3.4.2", "1&2")
    assert parsed.encode() == body.replace(b"X&1.2", b"X&1\\T\\2")


def test_segments_are_read_and_edited_in_place() -> None:
    parsed = Er7.parse(ADT)
    third = parsed.segments[5]
    assert (third.name, third.occurrence, third.get("3.1.2"), third.get_all("3[*].2")) == ("OBX", 3, "c", ["Gamma"])
    assert parsed.line_of(third) == 6
    third.set("5", "a|b")
    third.remove("3.1.2")
    added = parsed.add("NTE", after=third)
    added.set("3", "note")
    assert b"OBX|3|ST|C^Gamma^L||a\\F\\b\rNTE|||note\rZPI" in parsed.encode()
    for name in ("MSH", "obx", "OB", "O|X"):
        with pytest.raises(Hl7Error):
            parsed.add(name)


def test_a_selection_of_segments_is_a_message() -> None:
    parsed = Er7.parse(ADT.removesuffix(b"\r"))
    chosen = parsed.only([parsed.segments[0], parsed.segments[6], parsed.segments[3]])
    assert chosen.encode() == HEAD + b"ZPI|x|y||\rOBX|1|NM|A^Alpha^L||1\r"
    assert parsed.encode() == ADT.removesuffix(b"\r")


TEXT = st.text(st.sampled_from('aB1 |^~\\&\r\n"é'), max_size=8)
PATHS = st.sampled_from(
    [
        "PID-3",
        "PID-3[2]",
        "PID-3.1",
        "PID-3[3].4.2",
        "PID-5[2].1",
        "OBX[2]-5",
        "OBX[4]-5.2",
        "ZZZ-1",
        "MSH-5",
        "MSH-22.3",
    ]
)


@given(st.lists(st.tuples(PATHS, TEXT), max_size=6))
def test_what_is_set_is_read(edits: list[tuple[str, str]]) -> None:
    parsed = Er7.parse(ADT.replace(b"2.5.1\r", b"2.5.1||||||UNICODE UTF-8\r", 1))
    for path, value in edits:
        parsed.set(path, value)
        leaf = parsed.get(path)
        assert leaf == value
        assert Er7.parse(parsed.encode()).get(path) == value
        assert parsed.copy().get(path) == value
