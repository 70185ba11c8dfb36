"""DTM, DT, TM, TS and DR to dateTime, date, time, instant and Period."""

from __future__ import annotations

import re

from schemas.fhir import Element
from transforms.elements import DATA_ABSENT_REASON
from transforms.moments import is_after, moment
from transforms.v2_to_fhir.extensions import V2_TIME
from transforms.v2_to_fhir.run import NOT_A_TIME, Run
from transforms.v2_to_fhir.source import SourceSegment, Value

_TM = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?(?:[+-]\d{4})?\Z", re.ASCII)


def put_date_time(element: Element, name: str, text: str, run: Run, where: str) -> None:
    """Put the DTM `text` into `element` as the dateTime `name`.

    How it is written, where FHIR writes more or less, is kept in the extension `v2-time` of that dateTime; what FHIR
    cannot say of it, a finding tells.
    """
    if not text:
        return
    value, is_exact, is_same = moment(text, run.zone)
    if value:
        element[name] = value
    if not is_exact or not is_same:
        element[f"_{name}"] = _kept(text, value)
    if not is_exact:
        run.report_time(where, value)


def put_date(element: Element, name: str, text: str, run: Run, where: str) -> None:
    """Put the day of the DTM `text` into `element` as the date `name`, as `put_date_time` does."""
    if not text:
        return
    value = moment(text, "").text
    if value:
        element[name] = value[:10]
    else:
        element[f"_{name}"] = _kept(text, value)
        run.report_time(where, value)


def put_instant(element: Element, name: str, text: str, run: Run, where: str) -> None:
    """Put the DTM `text` into `element` as the instant `name` where it is one to the second, else keep it beside."""
    if not text:
        return
    value, is_exact, is_same = moment(text, run.zone)
    if "T" in value:
        element[name] = value
        if not is_same:
            element[f"_{name}"] = _kept(text, value)
        return
    element[f"_{name}"] = _kept(text, "")
    run.report_time(where, "" if is_exact else value)


def _kept(text: str, value: str) -> Element:
    kept: list[Element] = [{"url": V2_TIME, "valueString": text}]
    if not value:
        kept.append({"url": DATA_ABSENT_REASON, "valueCode": "unknown"})
    return {"extension": kept}


def tm_time(text: str) -> str:
    """The FHIR time of the TM `text`, "" when it is none."""
    found = _TM.match(text)
    if found is None:
        return ""
    hour, minute, second, fraction = found.groups()
    minute, second = minute or "00", second or "00"
    if hour > "23" or minute > "59" or second > "59":
        return ""
    return f"{hour}:{minute}:{second}{fraction or ''}"


def dr_period(dr: Value, run: Run, where: str) -> Element | None:
    """DR[Period]: a range of times."""
    return period(dr[1], dr[2], run, where)


def period(start: str, end: str, run: Run, where: str) -> Element | None:
    """The Period from one DTM to another, either of which may be absent."""
    if not start and not end:
        return None
    element: Element = {}
    put_date_time(element, "start", start, run, where)
    put_end(element, end, run, where)
    return element


def put_end(element: Element, text: str, run: Run, where: str) -> None:
    """Put the DTM `text` into a Period as its end; one before the start is kept beside, and a finding tells (per-1)."""
    put_date_time(element, "end", text, run, where)
    start, end = element.get("start", ""), element.get("end", "")
    if start and end and is_after(start, end):
        del element["end"]
        element["_end"] = _kept(text, "")
        run.tell(NOT_A_TIME, where, "the period ends before it starts; the text of its end is kept beside")


def put_field_time(element: Element, name: str, segment: SourceSegment, field: int, run: Run) -> None:
    """Put a field that is a DTM (or TS) into `element` as the dateTime `name`."""
    if segment.has(field):
        put_date_time(element, name, segment.text(field), run, segment.where(field))
