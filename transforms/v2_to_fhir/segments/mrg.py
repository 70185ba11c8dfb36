"""MRG: what was merged away, moved or renumbered: the patient, account and visit of before."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.profiles import put_patient_profile
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.pid import patient_key
from transforms.v2_to_fhir.segments.pv1 import NO_CLASS
from transforms.v2_to_fhir.source import SourceSegment

REPLACED_BY = f"{OWN}replaced-by"
"""What took the place of an Account or Encounter, for which R4 has no element."""


def mrg_patient(mrg: SourceSegment, run: Run) -> Resource | None:
    """The patient of before, by the numbers of MRG-1, MRG-2 and MRG-4: our own map."""
    body: Resource = {}
    for field in (1, 2, 4):
        append_each(body, "identifier", mrg, field, run, cx_identifier)
    if not body:
        return None
    patient = run.add("Patient", *patient_key(body["identifier"], run))
    append(patient, "identifier", *body["identifier"])
    append_each(patient, "name", mrg, 7, run, xpn_human_name)
    put_patient_profile(patient, run)
    return patient


def mrg_account(mrg: SourceSegment, run: Run) -> Resource | None:
    """MRG[Account]."""
    number = cx_identifier(mrg.first(3), run, mrg.where(3))
    if number is None:
        return None
    account = run.add("Account", *identifier_key(number, run))
    append(account, "identifier", number)
    account.setdefault("status", "unknown")
    return account


def mrg_encounter(mrg: SourceSegment, run: Run) -> Resource | None:
    """The visit of before, by the numbers of MRG-5 and MRG-6: our own map."""
    numbers: list[Element] = []
    for field in (5, 6):
        numbers += [each for each in (cx_identifier(value, run, mrg.where(field)) for value in mrg[field]) if each]
    if not numbers:
        return None
    encounter = run.add("Encounter", *identifier_key(numbers[0], run))
    append(encounter, "identifier", *numbers)
    encounter.setdefault("status", "unknown")
    encounter.setdefault("class", NO_CLASS)
    return encounter


def replace_patient(old: Resource, new: Resource, run: Run) -> None:
    """Say in both that `new` replaces `old`, which is not in use any longer."""
    old["active"] = False
    new.setdefault("active", True)
    append(old, "link", {"other": run.refer(new), "type": "replaced-by"})
    append(new, "link", {"other": run.refer(old), "type": "replaces"})


def replace(old: Resource, new: Resource, run: Run, status: str) -> None:
    """Say that the Account or Encounter `new` has taken the place of `old`, whose status is `status` now.

    The new one keeps the number of the old, marked as such.
    """
    old["status"] = status
    add_extension(old, extension(REPLACED_BY, "valueReference", run.refer(new)))
    append(new, "identifier", *[{**each, "use": "old"} for each in old.get("identifier", [])])
