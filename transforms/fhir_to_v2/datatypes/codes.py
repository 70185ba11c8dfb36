"""CodeableConcept, Coding and code to CWE, CE, CNE, IS and ID; a code that was v2's comes back as it was."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from schemas.codes import ConceptMap, concept_map, system_name, system_uri
from transforms.elements import ALTERNATE_CODES
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import NO_V2_CODE, Run
from transforms.v2_to_fhir.extensions import V2_FIELD, V2_SYSTEM

_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
"""The system of codes that say why there is no code."""
_V2_TABLE = "http://terminology.hl7.org/CodeSystem/v2-"
_PLACES = ((1, 2, 3, 7), (4, 5, 6, 8), (10, 11, 12, 13))
"""Identifier, text, name of coding system and its version, for each of the codes of a CWE (HL7 v2.9, 2A.2.13)."""


class Code(NamedTuple):
    """One code of a CWE."""

    code: str
    text: str = ""
    system: str = ""
    version: str = ""
    place: int = 1
    """The first component that it may stand in."""


def cwe_of(concept: Node, run: Run, codes: str = "", table: str = "") -> dict[int, Part]:
    """CodeableConcept[CWE]: the sender's own codes first, else those that the concept map `codes` has for them.

    `table` (`0069`) is the HL7 table of the field, whose codes need no coding system.
    """
    codings = [each for each in concept.all("coding") if each.peek("system") != _ABSENT]
    if concept.has("coding") and not codings:
        return {}
    return _cwe(codings, concept.text("text"), run, codes, table)


def cwe_of_coding(coding: Node, run: Run, codes: str = "", table: str = "") -> dict[int, Part]:
    """Coding[CWE], with the other codes that stand beside it."""
    others = [each for beside in coding.extensions(ALTERNATE_CODES) for each in _concept(beside).all("coding")]
    return _cwe([coding, *others], "", run, codes, table)


def code_of(element: Node, name: str, run: Run, codes: str = "") -> str:
    """The v2 code of the `code` element `name`: the sender's own, kept beside it, else by the concept map."""
    if element.has(f"_{name}"):
        beside = element.beside(name)
        for alternate in beside.extensions(ALTERNATE_CODES):
            own = next((each.text("code") for each in _concept(alternate).all("coding")), "")
            if own:
                _read_system(alternate)
                element.text(name)
                return own
    text = element.text(name)
    if not text or not codes:
        return text
    own_map = run.options.codes.find(text, "") if run.options.codes is not None else None
    found = own_map.code if own_map is not None else _map(codes).back_code(text)
    if not found:
        what = f"the map {codes} has no HL7 v2 code for this one; it is left out"
        run.tell(NO_V2_CODE, f"{element.path}.{name}", what, "add it to the code map that the option codes names")
    return found


def yes_no(element: Node, name: str) -> str:
    """The code of table 0136 for the boolean `name`; what else the sender wrote, where it was kept beside."""
    beside = element.beside(name) if element.has(f"_{name}") else EMPTY
    for alternate in beside.extensions(ALTERNATE_CODES):
        return next((each.text("code") for each in _concept(alternate).all("coding")), "")
    return {"true": "Y", "false": "N"}.get(element.text(name), "")


def codes_of(concept: Node, system: str) -> list[str]:
    """The codes of a CodeableConcept that are of `system`, or of none; nothing else is marked as read."""
    found = [each for each in concept.all("coding") if each.peek("system") in (system, "")]
    for each in found:
        each.text("system")
    return [each.text("code") for each in found if each.has("code")]


def method_of(concept: Node, segment: str) -> str:
    """The coding system that stands in a field of its own (DG1-2, PR1-2), beside the code."""
    coding = concept.one("coding")
    if coding.has("extension") and coding.extension(V2_FIELD).text("valueString") == f"{segment}-2":
        return _system_name(coding, coding.peek("system"))
    return ""


