"""Condition to the Problem Concern Act (4.3) and the observation within it (4.4)."""

from __future__ import annotations

from schemas.finding import Severity
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import (
    LOINC,
    SNOMED,
    SNOMED_URI,
    attributes_of,
    cd_of,
    coded,
    has_code,
    shown,
)
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.quantities import pq
from transforms.fhir_to_ccda.datatypes.quantities import shown as shown_quantity
from transforms.fhir_to_ccda.datatypes.times import low_high, onset_of, ts_text
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.entries.common import (
    T,
    act,
    authors,
    comment,
    comments,
    observation,
    references,
    related,
    severity,
    status,
    status_observation,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.entries.concern import concern
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import assigned, party_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import CHANGED, Run
from transforms.fhir_to_ccda.standing import left_out

CONCERN = (f"{T}3", "2015-08-01")
OBSERVATION = (f"{T}4", "2015-08-01")
STATUS = (f"{T}6", "2019-06-20")
AGE = (f"{T}31", "")
DATE_OF_DIAGNOSIS = (f"{T}502", "2022-06-01")
ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"

_NONE_KNOWN = "160245001"
"""No current problems or disability (SNOMED CT)."""
_TYPES = {
    "encounter-diagnosis": ("282291009", "Diagnosis", "29308-4", "Diagnosis"),
    "problem-list-item": ("55607006", "Problem", "75326-9", "Problem"),
    "health-concern": ("64572001", "Condition", "75323-6", "Condition"),
}
_KINDS = {
    "404684003": ("Finding", "75321-0", "Clinical finding"),
    "409586006": ("Complaint", "75322-8", "Complaint"),
    "282291009": ("Diagnosis", "29308-4", "Diagnosis"),
    "64572001": ("Condition", "75323-6", "Condition"),
    "248536006": ("Finding of functional performance and activity", "75324-4", "Functional limitation"),
    "418799008": ("Symptom", "75325-1", "Symptom"),
    "55607006": ("Problem", "75326-9", "Problem"),
    "373930000": ("Cognitive function finding", "75275-8", "Cognitive function"),
}
"""Problem Type (SNOMED CT), with LOINC's code for each."""
_AGES = frozenset(("a", "mo", "wk", "d", "h", "min"))


@entry("Condition")
def problem_concern(resource: Node, row: Row, run: Run) -> Element | None:
    """The concern act of a Condition; None of one entered in error."""
    inner = problem(resource, row, run)
    if inner is None:
        return None
    code = coded("code", "CONC", "2.16.840.1.113883.5.6", "Concern")
    return concern(resource, inner, CONCERN, code, run, over=ended(resource))


def ended(resource: Node) -> bool:
    """Whether a Condition is over, so that nobody is concerned with it any more."""
    return _clinical(resource) in ("inactive", "resolved", "remission")


def problem(resource: Node, row: Row, run: Run) -> Element | None:
    """The problem observation of a Condition: negated where it is refuted, or says that none is known."""
    if left_out(resource, run):
        return None
    run.mark(resource)
    refuted = _verification(resource) == "refuted"
    none_known = has_code(resource.one("code"), SNOMED_URI, _NONE_KNOWN)
    if refuted and none_known:
        run.leave(resource, "this refutes that nothing is known; a document has no way to say so")
        return None
    made = observation(OBSERVATION, negated=refuted or none_known)
    made.extend(ids_of(resource, run))
    made.append(_type(resource, run))
    made.append(text_reference(row))
    made.append(status())
    clinical = _clinical(resource)
    resource.one("clinicalStatus").pass_over(*resource.one("clinicalStatus").names())
    high, end = onset_of(resource, "abatement", run)
    made.append(low_high(begin_of(resource, run), end or high, ended=clinical == "resolved"))
    made.append(_value(resource, row, run, none_known=none_known, refuted=refuted))
    made.extend([cd_of(each, run, "targetSiteCode") for each in resource.all("bodySite")])
    for each in resource.all("bodySite"):
        row.tell("Body site", shown(each))
    made.extend(authors(resource, run, ("recorder", "recordedDate")))
    if resource.one("asserter"):
        made.append(make("informant", assigned(party_of(resource.one("asserter"), run), run)))
    state = status_observation(clinical, STATUS)
    if state is not None:
        row.tell("Status", clinical)
        made.append(related("REFR", state))
    if resource.one("severity"):
        row.tell("Severity", shown(resource.one("severity")))
        made.append(related("SUBJ", severity(concept=resource.one("severity"), run=run), inverted=True))
    row.tell("Since", told_time(resource, "onset"))
    row.tell("Until", told_time(resource, "abatement"))
    _tell_rest(made, resource, row, run)
    return made


def begin_of(resource: Node, run: Run) -> str:
    """When a problem or an allergy began, as a TS; the end of an onset says nothing of its end."""
    if resource.choice("onset") == "onsetPeriod":
        return ts_text(resource.one("onsetPeriod"), "start", run)
    return onset_of(resource, "onset", run)[0]


def _tell_rest(made: Element, resource: Node, row: Row, run: Run) -> None:
    age = resource.one("onsetAge")
    years = pq(age, run)
    if years.get("value") and years.get("unit") in _AGES:
        each = observation(AGE)
        each.append(coded("code", "445518008", SNOMED, "Age At Onset"))
        each.append(status())
        each.append(years)
        made.append(related("SUBJ", each, inverted=True))
        row.tell("Since", f"age {shown_quantity(age)}")
    for name, told in (("onsetString", "onset"), ("abatementString", "abatement")):
        if resource.text(name):
            made.append(related("SUBJ", comment(f"{told}: {resource.text(name)}", row, run), inverted=True))
    verification = _verification(resource)
    if verification in ("unconfirmed", "provisional", "differential"):
        row.tell("Verification", verification)
        what = "that this is not confirmed is told in the narrative alone"
        run.tell(CHANGED, f"{resource.path}.verificationStatus", what, "", Severity.INFORMATION)
    resource.one("verificationStatus").pass_over(*resource.one("verificationStatus").names())
    diagnosed = ts_text(resource.extension(ASSERTED), "valueDateTime", run)
    if diagnosed:
        one = act(DATE_OF_DIAGNOSIS)
        one.append(coded("code", "77975-1", LOINC, "Earliest date of diagnosis"))
        one.append(status())
        one.append(make("effectiveTime", value=diagnosed))
        made.append(related("COMP", one))
        row.tell("Diagnosed", resource.extension(ASSERTED).peek("valueDateTime")[:10])
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter"))
    for evidence in resource.all("evidence"):
        made.extend(references(evidence, run, "detail", kind="SPRT"))


def _value(resource: Node, row: Row, run: Run, *, none_known: bool, refuted: bool) -> Element:
    concept = resource.one("code")
    row.tell("Problem", ("not present: " if refuted else "") + shown(concept))
    if none_known:
        concept.pass_over(*[name for name in concept.names() if name != "text"])
        value = coded("value", "55607006", SNOMED, "Problem", "CD")
        if concept.text("text"):
            value.append(make("originalText", text=concept.text("text")))
        return value
    if not concept:
        run.gap(f"{resource.path}.code", "which problem it is")
    return cd_of(concept, run, "value", kind="CD", prefer=(SNOMED_URI,))


def _type(resource: Node, run: Run) -> Element:
    """The kind of the problem, with LOINC's code for it beside SNOMED CT's (CONF 1198-32950).

    A category that is a Problem Type of SNOMED CT says it; else FHIR's own category.
    """
    found = _TYPES["problem-list-item"]
    others: list[Element] = []
    named = False
    for category in resource.all("category"):
        codes = {each.peek("code") for each in category.all("coding")}
        kind = next((code for code, (_, loinc, _) in _KINDS.items() if codes & {code, loinc}), "")
        known = next((code for code in _TYPES if code in codes), "")
        if kind:
            found, named = (kind, *_KINDS[kind]), True
            for each in category.all("coding"):
                if each.peek("code") in (kind, _KINDS[kind][1]):
                    each.pass_over(*each.names())
                else:
                    others.append(make("translation", **attributes_of(each, run)))
            category.text("text")
        elif known:
            found = found if named else _TYPES[known]
            category.pass_over(*category.names())
        else:
            others += [make("translation", **attributes_of(each, run)) for each in category.all("coding")]
    made = coded("code", found[0], SNOMED, found[1])
    made.append(coded("translation", found[2], LOINC, found[3]))
    made.extend(others)
    return made


def _clinical(resource: Node) -> str:
    return next((code for each in resource.one("clinicalStatus").all("coding") if (code := each.peek("code"))), "")


def _verification(resource: Node) -> str:
    return next((code for each in resource.one("verificationStatus").all("coding") if (code := each.peek("code"))), "")
