"""What the steps that turn one standard into another have in common: what they refuse, and how they say so."""

from __future__ import annotations

import traceback
from pathlib import Path

from schemas.fhir import Resource
from schemas.fhir.error import FhirError
from schemas.fhir.read import read_exact
from schemas.finding import Finding
from schemas.message import FHIR, Message
from transforms.step import StepError


def resource_in(message: Message) -> Resource:
    """The FHIR resource that a message is; raises StepError where it is none."""
    if message.format != FHIR:
        raise StepError(f"only FHIR can be converted, and the body is {message.format}", "put v2_to_fhir before this")
    try:
        return read_exact(message.body)
    except FhirError as error:
        raise StepError(str(error), "the body must be one FHIR resource in JSON") from None


def refusal(finding: Finding) -> StepError:
    """The error of a step whose conversion came to nothing, for which `finding` is the reason."""
    return StepError(f"{finding.where}: {finding.code} {finding.what}", finding.hint)


def line_of(error: Exception) -> str:
    """Where a map failed, and of what kind the error is, never its text: `KeyError in pid.py:53`."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
