"""CD, CE, CV and CS to CodeableConcept, Coding and code; codes, texts and translations are never lost."""

from __future__ import annotations

import re

from schemas.codes import concept_map, has_code, system_uri
from schemas.fhir import Element
from transforms.ccda_to_fhir.datatypes.identifiers import root_uri
from transforms.ccda_to_fhir.datatypes.nulls import absent_concept
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import OWN, as_code, extension, put

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
_URI = re.compile(r"(https?://|urn:)\S+\Z")
"""A code system that has no object identifier is named by its URI, under an identifier made of that."""
_HL7_TABLES = "http://terminology.hl7.org/CodeSystem/v2-"
CODE_SYSTEM = f"{OWN}ccda-code-system"
"""The system that a document names for a code which that does not have."""
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def coding(cd: Node | None) -> Element | None:
    """The Coding of a CD by its own code, None where it has none."""
    if cd is None:
        return None
    code = as_code(cd.attr("code"))
    system = cd.attr("codeSystem")
    display = " ".join(cd.attr("displayName").split())
    name = cd.attr("codeSystemName")
    if not code:
        return None
    element: Element = {}
    uri = name if _URI.match(name) else code_system(system) if system else ""
    if uri and (not uri.startswith(_HL7_TABLES) or has_code(uri, code)):
        element["system"] = uri
    elif uri:
        # A Coding may name only a system that has its code (R4, 4.2.6); which one the document named stands beside.
        element["extension"] = [extension(CODE_SYSTEM, "valueUri", uri)]
    put(element, "version", cd.attr("codeSystemVersion"))
    element["code"] = code
    put(element, "display", display)
    return element


def code_system(oid: str) -> str:
    """The URI of the code system with that object identifier."""
    return system_uri(oid) or root_uri(oid)


def codeable_concept(cd: Node | None, run: Run) -> Element | None:
    """The CodeableConcept of a CD: its code, its translations, and its original text (what that refers to).

    None where it says nothing but that there is nothing.
    """
    if cd is None:
        return None
    element: Element = {}
    codings = [found for each in (cd, *_translations(cd)) if (found := coding(each)) is not None]
    if codings:
        element["coding"] = [each for place, each in enumerate(codings) if each not in codings[:place]]
    text = _original_text(cd, run)
    if not text and (not codings or cd.get("originalText") is not None):
        # A reference that leads to nothing most likely led to what the code is called.
        text = " ".join(cd.peek("displayName").split())
    put(element, "text", text)
    cd.attr("nullFlavor")
    return element or None


def concept_or_absent(cd: Node | None, run: Run) -> Element:
    """As `codeable_concept`, for an element that must not be missing: why it is, where it is."""
    return codeable_concept(cd, run) or absent_concept(cd.null if cd is not None else "")


def concepts(nodes: list[Node] | tuple[Node, ...], run: Run) -> list[Element]:
    """The CodeableConcepts of several CDs."""
    return [found for each in nodes if (found := codeable_concept(each, run)) is not None]


def mapped(cd: Node | None, codes: str, run: Run) -> str:
    """What the concept map `codes` gives for the code of a CD or one of its translations; "" where it has none.

    A code that the map does not have is told; why nothing is said at all is not.
    """
    if cd is None:
        return ""
    found = concept_map(codes)
    for each in (cd, *_translations(cd)):
        code = found.code(each.attr("code"))
        if code:
            each.attr("codeSystem")
            each.attr("displayName")
            return code
    if cd.attr("code"):
        run.report_code(cd, codes)
    return ""


def shown(concept: Element | None) -> str:
    """What a reader is shown of a concept: its text, else how its first code is shown, else that code; "" of none."""
    if concept is None:
        return ""
    found: str = concept.get("text", "")
    for each in concept.get("coding", ()) if not found else ():
        return str(each.get("display") or each.get("code", ""))
    return found


def _translations(cd: Node) -> list[Node]:
    found = []
    for each in cd.all("translation"):
        found.append(each)
        found += _translations(each)
    return found


def _original_text(cd: Node, run: Run) -> str:
    for each in (cd, *_translations(cd)):
        original = each.get("originalText")
        own = original.own_text if original is not None else ""
        if own and original is not None:
            original.mark()  # what it refers to is the same, in the narrative
        text = own or text_of(original, run)
        if text:
            return text
    return ""
