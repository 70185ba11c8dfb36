"""CX, EI, EIP, HD, PLN, DLN, CWE and ST to Identifier and uri."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.codes import system_uri
from schemas.fhir import Element
from transforms.elements import URI, add_extension, extension
from transforms.v2_to_fhir.datatypes.authorities import (
    hd_organization,
    put_authority,
    put_authority_named,
    put_check_digit,
    put_type,
    system_of,
    universal_uri,
)
from transforms.v2_to_fhir.datatypes.times import period
from transforms.v2_to_fhir.extensions import ASSIGNING_FACILITY, V2_SYSTEM
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value


def cx_identifier(cx: Value | None, run: Run, where: str) -> Element | None:
    """CX[Identifier]."""
    if cx is None or not cx.has(1):
        return None
    element: Element = {}
    put_check_digit(element, cx[2], cx[3])
    put_type(element, cx[5])
    if cx.has(4):
        put_authority(element, cx.part(4), run)
    element["value"] = cx[1]
    _put_period(element, cx[7], cx[8], run, where)
    facility = hd_organization(cx.part(6), run) if cx.has(6) else None
    if facility is not None:
        add_extension(element, extension(ASSIGNING_FACILITY, "valueReference", facility))
    return element


def ei_identifier(ei: Value | None, run: Run, kind: str = "") -> Element | None:
    """EI[Identifier-System], EI[Identifier-Extension]: an entity's identifier, of type `kind` (table 0203)."""
    if ei is None or not ei.has(1):
        return None
    element: Element = {}
    put_type(element, kind)
    put_authority_named(element, ei[2], ei[3], ei[4], run)
    element["value"] = ei[1]
    return element


def hd_identifier(hd: Value | None) -> Element | None:
    """HD[Identifier]: the universal id as a URI where it is one, else the namespace id."""
    if hd is None:
        return None
    uri = universal_uri(hd[2], hd[3])
    if uri:
        return {"system": URI, "value": uri}
    text = hd[2] or hd[1]
    return {"value": text} if text else None


def pln_identifier(pln: Value | None, run: Run, where: str) -> Element | None:
    """PLN[Identifier]: a practitioner's licence or other number."""
    if pln is None or not pln.has(1):
        return None
    element: Element = {}
    put_type(element, pln[2])
    if pln.has(3):
        element["assigner"] = {"display": pln[3]}
    element["value"] = pln[1]
    _put_period(element, "", pln[4], run, where)
    return element


def dln_identifier(dln: Value | None, run: Run, where: str) -> Element | None:
    """DLN[Identifier]: a driver's licence."""
    if dln is None or not dln.has(1):
        return None
    element: Element = {}
    put_type(element, "DL")
    if dln.has(2):
        element["assigner"] = {"display": dln[2]}
    element["value"] = dln[1]
    _put_period(element, "", dln[3], run, where)
    return element


def cwe_identifiers(cwe: Value | None, run: Run) -> list[Element]:
    """CWE[Identifier]: each code of a CWE as an identifier, its coding system as the system, its text as the type's."""
    found: list[Element] = []
    if cwe is None:
        return found
    for code, text, name in ((1, 2, 3), (4, 5, 6), (10, 11, 12)):
        if not cwe.has(code):
            continue
        element: Element = {}
        shown = cwe[text]
        if shown:
            element["type"] = {"text": shown}
        system = cwe[name]
        uri = system_uri(system) if system else ""
        if uri:
            element["system"] = uri
        elif system == "L":
            element["extension"] = [extension(V2_SYSTEM, "valueString", system)]
        elif system:
            element["system"] = system_of(system, "", "", run)
        element["value"] = cwe[code]
        found.append(element)
    return found


def eip_identifiers(eip: Value | None, run: Run) -> list[Element]:
    """EIP[Identifier-PlacerAssignedIdentifier] and EIP[Identifier-FillerAssignedIdentifier], those that there are."""
    if eip is None:
        return []
    found = (
        ei_identifier(eip.part(1) if eip.has(1) else None, run, "PGN"),
        ei_identifier(eip.part(2) if eip.has(2) else None, run, "FGN"),
    )
    return [each for each in found if each is not None]


def best_identifier(identifiers: Sequence[Element], kinds: Sequence[str]) -> Element | None:
    """Of several identifiers the one whose type (table 0203) comes first in `kinds`, else the first that there is."""
    best: tuple[int, Element] | None = None
    for identifier in identifiers:
        codings = identifier.get("type", {}).get("coding", [])
        kind = codings[0].get("code", "") if codings else ""
        rank = kinds.index(kind) if kind in kinds else len(kinds)
        if "value" in identifier and (best is None or rank < best[0]):
            best = (rank, identifier)
    return None if best is None else best[1]


def identifier_key(identifier: Element, run: Run) -> tuple[str, str]:
    """What makes an identifier the only one: its system and value; without a system, within the sending facility."""
    return (identifier.get("system") or f"{run.facility}|", identifier["value"])


def owned_key(identifier: Element, run: Run) -> tuple[str, ...]:
    """What makes the identifier of a thing of a patient (a diagnosis, a procedure, a charge) the only one.

    Senders number such things anew for each patient, and without a system for each visit.
    """
    owner = run.patient if "system" in identifier or run.encounter is None else run.encounter
    return (owner["id"] if owner is not None else run.sender, *identifier_key(identifier, run))


def _put_period(element: Element, start: str, end: str, run: Run, where: str) -> None:
    found = period(start, end, run, where)
    if found is not None:
        element["period"] = found
