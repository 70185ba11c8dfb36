"""CodeableConcept, Coding and code to CD and CE."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.codes import system_oid
from schemas.finding import Severity
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.ids import is_root
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.run import NO_CODE, NO_OID, Run

LOINC = "2.16.840.1.113883.6.1"
SNOMED = "2.16.840.1.113883.6.96"
ACT_CODE = "2.16.840.1.113883.5.4"

SNOMED_URI = "http://snomed.info/sct"
LOINC_URI = "http://loinc.org"
CPT_URI = "http://www.ama-assn.org/go/cpt"

NULL_FLAVORS = {
    "unknown": "UNK",
    "asked-unknown": "ASKU",
    "temp-unknown": "NAV",
    "not-asked": "NASK",
    "asked-declined": "ASKU",
    "masked": "MSK",
    "not-applicable": "NA",
    "unsupported": "OTH",
    "as-text": "OTH",
    "negative-infinity": "NINF",
    "positive-infinity": "PINF",
    "not-permitted": "NP",
    "not-performed": "NAV",
    "error": "NI",
    "not-a-number": "NI",
}
"""Why a value is missing (data-absent-reason), as a nullFlavor (HL7's guide, DataAbsentReasonNullFlavor)."""
NULL_FLAVOR_URI = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"

_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_ABSENCES = (NULL_FLAVOR_URI, _ABSENT_SYSTEM)
"""Systems whose codes say why there is none."""
_SPACE = re.compile(r"\s")
_NAMES = {LOINC: "LOINC", SNOMED: "SNOMED CT"}


def coded(tag: str, code: str, system: str, display: str = "", kind: str = "") -> Element:
    """A code that the template asks for."""
    named = _NAMES.get(system, "")
    return make(tag, code=code, codeSystem=system, codeSystemName=named, displayName=display, kind=kind)


def cd_of(
    concept: Node, run: Run, tag: str = "code", *, kind: str = "", prefer: Sequence[str] = (), only: bool = False
) -> Element:
    """The CD of a CodeableConcept, a nullFlavor where it says nothing.

    The first coding of a system in `prefer` (URIs) is the code, else the first; the others are translations. With
    `only`, codings of other systems are translations of a code that is absent for another reason (OTH).
    """
    if not concept:
        return null(tag, kind=kind)
    codings = concept.all("coding")
    flavor = _flavor(codings)
    codings = [each for each in codings if _said(each) and each.peek("system") not in _ABSENCES]
    chosen = _chosen(codings, prefer, only=only)
    text = concept.text("text")
    if chosen is None:
        absent = concept.extension(_ABSENT).text("valueCode")
        flavor = flavor or ("OTH" if codings or text else NULL_FLAVORS.get(absent, "UNK"))
        made = null(tag, flavor, kind=kind)
    else:
        made = make(tag, kind=kind, **attributes_of(chosen, run))
    if text:
        made.append(make("originalText", text=text))
    made.extend([make("translation", **attributes_of(each, run)) for each in codings if each is not chosen])
    return made


def _said(coding: Node) -> bool:
    return coding.has("code") or coding.has("display")


def _flavor(codings: Sequence[Node]) -> str:
    """The nullFlavor that a coding stands for, "" where none does; such codings are taken as read."""
    for each in codings:
        if each.peek("system") == NULL_FLAVOR_URI and each.has("code"):
            each.pass_over(*each.names())
            return each.peek("code")
        if each.peek("system") == _ABSENT_SYSTEM:
            each.pass_over(*each.names())
            return NULL_FLAVORS.get(each.peek("code"), "UNK")
    return ""


def _chosen(codings: Sequence[Node], prefer: Sequence[str], *, only: bool) -> Node | None:
    usable = [each for each in codings if each.has("code") and not _SPACE.search(each.peek("code"))]
    for system in prefer:
        for each in usable:
            if each.peek("system") == system:
                return each
    if only:
        return None
    selected = [each for each in usable if each.peek("userSelected") == "true"]
    return next(iter((*selected, *usable)), None)


def ce_of(coding: Node, run: Run, tag: str = "code", kind: str = "") -> Element:
    """The CE of a Coding."""
    return make(tag, kind=kind, **attributes_of(coding, run)) if _said(coding) else null(tag, kind=kind)


def attributes_of(coding: Node, run: Run) -> dict[str, str]:
    """The attributes of the CD that a Coding is; a code that holds a space is no code of a document."""
    code, display, system = coding.text("code"), coding.text("display"), coding.text("system")
    coding.pass_over("userSelected")
    if not code or _SPACE.search(code):
        if code:
            what = "a code with a space in it is no code in a document; it stands as what is shown"
            run.tell(NO_CODE, coding.path, what, "", Severity.INFORMATION)
        found = {"nullFlavor": "OTH", "displayName": display or code}
        return found | system_of(system, coding, run)
    return {"code": code, "displayName": display} | system_of(system, coding, run)


def system_of(system: str, coding: Node, run: Run) -> dict[str, str]:
    """codeSystem, its name and its version; a UUID made of the URI where that has no object identifier."""
    if not system:
        return {}
    version = coding.text("version")
    oid = run.oids.get(system) or system_oid(system)
    if not oid:
        written = system.removeprefix("urn:oid:").removeprefix("urn:uuid:")
        oid = written if is_root(written) else ""
    if oid:
        return {"codeSystem": oid, "codeSystemName": _NAMES.get(oid, ""), "codeSystemVersion": version}
    what = "this coding system has no object identifier; a UUID made of its URI stands for it, the URI beside it"
    run.tell(NO_OID, f"{coding.path}.system", what, "give it one by the option systems", Severity.INFORMATION)
    return {"codeSystem": run.uuid(system), "codeSystemName": system, "codeSystemVersion": version}


def is_absent(coding: Node) -> bool:
    """Whether a Coding only says why there is none; it counts as read then."""
    if coding.peek("system") in _ABSENCES:
        coding.pass_over(*coding.names())
        return True
    return False


def shown(concept: Node) -> str:
    """What a CodeableConcept or Coding says to a reader."""
    text = concept.peek("text")
    if text:
        return text
    for each in (*concept.all("coding"), concept):
        if each.peek("display"):
            return each.peek("display")
    for each in (*concept.all("coding"), concept):
        if each.peek("code"):
            return each.peek("code")
    return ""


def has_code(concept: Node, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept has one of these codes of that system (a URI); nothing is marked as read."""
    return any(each.peek("system") == system and each.peek("code") in codes for each in concept.all("coding"))


def code_in(concept: Node, system: str) -> str:
    """The code that a CodeableConcept has in that system (a URI), "" where it has none; it counts as read."""
    for each in concept.all("coding"):
        if each.peek("system") == system:
            each.pass_over("system", "display", "version", "userSelected")
            return each.text("code")
    return ""
