"""HumanName to XPN and to the name in an XCN."""

from __future__ import annotations

from schemas.codes import concept_map
from transforms.elements import CORE
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import code_of
from transforms.fhir_to_v2.datatypes.times import validity_of
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run

_FAMILY_PARTS = ("humanname-own-prefix", "humanname-own-name", "humanname-partner-prefix", "humanname-partner-name")


def xpn_of(name: Node, run: Run) -> dict[int, Part]:
    """HumanName[XPN]."""
    given, suffixes = name.texts("given"), name.texts("suffix")
    degrees = [each for each in suffixes if is_degree(each)]
    plain = [each for each in suffixes if each not in degrees]
    professional = plain[1:] if run.has_component("XPN", 14) else []
    parts: dict[int, Part] = {
        1: family_of(name),
        2: given[0] if given else "",
        3: " ".join(given[1:]),
        4: ", ".join(plain[: len(plain) - len(professional)]),
        5: ", ".join(name.texts("prefix")),
        6: ", ".join(degrees) if run.has_component("XPN", 6) else "",
        14: ", ".join(professional if run.has_component("XPN", 6) else [*degrees, *professional]),
        7: code_of(name, "use", run, "NameType"),
        11: assembly_order_of(name, run),
        **validity_of(name, run, "XPN", 10, 12),
    }
    if name.has("text") and not any(parts[number] for number in (1, 2, 3)):
        parts[1] = name.text("text")
    return parts


def family_of(name: Node) -> Part:
    """HumanName[FN]: the family name, with its parts where it has any."""
    family = name.text("family")
    if not name.has("_family"):
        return family
    beside = name.beside("family")
    parts = [beside.extension(CORE + url).text("valueString") for url in _FAMILY_PARTS]
    return [family, *parts] if any(parts) else family


def assembly_order_of(name: Node, run: Run) -> str:
    """The order in which a name's parts are shown (table 0444)."""
    if not name.has("extension"):
        return ""
    return code_of(name.extension(f"{CORE}humanname-assembly-order"), "valueCode", run, "NameAssemblyOrder")


def is_called_by(name: Node) -> bool:
    """Whether a name is only what a person is called by (XPN.15)."""
    return name.peek("use") == "nickname" and not name.has("family") and not name.has("_use") and name.has("given")


def is_degree(text: str) -> bool:
    """Whether a suffix is an academic degree or a licence (table 0360)."""
    return bool(concept_map("DegreeLicenseCertificate").find(text))
