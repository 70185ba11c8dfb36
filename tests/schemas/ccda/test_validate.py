"""Validation of documents: what is wrong is told with its place, its rule and never its value."""

from __future__ import annotations

import pytest

from schemas.ccda import Document
from schemas.ccda.rules import groups
from schemas.ccda.validate import MOST_FINDINGS, validate
from schemas.finding import Severity
from tests.schemas.ccda.documents import VALID, changed


def test_a_valid_document_has_no_finding() -> None:
    assert validate(Document.parse(VALID.encode())) == []


SECTION = "/ClinicalDocument/component/structuredBody/component/section"
ACT = f"{SECTION}/entry/act"
OBSERVATION = f"{ACT}/entryRelationship/observation"


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "what", "hint"),
    [
        ("<title>Summary</title>", "", "CCDA-303", "/ClinicalDocument", "exactly one title", "CONF:1198-5254"),
        ("<realmCode code", "<realm code", "CCDA-301", "/ClinicalDocument/realm", "may not stand here", "typeId"),
        ('<birthTime value="19610417"/>', "", "CCDA-303", "/ClinicalDocument", "exactly one birthTime", "1198-5298"),
        ('value="19610417"', 'value="17.4.61"', "CCDA-302", "birthTime", "@value is no value of its datatype", ""),
        ("<item ID", "<item id", "CCDA-301", f"{SECTION}/text/list/item", "@id has no place", ""),
        ('<item ID="a1">', '<item ID="b1">', "CCDA-305", f"{ACT}/text/reference", "no element of the narrative", ""),
        ('xsi:type="CD" ', "", "CCDA-301", f"{OBSERVATION}/value", "xsi:type is missing", ""),
        ('xsi:type="CD" ', 'xsi:type="CDX" ', "CCDA-301", f"{OBSERVATION}/value", "names no datatype", ""),
        ('code="completed"', 'code="active"', "CCDA-303", OBSERVATION, "statusCode[@code='completed']", "1098-"),
        ('code="active"', 'code="held"', "CCDA-303", ACT, "statusCode[@code and @code=set(", "1198-19086"),
        ('classCode="ACT"', "", "CCDA-301", ACT, "@classCode is missing", ""),
        ("<city>Ash</city>", "", "CCDA-303", "patientRole/addr", "count(city)=1", "CONF:81-"),
    ],
)
def test_what_is_wrong_is_told_with_place_and_rule(
    old: str, new: str, code: str, where: str, what: str, hint: str
) -> None:
    found = [each for each in validate(changed(old, new)) if each.code == code]
    assert any(where in each.where and what in each.what and hint in each.hint for each in found), found


def test_a_document_of_r21_wants_the_older_form_of_each_identifier() -> None:
    older = '<templateId root="2.16.840.1.113883.10.20.22.4.7"/>'
    newest = '<templateId root="2.16.840.1.113883.10.20.22.1.2" extension="2015-08-01"/>'
    text = VALID.replace('<id root="2.16', f'{newest}<id root="2.16', 1).replace(older, "")
    twins = [each for each in validate(Document.parse(text.encode())) if each.code == "CCDA-304"]
    assert [each.where.partition(" ")[0] for each in twins] == ["/ClinicalDocument", OBSERVATION]
    assert "1198-32934" in twins[0].hint


def test_no_finding_quotes_a_value() -> None:
    document = changed('value="19610417"', "value=\"attribute 'Doe': secret\"")
    broken = validate(document)
    assert broken
    assert "secret" not in repr(broken)
    assert "Doe" not in repr(broken)


def test_a_document_without_known_templates_is_told_so_and_no_error() -> None:
    text = VALID.replace("2.16.840.1.113883.10.20.22.1.1", "2.16.840.1.113883.10.20.1")
    found = validate(Document.parse(text.encode()))
    assert [(each.code, each.severity) for each in found] == [("CCDA-307", Severity.INFORMATION)]


def test_a_document_without_namespace_is_told_so() -> None:
    text = VALID.replace(' xmlns="urn:hl7-org:v3"', "")
    found = validate(Document.parse(text.encode()))
    assert ("CCDA-301", "the elements have no namespace") in {(each.code, each.what) for each in found}


def test_findings_end_after_a_thousand() -> None:
    entry = '<item ID="a1">Aspirin</item>'
    found = validate(changed(entry, entry * (MOST_FINDINGS + 50)))
    assert len(found) == MOST_FINDINGS + 1
    assert found[-1].code == "CCDA-399"


def test_every_rule_can_be_read_and_said() -> None:
    rules = {rule for each in groups().values() for group in each for rule in group.rules}
    assert len(rules) > 700
    for rule in rules:
        assert rule.holds is not None
        assert str(rule).endswith("wanted")


def test_every_place_can_be_found() -> None:
    for each in groups().values():
        for group in each:
            assert (group.at is None) == (group.place == "")
            assert group.all_hold is not None
