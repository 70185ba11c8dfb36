"""CWE, CE, CNE, CF, IS, ID and ST to CodeableConcept, Coding, code, string and kin; codes are never lost."""

from __future__ import annotations

from functools import lru_cache

from schemas.codes import Coding, ConceptMap, concept_map, has_code, system_name, system_uri
from schemas.fhir import Element
from transforms.elements import ALTERNATE_CODES, as_code, coding, extension
from transforms.v2_to_fhir.extensions import V2_FIELD, V2_SYSTEM
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

_TRIPLETS = ((1, 2, 3, 7), (4, 5, 6, 8), (10, 11, 12, 13))
"""Identifier, text, name of coding system and its version, for each of the codes of a CWE (HL7 v2.9, 2A.2.13)."""


def cwe_codeable_concept(cwe: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """CWE[CodeableConcept]; the other coded types (CE, CNE, CF) have the same parts.

    `codes` names the guide's concept map, `table` the HL7 table (`0069`) of a code that names no coding system.
    """
    if cwe is None:
        return None
    codings: list[Element] = []
    for places in _TRIPLETS:
        if places[0] <= len(cwe.parts):
            found = _codings(cwe, places, run, where, codes, table)
            if found and not codings and places[0] > 1:
                # The message has it in the place of an alternate code, and has no other.
                for each in found:
                    each.setdefault("extension", []).append(extension(V2_FIELD, "valueString", f"CWE.{places[0]}"))
            codings += found
    element: Element = {"coding": codings} if codings else {}
    text = cwe[9] or (cwe[2] if not cwe.has(1) else "") or (cwe[5] if not cwe.has(1) and not cwe.has(4) else "")
    if text:
        element["text"] = text
    return element or None


def ce_codeable_concept(ce: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """CE[CodeableConcept]."""
    return cwe_codeable_concept(ce, run, where, codes, table)


def cne_codeable_concept(cne: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """CNE[CodeableConcept]."""
    return cwe_codeable_concept(cne, run, where, codes, table)


def cf_codeable_concept(cf: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """CF[CodeableConcept]: as a CWE, its text formatted."""
    return cwe_codeable_concept(cf, run, where, codes, table)


def is_codeable_concept(value: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """IS[CodeableConcept]: one code of a user-defined table."""
    return cwe_codeable_concept(value, run, where, codes, table)


def id_codeable_concept(value: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """ID[CodeableConcept]: one code of an HL7 table."""
    return cwe_codeable_concept(value, run, where, codes, table)


def put_system(concept: Element, segment: SourceSegment, field: int) -> None:
    """Name the coding system of the first code of `concept`, which names none: old fields have it beside the code."""
    for each in concept.get("coding", [])[:1]:
        if "system" in each or "extension" in each or not segment.has(field):
            continue
        name = segment.text(field)
        uri = system_uri(name)
        if uri:
            each["system"] = uri
        else:
            each["extension"] = [extension(V2_SYSTEM, "valueString", name)]
        each.setdefault("extension", []).append(extension(V2_FIELD, "valueString", f"{segment.name}-{field}"))


def st_codeable_concept(text: str) -> Element | None:
    """ST[CodeableConcept]: a text alone."""
    return {"text": text} if text else None


def cwe_coding(cwe: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """CWE[Coding]: the first code that there is; others are left unread, and so are kept."""
    if cwe is None:
        return None
    for places in _TRIPLETS:
        if cwe.has(places[0]) or cwe.has(places[1]):
            found = _codings(cwe, places, run, where, codes, table)
            if len(found) > 1:
                first, *others = found
                first.setdefault("extension", []).extend(
                    extension(ALTERNATE_CODES, "valueCodeableConcept", {"coding": [each]}) for each in others
                )
            if found:
                return found[0]
    return None


def id_coding(value: Value | None, run: Run, where: str, codes: str = "", table: str = "") -> Element | None:
    """ID[Coding]."""
    return cwe_coding(value, run, where, codes, table)


def put_code(element: Element, name: str, value: str, codes: str, run: Run, where: str, table: str = "") -> None:
    """Put the code that the concept map `codes` gives for `value` into `element` as `name`.

    Where the way back would give another code, the sender's stands beside it (`alternate-codes`); where the map has
    none, it stands there alone, and a finding tells.
    """
    if not value.strip():
        return
    own = run.own_code(value, f"HL7{table}" if table else "")
    target = own.code if own is not None else _map(codes).code(value)
    if target:
        element[name] = target
        if _map(codes).back_code(target) == value:
            return
    else:
        run.report_code(where, value, codes)
    original: Element = {"code": as_code(value)}
    if table and has_code(system_uri(f"HL7{table}"), value):
        original["system"] = system_uri(f"HL7{table}")
    beside = element.setdefault(f"_{name}", {})
    beside.setdefault("extension", []).append(
        extension(ALTERNATE_CODES, "valueCodeableConcept", {"coding": [original]})
    )


def id_boolean(text: str) -> bool | None:
    """ID[boolean], by table 0136: None where it is neither Y nor N."""
    return {"Y": True, "N": False}.get(text)


def put_boolean(element: Element, name: str, segment: SourceSegment, field: int, run: Run) -> None:
    """Put a field of table 0136 into `element` as the boolean `name`; any other text is kept beside, with a finding."""
    text = segment.text(field)
    value = id_boolean(text)
    if value is not None:
        element[name] = value
    elif text:
        put_code(element, name, text, "YesNoIndicator", run, segment.where(field), "0136")


def cwe_string(cwe: Value | None) -> str:
    """CWE[string]: the original text, else the text, else the code."""
    if cwe is None:
        return ""
    for number in (9, 2, 5, 1, 4):
        if cwe.has(number):
            return cwe[number]
    return ""


def _codings(
    cwe: Value, places: tuple[int, int, int, int], run: Run, where: str, codes: str, table: str
) -> list[Element]:
    """The codings of one code of a CWE: those that the site's map or the guide's gives, and the sender's own."""
    code = cwe[places[0]]
    if not code.strip():
        return []
    display = cwe[places[1]]
    name = cwe[places[2]]
    found: list[Element] = []
    own = run.own_code(code, name)
    if own is not None:
        found.append(coding(Coding(own.code, own.display, system_uri(own.system) or own.system)))
    elif codes and _is_of_table(name):
        found = [coding(each) for each in _map(codes).find(code)]
        if not found:
            run.report_code(where, code, codes)
    original = _original(code, display, name, cwe[places[3]], run, table if not found else "")
    for each in found:
        if each["code"] == code and (not name or each.get("system") == original.get("system")):
            if display:
                each["display"] = display
            if cwe.has(places[3]):
                each["version"] = cwe[places[3]]
            if name:
                each.setdefault("extension", []).append(extension(V2_SYSTEM, "valueString", name))
            return found
    return [*found, original] if not found or name or display or not _comes_back(found, codes, code) else found


def _original(code: str, display: str, name: str, version: str, run: Run, table: str) -> Element:
    element: Element = {}
    uri = system_uri(name) if name else (system_uri(f"HL7{table}") if table else "")
    if not has_code(uri, code):
        uri = ""
    if not uri and name and run.options.local_systems:
        uri = run.options.local_systems.replace("{name}", name)
    if uri:
        element["system"] = uri
    if name and (not uri or _is_renamed(name, uri, display, table)):
        element["extension"] = [extension(V2_SYSTEM, "valueString", name)]
    if version:
        element["version"] = version
    element["code"] = as_code(code)
    if display:
        element["display"] = display
    return element


@lru_cache(maxsize=1024)
def _is_renamed(name: str, uri: str, display: str, table: str) -> bool:
    """Whether the way back would name the system of that URI otherwise, or, being the field's own, not at all."""
    return name != system_name(uri) or (not display and bool(table) and uri == system_uri(f"HL7{table}"))


def _comes_back(found: list[Element], codes: str, code: str) -> bool:
    return any(_map(codes).back(each.get("system", ""), each["code"]) == code for each in found)


def _is_of_table(name: str) -> bool:
    """Whether a coding system's name leaves the code to the field's own table."""
    return not name or name.upper().startswith("HL7") or name == "L"


@lru_cache(maxsize=256)
def _map(name: str) -> ConceptMap:
    return concept_map(name)
