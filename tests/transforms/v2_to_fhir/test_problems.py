"""PPR: problems, goals and pathways; what is deleted is no longer a problem."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, only

PROBLEM = "I25.1^Coronary disease^I10|PB7^STANNE|||20260301"


@pytest.mark.parametrize(
    ("action", "confirmation", "life_cycle", "resolved", "clinical", "verification"),
    [
        ("AD", "", "", "", "active", None),
        ("UP", "", "", "", None, None),
        ("UP", "", "A^Active^L", "", "active", None),
        ("UP", "", "^Resolved", "20260311", "resolved", None),
        ("UP", "", "^Active", "20260311", "resolved", None),
        ("AD", "C^Confirmed^L", "", "", "active", "confirmed"),
        ("UP", "^Ruled out", "", "", None, "refuted"),
        ("DE", "", "^Active", "", None, "entered-in-error"),
        ("DE", "^Confirmed", "^Active", "", None, "entered-in-error"),
    ],
)
def test_status_of_a_problem(
    action: str, confirmation: str, life_cycle: str, resolved: str, clinical: str | None, verification: str | None
) -> None:
    prb = f"PRB|{action}|20260312|{PROBLEM}||{resolved}||||{confirmation}|{life_cycle}"
    found = convert_text("PPR^PC1^PPR_PC1", PID, prb)
    condition = only(found, "Condition")
    for name, code in (("clinicalStatus", clinical), ("verificationStatus", verification)):
        codings = condition.get(name, {}).get("coding", [])
        assert (codings[0]["code"] if codings else None) == code
    assert ("FHIR-133" in {each.code for each in found.findings}) == (action == "DE")


def test_problem_has_the_same_id_when_it_changes() -> None:
    ids = {
        only(convert_text(f"PPR^{event}", PID, f"PRB|{action}|20260312|{PROBLEM}"), "Condition")["id"]
        for event, action in (("PC1", "AD"), ("PC2", "UP"), ("PC3", "DE"))
    }
    assert len(ids) == 1


def test_goal_and_pathway_are_for_the_problem() -> None:
    found = convert_text(
        "PPR^PC1^PPR_PC1",
        PID,
        f"PRB|AD|20260312|{PROBLEM}",
        "GOL|AD|20260312|WALK^Walks 500 m^L|G7^STANNE|||20260312|20260412|MOB^Mobility^L",
        "PTH|AD|REHAB^Cardiac rehabilitation^L|P7^STANNE|20260312|A^Active^L",
        "VAR|V1^STANNE|20260313|||LATE^Delayed^L|Session postponed",
    )
    condition, goal, plan = only(found, "Condition"), only(found, "Goal"), only(found, "CarePlan")
    assert goal["lifecycleStatus"] == "active"
    assert goal["addresses"] == plan["addresses"] == [{"reference": f"urn:uuid:{condition['id']}"}]
    assert goal["target"] == [{"dueDate": "2026-04-12"}]
    assert (plan["status"], plan["title"]) == ("active", "Cardiac rehabilitation")
    assert plan["note"][0]["text"] == "Session postponed"


@pytest.mark.parametrize(
    ("segment", "kind", "name"),
    [
        ("GOL|DE|20260312|WALK^Walks^L|G7^STANNE", "Goal", "lifecycleStatus"),
        ("PTH|DE|REHAB^Rehabilitation^L|P7^STANNE|20260312|A^Active^L", "CarePlan", "status"),
    ],
)
def test_deleted_goal_and_pathway_are_entered_in_error(segment: str, kind: str, name: str) -> None:
    assert only(convert_text("PPR^PC3", PID, segment), kind)[name] == "entered-in-error"


def test_nothing_fails_where_everything_is_missing() -> None:
    found = convert_text("PPR^PC1", "VAR|x", "GOL", "PTH", "PRB", "VAR")
    assert only(found, "Condition")["subject"]["extension"]
