"""What a document says, read from its XML by other means than the conversion's, and where the bundle must say it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from tests.corpus.ccda.bundles import Bundle, squeezed

V3 = "{urn:hl7-org:v3}"
SDTC = "{urn:hl7-org:sdtc}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
T = "2.16.840.1.113883.10.20.22.4."
ALLERGY, PROBLEM, IMMUNIZATION, MEDICATION, PROCEDURE = f"{T}7", f"{T}4", f"{T}52", f"{T}16", f"{T}14"
RESULT, SEVERITY, NOTE, COMMENT, INDICATION, DIAGNOSIS = f"{T}2", f"{T}8", f"{T}202", f"{T}64", f"{T}19", f"{T}80"
ENCOUNTER = f"{T}49"
MEDICINES = ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration")
_ALLERGIES = ("716186003", "409137002", "428607008", "429625007", "428197003", "716184000", "716220001", "716221002")
NO_KNOWN = frozenset((*_ALLERGIES, "64970000", "160245001"))
"""SNOMED CT: no known allergy of some kind, no known problem."""
_STATEMENTS = frozenset(
    f"{V3}{name}"
    for name in ("act", "encounter", "observation", "organizer", "procedure", "substanceAdministration", "supply")
)
_SEVERITIES = {
    "255604002": "mild",
    "6736007": "moderate",
    "24484000": "severe",
    "371923003": "mild",
    "371924009": "moderate",
    "399166001": "severe",
}

Element = etree._Element


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the document says: of which measure, where, and whether the bundle says it."""

    measure: str
    where: str
    is_held: bool


@dataclass(slots=True)
class _Reading:
    """A document being read beside its bundle."""

    root: Element
    bundle: Bundle
    targets: dict[str, Element] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.root.iter(etree.Element):
            name = each.get("ID")
            if name:
                self.targets.setdefault(name, each)

    def said(self, measure: str, element: Element, is_held: bool) -> Said:
        return Said(measure, f"{_path(element)} line {element.sourceline}", is_held)

    def referred(self, text: Element | None) -> str:
        """What the reference in `text` leads to, "" where it leads nowhere."""
        reference = None if text is None else text.find(f"{V3}reference")
        value = "" if reference is None else reference.get("value", "")
        target = self.targets.get(value[1:]) if value.startswith("#") and value[1:] else None
        return words(target) if target is not None else ""


def said(root: Element, bundle: Any) -> list[Said]:
    """Everything that is measured of the document `root`, and whether `bundle` (as JSON) says it."""
    reading = _Reading(root, Bundle(bundle))
    found: list[Said] = []
    for measure in (_narratives, _texts, _originals, _translations, _negated, _severities, _medicines, _authors):
        found += measure(reading)
    for measure in (_notes, _results, _abatements, _diagnoses):
        found += measure(reading)
    return found


def words(element: Element) -> str:
    """The text of an element without any white space."""
    return squeezed("".join(element.itertext()))


def _narratives(reading: _Reading) -> Iterator[Said]:
    """The text of every section in the text of a section of the Composition, in full."""
    for section in reading.root.iter(f"{V3}section"):
        text = section.find(f"{V3}text")
        if text is not None and words(text):
            yield reading.said("section narrative", text, _holds(reading.bundle.sections, words(text)))


def _texts(reading: _Reading) -> Iterator[Said]:
    """What an entry's text refers to, in a resource beside the Composition."""
    for statement in _statements(reading.root):
        wanted = reading.referred(statement.find(f"{V3}text"))
        if wanted:
            yield reading.said("entry text", statement, _holds(reading.bundle.texts, wanted))


def _originals(reading: _Reading) -> Iterator[Said]:
    """The originalText of coded elements, its reference followed."""
    for original in reading.root.iter(f"{V3}originalText"):
        if not _in_entry(original):
            continue
        wanted = reading.referred(original) or words(original)
        if wanted:
            yield reading.said("originalText", original, _holds(reading.bundle.strings, wanted))


def _translations(reading: _Reading) -> Iterator[Said]:
    """The codes of translations, within a coding that has a system."""
    for translation in reading.root.iter(f"{V3}translation"):
        code, system = translation.get("code"), translation.get("codeSystem")
        if code and system and _in_entry(translation):
            yield reading.said("translations", translation, code in reading.bundle.codings)


