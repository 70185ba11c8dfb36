"""The account of a conversion: every populated element of the resource, and what became of it."""

from __future__ import annotations

from datetime import datetime

from schemas.fhir import Resource
from transforms.accounting import Use
from transforms.fhir_leaves import leaves_of, uses_of
from transforms.fhir_to_ccda.convert import convert_run
from transforms.fhir_to_ccda.leftovers import left_out
from transforms.fhir_to_ccda.options import Options

_LEFT = "entered in error, changed by a modifier, about another patient, or the denial of a denial"


def account(resource: Resource, options: Options, now: datetime) -> list[Use]:
    """What became of every populated element of `resource`, in its order, by FHIR path; never a value.

    An element counts as mapped when a map has read it for a part of the document.
    """
    document, run = convert_run(resource, options, now)
    failure = "" if document is not None else run.findings[-1].what
    uses: list[Use] = []
    for each in run.resources:
        if each.path in run.left:
            uses += [Use(path, "left out", (), _LEFT) for path, _, _ in leaves_of(each)]
        else:
            uses += uses_of(each, run, left_out, failure, "no part of the document is made of this element")
    return uses
