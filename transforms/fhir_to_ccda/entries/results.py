"""DiagnosticReport and Observation to the Result Organizer (4.1) and the Result Observation (4.2)."""

from __future__ import annotations

from collections.abc import Callable

from schemas.ccda.namespaces import V3
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes import quantities
from transforms.fhir_to_ccda.datatypes.attachments import ed_of
from transforms.fhir_to_ccda.datatypes.codes import LOINC, LOINC_URI, attributes_of, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.quantities import shown_range
from transforms.fhir_to_ccda.datatypes.times import low_high, onset_of, time_of
from transforms.fhir_to_ccda.datatypes.values import absent_value, value_of
from transforms.fhir_to_ccda.datatypes.values import shown as shown_value
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comment,
    comments,
    observation,
    performers,
    references,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import left_out

ORGANIZER = (f"{T}1", "2015-08-01")
OBSERVATION = (f"{T}2", "2015-08-01")

Rows = Callable[[Node], Row]
"""What gives the row of the narrative for a resource."""

_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

STATUSES = {
    "registered": "active",
    "preliminary": "active",
    "partial": "active",
    "final": "completed",
    "amended": "completed",
    "corrected": "completed",
    "appended": "completed",
    "cancelled": "cancelled",
    "unknown": "active",
}
"""FHIR's status of a result as an act status (HL7's guide, FC-ObservationStatus)."""


def report(resource: Node, rows: Rows, run: Run) -> Element | None:
    """The organizer of a DiagnosticReport and the results that it names; None of one entered in error."""
    if left_out(resource, run):
        return None
    run.mark(resource)
    made = make("organizer", *templates(ORGANIZER), classCode="BATTERY", moodCode="EVN")
    made.extend(ids_of(resource, run))
    if not resource.one("code"):
        run.gap(f"{resource.path}.code", "what was examined")
    made.append(cd_of(resource.one("code"), run, prefer=(LOINC_URI,)))
    made.append(status(STATUSES.get(resource.text("status"), "completed")))
    made.extend(_organizer_time(resource, run))
    made.extend(authors(resource, run, ("resultsInterpreter", "issued")))
    made.extend(performers(resource, run, "performer", ""))
    specimens = (specimen_of(run.resolve(each), run) for each in resource.all("specimen"))
    made.extend([each for each in specimens if each is not None])
    found = [each for reference in resource.all("result") if (each := run.resolve(reference))]
    row = rows(resource)
    row.tell("Test", shown(resource.one("code")))
    parts = [child for each in members(found, run) for child in results(each, rows, run)]
    parts += _conclusions(resource, row, run)
    if not parts:
        parts = [_said(resource, "nothing", null("value", "NI", kind="CD"), run)]
    made.extend([make("component", each) for each in parts])
    text = resource.text("conclusion")
    if text:
        made.append(make("component", comment(text, row, run)))
    return made


def _organizer_time(resource: Node, run: Run) -> list[Element]:
    """From when to when the results are of; a point is both (CONF 1198-32488, 32489)."""
    low, high = onset_of(resource, "effective", run)
    if not low and not high:
        return []
    if resource.choice("effective") == "effectivePeriod":
        return [low_high(low, high, ended=True)]
    return [low_high(low, low)]


def _conclusions(resource: Node, row: Row, run: Run) -> list[Element]:
    """The coded conclusions of a report, and the report as it was presented, each a result by itself."""
    made = []
    for each in resource.all("conclusionCode"):
        one = _said(resource, each.path, cd_of(each, run, "value", kind="CD"), run)
        code = next(child for child in one if child.tag == f"{{{V3}}}code")
        one.replace(code, coded("code", "55110-1", LOINC, "Conclusions"))
        row.tell("Result", shown(each))
        made.append(one)
    for each in resource.all("presentedForm"):
        form = ed_of(each, run)
        if form is not None:
            row.tell("Report", each.text("title") or each.peek("contentType") or "attached")
            made.append(_said(resource, each.path, form, run))
    return made


def _said(resource: Node, key: str, value: Element, run: Run) -> Element:
    """A result that says `value` of what a report is about."""
    made = observation(OBSERVATION)
    made.append(make("id", root=run.uuid("report", key.rpartition(".")[2], run.own_id(resource))))
    made.append(cd_of(resource.one("code"), run, prefer=(LOINC_URI,)))
    made.append(status(STATUSES.get(resource.peek("status"), "completed")))
    made.append(time_of(resource, "effective", run))
    made.append(value)
    return made


def members(found: list[Node], run: Run) -> list[Node]:
    """Observations and, behind each, those that it says are its members; none twice."""
    listed: dict[str, Node] = {}
    waiting = list(reversed(found))
    while waiting:
        each = waiting.pop()
        if each.peek("resourceType") != "Observation" or each.path in listed:
            continue
        listed[each.path] = each
        inner = [one for reference in each.all("hasMember") if (one := run.resolve(reference))]
        waiting.extend(reversed(inner))
    return list(listed.values())


