"""No meaning is turned round on the way: what is denied stays denied, what is planned is not done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transforms.fhir_to_ccda.conversion import (
    RXNORM,
    TERMINOLOGY,
    bundle,
    concept,
    document,
    entries,
    find,
    there,
)

PENICILLIN = concept("7980", RXNORM, "Penicillin")
ASTHMA = concept("195967001", display="Asthma")
RISK = "http://hl7.org/fhir/StructureDefinition/allergyintolerance-substanceExposureRisk"


def allergy(**more: Any) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "id": "a", **more}


def condition(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": "c", **more}


def verified(code: str, of: str) -> dict[str, Any]:
    return concept(
        code, f"{TERMINOLOGY}{of}-verification" if of != "condition" else f"{TERMINOLOGY}condition-ver-status"
    )


@pytest.mark.parametrize(
    ("resource", "template", "negated"),
    [
        (allergy(code=PENICILLIN), "7", False),
        (allergy(code=PENICILLIN, verificationStatus=verified("confirmed", "allergyintolerance")), "7", False),
        (allergy(code=PENICILLIN, verificationStatus=verified("refuted", "allergyintolerance")), "7", True),
        (allergy(code=concept("716186003", display="No known allergy")), "7", True),
        (allergy(code=concept("409137002", display="No known drug allergy")), "7", True),
        (allergy(code=concept("429625007", display="No known food allergy")), "7", True),
        (
            allergy(
                extension=[
                    {
                        "url": RISK,
                        "extension": [
                            {"url": "substance", "valueCodeableConcept": PENICILLIN},
                            {"url": "exposureRisk", "valueCodeableConcept": concept("no-known-reaction-risk", "x")},
                        ],
                    }
                ]
            ),
            "7",
            True,
        ),
        (condition(code=ASTHMA), "4", False),
        (condition(code=ASTHMA, verificationStatus=verified("refuted", "condition")), "4", True),
        (condition(code=concept("160245001", display="No current problems")), "4", True),
    ],
)
def test_a_denial_is_negated_and_nothing_else_is(resource: dict[str, Any], template: str, negated: bool) -> None:
    (observation,) = entries(document(bundle(resource)), template)
    assert (observation.get("negationInd") == "true") is negated


@pytest.mark.parametrize(
    "resource",
    [
        allergy(code=PENICILLIN, verificationStatus=verified("entered-in-error", "allergyintolerance")),
        condition(code=ASTHMA, verificationStatus=verified("entered-in-error", "condition")),
        {"resourceType": "Observation", "id": "o", "status": "entered-in-error", "code": concept("718-7")},
        {"resourceType": "DiagnosticReport", "id": "r", "status": "entered-in-error", "code": concept("58410-2")},
        {"resourceType": "MedicationRequest", "id": "m", "status": "entered-in-error", "intent": "order"},
        {"resourceType": "MedicationStatement", "id": "m", "status": "entered-in-error"},
        *(
            {"resourceType": kind, "id": "x", "status": "entered-in-error"}
            for kind in [
                "Immunization",
                "Procedure",
                "Encounter",
                "ServiceRequest",
                "CarePlan",
                "CareTeam",
                "DocumentReference",
                "DeviceUseStatement",
                "Appointment",
                "MedicationAdministration",
                "MedicationDispense",
            ]
        ),
        {"resourceType": "Goal", "id": "g", "lifecycleStatus": "entered-in-error"},
        {
            "resourceType": "Coverage",
            "id": "v",
            "status": "entered-in-error",
            "beneficiary": {"reference": "Patient/p"},
        },
        {
            "resourceType": "FamilyMemberHistory",
            "id": "f",
            "status": "entered-in-error",
            "patient": {"reference": "Patient/p"},
        },
        allergy(code=concept("716186003"), verificationStatus=verified("refuted", "allergyintolerance")),
        condition(code=concept("160245001"), verificationStatus=verified("refuted", "condition")),
    ],
)
def test_what_was_entered_in_error_or_denies_a_denial_is_not_told_of(resource: dict[str, Any]) -> None:
    made = bundle(resource)
    assert find(document(made), "//v:entry") == []
    assert ("CCDA-207", "Bundle.entry[1].resource") in [(each.code, each.where) for each in there(made).findings]


@pytest.mark.parametrize(
    ("kind", "more", "mood", "negated"),
    [
        ("MedicationRequest", {"status": "active", "intent": "order"}, "INT", False),
        ("MedicationRequest", {"status": "active", "intent": "proposal"}, "INT", False),
        ("MedicationRequest", {"status": "active", "intent": "plan", "reportedBoolean": True}, "EVN", False),
        ("MedicationRequest", {"status": "active", "intent": "order", "doNotPerform": True}, "INT", True),
        ("MedicationStatement", {"status": "active"}, "EVN", False),
        ("MedicationStatement", {"status": "intended"}, "INT", False),
        ("MedicationStatement", {"status": "not-taken"}, "EVN", True),
        ("MedicationAdministration", {"status": "completed"}, "EVN", False),
        ("MedicationAdministration", {"status": "not-done"}, "EVN", True),
    ],
)
def test_what_is_ordered_is_not_taken_and_what_is_not_taken_is_negated(
    kind: str, more: dict[str, Any], mood: str, negated: bool
) -> None:
    resource = {"resourceType": kind, "id": "m", "medicationCodeableConcept": PENICILLIN, **more}
    (activity,) = entries(document(bundle(resource)), "16")
    assert activity.get("moodCode") == mood
    assert (activity.get("negationInd") == "true") is negated


def test_a_resource_of_another_patient_is_left_out() -> None:
    other = {"resourceType": "Patient", "id": "q", "name": [{"family": "Other", "given": ["A"]}]}
    made = bundle(other, condition(code=ASTHMA, subject={"reference": "Patient/q"}), condition(code=ASTHMA, id="d"))
    made["entry"][3]["resource"]["subject"] = {"reference": "Patient/p"}
    made["entry"].insert(0, {"resource": {"resourceType": "Composition", "subject": {"reference": "Patient/p"}}})
    assert len(entries(document(made), "4")) == 1
    assert "CCDA-207" in {each.code for each in there(made).findings}


@pytest.mark.parametrize(
    ("status", "act"), [("active", "active"), ("resolved", "completed"), ("inactive", "completed")]
)
def test_a_problem_that_is_over_has_a_concern_that_is_over(status: str, act: str) -> None:
    resource = condition(code=ASTHMA, clinicalStatus=concept(status, f"{TERMINOLOGY}condition-clinical"))
    made = document(bundle(resource))
    (concern,) = entries(made, "3")
    (state,) = find(made, "//v:observation[v:code/@code='33999-4']/v:value/@code")
    assert find(concern, "v:statusCode/@code") == [act]
    assert state == {"active": "55561003", "resolved": "413322009", "inactive": "73425007"}[status]


@pytest.mark.parametrize(
    ("resource", "name", "mood", "negated", "act"),
    [
        (
            {"resourceType": "Immunization", "status": "completed"},
            "substanceAdministration",
            "EVN",
            "false",
            "completed",
        ),
        ({"resourceType": "Immunization", "status": "not-done"}, "substanceAdministration", "EVN", "true", "completed"),
        ({"resourceType": "Procedure", "status": "completed"}, "procedure", "EVN", None, "completed"),
        ({"resourceType": "Procedure", "status": "not-done"}, "procedure", "EVN", "true", "cancelled"),
        ({"resourceType": "Procedure", "status": "stopped"}, "procedure", "EVN", None, "aborted"),
        ({"resourceType": "Procedure", "status": "preparation"}, "procedure", "INT", None, None),
        ({"resourceType": "Encounter", "status": "finished"}, "encounter", "EVN", None, "completed"),
        ({"resourceType": "Encounter", "status": "cancelled"}, "encounter", "EVN", None, "cancelled"),
        ({"resourceType": "Encounter", "status": "planned"}, "encounter", "INT", None, "active"),
        (
            {"resourceType": "ServiceRequest", "status": "active", "intent": "order"},
            "procedure",
            "RQO",
            None,
            "active",
        ),
        (
            {"resourceType": "ServiceRequest", "status": "active", "intent": "plan", "doNotPerform": True},
            "procedure",
            "INT",
            "true",
            "active",
        ),
        (
            {"resourceType": "ServiceRequest", "status": "revoked", "intent": "order"},
            "procedure",
            "RQO",
            None,
            "aborted",
        ),
        ({"resourceType": "Goal", "lifecycleStatus": "active"}, "observation", "GOL", None, "active"),
        ({"resourceType": "Goal", "lifecycleStatus": "rejected"}, "observation", "GOL", "true", "aborted"),
        ({"resourceType": "CarePlan", "status": "active", "intent": "plan"}, "act", "INT", None, "active"),
        ({"resourceType": "Appointment", "status": "noshow"}, "encounter", "APT", None, "cancelled"),
        ({"resourceType": "DeviceUseStatement", "status": "intended"}, "supply", "INT", None, "active"),
        ({"resourceType": "DocumentReference", "status": "superseded"}, "act", "EVN", None, "aborted"),
    ],
)
def test_what_is_planned_or_was_not_done_is_not_done(
    resource: dict[str, Any], name: str, mood: str, negated: str | None, act: str | None
) -> None:
    (found,) = find(document(bundle(resource | {"id": "x"})), f"//v:entry/v:{name}")
    assert (found.get("moodCode"), found.get("negationInd")) == (mood, negated)
    assert find(found, "v:statusCode/@code") == ([act] if act else [])


def test_a_cancelled_observation_of_the_social_history_is_not_a_completed_one() -> None:
    resource = {
        "resourceType": "Observation",
        "id": "o",
        "status": "cancelled",
        "category": [concept("social-history", f"{TERMINOLOGY}observation-category")],
        "code": concept("72166-2", "http://loinc.org"),
    }
    (found,) = find(document(bundle(resource)), "//v:entry/v:observation")
    assert find(found, "v:statusCode/@code") == ["cancelled"]


OWN = "urn:hie-engine:"
KINDS = (
    "AllergyIntolerance Appointment Basic CarePlan CareTeam ClinicalImpression Condition Coverage DeviceRequest "
    "DeviceUseStatement DiagnosticReport DocumentReference Encounter FamilyMemberHistory Goal Immunization List Media "
    "MedicationAdministration MedicationDispense MedicationRequest MedicationStatement Observation Procedure "
    "ServiceRequest"
)


@pytest.mark.parametrize("kind", KINDS.split())
def test_what_a_modifier_changes_is_not_told_as_if_it_did_not(kind: str) -> None:
    modifier = {"url": "http://example.org/not-so", "valueBoolean": True}
    resource = {"resourceType": kind, "id": "x", "code": ASTHMA, "modifierExtension": [modifier]}
    section = {"title": "All", "entry": [{"reference": f"{kind}/x"}]}
    composition = {"resourceType": "Composition", "id": "k", "section": [section]}
    made = bundle(composition, resource)
    assert find(document(made), "//v:entry") == []
    assert "CCDA-207" in {each.code for each in there(made).findings}


def test_an_act_that_was_denied_in_a_document_is_denied_in_the_next() -> None:
    modifier = {"url": f"{OWN}ccda-negated", "valueBoolean": True}
    basic = {"resourceType": "Basic", "id": "b", "code": ASTHMA, "modifierExtension": [modifier]}
    section = {"title": "All", "entry": [{"reference": "Basic/b"}]}
    made = bundle({"resourceType": "Composition", "id": "k", "section": [section]}, basic)
    (act,) = find(document(made), "//v:entry/v:act")
    assert act.get("negationInd") == "true"


REFUTED = verified("refuted", "condition")


@pytest.mark.parametrize(
    ("reason", "is_reason"),
    [
        (condition(code=ASTHMA), True),
        (condition(code=ASTHMA, verificationStatus=REFUTED), False),
        (condition(code=ASTHMA, verificationStatus=verified("entered-in-error", "condition")), False),
        ({"resourceType": "Observation", "id": "c", "status": "final", "code": ASTHMA}, True),
        ({"resourceType": "Observation", "id": "c", "status": "cancelled", "code": ASTHMA}, False),
    ],
)
@pytest.mark.parametrize("kind", ["Procedure", "Encounter", "MedicationRequest", "Immunization", "ServiceRequest"])
def test_what_is_not_so_is_no_reason(kind: str, reason: dict[str, Any], is_reason: bool) -> None:
    reference = {"reference": f"{reason['resourceType']}/c"}
    resource = {
        "resourceType": kind,
        "id": "x",
        "status": "completed",
        "intent": "order",
        "reasonReference": [reference],
    }
    made = document(bundle(resource | {"status": "active" if kind.endswith("Request") else "completed"}, reason))
    assert bool(find(made, "//v:entry//v:entryRelationship[@typeCode='RSON']")) is is_reason
    assert ("Reason" in find(made, "//v:th/text()")) is is_reason


def test_a_reaction_to_a_vaccine_that_did_not_happen_is_none() -> None:
    detail = {"resourceType": "Observation", "id": "o", "status": "cancelled", "code": ASTHMA}
    vaccine = {"resourceType": "Immunization", "id": "i", "status": "completed", "vaccineCode": PENICILLIN}
    made = bundle(vaccine | {"reaction": [{"detail": {"reference": "Observation/o"}}]}, detail)
    assert entries(document(made), "9") == []


@pytest.mark.parametrize(
    ("more", "is_denied"),
    [
        ({"code": PENICILLIN}, False),
        ({"code": PENICILLIN, "verificationStatus": verified("refuted", "allergyintolerance")}, True),
    ],
)
def test_an_allergy_that_is_denied_did_nothing(more: dict[str, Any], is_denied: bool) -> None:
    harm = {"criticality": "high", "reaction": [{"manifestation": [ASTHMA], "severity": "severe"}]}
    made = document(bundle(allergy(**more, **harm)))
    for template in ("9", "8", "145"):
        assert bool(find(made, f"//v:templateId[@root='2.16.840.1.113883.10.20.22.4.{template}']")) is not is_denied


@pytest.mark.parametrize("forbidden", [True, False])
def test_what_must_not_be_taken_is_not_dispensed_and_no_dose_of_it_is_told(forbidden: bool) -> None:
    resource = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "doNotPerform": forbidden,
        "medicationCodeableConcept": PENICILLIN,
        "dosageInstruction": [{"text": "one"}, {"text": "two"}],
        "dispenseRequest": {"numberOfRepeatsAllowed": 2},
    }
    made = document(bundle(resource))
    assert (find(made, "//v:supply") == []) is forbidden
    further = find(made, "//v:entryRelationship[v:sequenceNumber]/v:substanceAdministration")
    assert [each.get("negationInd") == "true" for each in further] == [forbidden]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("completed", ["completed"]),
        ("stopped", ["aborted"]),
        ("on-hold", ["suspended"]),
        ("declined", []),
        ("cancelled", []),
    ],
)
def test_what_was_not_dispensed_is_no_supply(status: str, code: list[str]) -> None:
    resource = {
        "resourceType": "MedicationDispense",
        "id": "m",
        "status": status,
        "medicationCodeableConcept": PENICILLIN,
    }
    assert find(document(bundle(resource)), "//v:supply/v:statusCode/@code") == code


def test_a_member_that_was_entered_in_error_is_not_told_of() -> None:
    social = [concept("social-history", f"{TERMINOLOGY}observation-category")]
    member = {"resourceType": "Observation", "id": "m", "status": "entered-in-error", "code": ASTHMA}
    panel = {"resourceType": "Observation", "id": "o", "status": "final", "category": social, "code": PENICILLIN}
    made = document(bundle(panel | {"hasMember": [{"reference": "Observation/m"}]}, member))
    assert len(find(made, "//v:observation[v:code/@code='195967001']")) == 0


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_a_visit_that_was_none_is_not_that_of_the_document(status: str) -> None:
    composition = {"resourceType": "Composition", "id": "k", "encounter": {"reference": "Encounter/e"}}
    made = bundle(composition, {"resourceType": "Encounter", "id": "e", "status": status})
    assert find(document(made), "//v:encompassingEncounter/v:id[@extension='e']") == []


@pytest.mark.parametrize(
    ("status", "mood"), [("booked", "APT"), ("proposed", "ARQ"), ("pending", "ARQ"), ("waitlist", "ARQ")]
)
def test_an_appointment_that_nobody_has_given_is_asked_for(status: str, mood: str) -> None:
    (found,) = find(
        document(bundle({"resourceType": "Appointment", "id": "x", "status": status})), "//v:entry/v:encounter"
    )
    assert found.get("moodCode") == mood


def test_what_must_not_be_done_is_told_so_in_the_narrative() -> None:
    detail = {"status": "scheduled", "doNotPerform": True, "description": "Lift"}
    wrong = {"status": "entered-in-error", "description": "Swim"}
    plan = {"resourceType": "CarePlan", "id": "p", "status": "active", "intent": "plan"}
    made = document(bundle(plan | {"activity": [{"detail": detail}, {"detail": wrong}]}))
    told = "".join(find(made, "//v:section/v:text//text()"))
    assert ("do not: Lift" in told, "Swim" in told) == (True, False)


def test_what_a_patient_does_not_consent_to_is_no_directive() -> None:
    section = {
        "title": "Advance directives",
        "code": concept("42348-3", "http://loinc.org"),
        "entry": [{"reference": "Consent/n"}],
    }
    consent = {"resourceType": "Consent", "id": "n", "status": "rejected", "category": [ASTHMA]}
    made = bundle({"resourceType": "Composition", "id": "k", "section": [section]}, consent)
    assert find(document(made), "//v:entry") == []