def _negated(reading: _Reading) -> Iterator[Said]:
    """Whether what is denied is denied by every resource that the entry became, and by one at least."""
    for measure, template, types, denies in (
        ("negated allergy", ALLERGY, ("AllergyIntolerance",), _denies_condition),
        ("negated problem", PROBLEM, ("Condition",), _denies_condition),
        ("refused immunization", IMMUNIZATION, ("Immunization",), _denies_event),
        ("negated medication", MEDICATION, MEDICINES, _denies_event),
        ("negated procedure", PROCEDURE, ("Procedure", "ServiceRequest"), _denies_event),
    ):
        entries = [(each, reading.bundle.linked(each, types)) for each in _with_template(reading.root, template)]
        for element, linked in entries:
            if not _is_negated(element):
                continue
            # Entries that share an identifier share the resources that it leads to, of which so many deny as entries.
            same = [each for each, others in entries if _names(others) == _names(linked)]
            denied = sum(_is_negated(each) for each in same)
            verdicts = [denies(each) for each in linked or reading.bundle.of(element, types)]
            is_held = sum(verdicts) >= (denied if linked else 1) and (
                not linked or len(verdicts) - sum(verdicts) <= len(same) - denied
            )
            yield reading.said(measure, element, is_held)


def _names(resources: list[Any]) -> list[str]:
    return sorted(str(each["id"]) for each in resources)


def _denies_condition(resource: Any) -> bool:
    codes = {each.get("code") for each in resource.get("code", {}).get("coding", [])}
    verified = {each.get("code") for each in resource.get("verificationStatus", {}).get("coding", [])}
    exposed = [each for each in resource.get("extension", []) if "substanceExposureRisk" in each.get("url", "")]
    return bool(codes & NO_KNOWN) or "refuted" in verified or bool(exposed)


def _denies_event(resource: Any) -> bool:
    return resource.get("status") in ("not-done", "not-taken", "declined") or resource.get("doNotPerform") is True


def _severities(reading: _Reading) -> Iterator[Said]:
    """The severity of an allergy or of its reaction, as severity or as the code that it is."""
    for allergy in _with_template(reading.root, ALLERGY):
        for severity in _with_template(allergy, SEVERITY):
            value = severity.find(f"{V3}value")
            code = value.get("code", "") if value is not None else ""
            if not code:
                continue
            resources = reading.bundle.of(allergy, ("AllergyIntolerance",))
            wanted = _SEVERITIES.get(code, code)
            held = any(
                wanted == reaction.get("severity") or f'"{code}"' in Bundle.dumped(resource)
                for resource in resources
                for reaction in [*resource.get("reaction", []), {}]
            )
            yield reading.said("severity", severity, held)


def _medicines(reading: _Reading) -> Iterator[Said]:
    """Period, route, dose and indication of a medication."""
    for medicine in _with_template(reading.root, MEDICATION):
        # What was given or is to be given; a dispense or an adverse event within it is another matter.
        resources = [Bundle.dumped(each) for each in reading.bundle.of(medicine, MEDICINES)]
        for time in medicine.findall(f"{V3}effectiveTime"):
            for end in ("low", "high"):
                element = time.find(f"{V3}{end}")
                day = _day(element.get("value", "") if element is not None else "")
                if day:
                    yield reading.said("period", time, any(f'"{day}' in each for each in resources))
        route = medicine.find(f"{V3}routeCode")
        if route is not None and route.get("code"):
            yield reading.said("route", route, any(f'"{route.get("code")}"' in each for each in resources))
        dose = medicine.find(f"{V3}doseQuantity")
        for part in [] if dose is None else [dose, dose.find(f"{V3}low"), dose.find(f"{V3}high")]:
            value = _number(part.get("value")) if part is not None else ""
            if value:
                yield reading.said("dose", part, any(_has_number(each, value) for each in resources))
        for indication in _with_template(medicine, INDICATION):
            value = indication.find(f"{V3}value")
            code = value.get("code") if value is not None else None
            if code:
                yield reading.said("indication", indication, code in reading.bundle.codings)


def _authors(reading: _Reading) -> Iterator[Said]:
    """Who wrote an entry, in a Provenance of a resource of it, and when."""
    for statement in _statements(reading.root):
        for author in statement.findall(f"{V3}author"):
            assigned = author.find(f"{V3}assignedAuthor")
            if assigned is None:
                continue
            key = _author_key(assigned)
            day = _day(_value(author.find(f"{V3}time")))
            if not key and not day:
                continue
            yield reading.said("authors", author, reading.bundle.has_author(key, day))


def _notes(reading: _Reading) -> Iterator[Said]:
    """The text of Note Activities in a DocumentReference, of Comment Activities in a note."""
    for template in (NOTE, COMMENT):
        for act in _with_template(reading.root, template):
            text = act.find(f"{V3}text")
            wanted = reading.referred(text) or (words(text) if text is not None else "")
            if wanted:
                held = _holds(reading.bundle.strings, wanted) or _holds(reading.bundle.texts, wanted)
                yield reading.said("notes", act, held)


