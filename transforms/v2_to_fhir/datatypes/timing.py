"""TQ, RPT and RI to Timing: how often, when and for how long."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from schemas.codes import concept_map
from schemas.fhir import Element
from transforms.elements import OWN, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.quantities import UCUM, cq_quantity, minutes, nm_positive_int
from transforms.v2_to_fhir.datatypes.times import period, tm_time
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.encoded import in_standard
from transforms.v2_to_fhir.extensions import kept_element
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

REPEAT_PATTERN = "http://terminology.hl7.org/CodeSystem/v2-0335"
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""The days of table 0335's Q<n>J<day>, which counts Monday as 1 and Sunday as 7."""
_UNITS = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"}
_LONG_UNITS = ("s", "min", "h", "d", "wk", "mo", "a")
_NAMED_UNITS = {"sec": "s", "m": "min", "hr": "h", "day": "d", "week": "wk", "month": "mo", "yr": "a", "year": "a"}
_EVERY = re.compile(r"Q(\d{1,4})([SMHDWL])\Z", re.ASCII)
_ON_DAYS = re.compile(r"Q(\d{1,3})J([1-7]{1,7})\Z", re.ASCII)
_TIMES_A_DAY = re.compile(r"(\d{1,2})ID\Z", re.ASCII)
_DURATION = re.compile(r"([SMHDWL])(\d{1,6})\Z", re.ASCII)
_PRIORITIES = {"S": "stat", "A": "asap", "R": "routine", "STAT": "stat", "ASAP": "asap", "ROUTINE": "routine"}
_FREQUENCIES: dict[str, Element] = {
    "BID": {"frequency": 2, "period": 1, "periodUnit": "d"},
    "TID": {"frequency": 3, "period": 1, "periodUnit": "d"},
    "QID": {"frequency": 4, "period": 1, "periodUnit": "d"},
    "QD": {"frequency": 1, "period": 1, "periodUnit": "d"},
    "QOD": {"frequency": 1, "period": 2, "periodUnit": "d"},
}


class Duration(NamedTuple):
    """So much of a unit of time, as UCUM writes it."""

    value: Decimal
    unit: str


def rpt_timing(rpt: Value | None, run: Run, where: str) -> Element | None:
    """RPT[Timing]."""
    if rpt is None:
        return None
    timing: Element = {}
    repeat: Element = {}
    if rpt.has(1):
        timing.update(_pattern(rpt.part(1), run, where))
        repeat.update(timing.pop("repeat", {}))
    if rpt.peek(2) == "DW":
        days = [_day(rpt[number]) for number in (3, 4) if rpt.has(number)]
        rpt.mark(2)
        for day in days:
            append(repeat, "dayOfWeek", day)
    unit = time_unit(rpt.part(6).peek(1))
    number = decimal(rpt.peek(5), run, where)
    if number is not None and unit and number > 0:
        rpt.mark(5)
        rpt.part(6).mark(1)
        repeat.update({"frequency": repeat.get("frequency", 1), "period": number, "periodUnit": unit})
    if rpt.has(8):
        _put_event(repeat, rpt, run, where)
    if repeat:
        timing["repeat"] = repeat
    return timing or None


def ri_timing(ri: Value | None, run: Run, where: str) -> Element | None:
    """RI[Timing]: a repeat pattern and the times of day that it means."""
    if ri is None:
        return None
    timing: Element = {}
    repeat: Element = {}
    if ri.has(1):
        timing.update(_pattern(ri.part(1) if not ri.is_simple(1) else ri, run, where))
        repeat.update(timing.pop("repeat", {}))
    times = [tm_time(text) for text in ri.peek(2).split(",")] if ri.has(2) else []
    if times and all(times):
        ri.mark(2)
        repeat["timeOfDay"] = times
    if repeat:
        timing["repeat"] = repeat
    return timing or None


def tq_service_request(tq: Value | None, run: Run, where: str, order: Element) -> None:
    """TQ[ServiceRequest]: quantity, timing, priority and notes of `order`."""
    if tq is None:
        return
    # TQ1 has taken its place: what it was is kept, for a message of a later version may still have it.
    text = in_standard(run.er7.decode_wire(tq.wire), run.er7.delimiters)
    add_extension(order, kept_element(f"{where}[1]", text))
    if tq.has(1):
        put(order, "quantityQuantity", cq_quantity(tq.part(1), run, where))
    put(order, "occurrenceTiming", tq_timing(tq, run, where))
    put_priority(order, tq[6], run, where)
    if tq.has(7):
        add_extension(order, extension(f"{OWN}condition", "valueString", tq[7]))
    if tq.has(8):
        append(order, "note", {"text": tq[8]})


