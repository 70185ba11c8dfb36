"""DTM, DT, TM, TS and DR to dateTime, date, time, instant and Period."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.fhir import Element
from transforms.v2_to_fhir.extensions import DATA_ABSENT_REASON, V2_TIME
from transforms.v2_to_fhir.run import NOT_A_TIME, Run
from transforms.v2_to_fhir.source import SourceSegment, Value

_DTM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?)?)?)?(?:([+-])(\d\d):?(\d\d)|(Z))?\Z",
    re.ASCII,
)
_TM = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?(?:[+-]\d{4})?\Z", re.ASCII)
_LAST_MINUTE = 14 * 60


class Moment(NamedTuple):
    """What a DTM says. `text` is a FHIR dateTime, "" when the DTM is none.

    `is_exact` is False where the DTM says more than `text`: a time of day whose offset is not known. `is_same` is False
    where the DTM is written otherwise than `text` would be: without the seconds or the offset that FHIR demands.
    """

    text: str
    is_exact: bool = True
    is_same: bool = True


def moment(text: str, zone: str) -> Moment:
    """The FHIR dateTime of the DTM `text` (HL7 v2.9, 2A.3.22), in `zone` where it has no offset of its own.

    Years, months and days stay as exact as they are; a time of day gets the minutes and seconds that FHIR demands. With
    neither an offset nor a zone, only the day is certain.
    """
    return _moment(text, zone)


@lru_cache(maxsize=8192)
def _moment(text: str, zone: str) -> Moment:
    found = _DTM.match(text)
    if found is None:
        return Moment("", False)
    year, month, day, hour, minute, second, fraction, sign, hours, minutes, zulu = found.groups()
    try:
        calendar = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return Moment("", False)
    if day is None:
        return Moment(f"{year}-{month}" if month else year)
    if hour is None:
        return Moment(f"{year}-{month}-{day}")
    minute, second = minute or "00", second or "00"
    if hour > "23" or minute > "59" or second > "60":
        return Moment("", False)
    offset = "Z" if zulu else _offset(sign, hours, minutes)
    if not offset:
        offset = _zone_offset(zone, datetime(calendar.year, calendar.month, calendar.day, int(hour), int(minute)))  # noqa: DTZ001 - the offset is what is looked for
    if not offset:
        return Moment(f"{year}-{month}-{day}", False)
    written = f"{year}{month}{day}{hour}{minute}{second}{fraction or ''}"
    is_same = text == written + ("+0000" if offset == "Z" else offset.replace(":", ""))
    return Moment(f"{year}-{month}-{day}T{hour}:{minute}:{second}{fraction or ''}{offset}", True, is_same)


def _offset(sign: str | None, hours: str, minutes: str) -> str:
    if sign is None or int(hours) * 60 + int(minutes) > _LAST_MINUTE or minutes > "59":
        return ""
    return f"{sign}{hours}:{minutes}"


def _zone_offset(zone: str, local: datetime) -> str:
    if not zone:
        return ""
    found = time_zone(zone).utcoffset(local)
    if found is None:
        return ""
    total = round(found / timedelta(minutes=1))
    return "Z" if zone == "Z" else f"{'-' if total < 0 else '+'}{abs(total) // 60:02d}:{abs(total) % 60:02d}"


@lru_cache(maxsize=256)
def time_zone(zone: str) -> tzinfo:
    """The time zone that `zone` names: `America/Chicago`, `-06:00`, `-0600`, `Z`; raises ValueError."""
    if zone in ("Z", "UTC"):
        return UTC
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", zone, re.ASCII)
    if found is not None:
        minutes = int(found[2]) * 60 + int(found[3])
        if minutes > _LAST_MINUTE:
            raise ValueError(f"{zone} is no offset")
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{zone[:40]!r} is no time zone; write America/Chicago or -06:00") from None


def put_date_time(element: Element, name: str, text: str, run: Run, where: str) -> None:
    """Put the DTM `text` into `element` as the dateTime `name`.

    How it is written, where FHIR writes more or less, is kept in the extension `v2-time` of that dateTime; what FHIR
    cannot say of it, a finding tells.
    """
    if not text:
        return
    value, is_exact, is_same = _moment(text, run.zone)
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
    value = _moment(text, "").text
    if value:
        element[name] = value[:10]
    else:
        element[f"_{name}"] = _kept(text, value)
        run.report_time(where, value)


def put_instant(element: Element, name: str, text: str, run: Run, where: str) -> None:
    """Put the DTM `text` into `element` as the instant `name` where it is one to the second, else keep it beside."""
    if not text:
        return
    value, is_exact, is_same = _moment(text, run.zone)
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
    if start and end and _is_after(start, end):
        del element["end"]
        element["_end"] = _kept(text, "")
        run.tell(NOT_A_TIME, where, "the period ends before it starts; the text of its end is kept beside")


def _is_after(start: str, end: str) -> bool:
    if "T" in start and "T" in end:
        # A leap second is one in FHIR, and none in Python.
        return datetime.fromisoformat(start.replace(":60", ":59")) > datetime.fromisoformat(end.replace(":60", ":59"))
    length = min(len(start), len(end), 10)
    return start[:length] > end[:length]


def put_field_time(element: Element, name: str, segment: SourceSegment, field: int, run: Run) -> None:
    """Put a field that is a DTM (or TS) into `element` as the dateTime `name`."""
    if segment.has(field):
        put_date_time(element, name, segment.text(field), run, segment.where(field))
