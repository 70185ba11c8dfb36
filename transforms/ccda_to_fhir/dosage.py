"""How much of a medicine is taken, how and when: Dosage and Timing."""

from __future__ import annotations

from decimal import Decimal

from schemas.fhir import Element
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.quantities import bounds, decimal, positive_int, quantity, ratio
from transforms.ccda_to_fhir.datatypes.times import period, put_time, start_of, time_text
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import append, put

_UNITS = ("s", "min", "h", "d", "wk", "mo", "a")
_HOURS = {"h": Decimal(1), "min": Decimal(1) / 60, "d": Decimal(24)}
_MINUTES = {"min": Decimal(1), "h": Decimal(60), "d": Decimal(1440), "s": Decimal(1) / 60}
_EVENT_CODES = "HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV MORN NOON AFT EVE NIGHT PHS"
_EVENTS = frozenset(_EVENT_CODES.split())


def dosage_of(node: Node, run: Run) -> Element:
    """The Dosage of a substanceAdministration, without the texts that stand in entries within it."""
    element: Element = {}
    put(element, "timing", timing_of(node, run))
    preconditions = [each for each in node.all("precondition") if not each.null]
    for precondition in preconditions:
        criterion = precondition.get("criterion")
        concept = None
        if criterion is not None:
            concept = codeable_concept(criterion.get("value"), run) or _text(criterion)
            _mark(criterion.get("code"))
        if concept is not None:
            element["asNeededCodeableConcept"] = concept
    if preconditions and "asNeededCodeableConcept" not in element:
        element["asNeededBoolean"] = True
    put(element, "site", codeable_concept(node.get("approachSiteCode"), run))
    put(element, "route", codeable_concept(node.get("routeCode"), run))
    put(element, "method", codeable_concept(node.get("methodCode"), run))
    amounts: Element = {}
    for name, part in (("dose", "doseQuantity"), ("rate", "rateQuantity")):
        _put_amount(amounts, name, node.get(part), run)
    if amounts:
        element["doseAndRate"] = [amounts]
    put(element, "maxDosePerPeriod", ratio(node.get("maxDoseQuantity"), run))
    return element


def timing_of(node: Node, run: Run) -> Element | None:
    """The Timing that the effectiveTimes of `node` make together: from when to when, how often, at what event."""
    timing: Element = {}
    repeat: Element = {}
    for time in node.all("effectiveTime"):
        kind = time.type
        time.attr("operator")
        if kind == "PIVL_TS" or time.get("period") is not None:
            _put_period(repeat, time, run)
        elif kind == "EIVL_TS" or time.get("event") is not None:
            _put_event(repeat, time, run)
        elif time.get("low") is not None or time.get("high") is not None:
            found = period(time, run)
            high = time.get("high")
            if found is not None and high is not None and not high.peek("value"):
                found.pop("_end", None)  # an end that is not known is none: it is still taken
            if found and "boundsPeriod" not in repeat:
                repeat["boundsPeriod"] = found
        else:
            append(timing, "event", time_text(start_of(time), run))
    count = positive_int(node.get("repeatNumber"), run)
    if count is not None:
        repeat["count"] = count
    put(timing, "repeat", repeat)
    return timing or None


def _mark(code: Node | None) -> None:
    if code is not None:
        code.mark()


def _text(criterion: Node) -> Element | None:
    text = criterion.string("text")
    return {"text": text} if text else None


def _put_amount(amounts: Element, name: str, node: Node | None, run: Run) -> None:
    """A dose or rate, as a Quantity or from one to another; the text of its unit where it is no number."""
    if node is None:
        return
    if node.get("low") is not None or node.get("high") is not None:
        put(amounts, f"{name}Range", bounds(node, run))
        return
    put(amounts, f"{name}Quantity", quantity(node, run))


def _put_period(repeat: Element, time: Node, run: Run) -> None:
    """How often (PIVL_TS): where the institution chooses the hours, so many times a day; else every so many hours."""
    span = time.get("period")
    is_of_institution = time.flag("institutionSpecified")
    if span is None:
        return
    low, high = span.get("low") or span, span.get("high")
    every = decimal(low, "value", run)
    unit = low.attr("unit") or span.attr("unit")
    if every is None or every <= 0 or unit not in _UNITS:
        return
    hours = every * _HOURS[unit] if unit in _HOURS else Decimal(0)
    if is_of_institution and hours and Decimal(24) % hours == 0 and hours <= 24:
        repeat.update({"frequency": int(24 / hours), "period": Decimal(1), "periodUnit": "d"})
        return
    repeat["period"] = every
    most = decimal(high, "value", run) if high is not None else None
    if high is not None:
        high.attr("unit")
    if most is not None and most > every:
        repeat["periodMax"] = most
    repeat["periodUnit"] = unit


def _put_event(repeat: Element, time: Node, run: Run) -> None:
    """At what event of the day (EIVL_TS), and how long before or after it, in minutes."""
    event = time.get("event")
    code = event.attr("code") if event is not None else ""
    if code in _EVENTS:
        append(repeat, "when", code)
    offset = time.get("offset")
    if offset is None or code not in _EVENTS:
        return
    amount = offset.get("low") or offset.get("width") or offset
    number = decimal(amount, "value", run)
    each = _MINUTES.get(amount.attr("unit"))
    if number is not None and each is not None and number * each == int(number * each):
        repeat["offset"] = abs(int(number * each))


def put_validity(request: Element, time: Node | None, run: Run) -> None:
    """Put the time within which a medicine may be dispensed into a dispenseRequest."""
    span: Element = {}
    if time is not None:
        put_time(span, "start", time.get("low"), run)
        put_time(span, "end", time.get("high"), run)
    if "start" in span or "end" in span:
        request["validityPeriod"] = span
