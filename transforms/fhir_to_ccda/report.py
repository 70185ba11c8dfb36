"""The account of a conversion: every populated element of the resource, and what became of it."""

from __future__ import annotations

from datetime import datetime

from schemas.fhir import Resource
from transforms.accounting import Use
from transforms.fhir_to_ccda.convert import convert_run
from transforms.fhir_to_ccda.leftovers import leaves_of, left_out
from transforms.fhir_to_ccda.options import Options


def account(resource: Resource, options: Options, now: datetime) -> list[Use]:
    """What became of every populated element of `resource`, in its order, by FHIR path; never a value.

    An element counts as mapped when a map has read it for a part of the document.
    """
    document, run = convert_run(resource, options, now)
    uses = []
    for each in run.resources:
        for path, plain, read in leaves_of(each):
            reason = left_out(plain)
            if each.path in run.left:
                uses.append(
                    Use(path, "left out", (), "entered in error, about another patient, or the denial of a denial")
                )
            elif document is None:
                uses.append(Use(path, "unmapped", (), run.findings[-1].what))
            elif read and each.path in run.done:
                uses.append(Use(path, "mapped"))
            elif reason:
                uses.append(Use(path, "left out", (), reason))
            else:
                uses.append(Use(path, "unmapped", (), "no part of the document is made of this element"))
    return uses
