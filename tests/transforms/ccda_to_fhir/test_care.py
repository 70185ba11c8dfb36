"""Goals, plans, teams, payers, devices, families, directives, concerns: what each is, and what it never becomes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transforms.ccda_to_fhir.conversion import code, convert_entries, extensions, only, resources

GOAL, PLAN, TEAM, PAYERS = "61146-7", "18776-5", "85847-2", "48768-6"
DEVICES, FAMILY, DIRECTIVES, CONCERNS = "46264-8", "10157-6", "42348-3", "75310-3"
PERSON = """<assignedEntity><id root="2.16.840.1.113883.4.6" extension="1234567893"/><assignedPerson><name>
<given>Eve</given><family>Ross</family></name></assignedPerson></assignedEntity>"""


def goal(attributes: str = "", status: str = "active") -> str:
    return f"""<observation classCode="OBS" moodCode="GOL"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.121"/><id root="1.2.3" extension="g1"/>
<code code="59408-5" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="{status}"/>
<effectiveTime><low value="20260301"/><high value="20260601"/></effectiveTime>
<value xsi:type="IVL_PQ"><low value="92" unit="%"/></value>
<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.143"/><code code="225773000" codeSystem="2.16.840.1.113883.6.96"/>
<value xsi:type="CD" code="394849002" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>
<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.110"/><code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>
<value xsi:type="CD" code="385641008" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>
</observation>"""


def team(attributes: str = "", status: str = "active") -> str:
    return f"""<organizer classCode="CLUSTER" moodCode="EVN"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.500"/><id root="1.2.3" extension="t1"/>
<code code="86744-0" codeSystem="2.16.840.1.113883.6.1" displayName="Care Team"/><statusCode code="{status}"/>
<effectiveTime><low value="20260301"/></effectiveTime><component><act classCode="PCPR" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.500.1"/><code code="85847-2" codeSystem="2.16.840.1.113883.6.1"/>
<statusCode code="active"/><effectiveTime><low value="20260302"/></effectiveTime><performer typeCode="PRF">
<sdtc:functionCode code="PCP" codeSystem="2.16.840.1.113883.5.88"/>{PERSON}</performer></act></component></organizer>"""


def coverage(attributes: str = "", status: str = "completed", mood: str = "EVN") -> str:
    return f"""<act classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.60"/>
<id root="1.2.3" extension="c0"/><code code="48768-6" codeSystem="2.16.840.1.113883.6.1"/>
<entryRelationship typeCode="COMP"><sequenceNumber value="2"/><act classCode="ACT" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.61"/><id root="1.2.3" extension="c1"/>
<code code="12" codeSystem="2.16.840.1.113883.6.255.1336"/><statusCode code="{status}"/>
<performer typeCode="PRF"><assignedEntity><id root="1.2.4" extension="9"/>
<code code="PAYOR" codeSystem="2.16.840.1.113883.5.110"/><representedOrganization><name>Good Health</name>
</representedOrganization></assignedEntity></performer>
<participant typeCode="COV"><time><low value="20260101"/></time><participantRole classCode="PAT">
<id root="1.2.5" extension="M77"/><code code="SELF" codeSystem="2.16.840.1.113883.5.111"/></participantRole>
</participant><entryRelationship typeCode="REFR"><act classCode="ACT" moodCode="DEF"><id root="1.2.6" extension="P9"/>
<text>Plan Nine</text></act></entryRelationship></act></entryRelationship></act>"""


def supply(attributes: str = "", status: str = "completed", mood: str = "EVN") -> str:
    return f"""<supply classCode="SPLY" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.50"/><id root="1.2.3" extension="s1"/><statusCode code="{status}"/>
<effectiveTime value="20260301"/><participant typeCode="PRD"><participantRole classCode="MANU">
<templateId root="2.16.840.1.113883.10.20.22.4.37"/>
<id root="2.16.840.1.113883.3.3719" extension="(01)00643169007222(17)280301(21)L7"/><playingDevice>
<code code="360030002" codeSystem="2.16.840.1.113883.6.96"/></playingDevice><scopingEntity><id root="1.2.7"/>
<desc>Acme</desc></scopingEntity></participantRole></participant></supply>"""


def family(attributes: str = "", inner_attributes: str = "", status: str = "completed") -> str:
    return f"""<organizer classCode="CLUSTER" moodCode="EVN"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.45"/><id root="1.2.3" extension="f1"/><statusCode code="{status}"/>
<subject><relatedSubject classCode="PRS"><code code="FTH" codeSystem="2.16.840.1.113883.5.111"/><subject>
<administrativeGenderCode code="M" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="1930"/>
<sdtc:deceasedInd value="true"/></subject></relatedSubject></subject><component>
<observation classCode="OBS" moodCode="EVN"{inner_attributes}><templateId root="2.16.840.1.113883.10.20.22.4.46"/>
<id root="1.2.3" extension="f2"/><code code="64572001" codeSystem="2.16.840.1.113883.6.96"/>
<statusCode code="completed"/><value xsi:type="CD" code="22298006" codeSystem="2.16.840.1.113883.6.96"/>
<entryRelationship typeCode="SUBJ" inversionInd="true"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.31"/><code code="445518008" codeSystem="2.16.840.1.113883.6.96"/>
<value xsi:type="PQ" value="57" unit="a"/></observation></entryRelationship>
<entryRelationship typeCode="CAUS"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.47"/><code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>
<value xsi:type="CD" code="419099009" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>
</observation></component></organizer>"""


def directive(attributes: str = "", status: str = "completed", mood: str = "EVN") -> str:
    return f"""<observation classCode="OBS" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.48"/><id root="1.2.3" extension="d1"/>
