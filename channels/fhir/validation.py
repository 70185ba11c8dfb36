"""What a channel asks of the resources that it takes, and `$validate`: findings as issues of an OperationOutcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from channels.fhir.refusal import RefusedError
from schemas.fhir import Resource
from schemas.fhir.outcome import Issue, IssueSeverity, outcome, outcome_of
from schemas.fhir.validate import Level, validate
from schemas.finding import Finding, Severity

Ask = Literal["none", "structure", "us-core", "davinci-alerts"]
"""What a channel writes under `validate`."""

MOST_ISSUES = 100
"""How many issues an answer has at most."""

_SEVERITIES: dict[Severity, IssueSeverity] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "information",
}
_CODES = {
    "FHIR-301": "structure", "FHIR-302": "structure", "FHIR-303": "structure", "FHIR-304": "required",
    "FHIR-305": "value", "FHIR-306": "code-invalid", "FHIR-307": "structure", "FHIR-308": "structure",
}  # fmt: skip
"""The issue types of what R4 itself asks; what a profile or a rule asks is an invariant."""


def check_valid(resource: Resource, asked: Ask, place: str = "") -> None:
    """Raises `RefusedError` (422) with the findings when `resource`, at `place`, is not what is `asked`."""
    level = level_of(asked)
    findings = [] if level is None else validate(resource, level=level)
    if any(finding.severity is Severity.ERROR for finding in findings):
        issues = tuple(_issues(findings, place))
        raise RefusedError(422, "invalid", "The resource is not valid.", issues=issues, finding="FHIR-413")


def answer_validate(resource: Resource, asked: Ask) -> Resource:
    """The OperationOutcome that answers $validate (R4, resource-operation-validate.html): by structure at least."""
    issues = list(_issues(validate(resource, level=level_of(asked) or "structure"), ""))
    return outcome_of(issues) if issues else outcome("information", "informational", "Nothing is found to be wrong.")


def level_of(asked: Ask) -> Level | None:
    """How much is to be validated, None for nothing."""
    return None if asked == "none" else asked


def _issues(findings: Iterable[Finding], place: str) -> Iterable[Issue]:
    """`findings` as issues, the first `MOST_ISSUES`; those of an entry's resource with its place in the Bundle."""
    for number, finding in enumerate(findings):
        if number == MOST_ISSUES:
            yield Issue("warning", "incomplete", "There is more that is not told.")
            return
        where = f"{place}.{finding.where.partition('.')[2]}".rstrip(".") if place else finding.where
        hint = f" ({finding.hint})" if finding.hint else ""
        text = f"{finding.code}: {finding.what}{hint}"
        yield Issue(_SEVERITIES[finding.severity], _CODES.get(finding.code, "invariant"), text, (where,))
