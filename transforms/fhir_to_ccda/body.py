"""The body of the document: the Composition's sections, the sections that the type must have, and those of the rest."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, LOINC_URI, cd_of
from transforms.fhir_to_ccda.documents import DISCHARGE_SUMMARY, DocumentType
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.entries.patients import has_any, write_patient
from transforms.fhir_to_ccda.home import at_discharge, home_of
from transforms.fhir_to_ccda.kinds import BY_CODE, KINDS, Kind
from transforms.fhir_to_ccda.parties import author_of, party_of
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.section import Section
from transforms.fhir_to_ccda.writing import write

_EXCLUSIVE = {
    "assessment_plan": ("assessment", "plan"),
    "complaint_and_reason": ("chief_complaint", "reason_for_visit"),
}
"""Sections that say what two others say: a document has the one or the others (CONF 1198-29103, 30569)."""


_EMPTY = {"notasked": "NASK", "withheld": "MSK", "unavailable": "NI", "notstarted": "NAV", "closed": "NI"}
"""Why a section is empty, as a nullFlavor; of one where nothing is known of (nilknown) the narrative says so."""


class Body:
    """The sections of one document."""

    def __init__(self, document: DocumentType, run: Run) -> None:
        self.document = document
        self.run = run
        self.sections: list[Section] = []

    def element(self) -> Element:
        """The structuredBody, once `write` has been called."""
        body = make("structuredBody")
        keys = {each.kind.key for each in self.sections}
        seen: set[str] = set()
        for section in self.sections:
            key = section.kind.key
            doubled = bool(keys & set(_EXCLUSIVE.get(key, ())))
            body.append(make("component", self._element(section, templated=key not in seen and not doubled)))
            seen.add(key)
        return body

    def _element(self, section: Section, *, templated: bool) -> Element:
        return section.element(templated=templated, needed=section.kind.key in self.document.required)

    def write(self) -> None:
        """Write every section and its entries."""
        for each in self.run.composition.all("section"):
            self.sections.append(self._composed(each))
        others = self._others()
        if has_any(self.run.patient):
            others.setdefault("social", [])
        for key in (*self.document.required, *others):
            if self._find(key) is None and not self._is_said_together(key):
                self._add(Section(KINDS[key], self.run))
        for key, resources in others.items():
            section = self._find(key) or self._whole_of(key)
            if section is not None:
                write(resources, section, self.run)
            if section is not None and key == "social":
                write_patient(self.run.patient, section, self.run)

    def _add(self, section: Section) -> None:
        """Put a section where a document has it that was not composed otherwise."""
        order = list(KINDS)
        if self.run.composition.has("section") or section.kind.key not in KINDS:
            self.sections.append(section)
            return
        place = order.index(section.kind.key)
        before = [each for each in self.sections if each.kind.key in KINDS and order.index(each.kind.key) < place]
        self.sections.insert(len(before), section)

    def _is_said_together(self, key: str) -> bool:
        return "assessment" in self.document.required and any(
            key in parts and self._find(whole) is not None and not any(self._find(part) for part in parts)
            for whole, parts in _EXCLUSIVE.items()
        )

    def _whole_of(self, key: str) -> Section | None:
        """The section that says what one of this kind would, and more."""
        return next((self._find(whole) for whole, parts in _EXCLUSIVE.items() if key in parts), None)

    def _find(self, key: str) -> Section | None:
        return next((each for each in self.sections if each.kind.key == key), None)

    def _composed(self, node: Node) -> Section:
        """The section that a section of the Composition is, and those within it."""
        run = self.run
        kind = kind_of(node)
        if kind.key == "other":
            section = Section(kind, run, node.one("text"), node.text("title"), code=cd_of(node.one("code"), run))
        else:
            section = Section(kind, run, node.one("text"), node.text("title"), code=_code(node, kind, run))
        for each in node.all("author"):
            section.head.append(author_of(party_of(each, run), "", run))
        reason = node.one("emptyReason")
        if reason:
            section.empty = _EMPTY.get(reason.one("coding").peek("code"), "NI")
            reason.pass_over(*reason.names())
        resources = [found for each in node.all("entry") if (found := run.resolve(each))]
        write([each for each in resources if self._is_ours(each)], section, run)
        for each in node.all("section"):
            section.inner.append(self._composed(each).element())
        return section

    def _others(self) -> dict[str, list[Node]]:
        """The resources that no section of the Composition has told of, by the section that does."""
        found: dict[str, list[Node]] = {}
        for each in self.run.resources:
            if each.path in self.run.done:
                continue
            key = home_of(each)
            if self.document is DISCHARGE_SUMMARY:
                key = at_discharge(each, key, self.run)
            if key and self._is_ours(each):
                found.setdefault(key, []).append(each)
        order = {"DiagnosticReport": 0}
        for resources in found.values():
            resources.sort(key=lambda each: (order.get(each.peek("resourceType"), 1), not each.has("hasMember")))
        return found

    def _is_ours(self, resource: Node) -> bool:
        """Whether a resource is about the patient of the document; one about another is left out, and told."""
        for name in ("subject", "patient", "beneficiary"):
            found = self.run.find(resource.one(name))
            if found.peek("resourceType") == "Patient" and found is not self.run.patient:
                what = "this is about another patient than the document; it is left out"
                self.run.leave(resource, what, "make a document of each patient")
                return False
        return True


def kind_of(node: Node) -> Kind:
    """The kind of a section of a Composition, by its LOINC code; `other` where none has it."""
    for each in node.one("code").all("coding"):
        if each.peek("system") in (LOINC_URI, "") and each.peek("code") in BY_CODE:
            return BY_CODE[each.peek("code")]
    return Kind("other", "", "Section", ())


def _code(node: Node, kind: Kind, run: Run) -> Element:
    """The code of a section: its kind's, and the further ones that the Composition gives it."""
    made = cd_of(node.one("code"), run, prefer=(LOINC_URI,))
    if made.get("code") != kind.code:
        translation = make("translation", **{str(name): str(value) for name, value in made.attrib.items()})
        made.insert(0, translation)
        made.attrib.clear()
        made.attrib.update({"code": kind.code, "codeSystem": "2.16.840.1.113883.6.1", "codeSystemName": "LOINC"})
        made[:] = [each for each in made if each.get("code") != kind.code]
    made.set("codeSystem", LOINC)
    known = {(each.get("code"), each.get("codeSystem")) for each in made}
    if kind.translation and (kind.translation, LOINC) not in known:
        made.append(make("translation", code=kind.translation, codeSystem="2.16.840.1.113883.6.1"))
    return made
