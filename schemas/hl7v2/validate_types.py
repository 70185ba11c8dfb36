"""The rules of the primitive data types, by version (HL7 v2.9, chapter 2A; before version 2.5 chapter 2)."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from types import MappingProxyType

Rule = tuple[str, str]
"""The code of a finding, and the rule that was broken."""

_OFFSET = r"(?:[+-](?:0\d|1[0-4])[0-5]\d)?"
_CLOCK = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,4})?)?)?"
_DATE = re.compile(r"(\d{4})(?:(0[1-9]|1[0-2])(\d{2})?)?\Z", re.ASCII)
_TIME = re.compile(rf"{_CLOCK}{_OFFSET}\Z", re.ASCII)
_DATE_TIME = re.compile(rf"(\d{{4}}(?:\d{{2}}){{0,2}})(?:(?<=\d{{8}}){_CLOCK})?{_OFFSET}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z", re.ASCII)
_SEQUENCE = re.compile(r"\d{1,4}\Z", re.ASCII)
_DIGITS = re.compile(r"\+?\d+\Z", re.ASCII)

_DATE_RULE = "a date is YYYY[MM[DD]] and stands in the calendar"
_TIME_RULE = "a time is HH[MM[SS[.S[S[S[S]]]]]][+/-ZZZZ]"
_DATE_TIME_RULE = "a date and time is YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ] and stands in the calendar"
_NUMBER_RULE = "a number is digits with an optional sign and decimal point"
_SEQUENCE_RULE = "a sequence number is a whole number of at most 4 digits"
_DIGITS_RULE = "a string of digits has nothing else but a leading +"

_LENGTHS = {"ST": 199, "IS": 20, "NM": 16}
"""The greatest length of a value of the type: versions 2.5 to 2.6 (2.A), which alone say so. TX and FT have 65,536,
which every document sent within a message exceeds: not checked."""

_FIELD_LENGTHS = {
    "MSH-8": 40,
    "MSH-10": 20,
    "MSH-13": 15,
    "MSH-14": 180,
    "MSA-1": 2,
    "MSA-2": 20,
    "MSA-3": 80,
    "EVN-1": 3,
    "EVN-4": 3,
    "PID-1": 4,
    "PID-8": 1,
    "PID-19": 16,
    "PID-24": 1,
    "PID-25": 2,
    "PID-30": 1,
    "PV1-1": 4,
    "PV1-2": 1,
    "PV1-4": 2,
    "PV1-10": 3,
    "PV1-16": 2,
    "PV1-18": 2,
    "OBR-1": 4,
    "OBR-11": 1,
    "OBR-13": 300,
    "OBR-24": 10,
    "OBR-25": 1,
    "OBX-4": 20,
    "OBX-7": 60,
    "OBX-8": 5,
    "OBX-11": 1,
    "OBX-13": 20,
    "NTE-1": 4,
    "NTE-2": 8,
    "DG1-1": 4,
    "DG1-2": 2,
    "IN1-1": 4,
}
"""The LEN column of the segments' tables, where versions 2.3 to 2.6 agree and the field has one component."""

_WITH_FIELD_LENGTHS = frozenset(["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6"])
_WITH_TYPE_LENGTHS = frozenset(["2.5", "2.5.1", "2.6"])

OPEN_CODES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "0203": re.compile(r"N(?:I|NI|II|IIP|P?I)?[A-Z]{2,3}\Z"),
        "0399": re.compile(r"[A-Z]{3}\Z"),
    }
)
"""Tables that name a family of codes: `NNxxx` stands for each country's identifier, ISO 3166 for any three letters."""

UNCHECKED_TABLES = frozenset(["0003", "0076", "0104", "0125", "0291", "0354", "0396"])
"""Types, events, versions, structures and value types have checks of their own; coding systems (0396) and media
subtypes (0291) are registered all the time, so that no version's list is complete."""


def broken_rule(datatype: str, text: str) -> Rule | None:
    """The rule of a primitive data type that `text` breaks, or None. Types of free text and of codes have none."""
    match datatype:
        case "DT":
            return None if _is_date(text) else ("V2-401", _DATE_RULE)
        case "TM":
            return None if _TIME.match(text) else ("V2-402", _TIME_RULE)
        case "DTM" | "TS":
            found = _DATE_TIME.match(text)
            return None if found and _is_date(found.group(1)) else ("V2-403", _DATE_TIME_RULE)
        case "NM":
            return None if _NUMBER.match(text) else ("V2-404", _NUMBER_RULE)
        case "SI":
            return None if _SEQUENCE.match(text) else ("V2-405", _SEQUENCE_RULE)
        case "SNM":
            return None if _DIGITS.match(text) else ("V2-404", _DIGITS_RULE)
    return None


def greatest_length(version: str, place: str, datatype: str) -> int | None:
    """How many characters a value of one component may have at `place` (`MSH-10`), None where no limit is known."""
    if version in _WITH_FIELD_LENGTHS and place in _FIELD_LENGTHS:
        return _FIELD_LENGTHS[place]
    return _LENGTHS.get(datatype) if version in _WITH_TYPE_LENGTHS else None


def is_in_table(table: str, codes: frozenset[str], text: str) -> bool:
    """Whether `text` is one of `codes`, or belongs to a family of codes that the table names."""
    if not codes or text in codes or table in UNCHECKED_TABLES:
        return True
    family = OPEN_CODES.get(table)
    return family is not None and family.match(text) is not None


def _is_date(text: str) -> bool:
    found = _DATE.match(text)
    if found is None:
        return False
    year, month, day = found.groups()
    if int(year) == 0:
        return False
    return day is None or 1 <= int(day) <= monthrange(int(year), int(month))[1]
