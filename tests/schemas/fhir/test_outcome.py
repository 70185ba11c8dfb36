"""OperationOutcomes as we write them, and as others do."""

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from schemas.fhir.outcome import Issue, issues_of, outcome, outcome_of


def test_an_outcome_is_r4s_and_reads_back() -> None:
    issues = [
        Issue("error", "structure", "It is a list.", ("Bundle.entry",)),
        Issue("warning", "informational", "Late."),
    ]
    made = outcome_of(issues)
    OperationOutcome.model_validate(made)
    assert issues_of(made) == issues
    assert issues_of(outcome("fatal", "timeout", "No answer.")) == [Issue("fatal", "timeout", "No answer.")]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"resourceType": "Patient", "issue": [{"severity": "error"}]}, []),
        ({"resourceType": "OperationOutcome"}, []),
        ({"resourceType": "OperationOutcome", "issue": {"severity": "error"}}, []),
        ({"resourceType": "OperationOutcome", "issue": [7, {}]}, [Issue("error", "", "")]),
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "worse", "details": {"text": "no"}}]},
            [Issue("error", "", "no")],
        ),
        (
            {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "warning", "code": [], "expression": ["a", 1]}],
            },
            [Issue("warning", "", "", ("a",))],
        ),
    ],
)
def test_what_others_write_is_read_as_far_as_it_goes(sent: dict[str, object], read: list[Issue]) -> None:
    assert issues_of(sent) == read
