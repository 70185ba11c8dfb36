"""Allergies: what is negated is never an active allergy."""

from __future__ import annotations

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

ASPIRIN = '<code code="1191" codeSystem="2.16.840.1.113883.6.88" displayName="Aspirin"/>'
STATUS = """<entryRelationship typeCode="SUBJ" inversionInd="true"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.28"/><code code="33999-4" codeSystem="2.16.840.1.113883.6.1"/>
<statusCode code="completed"/><value xsi:type="CD" code="{}" codeSystem="2.16.840.1.113883.6.96"/></observation>
</entryRelationship>"""
SEVERITY = """<entryRelationship typeCode="SUBJ" inversionInd="true"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.8"/><code code="SEV" codeSystem="2.16.840.1.113883.5.4"/>
<statusCode code="completed"/><value xsi:type="CD" code="24484000" codeSystem="2.16.840.1.113883.6.96"/></observation>
</entryRelationship>"""
REACTION = """<entryRelationship typeCode="MFST" inversionInd="true"><observation classCode="OBS" moodCode="EVN"{}>
<templateId root="2.16.840.1.113883.10.20.22.4.9"/><id root="9.9"/><code code="ASSERTION"
codeSystem="2.16.840.1.113883.5.4"/><statusCode code="completed"/><value xsi:type="CD" code="247472004"
codeSystem="2.16.840.1.113883.6.96" displayName="Wheal"/>{}</observation></entryRelationship>"""


def allergy(
    substance: str = ASPIRIN,
    kind: str = "419511003",
    inner: str = "",
    negated: str = "",
    concern: str = "",
    status: str = "active",
    templates: str = '<templateId root="2.16.840.1.113883.10.20.22.4.7" extension="2014-06-09"/>',
) -> str:
    """An allergy concern act with one allergy; `negated` and `concern` are attributes of the two."""
    return f"""<act classCode="ACT" moodCode="EVN"{concern}><templateId root="2.16.840.1.113883.10.20.22.4.30"/>
<id root="1.2.3" extension="c1"/><code code="CONC" codeSystem="2.16.840.1.113883.5.6"/><statusCode code="{status}"/>
<effectiveTime><low value="2008"/></effectiveTime><entryRelationship typeCode="SUBJ">
<observation classCode="OBS" moodCode="EVN"{negated}>{templates}<id root="1.2.3" extension="a1"/>
<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/><statusCode code="completed"/>
<effectiveTime><low value="20080501"/></effectiveTime><value xsi:type="CD" code="{kind}"
codeSystem="2.16.840.1.113883.6.96"/><participant typeCode="CSM"><participantRole classCode="MANU">
<playingEntity classCode="MMAT">{substance}</playingEntity></participantRole></participant>{inner}</observation>
</entryRelationship></act>"""


def test_an_allergy_with_reaction_and_severity() -> None:
    found = convert_entries("48765-2", allergy(inner=STATUS.format("55561003") + REACTION.format("", SEVERITY)))
    resource = only(found, "AllergyIntolerance")
    assert resource["identifier"] == [{"system": "urn:oid:1.2.3", "value": "a1"}]
    assert resource["code"]["coding"][0] == {
        "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
        "code": "1191",
        "display": "Aspirin",
    }
    assert (resource["onsetDateTime"], resource["category"]) == ("2008-05-01", ["medication"])
    assert code(resource["clinicalStatus"]) == "active"
    (reaction,) = resource["reaction"]
    assert (code(reaction["manifestation"][0]), reaction["severity"]) == ("247472004", "severe")


@pytest.mark.parametrize(
    ("negated", "concern"), [(' negationInd="true"', ""), ("", ' negationInd="true"'), (' negationInd="1"', "")]
)
def test_a_negated_allergy_is_never_one(negated: str, concern: str) -> None:
    nothing = '<code nullFlavor="NA"/>'
    resource = only(
        convert_entries("48765-2", allergy(nothing, negated=negated, concern=concern)), "AllergyIntolerance"
    )
    assert code(resource["code"]) == "409137002"
    resource = only(convert_entries("48765-2", allergy(negated=negated, concern=concern)), "AllergyIntolerance")
    assert "code" not in resource
    ((substance, risk),) = extensions(resource, "substanceExposureRisk")
    assert code(substance["valueCodeableConcept"]) == "1191"
    assert code(risk["valueCodeableConcept"]) == "no-known-reaction-risk"


