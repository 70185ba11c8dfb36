"""XAD, SAD and AD to Address."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.elements import CORE, add_extension, extension
from transforms.v2_to_fhir.datatypes.codes import cwe_string, put_code
from transforms.v2_to_fhir.datatypes.times import period
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

_TYPES = ("M", "SH")
_USES = ("BA", "BI", "C", "B", "H", "O")


def xad_address(xad: Value | None, run: Run, where: str) -> Element | None:
    """XAD[Address]."""
    if xad is None:
        return None
    element: Element = {}
    lines = [*sad_lines(xad.part(1)), xad[2], xad[19]]
    lines = [line for line in lines if line]
    if lines:
        element["line"] = lines
        if not xad.is_simple(1) or not xad.has(1) or (xad.has(19) and not xad.has(2)):
            held: Element = {}
            parts = [xad.peek(number) for number in (1, 2, 19)]
            keep_text(held, run.er7.delimiters.component.join(parts), run)
            element["_line"] = [held, *[None] * (len(lines) - 1)]
    for name, number in (("city", 3), ("state", 4), ("postalCode", 5), ("country", 6)):
        text = xad[number]
        if text:
            element[name] = text
    if xad.has(9):
        element["district"] = cwe_string(xad.part(9))
    if xad.has(10) and lines:
        # R4 gives this extension to a line, not to the address as the guide has it; without a line it stays unread.
        beside = element.setdefault("_line", [{}, *[None] * (len(lines) - 1)])
        tract = cwe_string(xad.part(10))
        add_extension(beside[0], extension(f"{CORE}iso21090-ADXP-censusTract", "valueString", tract))
    if not element:
        return None
    _put_type(element, xad[7], run, where)
    if xad.has(13) or xad.has(14):
        validity = period(xad[13], xad[14], run, where)
    else:
        range_ = xad.part(12)
        validity = period(range_[1], range_[2], run, where)
    if validity is not None:
        element["period"] = validity
    return element


def sad_lines(sad: Value) -> list[str]:
    """SAD[Address]: the lines of a street address."""
    return [text for text in (sad[1], sad[2], sad[3]) if text]


def _put_type(element: Element, kind: str, run: Run, where: str) -> None:
    """Put the address type (table 0190) into the Address, as its use, its type or, where it is neither, beside it."""
    if not kind:
        return
    if kind in _USES:
        put_code(element, "use", kind, "AddressType[Use]", run, where, "0190")
    elif kind in _TYPES:
        put_code(element, "type", kind, "AddressType[Type]", run, where, "0190")
    elif kind == "HV":
        add_extension(element, extension(f"{CORE}iso21090-AD-use", "valueCode", "HV"))
    else:
        coded = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0190", "code": kind}]}
        add_extension(element, extension("urn:hie-engine:address-type", "valueCodeableConcept", coded))
