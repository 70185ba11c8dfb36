"""The facts of a referral as the data types of HL7 v2, both ways: EI, CWE, XTN, DTM."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from schemas.codes import identifier_system, system_name, system_uri
from schemas.hl7v2 import timestamp
from transforms.fhir_to_v2.datatypes.authorities import system_hd
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.refer.referral import Coded, Identifier, Priority
from transforms.refer.v2.source import Source
from transforms.v2_to_fhir.datatypes.authorities import system_of
from transforms.v2_to_fhir.datatypes.contacts import number_of
from transforms.v2_to_fhir.source import SourceSegment, Value

_PRIORITIES: dict[str, Priority] = {"R": "routine", "U": "urgent", "A": "asap", "S": "stat"}
"""HL7 tables 0280 and 0485; neither has a code for urgent, U is what feeds send."""
_NAMES = {"R": "Routine", "U": "Urgent", "A": "ASAP", "S": "Stat"}
NOT_BOOKED = ("CANCELLED", "CANCELED", "DC", "DELETED", "WAITLIST")
"""The words of table 0278 for an appointment that does not take place, or not yet, in capitals."""
_INTERNET = ("INTERNET", "X.400")


def identifier_of(namespace: str, universal: str, kind: str, value: str, source: Source) -> Identifier:
    """The identifier `value` with its assigning authority (HD, or the parts of an EI behind the first)."""
    system = identifier_system(namespace, universal) or system_of(namespace, universal, kind, source.run)
    return Identifier(value, system)


def ei_identifier(ei: Value | None, source: Source) -> Identifier | None:
    """EI; None of an empty one."""
    if ei is None or not ei[1]:
        return None
    return identifier_of(ei[2], ei[3], ei[4], ei[1], source)


def ei_of(identifier: Identifier | None) -> dict[int, Part]:
    """EI of an identifier."""
    if identifier is None or not identifier.value:
        return {}
    namespace, universal, kind = system_hd(identifier.system)
    return {1: identifier.value, 2: namespace, 3: universal, 4: kind}


def own_referral(ei: Value | None, facility: Value | None, source: Source) -> Identifier | None:
    """The identifier of the referral; one without an authority is its initiator's `facility`'s own."""
    found = ei_identifier(ei, source)
    if found is None or found.system or facility is None:
        return found
    return identifier_of(facility[1], facility[2], facility[3], found.value, source)


def coded(cwe: Value | None, first: int = 1) -> Coded:
    """CWE or CE: its first code from component `first` on, else its text."""
    if cwe is None:
        return Coded()
    for place in range(first, 5, 3):
        if cwe[place]:
            name = cwe[place + 2]
            return Coded(cwe[place], system_uri(name) or name, cwe[place + 1] or cwe[9])
    return Coded(text=cwe[9] or cwe[2] or cwe[5])


def codes(segment: SourceSegment | None, field: int) -> tuple[Coded, ...]:
    """The codes and texts of a field that repeats."""
    found = [coded(value) for value in segment[field]] if segment is not None else []
    return tuple(each for each in found if any(each))


def cwe_of(code: Coded, first: int = 1) -> dict[int, Part]:
    """CE of a code, from component `first` on (4 is the place of the alternate one)."""
    if not code.code:
        return {first + 1: code.text}
    return {first: code.code, first + 1: code.text, first + 2: system_name(code.system) or code.system}


def priority(text: str) -> Priority:
    """The priority of a code of table 0280 or 0485, "" of one that FHIR has no word for."""
    return _PRIORITIES.get(text.strip().upper()[:1], "") if len(text.strip()) == 1 else ""


def priority_of(priority: Priority, table: str) -> dict[int, Part]:
    """CE of a priority, as a code of that HL7 table."""
    code = next((code for code, known in _PRIORITIES.items() if known == priority), "")
    return {1: code, 2: _NAMES[code], 3: "L" if code == "U" else table} if code else {}


def numbers(values: Iterable[Value]) -> tuple[str, str]:
    """The telephone number and the Internet address of XTN repetitions, the first of each."""
    phone = address = ""
    for value in values:
        if value[3].upper() in _INTERNET or "@" in value[4]:
            address = address or value[4] or value[1]
        elif value[3].upper() not in ("FX", "BP"):
            parts = number_of(value[5], value[6], value[7], value[8]) if value[7] else ""
            phone = phone or value[12] or parts or value[1] or value[9]
    return phone, address


def xtns_of(phone: str, direct: str, run: Run) -> list[dict[int, Part]]:
    """XTN of a telephone number and of a Direct address."""
    place = 1 if run.has_component("XTN", 1) else 12
    called: dict[int, Part] = {place: phone, 2: "WPN", 3: "PH"} if phone else {}
    mailed: dict[int, Part] = {2: "NET", 3: "Internet", 4: direct} if direct else {}
    return [each for each in (called, mailed) if each]


def dtm_of(moment: datetime | None) -> str:
    """DTM to the second, with the offset."""
    return timestamp(moment) if moment is not None else ""


def day_of(moment: datetime | None) -> str:
    """DTM of a last day, which is read as its start in UTC; of any other moment to the second."""
    if moment is None or (moment.utcoffset(), moment.time()) != (timedelta(), time()):
        return dtm_of(moment)
    return dtm_of(moment)[:8]
