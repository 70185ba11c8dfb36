"""The account of a conversion: every populated element of the resource, and what became of it."""

from __future__ import annotations

from datetime import datetime

from schemas.fhir import Resource
from transforms.accounting import Use
from transforms.fhir_leaves import uses_of
from transforms.fhir_to_v2.convert import convert_run
from transforms.fhir_to_v2.leftovers import left_out
from transforms.fhir_to_v2.options import Options


def account(resource: Resource, options: Options, now: datetime) -> list[Use]:
    """What became of every populated element of `resource`, in its order, by FHIR path; never a value.

    An element counts as mapped when a map has read it for a segment that is written.
    """
    message, run = convert_run(resource, options, now)
    failure = "" if message is not None else run.findings[-1].what
    unmade = "no segment is made of this element"
    return [use for each in run.resources for use in uses_of(each, run, left_out, failure, unmade)]