def _results(reading: _Reading) -> Iterator[Said]:
    """Value, interpretation and reference range of a result."""
    types = ("Observation",)
    for result in _with_template(reading.root, RESULT):
        resources = [Bundle.dumped(each) for each in reading.bundle.of(result, types)]
        for value in result.findall(f"{V3}value"):
            wanted = value.get("value") or value.get("code") or "".join(value.itertext()).strip()
            if not wanted or value.get("nullFlavor"):
                continue
            number = _number(wanted)
            held = any(
                (number and _has_number(each, number)) or squeezed(wanted) in squeezed(each.replace('\\"', '"'))
                for each in resources
            ) or (bool(_day(wanted)) and any(f'"{_day(wanted)}' in each for each in resources))
            yield reading.said("result value", value, held)
        for code in result.findall(f"{V3}interpretationCode"):
            if code.get("code"):
                held = any(f'"{code.get("code")}"' in each for each in resources)
                yield reading.said("interpretation", code, held)
        for part in result.iterfind(f"{V3}referenceRange/{V3}observationRange/{V3}value/*"):
            value = _number(part.get("value"))
            if value:
                yield reading.said("reference range", part, any(_has_number(each, value) for each in resources))


def _abatements(reading: _Reading) -> Iterator[Said]:
    """When a problem ended."""
    for problem in _with_template(reading.root, PROBLEM):
        day = _day(_value(problem.find(f"{V3}effectiveTime/{V3}high")))
        if day and not _is_negated(problem):
            resources = reading.bundle.of(problem, ("Condition",))
            held = any(f'"{day}' in Bundle.dumped(each) for each in resources)
            yield reading.said("abatement", problem, held)


def _diagnoses(reading: _Reading) -> Iterator[Said]:
    """What an encounter was for."""
    for encounter in _with_template(reading.root, ENCOUNTER):
        for act in _with_template(encounter, DIAGNOSIS):
            for problem in _with_template(act, PROBLEM):
                value = problem.find(f"{V3}value")
                code = value.get("code") if value is not None else None
                if code:
                    yield reading.said("encounter diagnosis", problem, code in reading.bundle.diagnosed)


def _statements(root: Element) -> Iterator[Element]:
    return (each for each in root.iter(etree.Element) if each.tag in _STATEMENTS and _in_entry(each))


def _in_entry(element: Element) -> bool:
    return next(element.iterancestors(f"{V3}entry"), None) is not None


def _with_template(root: Element, template: str) -> Iterator[Element]:
    for each in root.iter(f"{V3}templateId"):
        parent = each.getparent()
        if each.get("root") == template and parent is not None and parent is not root and parent.tag in _STATEMENTS:
            # Both forms of the templateId stand in one element: it counts once.
            first = next(one for one in parent.iterchildren(f"{V3}templateId") if one.get("root") == template)
            if first is each:
                yield parent


def _is_negated(element: Element) -> bool:
    """Whether the element, what relates it to an act, or that act denies."""
    holders = [element]
    wrapper = element.getparent()
    if wrapper is not None and wrapper.tag == f"{V3}entryRelationship":
        holders.append(wrapper)
        act = wrapper.getparent()
        holders += [act] if act is not None and act.tag == f"{V3}act" else []
    return any(each.get("negationInd", "").strip() in ("true", "1") for each in holders)


def _author_key(assigned: Element) -> str:
    """What tells an author from others: an identifier, or else the family name."""
    for each in assigned.findall(f"{V3}id"):
        if each.get("extension") and not each.get("nullFlavor"):
            return str(each.get("extension")).strip()
    family = assigned.find(f".//{V3}family")
    return "".join(family.itertext()).strip() if family is not None else ""


def _value(element: Element | None) -> str:
    return "" if element is None else element.get("value", "")


def _day(value: str) -> str:
    """The date of an HL7 time as FHIR writes it, "" where there is none: `2012-08`, `2012-08-06`."""
    found = re.match(r"\s*(\d{4})(\d\d)?(\d\d)?", value)
    if found is None or not ("01" <= (found[2] or "01") <= "12" and "01" <= (found[3] or "01") <= "31"):
        return ""
    return "-".join(each for each in found.groups() if each)


def _number(value: str | None) -> str:
    text = (value or "").strip()
    return text if re.fullmatch(r"[+-]?\d*\.?\d+", text) else ""


def _has_number(text: str, value: str) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(value.lstrip('+'))}(?![\d.]*[\d])", text) is not None or (
        value.startswith(".") and f"0{value}" in text
    )


def _holds(texts: list[str], wanted: str) -> bool:
    return any(wanted in each for each in texts)


def _path(element: Element) -> str:
    names = [etree.QName(each).localname for each in [element, *element.iterancestors()]]
    return "/".join(reversed(names[:5]))
