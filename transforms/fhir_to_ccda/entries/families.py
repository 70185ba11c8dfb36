"""FamilyMemberHistory to the Family History Organizer (4.45) and its observations (4.46)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import ACT_CODE, LOINC, SNOMED, SNOMED_URI, cd_of, coded, has_code, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.plain import boolean
from transforms.fhir_to_ccda.datatypes.quantities import pq
from transforms.fhir_to_ccda.datatypes.times import onset_of, ts_text
from transforms.fhir_to_ccda.datatypes.values import shown as shown_value
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comment,
    observation,
    related,
    status,
    text_reference,
)
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

ORGANIZER = (f"{T}45", "2015-08-01")
OBSERVATION = (f"{T}46", "2015-08-01")
AGE = (f"{T}31", "")
DEATH = (f"{T}47", "")

_GENDERS = {"male": ("M", "Male"), "female": ("F", "Female"), "other": ("UN", "Undifferentiated")}
_GENDER_SYSTEM = "2.16.840.1.113883.5.1"
_AGES = frozenset(("a", "mo", "wk", "d", "h", "min"))


@entry("FamilyMemberHistory", home="family")
def family_member(resource: Node, row: Row, run: Run) -> Element | None:
    """The organizer of a relative, an observation for each condition; None of one entered in error."""
    run.mark(resource)
    made = make("organizer", *templates(ORGANIZER), classCode="CLUSTER", moodCode="EVN")
    made.extend(ids_of(resource, run))
    made.append(status())
    when = ts_text(resource, "date", run)
    if when:
        made.append(make("effectiveTime", value=when))
    made.append(_subject(resource, row, run))
    made.extend(authors(resource, run))
    conditions = resource.all("condition")
    for place, each in enumerate(conditions):
        made.append(make("component", _observation(each, resource, row, run, place)))
    if not conditions:
        made.append(make("component", _nothing(resource, row, run)))
    for each in resource.all("note"):
        made.append(make("component", comment(each.text("text"), row, run, each)))
    if resource.peek("status") not in ("completed", ""):
        row.tell("Status", resource.peek("status"))
    return made


def _subject(resource: Node, row: Row, run: Run) -> Element:
    relative = resource.one("relationship")
    role = make("relatedSubject", classCode="PRS")
    if not relative:
        run.gap(f"{resource.path}.relationship", "which relative it is")
    role.append(cd_of(relative, run))
    row.tell("Relative", " ".join(filter(None, (shown(relative), resource.text("name")))))
    subject = make("subject")
    if resource.peek("name"):
        subject.append(make("name", text=resource.peek("name")))
    sex = next((each.peek("code") for each in resource.one("sex").all("coding")), "")
    found = _GENDERS.get(sex)
    resource.one("sex").pass_over(*resource.one("sex").names())
    if found is not None:
        subject.append(coded("administrativeGenderCode", found[0], _GENDER_SYSTEM, found[1]))
    else:
        subject.append(null("administrativeGenderCode"))
    born, _ = onset_of(resource, "born", run)
    if born:
        subject.append(make("birthTime", value=born))
    dead = boolean(resource, "deceasedBoolean")
    died = ts_text(resource, "deceasedDate", run)
    if dead or died or resource.choice("deceased"):
        subject.append(make("sdtc:deceasedInd", value=dead or "true"))
        row.tell("Deceased", shown_value(resource, "deceased") if dead != "false" else "")
    if died:
        subject.append(make("sdtc:deceasedTime", value=died))
    role.append(subject)
    return make("subject", role)


def _observation(condition: Node, resource: Node, row: Row, run: Run, place: int) -> Element:
    made = observation(OBSERVATION)
    made.append(make("id", root=run.uuid("family", str(place), run.own_id(resource))))
    code = coded("code", "64572001", SNOMED, "Condition")
    code.append(coded("translation", "75315-2", LOINC, "Condition Family member"))
    made.append(code)
    made.append(text_reference(row))
    made.append(status())
    low, high = onset_of(condition, "onset", run)
    if low or high:
        made.append(make("effectiveTime", value=low) if not high else _period(low, high))
    made.append(cd_of(condition.one("code"), run, "value", kind="CD", prefer=(SNOMED_URI,)))
    row.tell("Condition", shown(condition.one("code")))
    age = condition.one("onsetAge")
    years = pq(age, run)
    if years.get("value") and years.get("unit") in _AGES:
        one = observation(AGE)
        one.append(coded("code", "445518008", SNOMED, "Age At Onset"))
        one.append(status())
        one.append(years)
        made.append(related("SUBJ", one, inverted=True))
        row.tell("Onset", f"{shown_value(condition, 'onset')}")
    outcome = condition.one("outcome")
    died = has_code(outcome, SNOMED_URI, "419099009") or shown(outcome) == "Dead"
    if condition.text("contributedToDeath") == "true" or died:
        made.append(related("CAUS", _death()))
        row.tell("Condition", "cause of death")
    if outcome and not died:
        made.append(related("SUBJ", comment(f"outcome: {shown(outcome)}", row, run), inverted=True))
    outcome.pass_over(*outcome.names())
    for name in ("onsetString",):
        if condition.text(name):
            made.append(related("SUBJ", comment(f"onset: {condition.text(name)}", row, run), inverted=True))
    for each in condition.all("note"):
        made.append(related("SUBJ", comment(each.text("text"), row, run, each), inverted=True))
    return made


def _period(low: str, high: str) -> Element:
    made = make("effectiveTime", make("low", value=low) if low else null("low"))
    made.append(make("high", value=high))
    return made


def _death() -> Element:
    made = observation(DEATH)
    made.append(coded("code", "ASSERTION", ACT_CODE))
    made.append(status())
    made.append(coded("value", "419099009", SNOMED, "Dead", "CD"))
    return made


def _nothing(resource: Node, row: Row, run: Run) -> Element:
    """An observation that says nothing, where no condition of a relative is known."""
    made = observation(OBSERVATION)
    made.append(make("id", root=run.uuid("family", "none", run.own_id(resource))))
    code = coded("code", "64572001", SNOMED, "Condition")
    code.append(coded("translation", "75315-2", LOINC, "Condition Family member"))
    made.append(code)
    made.append(text_reference(row))
    made.append(status())
    made.append(null("value", "NI", kind="CD"))
    return made
