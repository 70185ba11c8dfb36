"""`map_codes` and `look_up`, and the tables they read."""

from pathlib import Path

import pytest

from schemas.tables import CodeMap, Table, TableError
from tests.transforms.written import UnboundError, bind, message, run, text
from transforms import StepError

MAP = """code,system,to_code,to_display,to_system,sender
GLU,L,2345-7,Glucose,LN,
NA,L,2951-2,,LN,
NA,L,2947-0,Sodium (blood),LN,OTHERLAB
K,,2823-3,Potassium,LN,
I,HL70004,IMP,inpatient,v3,
F,,female,,,
# a remark

"X,Y",L,1-1,"a, b",LN,
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/loinc.csv").write_text(MAP)
    (tmp_path / "maps/wards.csv").write_text("ward, Name ,nurse\nW1,West One,\nE1,East One,Ann\n")
    return tmp_path


def oru(*codes: str, sender: str = "LAB", version: str = "2.5") -> str:
    head = f"MSH|^~\\&|LIS|{sender}|||||ORU^R01|M1|P|{version}\nPID|1||4711||Ames|||F\nPV1|1|I\n"
    return head + "".join(f"OBX|{number}|NM|{code}||5\n" for number, code in enumerate(codes, start=1))


EVERY = '"OBX[*]-3"'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("GLU^Zucker^L", "2345-7^Glucose^LN^GLU^Zucker^L"),
        ("NA^Natrium^L", "2951-2^Natrium^LN^NA^Natrium^L"),
        ("K^Kalium^99LOCAL", "2823-3^Potassium^LN^K^Kalium^99LOCAL"),
        ("K", "2823-3^Potassium^LN^K"),
        ("Q^x^L^GLU^Zucker^L", "2345-7^Glucose^LN^GLU^Zucker^L"),
        ("GLU^Zucker^L^2345-7^Gl^LN", "2345-7^Glucose^LN^GLU^Zucker^L"),
        ("2345-7^Glucose^LN^GLU^Zucker^L", "2345-7^Glucose^LN^GLU^Zucker^L"),
        ("GLU^A\\T\\B&c^L", "2345-7^Glucose^LN^GLU^A\\T\\B&c^L"),
        ("", ""),
        ('""', '""'),
    ],
)
def test_a_coded_element_is_mapped_and_keeps_its_own_code(before: str, after: str, site: Path) -> None:
    (made,) = run(f"map_codes: {{path: {EVERY}, map: maps/loinc.csv}}", message(oru(before)), site=site)
    assert text(made) == oru(after)


def test_a_code_that_has_no_place_left_is_reported(site: Path) -> None:
    written = f"map_codes: {{path: {EVERY}, map: maps/loinc.csv}}"
    (old,) = run(written, message(oru("GLU^Zucker^L^77^x^99")), site=site)
    assert text(old) == oru("2345-7^Glucose^LN^77^x^99")
    assert [(each.code, each.where) for each in old.findings] == [("MAP-102", "OBX-3")]
    (new,) = run(written, message(oru("GLU^Zucker^L^77^x^99", version="2.7.1")), site=site)
    assert text(new) == oru("2345-7^Glucose^LN^77^x^99^^^^GLU^Zucker^L", version="2.7.1")
    assert new.findings == ()


def test_a_row_of_the_sender_comes_first(site: Path) -> None:
    written = f"map_codes: {{path: {EVERY}, map: maps/loinc.csv}}"
    (made,) = run(written, message(oru("NA^Natrium^L", "GLU^^L", sender="OTHERLAB")), site=site)
    assert text(made) == oru("2947-0^Sodium (blood)^LN^NA^Natrium^L", "2345-7^Glucose^LN^GLU^^L", sender="OTHERLAB")


def test_every_segment_and_repetition_is_mapped(site: Path) -> None:
    one = message("MSH|^~\\&|LIS|LAB|||||ORU^R01|M1|P|2.5\nZCD|GLU^^L~~Q^^L~K\nZCD|NA^^L\n")
    (made,) = run('map_codes: {path: "ZCD[*]-1[*]", map: maps/loinc.csv}', one, site=site)
    assert made.get_all("ZCD[*]-1[*].1") == ["2345-7", "Q", "2823-3", "2951-2"]
    assert [each.where for each in made.findings] == ["ZCD-1[3].1"]


@pytest.mark.parametrize(
    ("options", "element", "after"),
    [
        ("path: PV1-2.1, system: HL70004", "PV1|1|I\n", "PV1|1|IMP\n"),
        ("path: PV1-2.1", "PV1|1|I\n", "PV1|1|I\n"),
        ("path: PID-8.1", "Ames|||F\n", "Ames|||female\n"),
    ],
)
def test_a_component_is_mapped_alone(options: str, element: str, after: str, site: Path) -> None:
    (made,) = run(f"map_codes: {{{options}, map: maps/loinc.csv}}", message(oru()), site=site)
    assert text(made) == oru().replace(element, after)
    assert bool(made.findings) == (element == after)


def test_an_unmapped_code_is_kept_and_reported_once(site: Path) -> None:
    one = message(oru("ZZ^Zink^L", "GLU^^L", "ZZ^Zink^L"))
    (made,) = run(f"map_codes: {{path: {EVERY}, map: maps/loinc.csv}}", one, site=site)
    assert text(made) == oru("ZZ^Zink^L", "2345-7^Glucose^LN^GLU^^L", "ZZ^Zink^L")
    (finding,) = made.findings
    assert str(finding) == "OBX-3.1: MAP-101 maps/loinc.csv has no code 'ZZ' of system 'L' (add the code to the map)"


def test_a_report_does_not_show_what_may_be_a_name(site: Path) -> None:
    one = message(oru("Ames, Penelope^x^L"))
    (made,) = run(f"map_codes: {{path: {EVERY}, map: maps/loinc.csv}}", one, site=site)
    assert "Penelope" not in str(made.findings)


def test_an_unmapped_code_can_stop_the_message(site: Path) -> None:
    with pytest.raises(StepError, match=r"OBX\[2\]-3.1: maps/loinc.csv has no code 'ZZ'"):
        run(
            f"map_codes: {{path: {EVERY}, map: maps/loinc.csv, unmapped: fail}}",
            message(oru("GLU^^L", "ZZ^Zink^L")),
            site=site,
        )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ZZ^Zink^L", "^Zink"),
        ("ZZ", "^ZZ"),
        ("ZZ^Zink^L^YY^Zn^M", "^Zink^^^Zn"),
        ("GLU^^L", "2345-7^Glucose^LN^GLU^^L"),
    ],
)
def test_an_unmapped_code_can_become_text(before: str, after: str, site: Path) -> None:
    written = f"map_codes: {{path: {EVERY}, map: maps/loinc.csv, unmapped: text}}"
    (made,) = run(written, message(oru(before)), site=site)
    assert made.get("OBX-3").rstrip("^") == after


def test_a_changed_map_is_read_again(site: Path) -> None:
    written = f"map_codes: {{path: {EVERY}, map: maps/loinc.csv}}"
    assert run(written, message(oru("ZZ^^L")), site=site)[0].findings
    (site / "maps/loinc.csv").write_text(MAP + "ZZ,L,5763-8,Zinc,LN,\n")
    assert run(written, message(oru("ZZ^^L")), site=site)[0].get("OBX-3.1") == "5763-8"


WARD = '"maps/wards.csv", key: PV1-3.1, set: {ward.name: name, ward.nurse: Nurse}'


@pytest.mark.parametrize(("ward", "found"), [("W1", ("West One", "")), ("E1", ("East One", "Ann"))])
def test_look_up_adds_attributes(ward: str, found: tuple[str, str], site: Path) -> None:
    one = message(f"MSH|^~\\&|A|B|||||ADT^A01|M1|P|2.5\nPV1|1|I|{ward}^2\n")
    (made,) = run(f"look_up: {{table: {WARD}}}", one, site=site)
    assert (made.get("ward.name"), made.get("ward.nurse")) == found
    assert made.body is one.body


def test_look_up_by_an_attribute_in_another_column(site: Path) -> None:
    one = message(b"{}", format="fhir", ward_name="East One")
    written = "look_up: {table: maps/wards.csv, key: ward.name, column: Name, set: {ward.id: ward}}"
    assert run(written, one, site=site)[0].get("ward.id") == "E1"


def test_look_up_of_a_missing_key_is_reported_or_stops(site: Path) -> None:
    one = message("MSH|^~\\&|A|B|||||ADT^A01|M1|P|2.5\nPV1|1|I|Penelope\n")
    (made,) = run(f"look_up: {{table: {WARD}}}", one, site=site)
    assert (made.attributes, [each.code for each in made.findings]) == ({}, ["MAP-201"])
    assert "Penelope" not in str(made.findings)
    with pytest.raises(StepError, match=r"no row for the text at PV1-3\.1"):
        run(f"look_up: {{table: {WARD}, missing: fail}}", one, site=site)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("map_codes: {path: OBX-3, map: maps/none.csv}", "maps/none.csv: No such file"),
        ("map_codes: {path: OBX-3, map: maps/wards.csv}", "there is no column 'code'"),
        ("map_codes: {path: OBX, map: maps/loinc.csv}", "no coded element"),
        ("map_codes: {path: OBX-3.1.2, map: maps/loinc.csv}", "no coded element"),
        ("map_codes: {path: subscriber.id, map: maps/loinc.csv}", "not a path"),
        ("map_codes: {path: OBX-3, map: maps/loinc.csv, unmapped: skip}", "keep"),
        ("look_up: {table: maps/wards.csv, key: PV1-3.1, set: {PV1-3.4: name}}", "no attribute"),
        ("look_up: {table: maps/wards.csv, key: PV1-3.1, set: {ward.name: title}}", "there is no column 'title'"),
        ("look_up: {table: maps/wards.csv, key: PV1-3.1, column: id, set: {a.b: name}}", "there is no column 'id'"),
        (
            "look_up: {table: maps/loinc.csv, key: PV1-3.1, set: {a.b: to_code}}",
            "loinc.csv:4: the same code as in line 3",
        ),
        ("look_up: {table: maps/wards.csv, key: PV1-3.1, set: {message.id: name}}", "cannot be changed"),
    ],
)
def test_options_without_meaning_are_refused_when_the_channel_is_bound(written: str, why: str, site: Path) -> None:
    with pytest.raises(UnboundError, match=why):
        bind(written, site)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "t.csv:1: the table is empty"),
        ("a,a\n", "t.csv:1: each column needs a name"),
        ("a,\n1,2\n", "t.csv:1: each column needs a name"),
        ("a,b\n1,2\n\n1,2,3\n", "t.csv:4: 3 cells under 2 columns"),
        ('a,b\n1,"2\n', "t.csv:2: not CSV"),
        ("a,b\n1," + "x" * 5000, "t.csv:2: more than"),
        (",".join(map(str, range(100))), "t.csv:1: more than"),
        ("a,b\n1,\x002\n", "t.csv:2"),
    ],
)
def test_a_file_that_is_no_table_says_the_line(content: str, why: str) -> None:
    with pytest.raises(TableError, match=why):
        Table.read(content, "t.csv")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("A,L,,x,LN\n", "m.csv:2: code and to_code"),
        ("A,L,1,x,LN\nB,L,1,x,LN\nA,L,2,y,LN\n", "m.csv:4: .*earlier line"),
    ],
)
def test_a_code_map_is_checked_row_by_row(rows: str, why: str) -> None:
    with pytest.raises(TableError, match=why):
        CodeMap.read("code,system,to_code,to_display,to_system\n" + rows, "m.csv")


def test_a_key_that_stands_twice_names_both_lines() -> None:
    table = Table.read("ward,name\nW1,a\nE1,b\nW1,c\n", "wards.csv")
    with pytest.raises(TableError, match=r"wards\.csv:4: the same ward as in line 2"):
        table.by("ward")


def test_a_table_that_is_not_utf8_says_so(site: Path) -> None:
    (site / "maps/wards.csv").write_bytes(b"ward,name\nW1,S\xfcd\n")
    with pytest.raises(UnboundError, match="not UTF-8"):
        bind(f"look_up: {{table: {WARD}}}", site)


def test_unmapped_codes_are_held_for_a_person(tmp_path: Path) -> None:
    """What is a code of the map's own target system needs no row; a mapped one beside it is mapped."""
    columns = "code,system,to_code,to_display,to_system\n"
    (tmp_path / "loinc.csv").write_text(columns + "NA,L,2951-2,Sodium,LN\n")
    held = "map_codes: {path: 'OBX[*]-3', map: loinc.csv, unmapped: hold}"
    lines = ["NA^Sodium^L", "2823-3^Potassium^LN", "XK^Odd^L^2345-7^Glucose^LN", "ZQ9^Odd^L", "^Free text", "ZQ9^Odd^L"]
    body = "MSH|^~\\&|LAB|A|||20261125||ORU^R01|1|P|2.5.1\n" + "".join(f"OBX|1|NM|{line}||1\n" for line in lines)
    (made,) = run(held, message(body), site=tmp_path)
    assert made.get("codes.unmapped") == "'ZQ9' of 'L', a text without a code"
    assert made.get("OBX[1]-3.1") == "2951-2"
    assert {finding.code for finding in made.findings} == {"MAP-101"}
    (whole,) = run(held, message(body.replace("ZQ9", "NA").replace("^Free text", "NA^^L")), site=tmp_path)
    assert "codes.unmapped" not in whole.attributes
