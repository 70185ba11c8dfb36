"""What a FHIR server refuses a request with: a status and an OperationOutcome."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.fhir import Resource
from schemas.fhir.outcome import Issue, outcome_of


class RefusedError(Exception):
    """The request is answered with `status` and an OperationOutcome of `issues`, and goes no further.

    `headers` go with it (WWW-Authenticate, Allow, Retry-After); `finding` is the number (`FHIR-401`) under which the
    operator is told, "" when nobody need be. No text quotes what was sent.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        *expression: str,
        headers: Mapping[str, str] | None = None,
        finding: str = "",
        issues: tuple[Issue, ...] = (),
    ) -> None:
        super().__init__(text)
        self.status = status
        self.issues = issues or (Issue("error", code, text, expression),)
        self.headers = dict(headers or {})
        self.finding = finding

    @property
    def outcome(self) -> Resource:
        """The OperationOutcome that the client is sent."""
        return outcome_of(self.issues)
