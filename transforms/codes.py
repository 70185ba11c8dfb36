"""Codes to codes, and facts by key: what an engineer keeps as tables in the site's `maps/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, ValidationInfo

from schemas.finding import Finding, Severity
from schemas.hl7v2 import Er7, Path, Segment
from schemas.hl7v2.path import ALL
from schemas.message import Message, is_attribute
from schemas.tables import Code, CodeMap, CodeMapFile, Table, TableFile
from transforms.paths import AttributePath, ElementPath, ReadPath, editable_body, readable_body
from transforms.step import StepError, sets, step

UNMAPPED = "MAP-101"
REPLACED = "MAP-102"
MISSING = "MAP-201"

HELD = "codes.unmapped"
"""The attribute that names the codes for which a person is to extend the map."""
_MOST_HELD = 20

_SHOWABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,39}\Z", re.ASCII)
_TRIPLETS = (1, 4)
"""Where an element of type CE, CWE or CNE has its codes: identifier, text and coding system from here on."""
_SECOND_ALTERNATE = 10
_FIRST_VERSION_WITH_SECOND_ALTERNATE = (2, 7)


def _coded(path: str) -> str:
    place = Path.parse(path)
    if not place.field or place.subcomponent:
        raise ValueError(f"{path} is no coded element: write the field (OBX[*]-3) or one component (PV1-2.1)")
    return path


def _in_table(columns: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    """Check the columns, and that each key stands in one row, while the channel is bound and not message by message."""
    others = info.data.items()
    table = next((value for _, value in others if isinstance(value, Table)), None)
    if table is not None:
        table.by(next((value for name, value in others if name.endswith("column") and value), table.columns[0]))
        for name in columns.values():
            table.column(name)
    return columns


CodedPath = Annotated[ElementPath, AfterValidator(_coded)]
Columns = Annotated[dict[AttributePath, str], AfterValidator(_in_table)]


@step
@sets("codes.unmapped")
def map_codes(
    message: Message,
    *,
    path: CodedPath,
    map: CodeMapFile,
    unmapped: Literal["keep", "fail", "text", "hold"] = "keep",
    system: str = "",
) -> Message:
    """Replace codes by those that a code map of the site gives for them.

    A path to a field (`OBX[*]-3`) takes it as a coded element: the code of its first three components is looked up,
    then that of components 4 to 6. What the map gives becomes components 1 to 3, and the sender's own code moves to
    4 to 6, or 10 to 12 (from version 2.7 on) where another stands there; where that is not possible, MAP-102 tells. A
    row without `to_display` leaves the sender's text. A path to a component (`PV1-2.1`) takes that text alone as the
    code and replaces it alone.

    A row whose `sender` is MSH-4.1 or MSH-3.1 of the message comes before one without a sender. A code that the map
    does not have is reported with the message (MAP-101).

    Args:
        path: The coded element; `[*]` stands for each segment or repetition.
        map: The code map, a CSV file with the columns `code,system,to_code,to_display,to_system` and maybe `sender`.
        unmapped: What becomes of a code that the map does not have: `keep` leaves it, `fail` stops the message, `text`
            keeps its display text and takes the code and its system away, `hold` leaves it and names in the attribute
            `codes.unmapped` what has neither a row nor a code of a system that the map leads to.
        system: The system of a code where the message names none.
    """
    er7 = editable_body(message, path)
    place = Path.parse(path)
    senders = tuple(dict.fromkeys(filter(None, (er7.get("MSH-4.1"), er7.get("MSH-3.1")))))
    job = _Mapping(er7, map, system, unmapped, senders)
    for element in _elements(er7, place):
        if place.component:
            job.map_text(element, place.component)
        else:
            job.map_coded(element)
    body = er7.encode()
    if body == message.body and not job.findings:
        return message
    held = ", ".join(dict.fromkeys(filter(None, (message.get(HELD), *job.held))))
    return message.derive(
        "map_codes",
        body=message.body if body == message.body else body,
        attributes={HELD: held} if job.held and unmapped == "hold" else None,
        findings=job.findings,
    )


@step
def look_up(
    message: Message,
    *,
    table: TableFile,
    key: ReadPath,
    column: str = "",
    set: Columns,
    missing: Literal["keep", "fail"] = "keep",
) -> Message:
    """Add attributes from the row of a table of the site that has the message's key.

    Args:
        table: A CSV file whose first line names its columns: `maps/wards.csv`.
        key: Where the message has the key: `PV1-3.1`, `subscriber.id`.
        column: The column of the keys; the table's first unless named.
        set: The attributes to add, and the column that each is taken from: `{ward.name: name}`.
        missing: What becomes of a message whose key the table does not have: `keep` lets it go on without the
            attributes and reports it (MAP-201), `fail` stops it.
    """
    if not is_attribute(key):
        readable_body(message, key)
    row = table.by(column or table.columns[0]).get(message.get(key))
    if row is None:
        if missing == "fail":
            raise StepError(f"{table.name} has no row for the text at {key}", "add the row, or write missing: keep")
        what = f"{table.name} has no row for the text here"
        return message.derive("look_up", findings=[Finding(MISSING, key, what, "add the row", Severity.WARNING)])
    return message.derive("look_up", attributes={name: row[source.lower()] for name, source in set.items()})


@dataclass(frozen=True, slots=True)
class _Coded:
    """The code and system at one of the places of a coded element, and its three components as they are encoded."""

    code: str
    system: str
    raw: tuple[str, str, str]


class _Mapping:
    """The work of `map_codes` on one message."""

    def __init__(self, er7: Er7, map: CodeMap, system: str, unmapped: str, senders: tuple[str, ...]) -> None:
        self._map = map
        self._system = system
        self._unmapped = unmapped
        self._senders = senders
        self._er7 = er7
        self._seen: set[tuple[str, str]] = set()
        self.findings: list[Finding] = []
        self.held: list[str] = []

    def map_text(self, element: _Element, component: int) -> None:
        """Map one component, alone."""
        segment, inner = element.segment, f"{element.address}.{component}"
        code = segment.get(inner)
        if not code or code == '""':
            return
        target = self._map.find(code, self._system, self._senders)
        if target is not None:
            segment.set(inner, target.code)
            return
        self._report(element.where(component), code, self._system)
        if self._unmapped == "text":
            segment.set(inner, "")

    def map_coded(self, element: _Element) -> None:
        """Map a coded element."""
        found = [self._read(element, at) for at in _TRIPLETS]
        for each in found:
            target = self._map.find(each.code, each.system, self._senders) if each.code else None
            if target is not None:
                self._replace(element, found, each, target)
                return
        if self._unmapped == "hold" and any(each.code and each.system in self._map.systems for each in found):
            return
        if self._unmapped == "hold" and any(each.raw[1] for each in found) and not any(each.code for each in found):
            what = "a text without a code"
            self.held.append(what)
            self.findings.append(
                Finding(UNMAPPED, element.where(1), what, "ask the sender for its code", Severity.WARNING)
            )
        for at, each in zip(_TRIPLETS, found, strict=True):
            if each.code and each.code != '""':
                self._report(element.where(at), each.code, each.system)
                if self._unmapped == "text":
                    self._write(element, at, ("", each.raw[1] or each.raw[0], ""))

    def _replace(self, element: _Element, found: list[_Coded], mapped: _Coded, target: Code) -> None:
        own, alternate = found
        if (own.code, own.system) == (target.code, target.system):
            return
        self._write(element, 1, ("", mapped.raw[1], ""))
        for number, text in ((1, target.code), (2, target.display), (3, target.system)):
            if text:
                element.segment.set(f"{element.address}.{number}", text)
        if not own.code or (own.code, own.system) == (alternate.code, alternate.system):
            return
        if not any(alternate.raw) or (alternate.code, alternate.system) == (target.code, target.system):
            self._write(element, 4, own.raw)
        elif self._has_second_alternate and not element.segment.get(f"{element.address}.{_SECOND_ALTERNATE}"):
            self._write(element, _SECOND_ALTERNATE, own.raw)
        else:
            what = f"code {_shown(own.code)} gave way to the mapped one: the alternate places are taken"
            self.findings.append(Finding(REPLACED, element.where(), what, "", Severity.WARNING))

    @property
    def _has_second_alternate(self) -> bool:
        numbers = tuple(int(part) for part in re.findall(r"\d+", self._er7.version)[:2])
        return numbers >= _FIRST_VERSION_WITH_SECOND_ALTERNATE

    def _read(self, element: _Element, at: int) -> _Coded:
        segment = element.segment
        code, text, system = (f"{element.address}.{number}" for number in (at, at + 1, at + 2))
        raw = (segment.raw(code), segment.raw(text), segment.raw(system))
        return _Coded(segment.get(code), segment.get(system) or self._system, raw)

    def _write(self, element: _Element, at: int, raw: tuple[str, str, str]) -> None:
        for number, text in enumerate(raw, start=at):
            element.segment.set_raw(f"{element.address}.{number}", text)

    def _report(self, where: str, code: str, system: str) -> None:
        what = f"{self._map.name} has no code {_shown(code)}" + (f" of system {_shown(system)}" if system else "")
        if self._unmapped == "fail":
            raise StepError(f"{where}: {what}", "add the code to the map, or write unmapped: keep")
        if (code, system) not in self._seen:
            self._seen.add((code, system))
            if len(self.held) < _MOST_HELD:
                self.held.append(_shown(code) + (f" of {_shown(system)}" if system else ""))
            self.findings.append(Finding(UNMAPPED, where, what, "add the code to the map", Severity.WARNING))


@dataclass(frozen=True, slots=True)
class _Element:
    """One coded element: `address` within its segment (`3[1]`), `number` of the segment among those of its name."""

    segment: Segment
    address: str
    number: int

    def where(self, component: int = 0) -> str:
        """The element, or one of its components, as a finding names it: `OBX[2]-3.1`."""
        segment = f"{self.segment.name}[{self.number}]" if self.number > 1 else self.segment.name
        address = self.address.removesuffix("[1]")
        return f"{segment}-{address}.{component}" if component else f"{segment}-{address}"


def _elements(er7: Er7, place: Path) -> list[_Element]:
    """Every element that `place` addresses."""
    found = []
    for number, segment in enumerate(er7.named(place.segment), start=1):
        if place.occurrence not in (ALL, number):
            continue
        value = segment.fields[place.field] if place.field < len(segment.fields) else ""
        every = range(1, value.count(er7.delimiters.repetition) + 2)
        chosen = every if place.repetition == ALL else [place.repetition or 1]
        found += [_Element(segment, f"{place.field}[{each}]", number) for each in chosen]
    return found


def _shown(code: str) -> str:
    """A code as a report may show it; what does not look like one may be a name, and shows as its length."""
    return repr(code) if _SHOWABLE.match(code) else f"({len(code)} characters)"
