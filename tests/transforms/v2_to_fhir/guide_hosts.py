"""Messages around a segment: where a message has the segment of each of the guide's maps, and what goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from transforms.v2_to_fhir.guide import Row, rows

EVENTS = {
    "ADT_A01": "ADT^A01^ADT_A01",
    "ADT_A02": "ADT^A02^ADT_A02",
    "ADT_A05": "ADT^A05^ADT_A05",
    "ADT_A06": "ADT^A06^ADT_A06",
    "ADT_A09": "ADT^A09^ADT_A09",
    "ADT_A11": "ADT^A11^ADT_A09",
    "ADT_A17": "ADT^A17^ADT_A17",
    "ADT_A40": "ADT^A40^ADT_A39",
    "ADT_A60": "ADT^A60^ADT_A60",
    "MDM_T02": "MDM^T02^MDM_T02",
    "OML_O21": "OML^O21^OML_O21",
    "ORM_O01": "ORM^O01^ORM_O01",
    "ORU_R01": "ORU^R01^ORU_R01",
    "RAS_O17": "RAS^O17^RAS_O17",
    "RDE_O11": "RDE^O11^RDE_O11",
    "RSP_K22": "RSP^K22^RSP_K21",
    "SIU_S12": "SIU^S12^SIU_S12",
    "VXU_V04": "VXU^V04^VXU_V04",
}
BASE = {
    "EVN": "EVN|A01|20260301083000+0100",
    "PID": "PID|1||K1^^^HOSP^MR||Mallory-Roe^Ines||19610417|F",
    "PV1": "PV1|1|I|W9^R9^B9|||||||||||||||VISIT||V100^^^HOSP^VN",
    "ORC": "ORC|RE|PL1^NS|FI1^NT",
    "OBR": "OBR|1|PL1^NS|FI1^NT|BMP^Basic metabolic panel^L|||20260301080000+0100||||||||||||||||||F",
    "OBX": "OBX|1|NM|NA^Sodium^L||139|mmol/L^mmol/L^UCUM|135-145|N|||F|||20260301080000+0100",
    "SPM": "SPM|1|S1&NS^S2&NT||BLD^Blood^HL70487",
    "RXA": "RXA|0|1|20260301083000+0100||08^Hep B^CVX|0.5|mL^mL^UCUM||||||||||||||CP|A",
    "RXO": "RXO|AMX^Amoxicillin^L|500||mg^mg^UCUM",
    "SCH": "SCH|PA1^NS|FA1^NT|||||ROUTINE^Routine^HL70277|||"
    "^^^20260301083000+0100^20260301090000+0100||||||||||||||BOOKED|PL1^NS|FI1^NT",
    "TXA": "TXA|1|DS|TX|20260301083000+0100||||||||DOC1^NS|||||AU",
    "RGS": "RGS|1|A",
    "AIS": "AIS|1|A|SVC^Service^L|20260301083000+0100",
    "PR1": "PR1|1||PROC^Procedure^L||20260301083000+0100",
    "IN1": "IN1|1|PLAN^Plan^L|CO7|Mutual",
    "PD1": "PD1",
    "MRG": "MRG|K2^^^HOSP^MR",
    "RXE": "RXE||AMX^Amoxicillin^L|500||mg^mg^UCUM",
    "QAK": "QAK|Q1|OK",
    "QPD": "QPD|Q22^Find^HL7|Q1|@PID.3.1^K1",
}
ALWAYS = ("MSH", "EVN", "PID", "PV1", "ORC", "OBR", "RXA", "RXO", "SCH", "RGS", "TXA")
"""Segments that stand in every message whose map has them, the first of each."""

EXTRA = {
    "IAM": ("ADT_A60", ("EVN", "PID", "IAM")),
    "MRG": ("ADT_A40", ("EVN", "PID", "MRG")),
    "MSA": ("RSP_K22", ("MSA", "QAK", "QPD", "PID")),
    "RXR": ("ORM_O01", ("PID", "ORC", "RXO", "RXR")),
    "TQ1": ("RDE_O11", ("PID", "ORC", "TQ1", "RXE")),
    "ROL": ("ADT_A01", ("EVN", "PID", "PV1", "ROL")),
    "ORC": ("RAS_O17", ("PID", "ORC", "RXA")),
    "RXO": ("ORM_O01", ("PID", "ORC", "RXO")),
    "NTE": ("SIU_S12", ("SCH", "NTE", "PID")),
    "PRT": ("ORU_R01", ("PID", "PV1", "ORC", "OBR", "OBX", "PRT")),
}
"""Places that the guide's messages do not have, for maps that they do not use: structure and segments."""


