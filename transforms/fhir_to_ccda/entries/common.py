"""What entries of several templates are made of."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import ACT_CODE, LOINC, SNOMED, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, onset_of, ts_text
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.narrative import Row, reference
from transforms.fhir_to_ccda.parties import Party, author_of, organization_of, party_of, performer_of
from transforms.fhir_to_ccda.parties import shown as shown_party
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run
from transforms.fhir_to_ccda.standing import says_so

T = "2.16.840.1.113883.10.20.22.4."
"""The arc of C-CDA's entry templates."""

COMMENT = (f"{T}64", "")
INDICATION = (f"{T}19", "2014-06-09")
SEVERITY = (f"{T}8", "2014-06-09")
ENTRY_REFERENCE = (f"{T}122", "")
INSTRUCTION = (f"{T}20", "2014-06-09")

ACT_STATUS = "2.16.840.1.113883.5.14"
SEVERITIES = {"mild": ("255604002", "Mild"), "moderate": ("6736007", "Moderate"), "severe": ("24484000", "Severe")}
STATUSES = {
    "active": ("55561003", "Active"),
    "inactive": ("73425007", "Inactive"),
    "resolved": ("413322009", "Problem Resolved"),
    "recurrence": ("246455001", "Recurrence"),
    "relapse": ("263855007", "Relapse phase"),
    "remission": ("277022003", "Remission phase"),
}


def observation(*identified: tuple[str, str], negated: bool = False, mood: str = "EVN") -> Element:
    """An observation of those templates."""
    negation = "true" if negated else ""
    return make("observation", *templates(*identified), classCode="OBS", moodCode=mood, negationInd=negation)


def act(*identified: tuple[str, str], mood: str = "EVN", cls: str = "ACT") -> Element:
    """An act of those templates."""
    return make("act", *templates(*identified), classCode=cls, moodCode=mood)


def status(code: str = "completed") -> Element:
    """The statusCode of an entry."""
    return make("statusCode", code=code)


def related(kind: str, child: Element, *, inverted: bool = False, number: int = 0) -> Element:
    """An entryRelationship to `child`."""
    made = make("entryRelationship", child, typeCode=kind, inversionInd="true" if inverted else "")
    if number:
        made.append(make("sequenceNumber", value=str(number)))
    return made


def authors(resource: Node, run: Run, *pairs: tuple[str, str]) -> list[Element]:
    """The authors of an entry: who and when by the resource's own elements, then by its Provenance.

    `pairs` names the element with the reference and the one with the time.
    """
    made: list[Element] = []
    seen: set[str] = set()
    for who, when in pairs:
        time = ts_text(resource, when, run) if when else ""
        references: list[Node | None] = [*resource.all(who)] if who else []
        for each in references or ([None] if time else []):
            party = party_of(each, run) if each is not None else None
            seen.add(f"{_target(each, run)}@{time}")
            made.append(author_of(party, time, run))
    for agent, time, behalf in provenance(resource, run):
        key = f"{_target(agent, run)}@{time}"
        if key not in seen:
            seen.add(key)
            made.append(author_of(party_of(agent, run), time, run))
            add_organization(made[-1], party_of(behalf, run), run)
    return made


def _target(reference: Node | None, run: Run) -> str:
    if reference is None:
        return ""
    found = run.find(reference)
    return found.path or reference.peek("reference") or reference.peek("display")


def provenance(resource: Node, run: Run) -> list[tuple[Node, str, Node]]:
    """Who wrote a resource, when, and on whose behalf, by the Provenance of the Bundle that has it as its target."""
    found = []
    for each in run.provenances(resource):
        run.mark(each)
        time = ts_text(each, "occurredDateTime", run) or ts_text(each, "recorded", run)
        for agent in each.all("agent"):
            kinds = {coding.peek("code") for coding in agent.one("type").all("coding")}
            if kinds <= {"author"} and agent.one("who"):
                agent.pass_over("type")
                found.append((agent.one("who"), time, agent.one("onBehalfOf")))
    return found


def performers(resource: Node, run: Run, name: str = "performer", inner: str = "actor") -> list[Element]:
    """The performers of an entry: references, or elements with a reference `inner`."""
    made = []
    for each in resource.all(name):
        reference = each.one(inner) if inner else each
        party = party_of(reference, run)
        if party is None:
            continue
        element = performer_of(party, run)
        if inner and each.one("function"):
            element.insert(0, cd_of(each.one("function"), run, "sdtc:functionCode"))
        if inner and each.has("onBehalfOf"):
            add_organization(element, party_of(each.one("onBehalfOf"), run), run)
        made.append(element)
    return made


def add_organization(element: Element, party: Party | None, run: Run) -> None:
    """Put the organization of a party into the role within `element`, unless it has one."""
    role = element[-1]
    if party is not None and not any(str(each.tag).endswith("}representedOrganization") for each in role):
        role.append(organization_of(party.organization, run, name=party.organization_name))


def comments(resource: Node, row: Row, run: Run, name: str = "note") -> list[Element]:
    """A comment (template 64) for each Annotation, told in the narrative."""
    made = []
    for each in resource.all(name):
        text = each.text("text")
        if text:
            made.append(related("SUBJ", comment(text, row, run, each), inverted=True))
    return made


