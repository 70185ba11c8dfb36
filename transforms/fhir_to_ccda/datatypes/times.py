"""dateTime, date, instant and Period to TS and IVL_TS."""

from __future__ import annotations

import re

from transforms.ccda_to_fhir.extensions import CCDA_TIME
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.run import NOT_A_TIME, Run
from transforms.fhir_to_v2.datatypes.times import dtm
from transforms.v2_to_fhir.extensions import V2_TIME

_TS = re.compile(r"\d{4}(?:\d\d(?:\d\d(?:\d\d(?:\d\d(?:\d\d(?:\.\d+)?)?)?(?:[+-]\d{4})?)?)?)?\Z", re.ASCII)
"""A point in time as the data type TS has it, to the year at least."""
_OFFSET = re.compile(r"([+-]\d\d):(\d\d)\Z", re.ASCII)
_KEPT = (V2_TIME, CCDA_TIME)
"""Where the ways to FHIR keep a time that FHIR cannot say."""


def is_ts(text: str) -> bool:
    """Whether `text` is a point in time as a document writes it."""
    return _TS.match(text) is not None


def ts_text(element: Node, name: str, run: Run) -> str:
    """The TS of the dateTime, date or instant `name` as text, as exact as it is; "" where there is none.

    A time of day whose offset nobody knew, which was kept beside its day, is written as it was.
    """
    text = element.text(name)
    if element.has(f"_{name}"):
        for url in _KEPT:
            kept = _OFFSET.sub(r"\1\2", element.beside(name).extension(url).text("valueString"))
            if _TS.match(kept) and (not text or kept.startswith(text.replace("-", "")[:8])):
                element.text(name)
                return kept
    if not text:
        return ""
    written = dtm(text, run.options.time_zone)
    if not written:
        run.tell(NOT_A_TIME, f"{element.path}.{name}", "this is no date or time; it is left out")
    return written


def ts_of(element: Node, name: str, run: Run, tag: str = "effectiveTime", kind: str = "") -> Element:
    """The TS element `tag` of a time; a nullFlavor where there is none."""
    text = ts_text(element, name, run)
    return make(tag, value=text, kind=kind) if text else null(tag, kind=kind)


def low_high(low: str, high: str, tag: str = "effectiveTime", kind: str = "", *, ended: bool = False) -> Element:
    """The IVL_TS from `low` to `high` as TS texts; a low there always is, an unknown high where it has `ended`."""
    made = make(tag, make("low", value=low) if low else null("low"), kind=kind)
    if high or ended:
        made.append(make("high", value=high) if high else null("high"))
    return made


def period_of(period: Node, run: Run) -> tuple[str, str]:
    """Start and end of a Period, as TS texts."""
    return ts_text(period, "start", run), ts_text(period, "end", run)


def onset_of(element: Node, stem: str, run: Run) -> tuple[str, str]:
    """Start and end of a choice of dateTime, Period or instant (`effective`, `performed`, `onset`), as TS texts.

    Of a dateTime the start alone.
    """
    match element.choice(stem).removeprefix(stem):
        case "DateTime" | "Date" | "Instant":
            return ts_text(element, element.choice(stem), run), ""
        case "Period":
            return period_of(element.one(f"{stem}Period"), run)
    return "", ""


def time_of(element: Node, stem: str, run: Run, tag: str = "effectiveTime", kind: str = "") -> Element:
    """The time of an event that may be a point or a period: `value`, or low and high; a nullFlavor where it is none."""
    if element.choice(stem).endswith("Period"):
        low, high = period_of(element.one(f"{stem}Period"), run)
        if low or high:
            return low_high(low, high, tag, kind)
        return null(tag)
    low, _ = onset_of(element, stem, run)
    return make(tag, value=low, kind=kind) if low else null(tag)
