"""Elements of a result message as a person reads them: names, times, codes, values."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.labs.version import TIME
from transforms.v2_to_fhir.source import SourceSegment, Value

_TIMES = ("DT", "TS", "DTM")
_CODED = ("CE", "CWE", "CNE", "CF")
_FREE = ("TX", "FT", "ST", "NM", "")
_OWN = ("", "L", "99LAB")

FLAGS = {
    **{"L": "Low", "H": "High", "LL": "Critically low", "HH": "Critically high", "<": "Below the scale"},
    **{">": "Above the scale", "N": "Normal", "A": "Abnormal", "AA": "Critically abnormal", "U": "Rising"},
    **{"D": "Falling", "B": "Better", "W": "Worse", "S": "Susceptible", "R": "Resistant", "I": "Intermediate"},
    **{"SDD": "Susceptible, dose dependent", "NS": "Non-susceptible", "POS": "Positive", "NEG": "Negative"},
    **{"IND": "Indeterminate", "DET": "Detected", "ND": "Not detected", "RR": "Reactive", "NR": "Non-reactive"},
    **{"WR": "Weakly reactive", "AC": "Anti-complementary substances present", "TOX": "Cytotoxic"},
    **{"QCF": "Quality control failure", "MS": "Moderately susceptible", "VS": "Very susceptible"},
}
"""Interpretations (HL7 table 0078) in words."""
STATUSES = {
    **{"F": "Final", "P": "PRELIMINARY", "C": "CORRECTED", "D": "DELETED", "W": "WRONG, disregard", "X": "No result"},
    **{
        "I": "Pending",
        "O": "Ordered",
        "R": "NOT VERIFIED",
        "S": "Partial",
        "N": "Not asked",
        "U": "Final",
        "A": "Partial",
    },
    **{"B": "Partial", "V": "Verified"},
}
"""Statuses of an observation (HL7 table 0085) in words; what must not be overlooked in capitals."""
ORDER_STATUSES = {
    **{"F": "Final", "P": "PRELIMINARY", "C": "CORRECTED", "A": "PARTIAL", "R": "NOT VERIFIED", "X": "CANCELLED"},
    **{"O": "Order received", "I": "Specimen received, no result yet", "S": "Scheduled, no result yet"},
    **{"N": "Done, no result yet", "M": "CORRECTED, NOT FINAL", "Y": "No such order", "Z": "No such patient"},
}
"""Statuses of an order (HL7 table 0123) in words."""
SEXES = {"F": "Female", "M": "Male", "O": "Other", "U": "Unknown", "A": "Ambiguous", "N": "Not applicable"}


def time(text: str) -> str:
    """A DTM as a person reads it: `2026-03-12 11:30 +0100`; as it is, where it is none."""
    found = TIME.match(text)
    if found is None:
        return text
    year, month, day, hour, minute, second, offset = found.groups()
    clock = ":".join(filter(None, (hour, minute or (hour and "00"), second if second != "00" else None)))
    return " ".join(filter(None, ("-".join(filter(None, (year, month, day))), clock, offset if clock else None)))


def person(value: Value | None, name_at: int = 1) -> str:
    """A name (XPN; in an XCN it begins at 2): `Hale, Ada Jane, Jr, Dr, MD`."""
    if value is None:
        return ""
    family, given, more, suffix, prefix, degree = (
        value.part(name_at)[1],
        *(value[name_at + number] for number in range(1, 6)),
    )
    named = " ".join(filter(None, (given, more)))
    return ", ".join(filter(None, (family, named, suffix, prefix, degree)))


def provider(value: Value) -> str:
    """A person with their number (XCN): `Hale, Ada (1880425976)`."""
    name = person(value, 2)
    return f"{name} ({value[1]})" if name and value[1] else name or value[1]


def small_provider(value: Value) -> str:
    """The person of an NDL, whose name is subcomponents."""
    one = value.part(1)
    name = ", ".join(filter(None, (one[2], one[3])))
    return f"{name} ({one[1]})" if name and one[1] else name or one[1]


def coded(value: Value | None, *, with_code: bool = True) -> str:
    """A coded element: its text as the user saw it (CWE-9), else that of the code, and beside it the text of the code
    where it is another, and the code where it is of a system others know."""
    if value is None:
        return ""
    text = value[9] or value[2] or value[5]
    code, system = (value[1], value[3]) if value[1] else (value[4], value[6])
    known = " ".join(filter(None, (code, system))) if code and system not in _OWN else ""
    if not text:
        return f"{code} ({system})" if with_code and known else code
    other = value[2] if value[2] != text else ""
    beside = ", ".join(filter(None, (other, known if with_code else "")))
    return f"{text} ({beside})" if beside else text


def organization(value: Value | None) -> str:
    """An organization (XON) with its number."""
    if value is None:
        return ""
    number = value[10] or value[3]
    return f"{value[1]} ({number})" if value[1] and number else value[1] or number


def address(value: Value | None) -> str:
    """An address (XAD) on one line."""
    if value is None:
        return ""
    place = " ".join(filter(None, (value[4], value[5])))
    return ", ".join(filter(None, (value.part(1)[1], value[2], value[3], place, value[6])))


def flags(obx: SourceSegment) -> str:
    """OBX-8 in words."""
    return ", ".join(FLAGS.get(each[1], each[2] or each[1]) for each in obx[8])


def result(obx: SourceSegment) -> list[str]:
    """OBX-5 by its type, line by line; a document shows as what it is."""
    kind = obx.text(2)
    lines: list[str] = []
    for value in obx[5]:
        lines += _one(kind, value).split("\n")
    return [line.rstrip() for line in lines]


def joined(texts: Iterable[str], separator: str = "; ") -> str:
    """The texts that say something, each once."""
    return separator.join(dict.fromkeys(filter(None, texts)))


def _one(kind: str, value: Value) -> str:
    if kind in _CODED:
        return coded(value) or value.whole()
    if kind == "SN":
        return "".join((value[1], value[2], value[3], value[4]))
    if kind in _TIMES:
        return time(value[1])
    if kind == "ED":
        return f"[a document: {joined((value[2], value[3]), ' ') or 'of unknown type'}]"
    if kind == "RP":
        return f"[a document elsewhere: {value[1]}]"
    if kind == "NR":
        return f"{value[1]} - {value[2]}"
    if kind in ("XCN", "XPN"):
        return provider(value) if kind == "XCN" else person(value)
    if kind == "XON":
        return organization(value)
    if kind == "XAD":
        return address(value)
    return value.whole() if kind in _FREE else value.shown(" ")
