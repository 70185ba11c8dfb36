"""Whom a message is about, as persons are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schemas.fhir import Element, Resource
from schemas.hl7v2 import Er7
from schemas.message import FHIR, HL7V2, Message
from transforms.matching import Address, Name, Person, normal
from transforms.v2_to_fhir.source import Reading, SourceSegment, Value

_SSN_SYSTEMS = ("http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1")
_SEXES = {"F": "F", "M": "M", "female": "F", "male": "M"}
_HIDDEN = ("S",)
"""Types of names (HL7 table 0200) that hide whose they are: a pseudonym."""
_NOT_OF_ONE = frozenset(
    {
        *("AN", "ANC", "AND", "ANT", "VN", "ACSN", "FILL", "PLAC"),  # accounts, visits, orders
        *("SN", "GI", "GN", "XX"),  # the policy's holder, guarantors, organizations
        *("BA", "BC", "AM", "DI", "DS", "MS", "VS"),  # bank accounts and cards
        "ANON",
    }
)
"""Types of identifiers (HL7 table 0203) that are not of one person: mother and child, or a family, share them."""


def person_of(message: Message) -> Person | None:
    """The patient of an HL7 v2 message (its first PID) or of a FHIR resource or Bundle (its first Patient); None where
    there is none. Read once; raises what `Message.er7` and `Message.fhir` raise."""
    return message.once(_person_of)


def _person_of(message: Message) -> Person | None:
    if message.format == HL7V2:
        return person_of_pid(message.er7)
    if message.format == FHIR:
        patient = next(_patients(message.fhir), None)
        return None if patient is None else person_of_patient(patient)
    return None


def person_of_pid(er7: Er7) -> Person | None:
    """The person of the first PID; None where the message has none."""
    segments = er7.named("PID")
    if not segments:
        return None
    pid = SourceSegment(segments[0], Reading(er7))
    numbers = [number for field in (3, 2, 4) for number in pid[field]]
    return Person(
        identifiers=frozenset(pair for number in numbers for pair in _pairs(number)),
        names=tuple(dict.fromkeys(name for field in (5, 9) for name in _names(pid[field]))),
        birth_date=normal.birth_date(pid.text(7)),
        sex=_SEXES.get(pid.text(8), ""),
        addresses=tuple(_addresses(pid[11])),
        phones=frozenset(filter(None, map(_phone, [*pid[13], *pid[14]]))),
        ssn4=normal.ssn4(pid.text(19)) or next(filter(None, map(_ssn4, numbers)), ""),
    )


def person_of_patient(patient: Resource) -> Person:
    """The person of a Patient (R4)."""
    identifiers = [each for each in patient.get("identifier", ()) if each.get("value")]
    names = [each for each in patient.get("name", ()) if each.get("use") != "anonymous"]
    addresses = [each for each in patient.get("address", ()) if each.get("use") != "billing"]
    telecoms = [each for each in patient.get("telecom", ()) if each.get("system") in ("phone", "sms")]
    ssn = next((each["value"] for each in identifiers if each.get("system") in _SSN_SYSTEMS), "")
    return Person(
        identifiers=frozenset(
            (normal.authority(each["system"]), each["value"])
            for each in identifiers
            if each.get("system") and each["system"] not in _SSN_SYSTEMS and not _types(each) & _NOT_OF_ONE
        ),
        names=tuple(filter(_says_something, map(_human_name, names))),
        birth_date=normal.birth_date(patient.get("birthDate", "")),
        sex=_SEXES.get(patient.get("gender", ""), ""),
        addresses=tuple(
            Address.of(next(iter(each.get("line", ())), ""), each.get("city", ""), each.get("postalCode", ""))
            for each in addresses
        ),
        phones=frozenset(filter(None, (normal.phone(each.get("value", "")) for each in telecoms))),
        ssn4=normal.ssn4(ssn),
    )


def _patients(resource: Resource) -> Iterator[Resource]:
    if resource.get("resourceType") == "Patient":
        yield resource
    for entry in resource.get("entry", ()) if resource.get("resourceType") == "Bundle" else ():
        held = entry.get("resource", {})
        if held.get("resourceType") == "Patient":
            yield held


def _pairs(number: Value) -> Iterator[tuple[str, str]]:
    """An identifier (CX) under each name of its assigning authority; a social security number is none,
    nor is what a family shares."""
    value, authority = number[1], number.part(4)
    if not value or _is_ssn(number) or number[5] in _NOT_OF_ONE:
        return
    for name in (authority[1], authority[2]):
        if name:
            yield normal.authority(name), value


def _is_ssn(number: Value) -> bool:
    return number[5] == "SS" or normal.authority(number.part(4)[2]) in _SSN_SYSTEMS


def _types(identifier: Element) -> set[str]:
    return {coding.get("code", "") for coding in identifier.get("type", {}).get("coding", ())}


def _ssn4(number: Value) -> str:
    return normal.ssn4(number[1]) if _is_ssn(number) else ""


def _names(values: Iterable[Value]) -> Iterator[Name]:
    for value in values:
        if value[7] not in _HIDDEN:
            name = Name.of(value.part(1)[1], [value[2], value[3]], value[4])
            if _says_something(name):
                yield name


def _says_something(name: Name) -> bool:
    return bool(name.family or name.given)


def _human_name(name: Element) -> Name:
    return Name.of(name.get("family", ""), name.get("given", ()), " ".join(name.get("suffix", ())))


def _addresses(values: Iterable[Value]) -> Iterator[Address]:
    for value in values:
        found = Address.of(value.part(1)[1], value[3], value[5])
        if found.line or found.postal_code:
            yield found


def _phone(value: Value) -> str:
    """A telephone number (XTN): its parts, the unformatted number, or the old first component."""
    if value[3] in ("FX", "Internet", "BP") or "@" in value[4]:
        return ""
    parts = value[6] + value[7]
    return normal.phone(parts if value[7] else value[12] or value[1])
