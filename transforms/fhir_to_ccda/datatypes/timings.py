"""Timing to PIVL_TS and EIVL_TS."""

from __future__ import annotations

from decimal import Decimal

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.plain import number, whole
from transforms.fhir_to_ccda.datatypes.times import period_of
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run

_SMALLER = {"d": (("h", 24), ("min", 1440)), "h": (("min", 60), ("s", 3600)), "wk": (("d", 7), ("h", 168))}
"""Units that a unit of time is a whole number of, the largest first."""
_UNITS = frozenset(("s", "min", "h", "d", "wk", "mo", "a"))
_EVENTS = frozenset(("HS", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"))
"""Events of a day that FHIR has and that CDA R2's schema knows; it has none for meals themselves and for waking."""


def bounds_of(timing: Node, run: Run) -> tuple[str, str]:
    """From when to when a Timing holds, as TS texts."""
    return period_of(timing.one("repeat").one("boundsPeriod"), run)


def frequency_of(timing: Node, run: Run) -> Element | None:
    """The second effectiveTime of a medication: how often, or at which event of the day; None where it says neither.

    So many times in a period is the period between two, where a whole number of a unit says it exactly.
    """
    repeat = timing.one("repeat")
    whens = repeat.peeks("when")
    if len(whens) == 1 and whens[0] in _EVENTS:
        made = make("effectiveTime", make("event", code=repeat.text("when")), kind="EIVL_TS", operator="A")
        if whole(repeat, "offset"):
            made.append(make("offset", make("low", value=whole(repeat, "offset"), unit="min")))
        return made
    unit = repeat.peek("periodUnit")
    period = number(repeat, "period") if unit in _UNITS else ""
    if not period:
        return None
    times = int(whole(repeat, "frequency") or "1")
    if number(repeat, "periodMax") and times == 1:
        between = make("period", kind="IVL_PQ")
        between.append(make("low", value=period, unit=unit))
        between.append(make("high", value=repeat.text("periodMax"), unit=unit))
    else:
        found = _between(Decimal(period), unit, times)
        if found is None:
            what = "a document says how long it is from one time to the next, and this is no whole number of any unit"
            run.tell(NOT_CARRIED, f"{repeat.path}.frequency", what)
            return None
        between = make("period", value=found[0], unit=found[1])
    repeat.pass_over("period", "periodUnit", "frequency")
    return make(
        "effectiveTime",
        between,
        kind="PIVL_TS",
        operator="A",
        institutionSpecified="true" if times > 1 else "",
    )


def _between(period: Decimal, unit: str, times: int) -> tuple[str, str] | None:
    """The time from one to the next of `times` in a period, None where no unit says it exactly."""
    if times < 1:
        return None
    for name, factor in ((unit, 1), *_SMALLER.get(unit, ())):
        whole = period * factor
        if times == 1 or whole % times == 0:
            return format((whole / times).normalize(), "f"), name
    return None


def shown(dosage: Node) -> str:
    """How often, for a reader."""
    if dosage.one("timing").one("code").peek("text"):
        return dosage.one("timing").one("code").peek("text")
    repeat = dosage.one("timing").one("repeat")
    if repeat.peek("period"):
        times = repeat.peek("frequency") or "1"
        most = f"–{repeat.peek('periodMax')}" if repeat.peek("periodMax") else ""
        return f"{times} × in {repeat.peek('period')}{most} {repeat.peek('periodUnit')}"
    return ", ".join(repeat.peeks("when"))
