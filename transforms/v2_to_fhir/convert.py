"""A message to a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.fhir import Resource
from schemas.finding import Finding
from schemas.hl7v2 import Er7
from transforms.converting import line_of
from transforms.v2_to_fhir.bundle import bundle_of
from transforms.v2_to_fhir.leftovers import sweep
from transforms.v2_to_fhir.messages.dispatch import message_map
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.profiles import put_organization_uses
from transforms.v2_to_fhir.run import RefusedError, Run
from transforms.v2_to_fhir.segments.msh import msh_bundle

NO_MAP = "FHIR-001"
DEFECT = "FHIR-002"


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a message: `bundle`, None where it cannot be converted, and the findings that say why or how."""

    bundle: Resource | None
    findings: tuple[Finding, ...]


def convert(er7: Er7, options: Options, now: datetime) -> Conversion:
    """The Bundle (R4) that `er7` says, made of whole resources or not at all.

    The same message, options and `now` (when it was received, with its time zone) give the same bundle. Never raises
    for what a message contains.
    """
    run = convert_run(er7, options, now)
    return run if isinstance(run, Conversion) else Conversion(bundle_of(run), tuple(run.findings))


def convert_run(er7: Er7, options: Options, now: datetime) -> Run | Conversion:
    """The finished run, for those who look into it; a `Conversion` without a bundle where the message is refused."""
    run = Run(er7, options, now)
    chosen = message_map(run)
    if chosen is None:
        what = f"there is no map for a message of type {run.message_type[:3]}^{run.trigger_event[:3]}"
        return Conversion(None, (Finding(NO_MAP, "MSH-9", what, "docs/v2-to-fhir.md lists the types"),))
    try:
        chosen(run)
        for resource in run.resources:
            if resource["resourceType"] == "Organization":
                put_organization_uses(resource)
        msh_bundle(run.segments[0], run.bundle, run)
        sweep(run)
    except RefusedError as refusal:
        return Conversion(None, (*run.findings, refusal.finding))
    except Exception as error:
        return Conversion(None, (*run.findings, _defect(error, run)))
    return run


def _defect(error: Exception, run: Run) -> Finding:
    """The finding of a map that failed: where in the message and in which line of the maps, never the error's text."""
    what = f"a map failed ({line_of(error)}); the message is not converted"
    return Finding(DEFECT, run.at, what, "this is a defect of the engine or of an extension: report it with this line")
