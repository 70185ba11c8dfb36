"""Paths into documents, in messages, conditions and texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ccda import CcdaError, Document
from schemas.ccda.path import CcdaPath
from schemas.condition import Condition
from schemas.message import CCDA, HL7V2, Message
from tests.schemas.ccda.documents import VALID

ROOT = Document.parse(VALID.encode()).root


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/ClinicalDocument/code/@code", ["34133-9"]),
        ("/ClinicalDocument/title", ["Summary"]),
        ("/ClinicalDocument/templateId[2]/@root", ["2.16.840.1.113883.10.20.22.1.1"]),
        ("/ClinicalDocument/templateId[3]/@root", []),
        ("//section[code/@code='48765-2']/title", ["Allergies"]),
        ('//section[code/@code="11450-4"]/title', []),
        ("//observation[templateId/@root='2.16.840.1.113883.10.20.22.4.7' and value]/value/@code", ["419511003"]),
        ("//value[@xsi:type='CD']/@codeSystem", ["2.16.840.1.113883.6.96"]),
        ("//entry/*/statusCode/@code", ["active"]),
        ("//patient/name", ["AnnVale"]),
        ("//sdtc:raceCode/@code", []),
        ("//id[@root='and or not']/@extension", []),
        ("/ClinicalDocument/recordTarget/patientRole/addr/city", ["Ash"]),
    ],
)
def test_a_path_gives_the_texts_that_stand_there(path: str, texts: list[str]) -> None:
    assert CcdaPath.parse(path).select(ROOT) == texts


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/Patient/name", "/ClinicalDocument"),
        ("/ClinicalDocument", None),
        ("/ClinicalDocument/", "for example"),
        ("/ClinicalDocument/id[0]/@root", "counts from 1"),
        ("/ClinicalDocument/id[*]/@root", "every one"),
        ("/ClinicalDocument/@classCode/id", "the last part"),
        ("/cda:ClinicalDocument/id", "no prefix"),
        ("/ClinicalDocument/id[contains(@root,'2')]", "functions"),
        ("/ClinicalDocument/id[@root='2]", "for example"),
        ("/" + "a" * 600, "for example"),
        ("//document('file:///etc/passwd')", "functions"),
    ],
)
def test_what_is_no_path_is_refused_with_a_hint(path: str, hint: str | None) -> None:
    if hint is None:
        assert CcdaPath.parse(path).select(ROOT)
        return
    with pytest.raises(CcdaError) as refused:
        CcdaPath.parse(path)
    assert hint in refused.value.hint


@given(st.text(alphabet="/@[]'\"=:*. andsdtcidcode123()|$", max_size=40))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        path = CcdaPath.parse("/" + text)
    except CcdaError:
        return
    assert all(isinstance(each, str) for each in path.select(ROOT))


def _message(body: str, format: str = CCDA) -> Message:
    return Message("0" * 32, "test", format, body.encode(), datetime(2026, 3, 12, tzinfo=UTC))


def test_a_message_fills_a_text_from_its_document() -> None:
    message = _message(VALID)
    assert message.get("//patientRole/id/@extension") == "77"
    assert message.get_all("//templateId[@extension]/@extension")[0] == "2015-08-01"
    assert message.fill("{/ClinicalDocument/id/@extension}.xml") == "D1.xml"
    assert message.get("Patient.name.family") == ""
    assert message.get("PID-3.1") == ""


def test_another_body_has_nothing_there() -> None:
    assert _message("MSH|^~\\&|A|B|C|D|20260312||ADT^A01|1|P|2.5.1\r", HL7V2).get("/ClinicalDocument/code/@code") == ""
    assert _message("hello", "text").get_all("/ClinicalDocument/code/@code") == []


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({"/ClinicalDocument/code/@code": "34133-9"}, True),
        ({"//templateId/@root": "2.16.840.1.113883.10.20.22.2.6"}, True),
        ({"//templateId/@root": {"not": "2.16.840.1.113883.10.20.22.2.6"}}, False),
        ({"//section/title": {"like": "All*"}}, True),
        ({"//nonXMLBody": {"exists": "false"}}, True),
        ({"//section/title": "Problems"}, False),
    ],
)
def test_a_condition_means_every_place(written: dict[str, object], holds: bool) -> None:
    condition = Condition.read(written)
    assert all(clause.holds(_message(VALID)) for clause in condition.clauses) is holds