<code code="304251008" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="{status}"/>
<effectiveTime><low value="20260301"/></effectiveTime>
<value xsi:type="CD" code="304253006" codeSystem="2.16.840.1.113883.6.96"/>
<participant typeCode="VRF"><time value="20260302120000+0000"/><participantRole><id root="1.2.8" extension="v"/>
<playingEntity><name><given>Flo</given><family>Hale</family></name></playingEntity></participantRole></participant>
<participant typeCode="CST"><participantRole classCode="AGNT"><code code="MTH" codeSystem="2.16.840.1.113883.5.111"/>
<playingEntity><name><given>Martha</given><family>Vale</family></name></playingEntity></participantRole></participant>
<reference typeCode="REFR"><externalDocument><id root="1.2.3" extension="doc"/>
<text mediaType="application/pdf"><reference value="will.pdf"/></text></externalDocument></reference></observation>"""


def concern(attributes: str = "", status: str = "active", inner: str = "") -> str:
    return f"""<act classCode="ACT" moodCode="EVN"{attributes}><templateId root="2.16.840.1.113883.10.20.22.4.132"/>
<id root="1.2.3" extension="h1"/><code code="75310-3" codeSystem="2.16.840.1.113883.6.1"/>
<text>cannot pay for heating</text><statusCode code="{status}"/><effectiveTime value="20260301"/>{inner}</act>"""


PROBLEM = """<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.4"/><id root="1.2.3" extension="p1"/>
<code code="64572001" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/>
<value xsi:type="CD" code="195967001" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>"""

DENIED, WRONG = ' negationInd="true"', "nullified"


@pytest.mark.parametrize(
    ("section", "entry", "resource_type", "element", "expected"),
    [
        (GOAL, goal(), "Goal", "lifecycleStatus", "active"),
        (GOAL, goal(status="completed"), "Goal", "lifecycleStatus", "completed"),
        (GOAL, goal(DENIED), "Goal", "lifecycleStatus", "rejected"),
        (GOAL, goal(DENIED, WRONG), "Goal", "lifecycleStatus", "entered-in-error"),
        (TEAM, team(), "CareTeam", "status", "active"),
        (TEAM, team(DENIED), "CareTeam", "status", "inactive"),
        (TEAM, team(status=WRONG), "CareTeam", "status", "entered-in-error"),
        (PAYERS, coverage(), "Coverage", "status", "active"),
        (PAYERS, coverage(DENIED), "Coverage", "status", "cancelled"),
        (PAYERS, coverage(status=WRONG), "Coverage", "status", "entered-in-error"),
        (PAYERS, coverage(mood="INT", status="active"), "Coverage", "status", "draft"),
        (DEVICES, supply(), "DeviceUseStatement", "status", "completed"),
        (DEVICES, supply(status=WRONG), "DeviceUseStatement", "status", "entered-in-error"),
        (DEVICES, supply(mood="RQO", status="active"), "DeviceRequest", "intent", "order"),
        (FAMILY, family(), "FamilyMemberHistory", "status", "completed"),
        (FAMILY, family(status=WRONG), "FamilyMemberHistory", "status", "entered-in-error"),
        (DIRECTIVES, directive(), "Observation", "status", "final"),
        (DIRECTIVES, directive(DENIED), "Observation", "status", "cancelled"),
        (DIRECTIVES, directive(status=WRONG), "Observation", "status", "entered-in-error"),
        (DIRECTIVES, directive(mood="INT"), "ServiceRequest", "intent", "plan"),
    ],
)
def test_no_status_is_reversed(section: str, entry: str, resource_type: str, element: str, expected: str) -> None:
    assert only(convert_entries(section, entry), resource_type)[element] == expected


@pytest.mark.parametrize("mood", ["INT", "RQO", "PRMS", "PRP"])
@pytest.mark.parametrize(
    ("root", "name"), [("39", "act"), ("40", "encounter"), ("41", "procedure"), ("44", "observation"), ("20", "act")]
)
def test_what_is_planned_is_requested_and_not_done(root: str, name: str, mood: str) -> None:
    entry = f"""<{name} classCode="ACT" moodCode="{mood}"><templateId root="2.16.840.1.113883.10.20.22.4.{root}"/>
