"""The check of a message against its standard and the partners' own agreement."""

from __future__ import annotations

from typing import Literal

from schemas.finding import Finding, Severity
from schemas.hl7v2.validate import validate as findings_of
from schemas.hl7v2.validate_profile import ProfileFile
from schemas.message import HL7V2, Message
from transforms.step import StepError, step

_COUNTING: dict[str, tuple[Severity, ...]] = {
    "error": (Severity.ERROR,),
    "warning": (Severity.ERROR, Severity.WARNING),
}


@step
def validate(
    message: Message,
    *,
    on: Literal["error", "warning"] = "error",
    fail: bool = True,
    profile: ProfileFile | None = None,
) -> Message:
    """Check a message against the structure, fields, data types and tables of its HL7 version.

    A message with a finding that counts stops here, and its history says how many there were and which came first. Any
    other goes on with its findings (V2-001 to V2-505) attached; without findings it goes on as it is.

    Args:
        on: Which findings count: `error`, or `warning` for warnings as well.
        fail: `false` stops no message and only attaches what was found.
        profile: A YAML file of the site with what the partners have agreed on beyond the standard.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 can be validated, and the body is {message.format}", "put the step before this")
    found = findings_of(message.er7, profile)
    counting = [finding for finding in found if finding.severity in _COUNTING[on]]
    if fail and counting:
        raise StepError(_reason(counting), "correct it at the sender, or write validate: {fail: false}")
    return message.derive("validate", findings=found) if found else message


def _reason(found: list[Finding]) -> str:
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings, first"
    return f"{count}: {found[0]}"
