"""Advance directives: Observation and Consent to the Advance Directive Observation (4.48)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, SNOMED, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import onset_of, period_of, ts_text
from transforms.fhir_to_ccda.datatypes.values import value_of
from transforms.fhir_to_ccda.element import Element, local, make, null
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comments,
    observation,
    performers,
    status,
    text_reference,
)
from transforms.fhir_to_ccda.entries.observations import DONE, observed
from transforms.fhir_to_ccda.entries.results import tell
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import CHANGED, Run

DIRECTIVE = (f"{T}48", "2015-08-01")


@entry("Observation", sections=("directives",))
def directive(resource: Node, row: Row, run: Run) -> Element | None:
    """The directive that an Observation says; None of one entered in error."""
    if resource.peek("status") not in DONE:
        return observed(resource, row, run, None)
    run.mark(resource)
    resource.text("status")
    low, high = onset_of(resource, "effective", run)
    value = value_of(resource, run)
    made = _directive(resource, resource.one("code"), row, run, (low, high), value)
    made.extend(performers(resource, run, "performer", ""))
    made.extend(authors(resource, run, ("", "issued")))
    made.extend(comments(resource, row, run))
    tell(row, resource, resource)
    return made


@entry("Consent", sections=("directives",))
def consent(resource: Node, row: Row, run: Run) -> Element | None:
    """The directive that a Consent is, as far as its kind and time go; None of one that was entered in error."""
    run.mark(resource)
    if resource.peek("status") == "rejected":
        run.leave(resource, "the patient does not consent to this; a directive would say the contrary")
        return None
    if resource.text("status") != "active":
        row.tell("Status", resource.peek("status"))
        what = "a directive has no such status; it is told in the narrative alone"
        run.tell(CHANGED, f"{resource.path}.status", what)
    kinds = resource.all("category")
    provision = resource.one("provision")
    period = period_of(provision.one("period"), run)
    low = period[0] or ts_text(resource, "dateTime", run)
    concept = kinds[0] if kinds else resource.one("scope")
    made = _directive(resource, concept, row, run, (low, period[1]), None)
    made.extend(authors(resource, run, ("performer", "dateTime")))
    row.tell("Directive", shown(concept))
    if provision.text("type"):
        row.tell("Provision", provision.peek("type"))
    return made


def _directive(
    resource: Node, concept: Node, row: Row, run: Run, time: tuple[str, str], value: Element | None
) -> Element:
    made = observation(DIRECTIVE)
    made.extend(ids_of(resource, run))
    code = cd_of(concept, run)
    if not any(each.get("code") == "75320-2" for each in code):
        code.append(coded("translation", "75320-2", LOINC, "Advance directive"))
    made.append(code)
    made.append(text_reference(row))
    made.append(status())
    when = make("effectiveTime", make("low", value=time[0]) if time[0] else null("low"))
    when.append(make("high", value=time[1]) if time[1] else null("high", "NA"))
    made.append(when)
    made.append(_value(value))
    return made


def _value(value: Element | None) -> Element:
    """The value of a directive: one that is coded is SNOMED CT's (CONF 1198-32493)."""
    if value is None:
        return null("value", kind="CD")
    kind = value.get("{http://www.w3.org/2001/XMLSchema-instance}type")
    if kind == "CD" and value.get("code") and value.get("codeSystem") != SNOMED:
        outer = null("value", "OTH", kind="CD")
        kept = {str(name): str(text) for name, text in value.attrib.items() if "}" not in str(name)}
        inner = [each for each in value if local(each) == "translation"]
        outer.extend([each for each in value if local(each) == "originalText"])
        outer.append(make("translation", **kept))
        outer.extend(inner)
        return outer
    return value
