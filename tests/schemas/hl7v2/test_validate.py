"""Validation: a message that triggers each code and a like one that does not; the corpus; what findings say."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import Severity
from schemas.hl7v2 import Er7, Hl7Error
from schemas.hl7v2.validate import MOST_FINDINGS, validate
from schemas.hl7v2.validate_codes import CODES
from schemas.hl7v2.validate_profile import Profile, ProfileError
from schemas.hl7v2.validate_types import broken_rule

ROOT = Path(__file__).parents[3]
CORPUS = Path(os.environ.get("HIE_CORPUS", ROOT.parent / "shared" / "corpus")) / "hl7v2"

HEADER = "MSH|^~\\&|LAB|HOSP|HIE|REGION|20260312083015||{kind}|C-1|P|{version}"


def message(kind: str, version: str, *segments: str) -> Er7:
    """A message of type `kind` with a complete header and those segments."""
    return Er7.parse("\r".join([HEADER.format(kind=kind, version=version), *segments, ""]).encode())


def adt(*changed: str, version: str = "2.5.1") -> Er7:
    """A clean ADT^A01 in which the segments given replace those of the same name, or are added."""
    segments = {
        "EVN": "EVN||20260312083000",
        "PID": "PID|1||7704^^^HOSP^MR||Okonjo^Thessaly||19610417|F",
        "PV1": "PV1|1|I",
    }
    return message("ADT^A01^ADT_A01", version, *{**segments, **{each[:3]: each for each in changed}}.values())


def oru(*results: str, version: str = "2.5.1") -> Er7:
    """A clean ORU^R01 with one order and those segments after its OBR."""
    start = ("PID|1||7704^^^HOSP^MR||Okonjo^Thessaly", "OBR|1||F-1|718-7^Hemoglobin^LN")
    return message("ORU^R01^ORU_R01", version, *start, *results)


def found(er7: Er7, profile: Profile | None = None) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in validate(er7, profile)]


CLEAN = [
    adt(),
    adt("PID|1||7704^^^HOSP^MR~99^^^REG^PI||Okonjo^Thessaly~Vale^T||1961|F", version="2.4"),
    adt("PID|1||7704^^^HOSP^MR||Okonjo^Thessaly||196104171530+0100|F", version="2.6"),
    adt('PID|1||7704^^^HOSP^MR||Okonjo^Thessaly||""|""'),
    oru("OBX|1|NM|718-7^Hemoglobin^LN||7.4|g/dL|||||F|||202603120800"),
    oru("OBX|1|CWE|718-7^Hemoglobin^LN||A^Text^L^B^Text^L^1^2^Original||||||F"),
    oru("OBX|1|CE|718-7^Hemoglobin^LN^^^^2.68||A^Text^99LAB||||||F"),
    oru("OBX|1|DT|1^a^L||20260228||||||F", "OBX|2|TM|1^a^L||083015.1234-0500||||||F"),
    oru("OBX|1||1^a^L||||||||X"),
    oru("OBX|1|ED|1^a^L||^AP^pdf^Base64^" + "QUJD" * 30000 + "||||||F"),
    message("ACK^A01^ACK", "2.5.1", "MSA|AA|C-9"),
    adt("ZPI|anything|~^&\\F\\"),
    adt("EVN|A01|20260312083000", version="2.3"),
]


@pytest.mark.parametrize("er7", CLEAN)
def test_a_clean_message_has_no_finding(er7: Er7) -> None:
    assert found(er7) == []


PID = "PID|1||7704^^^HOSP^MR||Okonjo^Thessaly"

BROKEN = [
    ("V2-101", "MSH-12", message("ADT^A01^ADT_A01", "")),
    ("V2-102", "MSH-12", adt(version="1.9")),
    ("V2-103", "MSH-12", adt(version="2.9")),
    ("V2-104", "MSH-9", message("", "2.5")),
    ("V2-105", "MSH-9", message("QQQ^Q99", "2.5")),
    ("V2-106", "MSH-9", message("ZZZ^Z01", "2.5")),
    ("V2-107", "MSH-9.3", message("ADT^A01^ADT_A05", "2.5", "EVN||20260101", PID, "PV1||I")),
    ("V2-108", "MSH-9.3", message("ADT^A08^ADT_A08", "2.5", "EVN||20260101", PID, "PV1||I")),
    ("V2-199", "MSH", oru(*(f"OBX|{n}|NM|1^a^L||x||||||F" for n in range(1, MOST_FINDINGS + 50)))),
    ("V2-201", "PID", message("ADT^A01^ADT_A01", "2.5", "EVN||20260101", "PV1||I")),
    ("V2-202", "SPM", adt("SPM|1|||BLD")),
    ("V2-203", "PID", message("ADT^A01^ADT_A01", "2.5", PID, "EVN||20260101", "PV1||I")),
    ("V2-204", "PID[2]", message("ADT^A01^ADT_A01", "2.5", "EVN||20260101", PID, PID, "PV1||I")),
    ("V2-205", "QQQ", adt("QQQ|1")),
    ("V2-206", "ORDER_OBSERVATION", message("ORU^R01^ORU_R01", "2.5.1", PID)),
    ("V2-301", "PID-5", adt("PID|1||7704^^^HOSP^MR")),
    ("V2-302", "PID-7", adt(PID + "||19610417~19620417")),
    ("V2-303", "EVN-8", adt("EVN||20260312083000||||||more")),
    ("V2-303", "PID-31", adt(PID + "|" * 26 + "Y", version="2.3")),
    ("V2-304", "PID-19", adt(PID + "||||||||||||||900-55-2817", version="2.8")),
    ("V2-304", "AL1-6", adt("PID|1||7704^^^H^MR||Okonjo^T", "AL1|1||1^a^L|||20200101", version="2.8")),
    ("V2-305", "PID-19", adt(PID + "||||||||||||||" + "9" * 17, version="2.4")),
    ("V2-306", "PID-3.5", adt("PID|1||7704^^^HOSP||Okonjo^Thessaly", version="2.7")),
    ("V2-307", "PV1-2", adt("PV1|1|I^inpatient")),
    ("V2-307", "PID-3.11", adt("PID|1||7704^^^HOSP^MR^^^^^^more||Okonjo^Thessaly")),
    ("V2-308", "PID-5.2", adt("PID|1||7704^^^HOSP^MR||Okonjo^Thessaly&Ann")),
    ("V2-401", "PV1-25", adt("PV1|1|I" + "|" * 23 + "2026-03-12")),
    ("V2-402", "TQ1-4", message("OMG^O19^OMG_O19", "2.5", "ORC|NW", "TQ1|1|||8:30", "OBR|1|A-1||718-7^Hb^LN")),
    ("V2-403", "PID-7.1", adt(PID + "||19610431")),
    ("V2-404", "OBX-5", oru("OBX|1|NM|718-7^Hemoglobin^LN||<7||||||F")),
    ("V2-404", "OBX[2]-5[2]", oru("OBX|1|NM|1^a^L||7||||||F", "OBX|2|NM|1^a^L||7~high||||||F")),
    ("V2-405", "PID-1", adt("PID|one||7704^^^HOSP^MR||Okonjo^Thessaly")),
    ("V2-406", "MSH-15", Er7.parse(b"MSH|^~\\&|A|B|C|D|20260101||ACK^A01^ACK|1|P|2.5|||XX\rMSA|AA|1\r")),
    ("V2-407", "OBX-2", oru("OBX|1||718-7^Hemoglobin^LN||7.4||||||F")),
    ("V2-408", "OBX-2", oru("OBX|1|QQ|718-7^Hemoglobin^LN||7.4||||||F")),
]


@pytest.mark.parametrize(("code", "where", "er7"), BROKEN, ids=[f"{code}-{where}" for code, where, _ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(code: str, where: str, er7: Er7) -> None:
    assert (code, where) in found(er7)
    assert {each.severity for each in validate(er7) if each.code == code} == {CODES[code][0]}


ONLY = [case for case in BROKEN if case[0] not in ("V2-101", "V2-102", "V2-103", "V2-104", "V2-108", "V2-199")]


@pytest.mark.parametrize(("code", "where", "er7"), ONLY, ids=[f"{code}-{where}" for code, where, _ in ONLY])
def test_one_mistake_is_one_finding(code: str, where: str, er7: Er7) -> None:
    if er7.version in ("2.3", "2.7", "2.8") or code in ("V2-105", "V2-106", "V2-107"):
        assert found(er7).count((code, where)) == 1
    else:
        assert found(er7) == [(code, where)]


PROFILE = Profile.read(
    {
        "profile": "adt-in",
        "places": {
            "NK1": {"usage": "R"},
            "AL1": {"usage": "X"},
            "DG1": {"max": "1"},
            "PID-3.4": {"usage": "R"},
            "PID-3": {"max": "1"},
            "PV1-19": {"usage": "X"},
            "PID-8": {"values": ["F", "M"]},
            "PID-5.1": {"length": "6"},
        },
    }
)
BY_PROFILE = [
    ((), [("V2-501", "NK1")]),
    (("NK1|1",), []),
    (("NK1|1", "PID|1||7704^^^^MR||Okonjo^Thessaly"), [("V2-501", "PID-3.4")]),
    (("NK1|1", "PID|1||77^^^H^MR~78^^^H^MR||Okonjo^Thessaly"), [("V2-503", "PID-3")]),
    (("NK1|1", "PV1|1|I|||||||||||||||||4711"), [("V2-502", "PV1-19")]),
    (("NK1|1", PID + "|||U"), [("V2-504", "PID-8")]),
    (("NK1|1", "PID|1||7704^^^HOSP^MR||Okonjo-Vale^Thessaly"), [("V2-505", "PID-5.1")]),
    (("NK1|1", "AL1|1||1^a^L"), [("V2-502", "AL1")]),
]


@pytest.mark.parametrize(("segments", "expected"), BY_PROFILE)
def test_a_profile_adds_what_the_partners_agreed_on(segments: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    order = {"PID": 1, "NK1": 2, "PV1": 3, "AL1": 4}
    default = {"PID": PID, "PV1": "PV1|1|I"}
    chosen = {**default, **{each[:3]: each for each in segments}}
    er7 = message(
        "ADT^A01^ADT_A01", "2.5.1", "EVN||20260312083000", *sorted(chosen.values(), key=lambda s: order[s[:3]])
    )
    assert found(er7, PROFILE) == expected


def test_a_profile_speaks_of_each_segment_and_repetition() -> None:
    profile = Profile.read({"places": {"OBX-3.3": {"usage": "R"}, "OBX-11": {"values": ["F"]}, "OBX": {"max": "2"}}})
    er7 = oru("OBX|1|ST|1^a^L||x||||||F", "OBX|2|ST|1^a||x||||||P", "OBX|3|ST|1^a^L||x||||||F")
    assert found(er7, profile) == [("V2-501", "OBX[2]-3.3"), ("V2-504", "OBX[2]-11"), ("V2-503", "OBX")]


WRONG_PROFILES = [
    (None, "keys"),
    ({"fields": {}}, "keys"),
    ({"places": []}, "paths"),
    ({"places": {"PID.3": {}}}, "PID-3.1"),
    ({"places": {"PID-3[2]": {}}}, "leave the index out"),
    ({"places": {"PID-3": "R"}}, "usage, max"),
    ({"places": {"PID-3": {"usage": "M"}}}, "R (required)"),
    ({"places": {"PID-3": {"max": "0"}}}, "whole number"),
    ({"places": {"PID-3": {"values": "F"}}}, "list of texts"),
    ({"places": {"PID": {"length": "3"}}}, "belong to a field"),
]


@pytest.mark.parametrize(("written", "hint"), WRONG_PROFILES)
def test_a_wrong_profile_says_what_to_write(written: object, hint: str) -> None:
    with pytest.raises(ProfileError, match=re.escape(hint)):
        Profile.read(written)


def test_every_code_has_a_case_and_is_in_the_manual() -> None:
    tried = {code for code, *_ in BROKEN} | {code for _, expected in BY_PROFILE for code, _ in expected}
    assert tried == set(CODES)
    page = (ROOT / "docs" / "validate.md").read_text()
    rows = dict(re.findall(r"^\| (V2-[1-5]\d\d) \| (error|warning|information) \|", page, re.MULTILINE))
    assert rows == {code: severity.value for code, (severity, _) in CODES.items()}


def test_the_manual_has_the_codes_about_encoding_too() -> None:
    source = "".join(path.read_text() for path in (ROOT / "schemas" / "hl7v2").glob("*.py"))
    page = (ROOT / "docs" / "validate.md").read_text()
    assert {code for code in re.findall(r"V2-0\d\d", source) if f"| {code} |" not in page} == set()


def test_a_finding_names_field_rule_and_line() -> None:
    (finding,) = validate(adt(PID + "||19610431"))
    assert "date time of birth" in finding.what
    assert "YYYY[MM[DD" in finding.what
    assert finding.what.endswith("line 3")


def test_no_finding_quotes_a_value() -> None:
    secret = "SECRETVALUE"
    segments = [
        f"{name}|" + "|".join([f"{secret}^{secret}&{secret}~{secret}"] * 45)
        for name in ("EVN", "PID", "PV1", "NK1", "OBX")
    ]
    er7 = message("ADT^A01^ADT_A01", "2.5.1", *segments, secret, f"Q1Q|{secret}")
    findings = validate(er7, PROFILE)
    assert len(findings) > 100
    assert not [each for each in findings if secret in str(each)]


TYPES = [
    (
        "DT",
        ["2026", "202603", "20260312", "20240229"],
        ["", "26", "20261301", "20260230", "2026-03-12", "202603121200", "0000", "\u0662\u0660\u0662\u0666"],
    ),
    (
        "TM",
        ["08", "0830", "083015", "083015.1", "083015.1234", "0830+0100", "08-0500"],
        ["8", "24", "0860", "08:30", "083015.12345", "0830+1", "0830+2500"],
    ),
    (
        "DTM",
        ["2026", "202603", "20260312", "2026031208", "202603120830", "20260312083015.123+0100", "2026+0100"],
        ["20260229", "2026031225", "20260312T0830", "2026031", "20260312083015Z", "00000000"],
    ),
    ("NM", ["0", "-1", "+1.5", ".5", "5.", "007"], ["", "1,5", "<5", " 1", "1e5", "1.2.3", "-"]),
    ("SI", ["0", "1", "9999"], ["-1", "10000", "1.5", "x"]),
    ("SNM", ["123", "+49123"], ["12 3", "(608)"]),
    ("ST", ["anything", ""], []),
]


@pytest.mark.parametrize(("datatype", "good", "bad"), TYPES)
def test_the_primitive_types(datatype: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if broken_rule(datatype, text)] == []
    assert [text for text in bad if not broken_rule(datatype, text)] == []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(alphabet='MSHPIDOBXZ|^~\\&\r\n\x0b\x1c19.é"', max_size=60), max_size=6),
    st.sampled_from(["2.1", "2.3", "2.5.1", "2.8.2", "9"]),
)
def test_no_content_makes_it_raise(lines: list[str], version: str) -> None:
    header = HEADER.format(kind="ORU^R01", version=version)
    validate(Er7.parse("\r".join([header, *lines]).encode()), PROFILE)


def test_a_large_message_is_checked_in_time_that_grows_with_it() -> None:
    def seconds(count: int) -> float:
        er7 = oru(*("OBX|1|NM|718-7^Hemoglobin^LN||7.4|g/dL|||||F" for _ in range(count)))
        start = time.perf_counter()
        assert validate(er7) == []
        return time.perf_counter() - start

    small, large = min(seconds(200) for _ in range(3)), min(seconds(2000) for _ in range(2))
    assert large < 40 * small


def test_the_corpus_is_checked_without_an_exception(capsys: pytest.CaptureFixture[str]) -> None:
    times: list[float] = []
    without_header = 0
    errors: dict[str, int] = {}
    for path in sorted(CORPUS.rglob("*.hl7")):
        try:
            er7 = Er7.parse(path.read_bytes())
        except Hl7Error:
            without_header += 1
            continue
        start = time.perf_counter()
        findings = validate(er7)
        times.append(time.perf_counter() - start)
        assert all(each.where and each.what for each in findings)
        for code in {each.code for each in findings if each.severity is Severity.ERROR}:
            errors[code] = errors.get(code, 0) + 1
    with capsys.disabled():
        middle = f"{median(times) * 1000:.2f} ms" if times else "nothing"
        print(f"\n{len(times)} messages of the corpus checked, median {middle}; {without_header} without a header")
    if len(times) > 1000:
        # more would mean that a rule has become too strict for what hospitals send
        assert errors.get("V2-203", 0) < 10
        assert errors.get("V2-105", 0) < 20
