"""Identifier to II."""

from __future__ import annotations

import re

from schemas.codes import identifier_oid, system_oid
from schemas.finding import Severity
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.run import NO_OID, Run

_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+\Z", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z", re.ASCII)
_URI = "urn:ietf:rfc:3986"
_URI_ROOT = "2.16.840.1.113883.4.873"
"""The root whose extensions are URIs (HL7's registration of urn:ietf:rfc:3986)."""
_LONGEST_OID = 128


def is_root(text: str) -> bool:
    """Whether `text` may be the root of an II: an object identifier or a UUID (CDA R2, data types, uid)."""
    return (len(text) <= _LONGEST_OID and _OID.match(text) is not None) or _UUID.match(text) is not None


def ids_of(resource: Node, run: Run, name: str = "id") -> list[Element]:
    """The ids of a resource: its identifiers, else one made of its own id, so that there is always one."""
    found = [made for each in resource.all("identifier") if (made := ii_of(each, run, name)) is not None]
    return found or [make(name, root=run.own_id(resource))]


def ii_of(identifier: Node, run: Run, name: str = "id") -> Element | None:
    """The II of an Identifier, None where it has no value."""
    value, system = identifier.text("value"), identifier.text("system")
    if not value:
        return None
    if system == _URI:
        root = value.removeprefix("urn:oid:").removeprefix("urn:uuid:")
        if is_root(root):
            return make(name, root=root)
    if not system:
        assigner = _assigner(identifier, run)
        return make(name, root=run.uuid("no system"), extension=value, assigningAuthorityName=assigner)
    root = _root_of(system, run)
    if not root and (whole := _whole_uri(system, value)):
        return make(name, root=_URI_ROOT, extension=whole, assigningAuthorityName=_assigner(identifier, run))
    root = root or root_of(system, identifier.path, run)
    named = system if root == run.uuid(system) else _assigner(identifier, run)
    return make(name, root=root, extension=value, assigningAuthorityName=named)


def _assigner(identifier: Node, run: Run) -> str:
    """The name of who assigned an Identifier."""
    assigner = identifier.one("assigner")
    display = assigner.text("display")
    found = run.resolve(assigner) if assigner.has("reference") else EMPTY
    run.mark(found)
    return found.text("name") or display


def root_of(system: str, where: str, run: Run) -> str:
    """The root for a system: its object identifier or UUID, else a UUID made of its URI (a finding tells)."""
    root = _root_of(system, run)
    if root:
        return root
    what = "this system has no object identifier; a UUID made of its URI stands for it, the URI beside it"
    run.tell(NO_OID, where, what, "give it one by the option systems", Severity.INFORMATION)
    return run.uuid(system)


def _root_of(system: str, run: Run) -> str:
    root = run.oids.get(system) or identifier_oid(system) or system_oid(system)
    written = system.removeprefix("urn:oid:").removeprefix("urn:uuid:")
    return root or (written if is_root(written) else "")


def _whole_uri(system: str, value: str) -> str:
    """System and value as one URI, "" where they could not be told apart again."""
    mark = "/" if "://" in system else ":"
    plain = value.isascii() and value.isprintable() and " " not in value
    return f"{system}{mark}{value}" if ":" in system and mark not in value and plain else ""
