"""II to Identifier, uri and key."""

from __future__ import annotations

import re
from urllib.parse import quote

from schemas.codes import identifier_system
from schemas.fhir import Element
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import OWN, URI, put

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE | re.ASCII)
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+\Z", re.ASCII)
_URI_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:\S+\Z", re.ASCII)
ROOT = f"{OWN}ccda-root:"
"""What the system begins with of identifiers and codes whose root or code system is none that CDA knows."""
_URI_ROOT = "2.16.840.1.113883.4.873"
"""The root whose extensions are URIs (HL7's registration of urn:ietf:rfc:3986)."""


def system_of(root: str, run: Run) -> str:
    """The URI of the system of identifiers under `root`: the site's own, FHIR's, else the root as a URN."""
    systems = run.options.systems
    found = systems.find(root, "", ()) if systems is not None else None
    return found.code if found is not None else identifier_system("", root) or root_uri(root)


def root_uri(root: str) -> str:
    """`root` as a URN of its kind; one that is neither an object identifier nor a UUID nor a URI, as one of ours."""
    if _OID.match(root):
        return f"urn:oid:{root}"
    if _UUID.match(root):
        return f"urn:uuid:{root.lower()}"
    return root if _URI_SCHEME.match(root) else f"{ROOT}{quote(root, safe='')}"


def ii_identifier(ii: Node, run: Run) -> Element | None:
    """II: None where it says nothing or is null."""
    root, value = ii.attr("root"), ii.attr("extension")
    if ii.null or not (root or value):
        return None
    element: Element = {}
    if root == _URI_ROOT and value:
        system, value = _split(value)
        put(element, "system", system)
    elif value:
        put(element, "system", system_of(root, run) if root else "")
    else:
        element["system"], value = URI, root_uri(root)
    element["value"] = value
    name = ii.attr("assigningAuthorityName")
    if name:
        element["assigner"] = {"display": name}
    return element


def identifiers(node: Node, run: Run) -> list[Element]:
    """The identifiers of `node`, each once."""
    found: list[Element] = []
    for each in node.all("id"):
        made = ii_identifier(each, run)
        if made is not None and made not in found:
            found.append(made)
    return found


def key_of(identifier: Element) -> tuple[str, str]:
    """What makes an identifier the only one: its system and value."""
    return (identifier.get("system", ""), identifier["value"])


def _split(value: str) -> tuple[str, str]:
    """System and value of a URI that is an identifier as a whole: the value is what stands behind the last mark."""
    mark = "/" if "://" in value else ":"
    system, _, last = value.rpartition(mark)
    return (system, last) if last and ":" in system else (URI, value)
