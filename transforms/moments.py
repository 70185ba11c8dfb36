"""Times as HL7 writes them, in v2 (DTM) and CDA (TS) alike, to dateTimes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

_DTM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?)?)?)?(?:([+-])(\d\d):?(\d\d)|(Z))?\Z",
    re.ASCII,
)
_LAST_MINUTE = 14 * 60


class Moment(NamedTuple):
    """What a DTM says. `text` is a FHIR dateTime, "" when the DTM is none.

    `is_exact` is False where the DTM says more than `text`: a time of day whose offset is not known. `is_same` is False
    where the DTM is written otherwise than `text` would be: without the seconds or the offset that FHIR demands.
    """

    text: str
    is_exact: bool = True
    is_same: bool = True


@lru_cache(maxsize=8192)
def moment(text: str, zone: str) -> Moment:
    """The FHIR dateTime of the DTM `text` (HL7 v2.9, 2A.3.22), in `zone` where it has no offset of its own.

    Years, months and days stay as exact as they are; a time of day gets the minutes and seconds that FHIR demands. With
    neither an offset nor a zone, only the day is certain.
    """
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


def is_after(start: str, end: str) -> bool:
    """Whether one FHIR dateTime is later than the other, as far as both say."""
    if "T" in start and "T" in end:
        # A leap second is one in FHIR, and none in Python.
        return datetime.fromisoformat(start.replace(":60", ":59")) > datetime.fromisoformat(end.replace(":60", ":59"))
    length = min(len(start), len(end), 10)
    return start[:length] > end[:length]


def _zone(written: str) -> str:
    if written:
        time_zone(written)
    return written


TimeZone = Annotated[str, AfterValidator(_zone)]
"""The name or offset of a time zone, as a step's option: `America/Chicago`, `-06:00`."""