def comment(text: str, row: Row, run: Run, annotation: Node | None = None) -> Element:
    """A comment activity of that text, by the author of `annotation` where one is named."""
    made = act(COMMENT)
    made.append(coded("code", "48767-8", LOINC, "Annotation comment"))
    made.append(reference("text", row.anchor("Notes", text)))
    if annotation is not None and (annotation.has("authorReference") or annotation.has("authorString")):
        party = party_of(annotation.one("authorReference"), run)
        if party is None:
            party = Party(names=[make("name", text=annotation.text("authorString"))], where=annotation.path)
        made.append(author_of(party, ts_text(annotation, "time", run), run))
    elif annotation is not None and annotation.has("time"):
        made.append(author_of(None, ts_text(annotation, "time", run), run))
    return made


def status_observation(code: str, template: tuple[str, str], kind: str = "CD") -> Element | None:
    """The status observation of a problem or an allergy, None for a status that has no code."""
    found = STATUSES.get(code)
    if found is None:
        return None
    made = observation(template)
    made.append(coded("code", "33999-4", LOINC, "Status"))
    made.append(status())
    made.append(coded("value", found[0], SNOMED, found[1], kind))
    return made


def severity(code: str = "", concept: Node | None = None, run: Run | None = None) -> Element:
    """A severity observation, of FHIR's code or of a concept."""
    made = observation(SEVERITY)
    made.append(coded("code", "SEV", ACT_CODE, "Severity"))
    made.append(status())
    if concept is not None and run is not None:
        made.append(cd_of(concept, run, "value", kind="CD"))
    else:
        found = SEVERITIES.get(code)
        made.append(coded("value", found[0], SNOMED, found[1], "CD") if found else null("value", kind="CD"))
    return made


def indications(resource: Node, row: Row, run: Run) -> list[Element]:
    """Why something was done or ordered (template 19), of `reasonCode` and `reasonReference`.

    What is refuted or was not done is no reason: there is a reference to it, and no more.
    """
    made = []
    for each in resource.all("reasonCode"):
        row.tell("Reason", shown(each))
        made.append(related("RSON", _indication([null("id")], cd_of(each, run, "value", kind="CD"))))
    for each in resource.all("reasonReference"):
        found = run.resolve(each)
        if found and not says_so(found):
            made.append(related("REFR", entry_reference(found, run)))
        elif found.peek("resourceType") == "Condition":
            row.tell("Reason", shown(found.one("code")))
            made.append(
                related("RSON", _indication(ids_of(found, run), cd_of(found.one("code"), run, "value", kind="CD")))
            )
        elif found:
            row.tell("Reason", shown_party(each, run) or shown(found.one("code")))
            made.append(related("RSON", entry_reference(found, run)))
        elif each.text("display"):
            row.tell("Reason", each.peek("display"))
            value = null("value", "OTH", kind="CD")
            value.append(make("originalText", text=each.peek("display")))
            made.append(related("RSON", _indication([null("id")], value)))
    return made


def reasons(resource: Node, row: Row, run: Run, name: str) -> list[Element]:
    """The concepts `name` as reasons (template 19)."""
    made = []
    for each in resource.all(name):
        row.tell("Reason", shown(each))
        made.append(related("RSON", _indication([null("id")], cd_of(each, run, "value", kind="CD"))))
    return made


def _indication(ids: Iterable[Element], value: Element) -> Element:
    made = observation(INDICATION)
    made.extend(list(ids))
    made.append(coded("code", "ASSERTION", ACT_CODE))
    made.append(status())
    made.append(value)
    return made


def entry_reference(target: Node, run: Run) -> Element:
    """A reference to another entry of the document, by its id (template 122)."""
    made = act(ENTRY_REFERENCE)
    made.extend(ids_of(target, run))
    made.append(null("code", "NP"))
    made.append(status())
    return made


def references(resource: Node, run: Run, *names: str, kind: str = "REFR") -> list[Element]:
    """References to the entries of other resources, where they are in the Bundle."""
    made = []
    for name in names:
        for each in resource.all(name):
            found = run.resolve(each)
            each.pass_over("display", "type")
            if found:
                made.append(related(kind, entry_reference(found, run)))
            elif each.one("identifier"):
                made.append(related(kind, entry_reference(each, run)))
    return made


def event_time(resource: Node, stem: str, run: Run) -> Element:
    """The effectiveTime of something that began and may have ended: a low there always is."""
    low, high = onset_of(resource, stem, run)
    return low_high(low, high)


def told_time(resource: Node, *stems: str) -> str:
    """The time of a resource for a reader, as FHIR writes it, without seconds and offset."""
    for stem in stems:
        name = stem if resource.peek(stem) else resource.choice(stem)
        if name.endswith("Period"):
            period = resource.one(name)
            start, end = _day(period.peek("start")), _day(period.peek("end"))
            if start or end:
                return f"{start} – {end}" if end else f"since {start}"
        elif resource.peek(name):
            return _day(resource.peek(name))
    return ""


def _day(text: str) -> str:
    """A FHIR date or dateTime for a reader: the day, and the minute where it is not midnight."""
    day, _, time = text.partition("T")
    return f"{day} {time[:5]}" if time and time[:5] != "00:00" else day


def not_carried(element: Node, run: Run, what: str) -> None:
    """Say that the template has no place for an element."""
    run.tell(NOT_CARRIED, element.path, what)


def required(resource: Node, name: str, run: Run, what: str) -> None:
    """Say that the template must have what the resource has not."""
    if not resource.has(name):
        run.gap(f"{resource.path}.{name}", what)


def text_reference(row: Row) -> Element:
    """The text of an entry: its row of the narrative, else what it says of itself."""
    return reference("text", row.id) if row.id or not row.own else make("text", text=row.own)
