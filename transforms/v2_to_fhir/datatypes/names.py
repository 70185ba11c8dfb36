"""XPN, FN and PN to HumanName."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element
from transforms.elements import CORE, add_extension, extension
from transforms.v2_to_fhir.datatypes.codes import put_code
from transforms.v2_to_fhir.datatypes.times import period
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

_FAMILY_PARTS = (
    (2, "humanname-own-prefix"),
    (3, "humanname-own-name"),
    (4, "humanname-partner-prefix"),
    (5, "humanname-partner-name"),
)


def xpn_human_name(xpn: Value | None, run: Run, where: str) -> Element | None:
    """XPN[HumanName]."""
    if xpn is None:
        return None
    element: Element = {}
    put_family(element, xpn, 1)
    _put_texts(element, "given", xpn[2], xpn[3])
    _put_texts(element, "suffix", xpn[4], xpn[6], xpn[14])
    _put_texts(element, "prefix", xpn[5])
    if not element:
        return None
    put_code(element, "use", xpn[7], "NameType", run, where, "0200")
    validity = name_period(xpn, 10, 12, 13, run, where)
    if validity is not None:
        element["period"] = validity
    put_assembly_order(element, xpn, 11, run, where)
    return element


def xpn_called_by(xpn: Value | None) -> Element | None:
    """XPN.15, what a person is called by: a HumanName of its own."""
    if xpn is None or not xpn.has(15):
        return None
    return {"use": "nickname", "given": [xpn[15]]}


def xpn_string(xpn: Value | None) -> str:
    """XPN[string]: the name as one would write it."""
    if xpn is None:
        return ""
    return " ".join(filter(None, (xpn[5], xpn[2], xpn[3], xpn[1], xpn[4])))


def fn_human_name(fn: Value) -> Element:
    """FN[HumanName]: the family name, its parts as extensions of it."""
    element: Element = {}
    family = fn[1] or " ".join(filter(None, (fn[2], fn[3], fn[4], fn[5])))
    if family:
        element["family"] = family
    extensions = [extension(CORE + url, "valueString", fn[number]) for number, url in _FAMILY_PARTS if fn.has(number)]
    if extensions:
        element["_family"] = {"extension": extensions}
    return element


def put_family(element: Element, value: Value, number: int) -> None:
    """Put part `number` of a name, an FN, into the HumanName `element`."""
    if number <= len(value.parts) and value.parts[number - 1]:
        if value.is_simple(number):
            element["family"] = value[number]
        else:
            element.update(fn_human_name(value.part(number)))


def put_assembly_order(element: Element, value: Value, number: int, run: Run, where: str) -> None:
    """Put part `number` of a name, the order in which its parts are shown (table 0444), into the HumanName `element`.

    The extension needs a code of FHIR's: one that has none stays with the name as it was sent.
    """
    if value.has(number) and concept_map("NameAssemblyOrder").code(value.peek(number)):
        held: Element = {}
        put_code(held, "valueCode", value[number], "NameAssemblyOrder", run, where, "0444")
        add_extension(element, {"url": f"{CORE}humanname-assembly-order", **held})


def name_period(value: Value, range: int, start: int, end: int, run: Run, where: str) -> Element | None:
    """When a name holds: from its start and end, or its range where it has neither."""
    if value.has(start) or value.has(end):
        return period(value[start], value[end], run, where)
    if not value.has(range):
        return None
    dr = value.part(range)
    return period(dr[1], dr[2], run, where)


def _put_texts(element: Element, name: str, *texts: str) -> None:
    found = [text for text in texts if text]
    if found:
        element[name] = found
