"""dateTime, date, time, instant and Period to DTM, DT, TM and DR."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from transforms.fhir_node import Node
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import NOT_A_TIME, Run
from transforms.moments import time_zone
from transforms.v2_to_fhir.extensions import V2_TIME

_OFFSET = re.compile(r"(?:[+-]\d{4}|Z)\Z", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?\Z", re.ASCII
)
_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\Z", re.ASCII)


def dtm_of(element: Node, name: str, run: Run) -> str:
    """The DTM of the dateTime, date or instant `name` of `element`, as exact as it is; "" when there is none.

    A text that the way forward kept beside it is written as it was, unless the value has become another since.
    """
    kept = element.beside(name).extension(V2_TIME).text("valueString") if element.has(f"_{name}") else ""
    text = element.text(name)
    if not text:
        return kept
    written = dtm(text, run.options.time_zone)
    if not written:
        run.tell(NOT_A_TIME, f"{element.path}.{name}", "this is no date or time; it is left out")
    if kept and not run.options.time_zone and _is_same(kept, written):
        return kept
    return written


def _is_same(kept: str, written: str) -> bool:
    """Whether one text says what the other does, as far as both go: an offset or the seconds may be missing."""
    one, other = _OFFSET.sub("", kept), _OFFSET.sub("", written)
    return one.startswith(other) or other.startswith(one)


def dt_of(element: Node, name: str, run: Run) -> str:
    """The DT of a date or dateTime: its day, where the field holds no time of day."""
    return dtm_of(element, name, run)[:8]


@lru_cache(maxsize=8192)
def dtm(text: str, zone: str = "") -> str:
    """The DTM (HL7 v2.9, 2A.3.22) of a FHIR dateTime, in `zone` where one is named; "" when `text` is none."""
    found = _DATE_TIME.match(text)
    if found is None:
        return ""
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if hour is None:
        return "".join(filter(None, (year, month, day)))
    if offset and zone:
        return _in_zone(f"{year}{month}{day}{hour}{minute}{second or '00'}", fraction, offset, zone)
    written = f"{year}{month}{day}{hour}{minute}{second or ''}" + (f".{fraction[:4]}" if fraction else "")
    return written + ("+0000" if offset == "Z" else (offset or "").replace(":", ""))


def _in_zone(digits: str, fraction: str | None, offset: str, zone: str) -> str:
    """A time of day as a clock in `zone` shows it."""
    minutes = 0 if offset == "Z" else int(offset[1:3]) * 60 + int(offset[4:6])
    own = UTC if offset == "Z" else timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    leap = digits.endswith("60")
    try:
        moment = datetime.strptime(digits[:12] + ("59" if leap else digits[12:]), "%Y%m%d%H%M%S").replace(tzinfo=own)
        local = moment.astimezone(time_zone(zone))
    except (ValueError, OverflowError):
        return ""
    part = f".{fraction[:4]}" if fraction else ""
    seconds = "60" if leap else f"{local:%S}"
    return f"{local.year:04d}{local:%m%d%H%M}{seconds}{part}{local:%z}"[: 19 + len(part)]


def tm(text: str) -> str:
    """The TM of a FHIR time, "" when it is none."""
    found = _TIME.match(text)
    if found is None:
        return ""
    hour, minute, second, fraction = found.groups()
    return f"{hour}{minute}{second or ''}" + (f".{fraction[:4]}" if fraction else "")


def period_of(element: Node, run: Run) -> tuple[str, str]:
    """Start and end of a Period, as DTM."""
    return dtm_of(element, "start", run), dtm_of(element, "end", run)


def validity_of(element: Node, run: Run, datatype: str, range_: int, start: int) -> dict[int, Part]:
    """The components for how long something holds: start and end where the version has them, else a range (DR)."""
    begin, end = period_of(element.one("period"), run)
    if not begin and not end:
        return {}
    if run.has_component(datatype, start + 1):
        return {start: begin, start + 1: end}
    return {range_: [begin, end]}
