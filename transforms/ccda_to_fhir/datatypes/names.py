"""PN, EN and ON to HumanName and string."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element
from transforms.ccda_to_fhir.datatypes.times import period
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import add_extension, extension, put

_QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
_QUALIFIERS = frozenset(["LS", "AC", "NB", "PR", "HON", "BR", "AD", "SP", "MID", "CL", "IN", "PFX", "SFX", "VV"])


def human_name(name: Node | None, run: Run) -> Element | None:
    """PN: None where it says nothing."""
    if name is None or name.null:
        return None
    element: Element = {}
    use = _use(name)
    put(element, "use", use)
    text = _joined(name)
    put(element, "text", text)
    family = [each for each in name.all("family") if each.text]
    if family:
        element["family"] = " ".join(each.text for each in family)
        qualifier = family[0].attr("qualifier")
        if qualifier in _QUALIFIERS:
            element["_family"] = {"extension": [extension(_QUALIFIER, "valueCode", qualifier)]}
    for part in ("given", "prefix", "suffix"):
        _put_parts(element, part, name)
    if not name.all("family") and not name.all("given"):
        put(element, "text", name.text)
    if not element.keys() - {"use"}:
        return None
    put(element, "period", period(name.get("validTime"), run))
    return element


def human_names(node: Node, run: Run) -> list[Element]:
    """The names of `node`."""
    return [found for each in node.all("name") if (found := human_name(each, run)) is not None]


def organization_name(node: Node) -> tuple[str, list[str]]:
    """The name of an organization, and its other names."""
    found = list(dict.fromkeys(text for each in node.all("name") if not each.null and (text := each.text)))
    return (found[0], found[1:]) if found else ("", [])


def _put_parts(element: Element, part: str, name: Node) -> None:
    texts: list[str] = []
    beside: list[Element | None] = []
    for each in name.all(part):
        text = each.text
        if each.attr("nullFlavor") or not text:
            continue
        texts.append(text)
        words = [word for word in each.attr("qualifier").split() if word in _QUALIFIERS]
        own: Element = {}
        add_extension(own, *(extension(_QUALIFIER, "valueCode", word) for word in words))
        beside.append(own or None)
    put(element, part, texts)
    if any(beside):
        element[f"_{part}"] = beside


def _use(name: Node) -> str:
    codes = concept_map("CF-NameUse")
    return next((found for each in name.attr("use").split() if (found := codes.code(each))), "")


def _joined(name: Node) -> str:
    parts = [each.text for part in ("prefix", "given", "family", "suffix") for each in name.all(part)]
    return " ".join(filter(None, parts))
