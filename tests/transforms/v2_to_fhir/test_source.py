"""Reading marks what was read, so that what is left over can be told."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.hl7v2 import Er7
from transforms.v2_to_fhir.source import SourceSegment, source_of


def segment(text: str, header: str = "MSH|^~\\&|A|B") -> SourceSegment:
    """The second segment of a message of a header and `text`."""
    return source_of(Er7.parse(f"{header}\r{text}\r".encode()))[1]


def left(source: SourceSegment) -> list[tuple[str, str]]:
    """What was not read: addresses and texts."""
    return [(where, text) for _, where, text in source.unread()]


def test_what_is_not_read_is_left_with_its_address() -> None:
    pid = segment("PID|1||77^^^STANNE^MR~88^^^REG&1.2.3&ISO^SS||Vale^Ann||19600102")
    first, second = pid[3]
    assert (first[1], first[4]) == ("77", "STANNE")
    assert second.part(4)[2] == "1.2.3"
    assert pid.text(7) == "19600102"
    assert left(pid) == [
        ("PID-1", "1"),
        ("PID-3.5", "MR"),
        ("PID-3[2].1", "88"),
        ("PID-3[2].4.1", "REG"),
        ("PID-3[2].4.3", "ISO"),
        ("PID-3[2].5", "SS"),
        ("PID-5", "Vale^Ann"),
    ]


def test_a_repetition_that_nobody_read_is_left_whole() -> None:
    pid = segment("PID|||1^^^A~2^^^B")
    first = pid.first(3)
    assert first is not None
    assert (first[1], first[4]) == ("1", "A")
    assert left(pid) == [("PID-3[2]", "2^^^B")]


def test_null_reads_as_absent_and_is_left() -> None:
    pid = segment('PID|||1^""^^A|""')
    assert pid[4] == []
    value = pid[3][0]
    assert (value[1], value[2], value[4]) == ("1", "", "A")
    assert left(pid) == [("PID-3.2", '""'), ("PID-4", '""')]


def test_a_part_with_parts_reads_as_its_first() -> None:
    pid = segment("PID|||||van Dahl&van&Dahl^Mia")
    name = pid[5][0]
    assert (name[1], name[2]) == ("van Dahl", "Mia")
    assert left(pid) == [("PID-5.1.2", "van"), ("PID-5.1.3", "Dahl")]


def test_escapes_are_resolved_where_text_is_read_and_kept_where_it_is_left() -> None:
    pid = segment("PID|||||Vale \\T\\ Sons^A\\S\\B")
    assert pid[5][0][1] == "Vale & Sons"
    assert left(pid) == [("PID-5.2", "A\\S\\B")]


def test_segments_of_a_name_are_numbered() -> None:
    sources = source_of(Er7.parse(b"MSH|^~\\&|A\rOBX|1||x\rOBX|2||y\r"))
    assert [each.where(3) for each in sources[1:]] == ["OBX-3", "OBX[2]-3"]


def test_a_field_that_is_not_there_is_empty() -> None:
    pid = segment("PID|1")
    assert (pid[99], pid.first(99), pid.text(99), pid.has(99), pid.raw(99)) == ([], None, "", False, "")


_TEXT = st.text(st.sampled_from('ab^&~\\|"1 '), max_size=40).filter(lambda text: "\r" not in text)


@given(_TEXT)
def test_every_leaf_is_either_read_or_left(text: str) -> None:
    source = segment(f"ZZZ|{text}")
    for field in range(1, 12):
        for value in source[field]:
            value.shown()
    rest = "".join(each for _, each in left(source))
    assert set(rest) <= set('"^&~')


@given(_TEXT)
def test_without_reading_everything_is_left(text: str) -> None:
    source = segment(f"ZZZ|{text}")
    assert "|".join(source.raw(field) for field in range(1, 50)).rstrip("|") == text.rstrip("|")
    assert [each for _, each in left(source)] == [each for each in text.split("|") if each]