@dataclass(frozen=True, slots=True)
class Host:
    """A message with a gap: what stands before and after the segment `name`, and the condition of the map."""

    structure: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    condition: str = ""

    def message(self, segment: str) -> bytes:
        """The message with `segment` in the gap, or without one where it is empty."""
        lines = [*self.before, *([segment] if segment else []), *self.after]
        if self.name != "MSH":
            lines.insert(0, header(self.structure))
        return ("\r".join(lines) + "\r").encode()


def header(structure: str) -> str:
    """The MSH of a message of that structure."""
    return f"MSH|^~\\&|APP|HOSP|HIE|REGION|20260301083000+0100||{EVENTS[structure]}|MSG1|P|2.9"


@cache
def hosts(segment_map: str) -> tuple[Host, ...]:
    """Where messages have the segment of that map: the places that the guide's message maps name, then others."""
    name = segment_map.partition("[")[0]
    found = [host_of(row) for row in rows() if row.kind == "message" and row.uses == segment_map]
    if not found:
        found = [host_of(row) for row in rows() if row.kind == "message" and name_of(row) == name][:3]
    if name in EXTRA:
        structure, names = EXTRA[name]
        at = names.index(name)
        found.append(Host(structure, name, _lines(names[:at]), _lines(names[at + 1 :])))
    return tuple(dict.fromkeys(found))


@cache
def host_of(row: Row) -> Host:
    """The message around the segment of a row of a message map."""
    slots = _slots(row.map)
    at = next(number for number, (_, held) in enumerate(slots) if row in held)
    own = slots[at][0]
    is_medication = "Medication" in row.uses or name_of(row) == "RXO"
    before, after = [], []
    seen: set[str] = set()
    for number, (identifier, _) in enumerate(slots):
        name = _name(identifier)
        if number == at or name == "MSH" or _is_other_choice(name, _name(own), is_medication=is_medication):
            continue
        is_first = name not in seen and name in ALWAYS
        seen.add(name)
        if (is_first and not (number > at and name == _name(own))) or _leads_to(identifier, own, slots, number):
            (before if number < at else after).append(BASE.get(name, name))
    return Host(row.map, name_of(row), tuple(before), tuple(after), row.condition)


def name_of(row: Row) -> str:
    """The segment that a row of a message map stands at."""
    return _name(row.identifier)


@cache
def _slots(structure: str) -> list[tuple[str, list[Row]]]:
    """The places of a message map in order, with the rows of each."""
    slots: list[tuple[str, list[Row]]] = []
    for row in rows():
        if row.kind == "message" and row.map == structure:
            if not slots or slots[-1][0] != row.identifier:
                slots.append((row.identifier, []))
            slots[-1][1].append(row)
    return slots


def _leads_to(identifier: str, own: str, slots: list[tuple[str, list[Row]]], number: int) -> bool:
    """Whether the place is the first of a group that `own` lies in."""
    group = _group(identifier)
    if not group or not _group(own).startswith(group) or identifier == own:
        return False
    return not any(_group(earlier) == group for earlier, _ in slots[:number])


def _is_other_choice(name: str, own: str, *, is_medication: bool) -> bool:
    if own in ("OBR", "RXO", "ODS") and name in ("OBR", "RXO", "ODS"):
        return name != own
    return (is_medication and name == "OBR") or (not is_medication and name in ("RXO", "ODS"))


def _lines(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(BASE.get(name, name) for name in names)


def _name(identifier: str) -> str:
    return identifier.replace(":", ".").rpartition(".")[2]


def _group(identifier: str) -> str:
    return identifier.partition(".")[2].rpartition(".")[0]
