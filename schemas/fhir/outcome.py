"""OperationOutcome: what FHIR says when something is wrong, or worth saying (R4, operationoutcome.html)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from schemas.fhir.resource import Element, Resource

IssueSeverity = Literal["fatal", "error", "warning", "information"]

_SEVERITIES: tuple[IssueSeverity, ...] = ("fatal", "error", "warning", "information")


class Issue(NamedTuple):
    """One issue: `code` is of R4's value set issue-type, `text` never quotes a patient's data, `expression` holds
    FHIRPaths of the elements that it is about (`Bundle.entry[3].request.url`)."""

    severity: IssueSeverity
    code: str
    text: str
    expression: tuple[str, ...] = ()


def outcome(severity: IssueSeverity, code: str, text: str, expression: Sequence[str] = ()) -> Resource:
    """An OperationOutcome of one issue; see `Issue`."""
    return outcome_of((Issue(severity, code, text, tuple(expression)),))


def outcome_of(issues: Iterable[Issue]) -> Resource:
    """An OperationOutcome of `issues`, of which there must be one at least (R4 asks for it)."""
    return {"resourceType": "OperationOutcome", "issue": [_written(issue) for issue in issues]}


def issues_of(resource: Resource) -> list[Issue]:
    """The issues of an OperationOutcome that somebody sent, as far as it is one; empty for any other resource."""
    if resource.get("resourceType") != "OperationOutcome":
        return []
    issues = resource.get("issue")
    return [_read(issue) for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []


def _written(issue: Issue) -> Element:
    written: Element = {"severity": issue.severity, "code": issue.code, "diagnostics": issue.text}
    if issue.expression:
        written["expression"] = list(issue.expression)
    return written


def _read(issue: Element) -> Issue:
    severity: IssueSeverity = next((each for each in _SEVERITIES if each == issue.get("severity")), "error")
    details = issue.get("details")
    said = [issue.get("diagnostics"), details.get("text") if isinstance(details, dict) else None]
    expression = issue.get("expression")
    places = [each for each in expression if isinstance(each, str)] if isinstance(expression, list) else []
    return Issue(severity, _text(issue.get("code")), next(filter(None, map(_text, said)), ""), tuple(places))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
