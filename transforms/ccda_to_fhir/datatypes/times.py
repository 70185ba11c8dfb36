"""TS and IVL_TS to dateTime, date, instant and Period."""

from __future__ import annotations

import re

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.nulls import absent_for
from transforms.ccda_to_fhir.extensions import CCDA_TIME
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import NOT_A_TIME, Run
from transforms.elements import DATA_ABSENT_REASON, extension
from transforms.moments import is_after, moment

_ISO = re.compile(r"(\d{4}-\d\d(?:-\d\d)?)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)


def time_text(ts: Node | None, run: Run) -> str:
    """The dateTime of a TS, "" where it has none; what it cannot say, a finding tells."""
    element: Element = {}
    put_time(element, "time", ts, run)
    return str(element.get("time", ""))


def put_time(element: Element, name: str, ts: Node | None, run: Run) -> None:
    """Put a TS into `element` as the dateTime `name`; why there is none, where it says so, goes beside it.

    How it is written is kept beside where FHIR writes more or less. No zone is guessed: a time without an offset keeps
    its day unless the document's own effectiveTime, or the site, names the zone.
    """
    if ts is None:
        return
    text = ts.attr("value")
    if not text:
        null = ts.null
        if null:
            element[f"_{name}"] = absent_for(null)
        return
    value, is_exact, is_same = moment(_as_hl7(text), run.zone)
    if value:
        element[name] = value
    if not is_exact or not is_same:
        element[f"_{name}"] = _kept(text, value)
    if not is_exact:
        run.report_time(ts, value)


def put_day(element: Element, name: str, ts: Node | None, run: Run) -> None:
    """Put the day of a TS into `element` as the date `name`."""
    if ts is None or not ts.attr("value"):
        return
    value = moment(_as_hl7(ts.attr("value")), run.zone or "Z").text
    if value:
        element[name] = value[:10]
    else:
        element[f"_{name}"] = _kept(ts.attr("value"), "")
        run.report_time(ts, "")


def instant(ts: Node | None, run: Run) -> str:
    """The instant of a TS, "" where it is none to the second and with an offset."""
    if ts is None:
        return ""
    value = moment(_as_hl7(ts.attr("value")), run.zone).text
    return value if "T" in value else ""


def made_at(run: Run) -> str:
    """When the document was made, as an instant, "" where it does not say so much as the day.

    A time whose offset is not known counts as UTC here, where R4 must have an instant.
    """
    node = run.root.get("effectiveTime")
    found = instant(node, run)
    if found or node is None:
        return found
    assumed = moment(node.peek("value"), "Z").text
    if "T" in assumed:
        return assumed
    return f"{assumed}T00:00:00Z" if len(assumed) == 10 else ""


def start_of(ivl: Node | None) -> Node | None:
    """Where an IVL_TS begins: its low, else the point of time that it is (or its center)."""
    if ivl is None:
        return None
    low = ivl.get("low")
    if low is not None:
        return low
    return ivl if ivl.peek("value") or ivl.peek("nullFlavor") else ivl.get("center")


def end_of(ivl: Node | None) -> Node | None:
    """Where an IVL_TS ends, None where it does not say."""
    return ivl.get("high") if ivl is not None else None


def period(ivl: Node | None, run: Run) -> Element | None:
    """The Period of an IVL_TS; a point of time both begins and ends it."""
    if ivl is None:
        return None
    element: Element = {}
    put_time(element, "start", start_of(ivl), run)
    high = end_of(ivl)
    if high is not None:
        put_end(element, high, run)
    elif "start" in element and ivl.peek("value"):
        element["end"] = element["start"]
    for name in ("_start", "_end"):
        if name in element and name[1:] not in element and element.keys() <= {"_start", "_end"}:
            return None
    return element or None


def put_end(element: Element, ts: Node, run: Run) -> None:
    """Put a TS into a Period as its end; one before the start is kept beside, and a finding tells (per-1)."""
    put_time(element, "end", ts, run)
    start, end = element.get("start", ""), element.get("end", "")
    if start and end and is_after(start, end):
        del element["end"]
        element["_end"] = _kept(ts.attr("value"), "")
        run.tell(NOT_A_TIME, ts.where, "the period ends before it starts; the text of its end is kept beside")


def put_when(resource: Resource, name: str, ivl: Node | None, run: Run) -> None:
    """Put an IVL_TS into `resource` as `nameDateTime` where it begins as it ends, else as `namePeriod`."""
    if ivl is None:
        return
    low, high = ivl.get("low"), ivl.get("high")
    if low is not None and high is not None and low.peek("value") and low.peek("value") == high.attr("value"):
        put_time(resource, f"{name}DateTime", low, run)
        _keep_one(resource, name)
        return
    if low is not None or high is not None:
        found = period(ivl, run)
        if found is not None:
            resource[f"{name}Period"] = found
            _keep_one(resource, name)
        return
    put_time(resource, f"{name}DateTime", start_of(ivl), run)
    if f"{name}DateTime" not in resource and name not in ("effective", "performed", "occurrence"):
        resource.pop(f"_{name}DateTime", None)


def _as_hl7(text: str) -> str:
    """A time as HL7 writes it, also where a document writes it as ISO 8601 does: `2023-02-14`, `2023-02-14T10:00Z`."""
    found = _ISO.match(text)
    if found is None:
        return text
    day, time, offset = found.groups()
    return f"{day.replace('-', '')}{(time or '').replace(':', '')}{(offset or '').replace(':', '')}"


def _keep_one(resource: Resource, name: str) -> None:
    """Keep one of the values of a choice, where an entry that was met before had another: the period."""
    if f"{name}Period" in resource:
        resource.pop(f"{name}DateTime", None)
        resource.pop(f"_{name}DateTime", None)


def _kept(text: str, value: str) -> Element:
    kept: list[Element] = [extension(CCDA_TIME, "valueString", text)]
    if not value:
        kept.append({"url": DATA_ABSENT_REASON, "valueCode": "unknown"})
    return {"extension": kept}