<id root="1.2.3" extension="x"/><code code="73761001" codeSystem="2.16.840.1.113883.6.96"/>
<text>no food before</text><statusCode code="active"/></{name}>"""
    found = convert_entries(PLAN, entry)
    request = only(found, "ServiceRequest")
    assert request["status"] == "active"
    assert code(request["code"]) == "73761001"
    assert not any(resources(found, each) for each in ("Procedure", "Encounter", "Observation", "Basic"))
    assert (root == "20") == (request.get("patientInstruction") == "no food before")


def test_a_goal_is_told_whole() -> None:
    found = only(convert_entries(GOAL, goal()), "Goal")
    assert (found["startDate"], found["target"][0]["dueDate"]) == ("2026-03-01", "2026-06-01")
    assert str(found["target"][0]["detailQuantity"]["value"]) == "92"
    assert [code(found[each]) for each in ("description", "priority", "achievementStatus")] == [
        "59408-5",
        "394849002",
        "improving",
    ]


def test_a_care_team_has_its_members() -> None:
    found = convert_entries(TEAM, team())
    (member,) = only(found, "CareTeam")["participant"]
    assert code(member["role"][0]) == "PCP"
    assert member["period"]["start"] == "2026-03-02"
    role = only(found, "PractitionerRole")
    assert member["member"]["reference"].endswith(role["id"])


def test_a_coverage_says_who_pays_and_what_the_patient_is_to_the_subscriber() -> None:
    found = convert_entries(PAYERS, coverage())
    resource = only(found, "Coverage")
    payor = next(each for each in resources(found, "Organization") if each["name"] == "Good Health")
    assert resource["payor"][0]["reference"].endswith(payor["id"])
    assert (resource["subscriberId"], resource["order"], code(resource["relationship"])) == ("M77", 2, "self")
    assert [(each["value"], each["name"]) for each in resource["class"]] == [("P9", "Plan Nine")]
    assert resource["period"] == {"start": "2026-01-01"}


def test_a_device_is_known_by_its_identifier() -> None:
    found = convert_entries(DEVICES, supply())
    device = only(found, "Device")
    assert device["udiCarrier"][0]["deviceIdentifier"] == "00643169007222"
    assert code(device["type"]) == "360030002"
    assert only(found, "DeviceUseStatement")["device"]["reference"].endswith(device["id"])


def test_a_device_that_was_denied_is_none_that_the_patient_has() -> None:
    found = convert_entries(DEVICES, supply(DENIED))
    assert resources(found, "Device") == resources(found, "DeviceUseStatement") == []


def test_what_a_relative_had() -> None:
    found = only(convert_entries(FAMILY, family()), "FamilyMemberHistory")
    (condition,) = found["condition"]
    assert (code(found["relationship"]), code(found["sex"]), found["bornDate"]) == ("FTH", "male", "1930")
    assert found["deceasedBoolean"] is True
    assert (code(condition["code"]), str(condition["onsetAge"]["value"])) == ("22298006", "57")
    assert (condition["contributedToDeath"], code(condition["outcome"])) == (True, "419099009")


@pytest.mark.parametrize("entry", [family("", DENIED), family(DENIED)])
def test_what_a_relative_did_not_have_is_none_of_the_conditions(entry: str) -> None:
    found = convert_entries(FAMILY, entry)
    assert "condition" not in only(found, "FamilyMemberHistory")
    denied = next(each for each in resources(found, "Observation") if extensions(each, "ccda-negated"))
    assert code(extensions(denied, "ccda-negated")[0]) == "22298006"
    assert not any(name.startswith("value") for name in denied)


def test_a_directive_names_who_verified_it_who_decides_and_where_it_is_written() -> None:
    found = convert_entries(DIRECTIVES, directive())
    resource = only(found, "Observation")
    assert code(resource["valueCodeableConcept"]) == "304253006"
    assert extensions(resource, "ccda-verified") == ["2026-03-02T12:00:00+00:00"]
    agent: Any = extensions(resource, "ccda-healthcare-agent")[0]
    assert agent["reference"].endswith(only(found, "RelatedPerson")["id"])
    document = only(found, "DocumentReference")
    assert document["content"][0]["attachment"]["url"] == "will.pdf"
    assert resource["derivedFrom"][0]["reference"].endswith(document["id"])


def test_a_concern_is_about_its_problems() -> None:
    found = only(convert_entries(CONCERNS, concern(inner=PROBLEM.format(attributes=""))), "Condition")
    assert code(found["code"]) == "195967001"


@pytest.mark.parametrize(
    ("entry", "clinical", "verification"),
    [
        (concern(), "active", None),
        (concern(status="completed"), "resolved", None),
        (concern(DENIED), None, "refuted"),
        (concern(status=WRONG), None, "entered-in-error"),
        (concern(DENIED, inner=PROBLEM.format(attributes="")), None, "refuted"),
    ],
)
def test_a_concern_that_is_denied_is_none(entry: str, clinical: str | None, verification: str | None) -> None:
    found = only(convert_entries(CONCERNS, entry), "Condition")
    assert (code(found.get("clinicalStatus")), code(found.get("verificationStatus"))) == (clinical, verification)


def test_a_concern_in_words_keeps_them() -> None:
    assert only(convert_entries(CONCERNS, concern()), "Condition")["code"]["text"] == "cannot pay for heating"
