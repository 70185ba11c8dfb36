"""The check of a message against its standard and the partners' own agreement."""

from __future__ import annotations

from typing import Literal

from schemas.ccda.validate import validate as findings_of_ccda
from schemas.fhir.validate import PROFILES
from schemas.fhir.validate import validate as findings_of_fhir
from schemas.finding import Finding, Severity
from schemas.hl7v2.validate import validate as findings_of
from schemas.hl7v2.validate_profile import Profile, ProfileFile
from schemas.message import CCDA, FHIR, HL7V2, Message
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
    profile: Literal["us-core", "davinci-alerts"] | ProfileFile | None = None,
) -> Message:
    """Check a message against its standard: HL7 v2, FHIR R4 and a profile, C-CDA and its templates.

    A message with a finding that counts stops here, and its history says how many there were and which came first. Any
    other goes on with its findings (V2-001 to V2-505, FHIR-301 to FHIR-399, CCDA-301 to CCDA-399) attached; without
    findings it goes on as it is.

    Args:
        on: Which findings count: `error`, or `warning` for warnings as well.
        fail: `false` stops no message and only attaches what was found.
        profile: What is asked beyond the standard: of HL7 v2, a YAML file of the site with what the partners have
            agreed on; of FHIR, `us-core` (US Core 6.1.0) or `davinci-alerts` (Da Vinci notifications 1.1.0).
    """
    found = _findings(message, profile)
    counting = [finding for finding in found if finding.severity in _COUNTING[on]]
    if fail and counting:
        raise StepError(_reason(counting), "correct it at the sender, or write validate: {fail: false}")
    return message.derive("validate", findings=found) if found else message


def _findings(message: Message, profile: Profile | str | None) -> list[Finding]:
    """What is found in `message`; a profile of the other format asks nothing of it."""
    if message.format == HL7V2:
        return findings_of(message.er7, profile if isinstance(profile, Profile) else None)
    if message.format == FHIR:
        named = [each for each in PROFILES if each == profile]
        return findings_of_fhir(message.fhir, level=named[0] if named else "structure")
    if message.format == CCDA:
        return findings_of_ccda(message.ccda)
    raise StepError(
        f"only HL7 v2, FHIR and C-CDA can be validated, and the body is {message.format}", "put the step before this"
    )


def _reason(found: list[Finding]) -> str:
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings, first"
    return f"{count}: {found[0]}"
