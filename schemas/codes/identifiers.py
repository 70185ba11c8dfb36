"""Identifier systems that FHIR has a URI for: who assigned a number, as an HD (CX.4, XCN.9) says it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from schemas.codes.data import rows


def identifier_system(namespace: str, oid: str) -> str:
    """The URI for identifiers of this assigner, by its object identifier (HD.2) or else its name (HD.1, in any case).

    "" where it is not known, and where the object identifier is not, whatever the name: the identifier is the
    assigner's own.
    """
    if oid:
        return _by_oid().get(oid.strip(), "")
    return _by_namespace().get(namespace.strip().upper(), "")


@cache
def _by_oid() -> Mapping[str, str]:
    return {oid: uri for uri, _, oids in rows("identifiers.csv") for oid in oids.split()}


@cache
def _by_namespace() -> Mapping[str, str]:
    return {each: uri for uri, namespaces, _ in rows("identifiers.csv") for each in namespaces.upper().split()}


def identifier_oid(uri: str) -> str:
    """The object identifier of the assigner whose identifiers have that URI; "" where none is known."""
    return _oids().get(uri, "")


@cache
def _oids() -> Mapping[str, str]:
    return {uri: oids.split()[0] for uri, _, oids in rows("identifiers.csv") if oids}
