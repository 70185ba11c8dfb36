"""A result message as a report for people: who, by whom, and every result, unit, range, flag, status and note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transforms.labs import shown
from transforms.labs.orders import Order, families
from transforms.labs.version import Status, version_of
from transforms.v2_to_fhir.source import SourceSegment

BANNERS: dict[Status, str] = {
    "corrected": "CORRECTED REPORT: it replaces what was reported before",
    "preliminary": "PRELIMINARY REPORT: the final one follows",
    "cancelled": "CANCELLED: disregard what was reported before",
    "registered": "NO RESULT YET",
    "final": "",
}

Fact = tuple[str, str]
"""A label and what it says."""


class Row(NamedTuple):
    """One observation; `more` are lines below it: times, method, notes, who performed it where others did not."""

    test: str
    value: tuple[str, ...]
    unit: str
    range: str
    flag: str
    status: str
    more: tuple[str, ...] = ()


class Section(NamedTuple):
    """One order: what was ordered, what is said of it, its notes and its observations."""

    title: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]


class Report(NamedTuple):
    """The whole: `banner` is "" for a final report."""

    title: str
    banner: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


def report_of(found: Sequence[Order]) -> Report:
    """The report of the orders of one message, of which there is at least one."""
    statuses = [version_of(family).status for family in families(found)]
    status: Status = next((each for each in BANNERS if each in statuses), "final")
    head = found[0].head
    sections = tuple(_section(order) for order in found)
    msh = next(each for each in head if each.name == "MSH")
    laboratory = shown.joined((msh.text(4), msh.text(3)))
    facts = (*_patient(head), ("Sent by", laboratory), ("Sent at", shown.time(msh.text(7))))
    notes = tuple(_notes(each for each in head if each.name == "NTE"))
    return Report("Laboratory report", BANNERS[status], _said(facts), notes, sections)


def _patient(head: Sequence[SourceSegment]) -> Iterator[Fact]:
    pid = next((each for each in head if each.name == "PID"), None)
    if pid is not None:
        names = [shown.person(value) for value in pid[5] if value[7] != "S"]
        yield "Patient", shown.joined(names[:1])
        yield "Also called", shown.joined(names[1:])
        yield "Born", shown.time(pid.text(7))
        yield "Sex", shown.SEXES.get(pid.text(8), pid.text(8))
        yield "Patient number", shown.joined(" ".join(filter(None, (v[1], v.part(4)[1], v[5]))) for v in pid[3])
    pv1 = next((each for each in head if each.name == "PV1"), None)
    if pv1 is not None:
        place = pv1.first(3)
        yield "Visit", pv1.text(19)
        yield "Ward", shown.joined((place[1], place[2], place[3]), " ") if place is not None else ""


def _section(order: Order) -> Section:
    obr, orc = order.obr, order.orc
    ordering = [shown.provider(value) for value in (*obr[16], *(orc[12] if orc is not None else ()))]
    facility = shown.organization(orc.first(21)) if orc is not None else ""
    prts = [(prt.text(4), shown.provider(value)) for prt in order.named("PRT") for value in prt[5]]
    performers = dict.fromkeys(filter(None, (_performer(obx) for obx in order.named("OBX"))))
    status = obr.text(25)
    facts = [
        ("Status", shown.ORDER_STATUSES.get(status, status)),
        ("Ordered by", shown.joined((*ordering, *(name for role, name in prts if role == "OP")))),
        ("Ordering facility", facility),
        ("Copies to", shown.joined((*map(shown.provider, obr[28]), *(name for role, name in prts if role == "RCT")))),
        ("Order number", order.placer.replace("^", " ")),
        ("Laboratory number", order.filler.replace("^", " ")),
        ("Collected", shown.time(obr.text(7))),
        ("Received", shown.time(obr.text(14))),
        ("Reported", shown.time(obr.text(22))),
        ("Clinical information", shown.joined((obr.text(13), *(shown.coded(value) for value in obr[31])))),
        ("Specimen", shown.joined((*map(_specimen, order.named("SPM")), shown.coded(obr.first(15))))),
        ("Interpreted by", shown.joined(shown.small_provider(value) for field in (32, 33) for value in obr[field])),
        ("Performed by", shown.joined(performers)),
    ]
    rows: list[Row] = []
    notes: list[str] = []
    last: SourceSegment | None = None  # the OBX before, where nothing stands between
    place: list[str] | None = notes
    for segment in order.segments:
        if segment.name == "OBX" and last is not None and _goes_on(last, segment):
            rows[-1] = rows[-1]._replace(value=(*rows[-1].value, *(shown.result(segment) or [""])))
        elif segment.name == "OBX":
            last, place = segment, None
            rows.append(_row(segment, order, several=len(performers) > 1))
        elif segment.name == "SPM":
            last, place = None, notes
        elif segment.name == "NTE":
            told, last = list(_notes([segment])), None
            if place is None:
                rows[-1] = rows[-1]._replace(more=(*rows[-1].more, *told))
            else:
                place += told
    return Section(shown.coded(obr.first(4)) or "Result", _said(facts), tuple(notes), tuple(rows))


def _goes_on(first: SourceSegment, obx: SourceSegment) -> bool:
    """Whether `obx` is one more line of the text that `first` begins: a narrative comes line by line in OBX."""
    same = (2, 3, 11, 14, 15, 23)
    is_text = obx.text(2) in ("TX", "FT") and not (obx.has(6) or obx.has(7) or obx.has(8))
    return is_text and all(first.raw(number) == obx.raw(number) for number in same)


def _row(obx: SourceSegment, order: Order, *, several: bool) -> Row:
    status = obx.text(11)
    test = shown.coded(obx.first(3)) or "Result"
    part = obx.text(4)
    observed = obx.text(14)
    more = [
        f"Observed {shown.time(observed)}" if observed and observed != order.obr.text(7) else "",
        f"Method: {method}" if (method := shown.joined(map(shown.coded, obx[17]))) else "",
        f"Performed by {performer}" if several and (performer := _performer(obx)) else "",
        f"Observer: {observer}" if (observer := shown.joined(map(shown.provider, obx[16]))) else "",
    ]
    return Row(
        test + (f" [{part}]" if part and part != "1" else ""),
        tuple(shown.result(obx)),
        shown.coded(obx.first(6), with_code=False),
        obx.text(7),
        shown.flags(obx),
        shown.STATUSES.get(status, status),
        tuple(filter(None, more)),
    )


def _performer(obx: SourceSegment) -> str:
    """The laboratory of an observation (OBX-23 to 25, else OBX-15)."""
    director = shown.joined(map(shown.provider, obx[25]))
    there = (shown.organization(obx.first(23)) or shown.coded(obx.first(15)), shown.address(obx.first(24)))
    return ", ".join(filter(None, (*there, f"director {director}" if director else "")))


def _specimen(spm: SourceSegment) -> str:
    rejected = shown.joined(map(shown.coded, spm[21]))
    condition = shown.joined(map(shown.coded, spm[24]))
    parts = (shown.coded(spm.first(4), with_code=False), shown.coded(spm.first(8), with_code=False), condition)
    return ", ".join(filter(None, (*parts, f"REJECTED: {rejected}" if rejected else "")))


def _notes(segments: Iterator[SourceSegment] | Sequence[SourceSegment]) -> Iterator[str]:
    for nte in segments:
        for value in nte[3]:
            yield from value.whole().split("\n")


def _said(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    return tuple((label, text) for label, text in facts if text)
