"""Whether two parts of a referral speak of one patient, as far as their numbers tell."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.fhir import Resource
from transforms.refer.referral import Identifier

_DAY = len("1961-04-17")


def numbers_of(patient: Resource) -> list[Identifier]:
    """The identifiers of a Patient as `ReferralMessage` has it."""
    named = patient.get("identifier", ())
    return [Identifier(each["value"], each.get("system", "")) for each in named if each.get("value")]


def are_of_two(numbers: Iterable[Identifier], others: Iterable[Identifier]) -> bool:
    """Whether these are the numbers of two people: one authority numbers both, and no number is the same."""
    known = set(others)
    authorities = {each.system for each in known if each.system}
    comparable = {each for each in numbers if each.system in authorities}
    return bool(comparable) and not comparable & known


def are_two(one: Resource, other: Resource) -> bool:
    """Whether two Patients are two people: by their numbers; where these cannot be compared, by the day of birth."""
    numbers, others = numbers_of(one), numbers_of(other)
    if are_of_two(numbers, others):
        return True
    born, at = one.get("birthDate"), other.get("birthDate")
    is_known = isinstance(born, str) and isinstance(at, str) and len(born) == len(at) == _DAY
    return is_known and born != at and not {each for each in numbers if each.system} & set(others)