def test_a_negated_latex_allergy_has_a_code_of_its_own() -> None:
    latex = '<code code="111088007" codeSystem="2.16.840.1.113883.6.96" displayName="Latex"/>'
    found = convert_entries("48765-2", allergy(latex, negated=' negationInd="true"'))
    assert code(only(found, "AllergyIntolerance")["code"]) == "1003774007"


@pytest.mark.parametrize(
    ("stated", "status", "clinical"),
    [
        ("55561003", "active", "active"),
        ("73425007", "active", "inactive"),
        ("413322009", "completed", "resolved"),
        ("", "completed", "inactive"),
        ("", "active", "active"),
    ],
)
def test_status_of_an_allergy(stated: str, status: str, clinical: str) -> None:
    inner = STATUS.format(stated) if stated else ""
    resource = only(convert_entries("48765-2", allergy(inner=inner, status=status)), "AllergyIntolerance")
    assert code(resource["clinicalStatus"]) == clinical


def test_an_allergy_in_error_has_no_clinical_status() -> None:
    resource = only(convert_entries("48765-2", allergy(status="nullified")), "AllergyIntolerance")
    assert code(resource["verificationStatus"]) == "entered-in-error"
    assert "clinicalStatus" not in resource


def test_severity_of_the_allergy_is_that_of_its_reactions() -> None:
    inner = REACTION.format("", "") + SEVERITY
    resource = only(convert_entries("48765-2", allergy(inner=inner)), "AllergyIntolerance")
    assert [each["severity"] for each in resource["reaction"]] == ["severe"]


def test_a_reaction_that_did_not_happen_is_none() -> None:
    resource = only(
        convert_entries("48765-2", allergy(inner=REACTION.format(' negationInd="true"', ""))), "AllergyIntolerance"
    )
    assert "reaction" not in resource


def test_the_section_says_what_it_is_where_the_templates_do_not() -> None:
    entry = allergy(templates="").replace('<templateId root="2.16.840.1.113883.10.20.22.4.30"/>', "")
    assert code(only(convert_entries("48765-2", entry), "AllergyIntolerance")["code"]) == "1191"


def test_a_severity_between_two_keeps_its_code_and_the_allergys_stands_beside_its_reactions() -> None:
    between = SEVERITY.replace("24484000", "371923003")
    inner = REACTION.format("", between) + SEVERITY
    resource = only(convert_entries("48765-2", allergy(inner=inner)), "AllergyIntolerance")
    (reaction,) = resource["reaction"]
    assert reaction["severity"] == "moderate"
    assert code(extensions(reaction["_severity"], "alternate-codes")[0]) == "371923003"
    assert code(extensions(resource, "ccda-severity")[0]) == "24484000"


def test_the_texts_of_what_is_within_stand_in_the_text_of_the_allergy() -> None:
    inner = REACTION.format("", SEVERITY).replace("<statusCode", "<text>as bad as it gets</text><statusCode", 2)
    resource = only(convert_entries("48765-2", allergy(inner=inner)), "AllergyIntolerance")
    assert "as bad as it gets" in resource["text"]["div"]


def test_an_author_of_whom_the_time_alone_is_known_is_named_as_unknown() -> None:
    author = '<author><time value="20170905"/><assignedAuthor><id nullFlavor="NI"/></assignedAuthor></author>'
    found = convert_entries("48765-2", allergy(inner=author))
    resource = only(found, "AllergyIntolerance")
    assert resource["recordedDate"] == "2017-09-05"
    (unknown,) = [each for each in resources(found, "Provenance") if "display" in each["agent"][0]["who"]]
    assert unknown["occurredDateTime"] == "2017-09-05"
    assert unknown["target"] == [{"reference": f"urn:uuid:{resource['id']}"}]
