"""TEL and AD to ContactPoint and Address."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element
from transforms.ccda_to_fhir.datatypes.times import period
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import put

_STREET = ("streetAddressLine", "streetName", "houseNumber", "houseNumberNumeric", "direction", "streetNameType")
_MORE = ("additionalLocator", "unitID", "unitType", "postBox", "careOf", "deliveryAddressLine", "buildingNumberSuffix")


def contact_point(tel: Node, run: Run) -> Element | None:
    """TEL: None where it says nothing."""
    value = tel.attr("value")
    if tel.null or not value:
        return None
    scheme, colon, rest = value.partition(":")
    scheme = scheme.strip().lower()
    system = concept_map("CF-TelecomType").code(scheme) if colon else ""
    if scheme in ("http", "https", "ftp") and colon:
        system, rest = "url", value
    uses = tel.attr("use").split()
    if "PG" in uses:
        system = "pager"
    element: Element = {}
    if not system:
        system = "email" if "@" in value else "phone" if not colon else "other"
        rest = value
    element["system"] = system
    element["value"] = rest.strip() or value
    codes = concept_map("CF-TelecomUse")
    use = next((found for each in ("MC", *uses) if each in uses and (found := codes.code(each))), "")
    put(element, "use", use if system != "pager" or use != "mobile" else "")
    put(element, "period", period(tel.get("useablePeriod"), run))
    return element


def contact_points(node: Node, run: Run) -> list[Element]:
    """The contact points of `node`, each once."""
    found: list[Element] = []
    for each in node.all("telecom"):
        made = contact_point(each, run)
        if made is not None and made not in found:
            found.append(made)
    return found


def address(ad: Node, run: Run) -> Element | None:
    """AD: None where it says nothing."""
    if ad.null:
        return None
    element: Element = {}
    uses = ad.attr("use").split()
    codes = concept_map("CF-AddressUse")
    put(element, "use", next((found for each in uses if (found := codes.code(each))), ""))
    if "PST" in uses or "PHYS" in uses:
        element["type"] = "postal" if "PST" in uses else "physical"
    lines = [each.text for name in (*_STREET, *_MORE) for each in ad.all(name)]
    own = ad.own_text
    if own and not lines:
        put(element, "text", ad.text)
    put(element, "line", list(filter(None, lines)))
    for name, part in (
        ("city", "city"),
        ("district", "county"),
        ("state", "state"),
        ("postalCode", "postalCode"),
        ("country", "country"),
    ):
        put(element, name, ad.string(part))
    if not element.keys() - {"use", "type"}:
        return None
    put(element, "period", period(ad.get("useablePeriod"), run))
    return element


def addresses(node: Node, run: Run) -> list[Element]:
    """The addresses of `node`, each once."""
    found: list[Element] = []
    for each in node.all("addr"):
        made = address(each, run)
        if made is not None and made not in found:
            found.append(made)
    return found