def tq_timing(tq: Value, run: Run, where: str) -> Element | None:
    """The Timing of a TQ: its interval, how long, from when to when, how many times."""
    timing: Element = (ri_timing(tq.part(2), run, where) if tq.has(2) else None) or {}
    repeat: Element = timing.get("repeat", {})
    bounds = period(tq[4], tq[5], run, where)
    if bounds is not None:
        repeat["boundsPeriod"] = bounds
    if tq.has(3):
        _put_bounds(repeat, tq[3])
    count = nm_positive_int(tq.peek(12))
    if count is not None:
        tq.mark(12)
        repeat["count"] = count
    if repeat:
        timing["repeat"] = repeat
    return timing or None


def put_priority(element: Element, priority: str, run: Run, where: str) -> None:
    """Put a priority (table 0485, or the word for it) into `element`; another one is kept beside."""
    if not priority:
        return
    known = _PRIORITIES.get(priority.upper())
    if known is not None and len(priority) > 1:
        element["priority"] = known
        return
    put_code(element, "priority", priority, "ExtendedPriorityCodes", run, where, "0485")


def time_unit(text: str) -> str:
    """The UCUM code, one of those that a Timing may have, of a unit of time; "" where it is none."""
    if text in _LONG_UNITS:
        return text
    lowered = text.lower()
    return _NAMED_UNITS.get(lowered) or _NAMED_UNITS.get(lowered.rstrip("s")) or ("" if lowered != "min" else "min")


def duration_of(text: str) -> Duration | None:
    """What a TQ.3 says, `D10` for ten days (HL7 v2.5.1, 4.3.3); None where it is anything else."""
    found = _DURATION.match(text)
    return Duration(Decimal(found[2]), _UNITS[found[1]]) if found is not None else None


def duration_quantity(duration: Duration) -> Element:
    """A Duration."""
    return {"value": duration.value, "unit": duration.unit, "system": UCUM, "code": duration.unit}


def _put_bounds(repeat: Element, text: str) -> None:
    found = duration_of(text)
    if found is not None and "boundsPeriod" not in repeat:
        repeat["boundsDuration"] = duration_quantity(found)
    else:
        add_extension(repeat, extension(f"{OWN}duration", "valueString", text))


def _pattern(cwe: Value, run: Run, where: str) -> Element:
    """A repeat pattern (table 0335): its code, and what it says in numbers where it does."""
    code = cwe.peek(1)
    coded = cwe_codeable_concept(cwe, run, where, "RepeatPattern" if _is_known(code) else "", "0335")
    timing: Element = {"code": coded} if coded is not None else {}
    repeat = _repeat(code)
    if repeat:
        timing["repeat"] = repeat
    return timing


def _repeat(code: str) -> Element:
    known = _FREQUENCIES.get(code.upper())
    if known is not None:
        return dict(known)
    found = _EVERY.match(code)
    if found is not None and int(found[1]):
        return {"frequency": 1, "period": int(found[1]), "periodUnit": _UNITS[found[2]]}
    found = _ON_DAYS.match(code)
    if found is not None and int(found[1]):
        days = [_DAYS[int(day) % 7] for day in dict.fromkeys(found[2])]
        return {"frequency": 1, "period": int(found[1]), "periodUnit": "wk", "dayOfWeek": days}
    found = _TIMES_A_DAY.match(code)
    if found is not None and int(found[1]):
        return {"frequency": int(found[1]), "period": 1, "periodUnit": "d"}
    return {}


@lru_cache(maxsize=512)
def _is_known(code: str) -> bool:
    return bool(concept_map("RepeatPattern").find(code))


def _put_event(repeat: Element, rpt: Value, run: Run, where: str) -> None:
    """RPT.8 to RPT.10: an event of the day, and how long before or after it."""
    found = concept_map("EventRelatedPeriod").find(rpt.peek(8))
    code = found[0] if found else None
    if code is None or code.system != "http://terminology.hl7.org/CodeSystem/v3-TimingEvent":
        run.report_code(where, rpt.peek(8), "EventRelatedPeriod")
        return
    rpt.mark(8)
    repeat["when"] = [code.code]
    offset = minutes(rpt.peek(9).lstrip("+-"), rpt.part(10).peek(1))
    if offset is not None and code.code != "C":
        rpt.mark(9)
        rpt.part(10).mark(1)
        repeat["offset"] = offset


def _day(text: str) -> str | None:
    """The day of the week of a number (1 is Monday, 7 Sunday), None where it is none."""
    return _DAYS[int(text) % 7] if text in tuple("1234567") else None
