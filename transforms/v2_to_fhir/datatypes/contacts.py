"""XTN to ContactPoint."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.elements import CORE, OWN, absent, add_extension, extension
from transforms.v2_to_fhir.datatypes.codes import put_code
from transforms.v2_to_fhir.datatypes.times import period
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

_NETWORK = ("Internet", "X.400")
_PARTS = (
    (5, "contactpoint-country"),
    (6, "contactpoint-area"),
    (7, "contactpoint-local"),
    (8, "contactpoint-extension"),
)


def xtn_contact_point(xtn: Value | None, run: Run, where: str, use: str = "") -> Element | None:
    """XTN[ContactPoint]; `use` is what it is where XTN.2 does not say."""
    if xtn is None:
        return None
    equipment = xtn.peek(3)
    value = _value(xtn, equipment)
    element: Element = {}
    if not value:
        return None
    equipment = xtn[3]
    _put_system(element, xtn, equipment, run, where)
    element["value"] = value
    if xtn.has(2):
        put_code(element, "use", xtn[2], "TelecommunicationUseCode", run, where, "0201")
    elif use:
        element["use"] = use
    rank = xtn[18]
    if rank.isdecimal() and int(rank) > 0:
        element["rank"] = int(rank)
    if xtn.has(13) or xtn.has(14):
        element["period"] = period(xtn[13], xtn[14], run, where)
    if equipment not in _NETWORK:
        add_extension(
            element, *[extension(CORE + url, "valueString", xtn[number]) for number, url in _PARTS if xtn.has(number)]
        )
    if xtn.has(9) and value != xtn[9]:
        add_extension(element, extension(f"{OWN}contact-text", "valueString", xtn[9]))
    return element


def _value(xtn: Value, equipment: str) -> str:
    """The number or address that an XTN gives: its address, the unformatted number, its parts or the old one.

    The unformatted number comes before the parts, which are carried as extensions in any case: so neither is lost.
    """
    if xtn.has(4) and (equipment in _NETWORK or not (xtn.has(1) or xtn.has(7) or xtn.has(12))):
        return xtn[4]
    if xtn.has(12):
        return xtn[12]
    if xtn.has(7):
        return number_of(xtn[5], xtn[6], xtn[7], xtn[8])
    return xtn[1] or xtn[9]


def number_of(country: str, area: str, local: str, extension: str) -> str:
    """The number that the parts of an XTN make, as the guide writes it: `+1 608 5550142 X12`."""
    number = " ".join(filter(None, (f"+{country.removeprefix('+')}" if country else "", area, local)))
    return f"{number} X{extension}" if extension else number


def _put_system(element: Element, xtn: Value, equipment: str, run: Run, where: str) -> None:
    if equipment:
        put_code(element, "system", equipment, "TelecommunicationEquipmentType", run, where, "0202")
        if "system" not in element:
            element["system"] = "other"
    elif (xtn.has(4) and not xtn.has(7) and not xtn.has(1)) or xtn[2] == "NET":
        element["system"] = "email"
    else:
        element["_system"] = absent("unknown")
