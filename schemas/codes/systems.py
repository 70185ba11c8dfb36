"""Coding systems: HL7 table 0396 and what feeds write for it, object identifiers, and FHIR's URIs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from schemas.codes.data import rows

_V2 = "http://terminology.hl7.org/CodeSystem/v2-"
_V2_OID = "2.16.840.1.113883.12."
_HL7_TABLE = re.compile(r"HL7[-_ ]?(?!0+\Z)(\d{3,4})\Z", re.ASCII)
_OID = re.compile(r"(?:URN:OID:)?([0-2](?:\.(?:0|[1-9]\d{0,38})){2,32})\Z", re.ASCII)


def system_uri(name: str) -> str:
    """The URI of the coding system that a v2 message calls `name`, by name (in any case) or object identifier.

    "" where the name says nothing outside its site (`L`, `99zzz`) or is not known. `HL7nnnn` is HL7's table nnnn, also
    where a feed leaves out a zero (`HL7127`) or sets it apart (`HL7-0127`).
    """
    key = name.strip().upper()
    known = _uris().get(key)
    if known is not None:
        return known
    table = _HL7_TABLE.match(key)
    if table:
        return _V2 + table[1].zfill(4)
    oid = _OID.match(key)
    return _uri_of(oid[1]) if oid else ""


def system_name(uri: str) -> str:
    """The name that HL7 table 0396 has for the coding system of that URI; "" where it has none."""
    known = _names().get(uri)
    if known is not None:
        return known
    table = uri.removeprefix(_V2)
    if table != uri:
        return f"HL7{table}" if len(table) == 4 and table.isascii() and table.isdigit() else ""
    oid = _OID.match(uri.upper())
    resolved = _uri_of(oid[1]) if oid else uri
    return system_name(resolved) if resolved != uri and not resolved.startswith("urn:oid:") else ""


def _uri_of(oid: str) -> str:
    known = _uris().get(oid)
    if known is not None:
        return known
    table = oid.removeprefix(_V2_OID)
    if table != oid and table.isdigit() and len(table) <= 4:
        return _V2 + table.zfill(4)
    return f"urn:oid:{oid}"


@cache
def _uris() -> Mapping[str, str]:
    return {key: uri for uri, names, oids, _ in rows("systems.csv") for key in (*names.upper().split(), *oids.split())}


@cache
def _names() -> Mapping[str, str]:
    return {
        each: names.split()[0]
        for uri, names, _, other in rows("systems.csv")
        if names
        for each in (uri, *other.split())
    }


def system_oid(uri: str) -> str:
    """The object identifier of the coding system of that URI; "" where none is known."""
    known = _oids().get(uri)
    if known is not None:
        return known
    table = uri.removeprefix(_V2)
    if table != uri and len(table) == 4 and table.isascii() and table.isdigit():
        return f"{_V2_OID}{int(table)}"
    oid = _OID.match(uri.upper()) if uri.lower().startswith("urn:oid:") else None
    return oid[1] if oid else ""


@cache
def _oids() -> Mapping[str, str]:
    return {
        each: oids.split()[0] for uri, _, oids, other in rows("systems.csv") if oids for each in (uri, *other.split())
    }