def has_code(concept: Node, *wanted: str) -> bool:
    """Whether a CodeableConcept has one of these codes; nothing is marked as read."""
    return any(each.peek("code") in wanted for each in concept.all("coding"))


def text_of(concept: Node) -> str:
    """A CodeableConcept as text: its own, else how its first code is shown, else the code."""
    first = concept.one("coding")
    return concept.text("text") or first.text("display") or first.text("code")


def _concept(extension: Node) -> Node:
    return extension.one("valueCodeableConcept")


def _read_system(extension: Node) -> None:
    for each in _concept(extension).all("coding"):
        each.text("system")


def _cwe(codings: list[Node], text: str, run: Run, codes: str, table: str) -> dict[int, Part]:
    found = _codes(codings, run, codes, table)
    parts: dict[int, Part] = {}
    free = [places for places in _PLACES if not found or places[0] >= found[0].place]
    for code, places in zip(found, free, strict=False):
        parts.update({place: value for value, place in zip(code[:4], places, strict=True) if value})
    if len(found) > len(_PLACES):
        where = codings[0].path.rpartition(".")[0]
        run.tell(NO_V2_CODE, where, "more codes than a CWE has places for; the first three are written")
    if text and not found:
        parts[2] = text
    elif text and run.has_component("CWE", 9):
        parts[9] = text
    elif text and 2 not in parts:
        parts[2] = text
    elif text and 5 not in parts:
        parts[5] = text
    return parts


def _codes(codings: list[Node], run: Run, codes: str, table: str) -> list[Code]:
    """The codes to write: the sender's own, and of those that a concept map has made only what no own code says."""
    map_ = _map(codes) if codes else None
    peeked = [(each.peek("system"), each.peek("code")) for each in codings]
    made = {
        (target.system, target.code)
        for number, (_, code) in enumerate(peeked)
        for target in (map_.find(code) if map_ is not None else ())
        if (target.system, target.code) != peeked[number]
    }
    found: list[Code] = []
    for coding in codings:
        system, code, display = coding.text("system"), coding.text("code"), coding.text("display")
        if not code:
            found += [Code("", display)] if display else []
            continue
        site = run.options.codes.find(code, system) if run.options.codes is not None else None
        if site is not None:
            found.append(Code(site.code, site.display, site.system))
            continue
        if (system, code) in made:
            continue
        back = map_.back(system, code) if map_ is not None else ""
        if back:
            name = coding.extension(V2_SYSTEM).text("valueString") if coding.has("extension") else ""
            if display and system.startswith(_V2_TABLE):
                name = name or system_name(system)
            place = _place(coding.extension(V2_FIELD).text("valueString")) if coding.has("extension") else 1
            # How the map itself shows a code adds nothing to it.
            adds = bool(name) or all(each.display != display for each in _map(codes).find(back))
            found.append(Code(back, display if back == code and adds else "", name, coding.text("version"), place))
        else:
            found.append(_own(coding, system, code, display, table))
    return found


def _own(coding: Node, system: str, code: str, display: str, table: str) -> Code:
    name = _system_name(coding, system)
    is_named = coding.has("extension") and bool(coding.extension(V2_SYSTEM))
    if table and not display and not is_named and system == system_uri(f"HL7{table}"):
        name = ""
    field = coding.extension(V2_FIELD).text("valueString") if coding.has("extension") else ""
    if field.endswith("-2"):
        name = ""  # it stands in a field of its own
    return Code(code, display, name, coding.text("version"), _place(field))


def _place(field: str) -> int:
    return {"CWE.4": 4, "CWE.10": 10}.get(field, 1)


def _system_name(coding: Node, system: str) -> str:
    own = coding.extension(V2_SYSTEM).text("valueString") if coding.has("extension") else ""
    return own or system_name(system) or system.removeprefix("urn:oid:")


@lru_cache(maxsize=256)
def _map(name: str) -> ConceptMap:
    return concept_map(name)
