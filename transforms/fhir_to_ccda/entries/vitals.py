"""Vital signs to the Vital Signs Organizer (4.26) and the Vital Sign Observation (4.27)."""

from __future__ import annotations

from schemas.ccda.namespaces import XSI_TYPE
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, SNOMED, attributes_of, coded
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import onset_of, time_of
from transforms.fhir_to_ccda.element import Element, local, make, null, templates
from transforms.fhir_to_ccda.entries.common import T, authors, comment, performers, related, status
from transforms.fhir_to_ccda.entries.results import Rows, members, result
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import left_out

ORGANIZER = (f"{T}26", "2015-08-01")
OBSERVATION = (f"{T}27", "2014-06-09")
RESULT = (f"{T}2", "2015-08-01")

_DONE = ("final", "amended", "corrected", "")
_OWN_CODES = frozenset(("46680005", "74728-7", "85353-1"))
"""Codes that say of a panel that it is one of vital signs."""


def is_vital(resource: Node) -> bool:
    """Whether the template can say this Observation: a quantity that stands, or parts that are quantities."""
    if resource.peek("status") not in _DONE:
        return False
    holders = [resource, *resource.all("component")]
    kinds = {each.choice("value") for each in holders}
    return kinds <= {"valueQuantity", ""} and not any(each.one("valueQuantity").has("comparator") for each in holders)


def is_panel(resource: Node, run: Run) -> bool:
    """Whether an Observation only names others as its members, one of which the template can say."""
    if resource.choice("value") or resource.has("component") or resource.peek("status") not in _DONE:
        return False
    return any(is_measured(each) for each in members([resource], run) if each is not resource)


def is_measured(resource: Node) -> bool:
    """Whether the template can say this Observation, and it does more than to name others."""
    return is_vital(resource) and (resource.has("component") or not resource.has("hasMember"))


def by_time(resources: list[Node], run: Run) -> list[list[Node]]:
    """The observations of each time together, in the order in which the times first occur."""
    groups: dict[tuple[str, ...], list[Node]] = {}
    for each in resources:
        groups.setdefault((*onset_of(each, "effective", run), each.choice("effective")), []).append(each)
    return list(groups.values())


def panel(resource: Node, rows: Rows, run: Run) -> Element | None:
    """The organizer that a panel is, with its members; None of one that was entered in error."""
    if left_out(resource, run):
        return None
    run.mark(resource)
    resource.text("status")
    resource.pass_over("category")
    row = rows(resource)
    made = _organizer(ids_of(resource, run), resource, run)
    code = next(each for each in made if str(each.tag).endswith("}code"))
    for each in resource.one("code").all("coding"):
        if each.peek("code") in _OWN_CODES:
            each.pass_over(*each.names())
        else:
            code.append(make("translation", **attributes_of(each, run)))
    text = resource.one("code").text("text")
    if text:
        code.insert(0, make("originalText", text=text))
    made.extend(performers(resource, run, "performer", ""))
    made.extend(authors(resource, run, ("", "issued")))
    parts = _parts([each for each in members([resource], run) if each is not resource], rows, run)
    made.extend([make("component", each) for each in parts])
    made.extend([make("component", comment(each.text("text"), row, run, each)) for each in resource.all("note")])
    return made


def vitals(group: list[Node], rows: Rows, run: Run) -> Element | None:
    """The organizer of the vital signs of one time; None where all of them were entered in error."""
    id = make("id", root=run.uuid("vitals", *(run.own_id(each) for each in group)))
    made = _organizer([id], group[0], run)
    parts = _parts(group, rows, run)
    made.extend([make("component", each) for each in parts])
    return made if parts else None


def _organizer(ids: list[Element], timed: Node, run: Run) -> Element:
    made = make("organizer", *templates(ORGANIZER), classCode="CLUSTER", moodCode="EVN")
    made.extend(ids)
    code = coded("code", "46680005", SNOMED, "Vital Signs")
    code.append(coded("translation", "74728-7", LOINC, "Vital signs"))
    made.append(code)
    made.append(status())
    made.append(time_of(timed, "effective", run))
    return made


def _parts(group: list[Node], rows: Rows, run: Run) -> list[Element]:
    parts: list[Element] = []
    for each in group:
        if left_out(each, run):
            continue
        run.mark(each)
        if not is_vital(each):
            parts.append(result(each, rows(each), run, template=RESULT))
            parts += [result(each, rows(each), run, part, template=RESULT) for part in each.all("component")]
            continue
        inner = each.all("component")
        if each.choice("value") or not (inner or each.has("hasMember")):
            parts.append(_one(each, rows, run))
        elif inner:
            parts.append(_one(each, rows, run, inner[0], leads=True))
            inner = inner[1:]
        parts += [_one(each, rows, run, part) for part in inner]
    return parts


def _one(resource: Node, rows: Rows, run: Run, part: Node | None = None, *, leads: bool = False) -> Element:
    """One vital sign; the part that `leads` has the identifiers of an Observation that has no value of its own."""
    row = rows(resource)
    made = result(resource, row, run, part, template=OBSERVATION, leads=leads)
    for each in [one for one in made if local(one) == "interpretationCode" and not one.get("code")]:
        # The template has no place for an interpretation without a code (CONF 1098-32886): it is a comment.
        made.remove(each)
        text = " ".join("".join(each.itertext()).split()) or each.get("displayName", "")
        if text:
            made.append(related("SUBJ", comment(text, row, run), inverted=True))
    value = next(each for each in made if str(each.tag).endswith("}value"))
    if value.get(XSI_TYPE) != "PQ":
        absent = null("value", value.get("nullFlavor", "UNK"), kind="PQ")
        made.replace(value, absent)
        value = absent
    if not value.get("unit"):
        value.set("unit", "1")  # what a PQ without a unit means (data types, PQ.unit); the template wants it said
    return made