def single(resource: Node, rows: Rows, run: Run) -> Element | None:
    """The organizer of one Observation that no report names."""
    if left_out(resource, run):
        return None
    made = make("organizer", *templates(ORGANIZER), classCode="BATTERY", moodCode="EVN")
    made.append(make("id", root=run.uuid("organizer", run.own_id(resource))))
    made.append(cd_of(resource.one("code"), run, prefer=(LOINC_URI,)))
    made.append(status(STATUSES.get(resource.peek("status"), "completed")))
    made.extend(_organizer_time(resource, run))
    parts = [child for each in members([resource], run) for child in results(each, rows, run)]
    made.extend([make("component", each) for each in parts or [result(resource, rows(resource), run)]])
    return made


def results(resource: Node, rows: Rows, run: Run) -> list[Element]:
    """The result observations of an Observation: its own, where it has a value or no parts, and one for each part."""
    if left_out(resource, run):
        return []
    made = []
    parts = resource.all("component")
    if resource.choice("value") or resource.has("dataAbsentReason") or not (parts or resource.has("hasMember")):
        made.append(result(resource, rows(resource), run))
    elif parts:
        made.append(result(resource, rows(resource), run, empty=True))
    run.mark(resource)
    return made + [result(resource, rows(resource), run, part) for part in parts]


def result(
    resource: Node,
    row: Row,
    run: Run,
    part: Node | None = None,
    *,
    empty: bool = False,
    leads: bool = False,
    template: tuple[str, str] | None = OBSERVATION,
) -> Element:
    """The result observation of an Observation, or of one part of it; the part that `leads` stands for the whole."""
    run.mark(resource)
    said = resource if part is None else part
    made = observation(*([] if template is None else [template]))
    if part is None or leads:
        made.extend(ids_of(resource, run))
    else:
        made.append(make("id", root=run.uuid("component", part.path.rpartition(".")[2], run.own_id(resource))))
    if not said.one("code"):
        run.gap(f"{said.path}.code", "what was observed")
    made.append(cd_of(said.one("code"), run, prefer=(LOINC_URI,)))
    made.append(text_reference(row))
    made.append(status(STATUSES.get(resource.text("status"), "completed")))
    made.append(time_of(resource, "effective", run))
    value = value_of(said, run)
    if value is None:
        value = null("value", "NA", kind="CD") if empty else absent_value(said, run)
    made.append(value)
    made.extend([cd_of(each, run, "interpretationCode") for each in said.all("interpretation")])
    if part is None or leads:
        _put_rest(made, resource, row, run)
    for each in said.all("referenceRange"):
        made.append(range_of(each, row, run))
    tell(row, resource, said)
    return made


def _put_rest(made: Element, resource: Node, row: Row, run: Run) -> None:
    if resource.one("method"):
        made.append(cd_of(resource.one("method"), run, "methodCode"))
    if resource.one("bodySite"):
        made.append(cd_of(resource.one("bodySite"), run, "targetSiteCode"))
        row.tell("Body site", shown(resource.one("bodySite")))
    specimen = specimen_of(run.resolve(resource.one("specimen")), run)
    if specimen is not None:
        made.append(specimen)
    made.extend(performers(resource, run, "performer", ""))
    made.extend(authors(resource, run, ("", "issued")))
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter", "basedOn", "partOf", "derivedFrom", "focus", "device"))


def specimen_of(specimen: Node, run: Run) -> Element | None:
    """The specimen of a result; None where there is none."""
    if not specimen:
        return None
    run.mark(specimen)
    entity = make("specimenPlayingEntity", cd_of(specimen.one("type"), run))
    return make("specimen", make("specimenRole", *ids_of(specimen, run), entity), typeCode="SPC")


def range_of(range_: Node, row: Row, run: Run) -> Element:
    """The reference range of a result: its text, its limits, what it is normal for."""
    made = make("observationRange")
    text = range_.text("text")
    if text:
        made.append(make("text", text=text))
    row.tell("Reference range", text or shown_range(range_))
    if range_.has("low") or range_.has("high"):
        made.append(quantities.range_of(range_, run))
    else:
        made.append(make("value", kind="ST", text=text) if text else null("value", kind="ST"))
    for each in range_.one("type").all("coding"):
        if each.peek("code") == "normal":
            made.append(make("interpretationCode", code="N", codeSystem="2.16.840.1.113883.5.83"))
            each.pass_over(*each.names())
        elif each.peek("system") == _INTERPRETATION:
            made.append(make("interpretationCode", **attributes_of(each, run)))
    return make("referenceRange", made)


def tell(row: Row, resource: Node, said: Node) -> None:
    """Tell a reader of an observation."""
    row.tell("Test", shown(said.one("code")))
    row.tell("Result", shown_value(said))
    for each in said.all("interpretation"):
        row.tell("Flag", shown(each))
    row.tell("Time", told_time(resource, "effective"))
    if resource.peek("status") not in ("final", ""):
        row.tell("Status", resource.peek("status"))
