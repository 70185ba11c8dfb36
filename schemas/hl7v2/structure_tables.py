"""The standard's tables by version: message structures, segments, fields, data types, HL7 tables.

The figures are hl7apy's, one package of tables a version. Only its tables are read, never its parser or validator
(docs/decisions/hl7apy-for-conformance.md). A version is imported when it is first asked for: 10 to 40 ms, once.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
"""The versions that have tables of their own, oldest first."""

DEFAULT_VERSION = "2.5.1"
"""What a message is read as that names no version, or none of HL7 v2."""

ANY_SEGMENT = "ANYHL7SEGMENT"
"""Stands in a structure for whatever segment the site agreed on."""

_NUMBER = re.compile(r"2(?:\.(\d{1,2})(?:\.(\d{1,2}))?)\Z")
_GOES_ON = re.compile(r"\.\.\.|…| _|and higher|<null>")
_GROUP_PREFIX = re.compile(r"[A-Z][A-Z0-9]{2}_[A-Z0-9]{3}_(?=.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Element:
    """A field of a segment, or a component of a data type; `most` is None where it may repeat without limit."""

    meaning: str
    datatype: str
    table: str
    least: int
    most: int | None

    @property
    def withdrawn(self) -> bool:
        """Whether this version has withdrawn or reserved the place: it must not be valued."""
        return self.most == 0 or self.datatype == "WD"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A place in a message structure: one segment, or a group of places (`choice`: exactly one of them).

    `short` is a group's name without the structure's (`ORDER_OBSERVATION`); a choice is called `CHOICE`.
    """

    name: str
    short: str
    least: int
    most: int | None
    is_group: bool = False
    choice: bool = False
    children: tuple[Node, ...] = ()
    names: frozenset[str] = frozenset()
    """Every segment name beneath."""


class Tables:
    """The tables of one version. Names that the version does not know give None or an empty tuple."""

    def __init__(self, version: str) -> None:
        self.version = version
        library = importlib.import_module("hl7apy.v" + version.replace(".", "_"))
        self._elements: Mapping[str, Mapping[str, Any]] = library.ELEMENTS
        self._segments: dict[str, Mapping[int, Element] | None] = {}
        self._components: dict[str, tuple[Element, ...]] = {}
        self._codes: dict[str, frozenset[str]] = {}
        self._structures: dict[str, Node | None] = {}

    def structure(self, name: str) -> Node | None:
        """The message structure of that name (`ADT_A01`), or None."""
        if name not in self._structures:
            found = self._elements["Message"].get(name)
            self._structures[name] = None if found is None else self._node(name, found, 1, 1)
        return self._structures[name]

    def has_segment(self, name: str) -> bool:
        """Whether this version defines a segment of that name."""
        return name in self._elements["Segment"] and name != ANY_SEGMENT

    def fields(self, segment: str) -> Mapping[int, Element] | None:
        """The fields of a segment by number, None for an unknown segment; a number that is left out is withdrawn."""
        if segment not in self._segments:
            found = self._elements["Segment"].get(segment) if self.has_segment(segment) else None
            self._segments[segment] = None if found is None else MappingProxyType(self._fields(segment, found))
        return self._segments[segment]

    def components(self, datatype: str) -> tuple[Element, ...]:
        """The components of a composite data type, in order; empty for a primitive or unknown one."""
        if datatype not in self._components:
            found = self._elements["Datatypes_Structs"].get(datatype, ())
            numbered = {_number(part[0]): _element(part[1], part[2]) for part in found}
            parts = [numbered.get(number, _WITHDRAWN) for number in range(1, max(numbered, default=0) + 1)]
            if datatype == "TS":
                parts = [
                    replace(part, datatype="DTM" if part.datatype == "ST" else part.datatype, least=0) for part in parts
                ]
            self._components[datatype] = tuple(parts)
        return self._components[datatype]

    def knows_datatype(self, datatype: str) -> bool:
        """Whether `datatype` may stand in OBX-2 of this version."""
        known = self._elements["Datatypes_Structs"]
        return datatype in PRIMITIVES or datatype in known or datatype in self.codes("0125")

    def codes(self, table: str) -> frozenset[str]:
        """The codes of an HL7 table (`0001`), empty where the version does not hold it or says that it goes on."""
        if table not in self._codes:
            found = self._elements["Table"].get("HL7" + table)
            codes = [code for written in (found[1] if found else ()) for code in written.replace(", ", ",").split(",")]
            self._codes[table] = frozenset() if any(map(_GOES_ON.search, codes)) else frozenset(codes)
        return self._codes[table]

    def _fields(self, segment: str, definition: Sequence[Any]) -> dict[int, Element]:
        fields = {_number(part[0]): _element(part[1], part[2]) for part in _parts(definition)}
        for (versions, place), corrected in _CORRECTIONS.items():
            name, _, number = place.partition("-")
            if name == segment and int(number) in fields and (not versions or self.version in versions):
                fields[int(number)] = replace(fields[int(number)], **corrected)
        if segment == "QPD":
            fields = {
                number: replace(field, most=None if number > 2 else field.most) for number, field in fields.items()
            }
        return fields

    def _node(self, name: str, definition: Sequence[Any], least: int, most: int) -> Node:
        children = tuple(self._child(part) for part in _parts(definition))
        names = frozenset(each for child in children for each in (child.names if child.is_group else (child.name,)))
        short = _GROUP_NAMES.get(name) or _GROUP_PREFIX.sub("", name)
        short = "CHOICE" if definition[0] == "choice" else _GROUP_NAMES.get(short, short)
        choice = definition[0] == "choice"
        optional = [not child.least for child in children]
        if any(optional) if choice else all(optional):
            least = 0  # a group of nothing but optional places is not missed
        return Node(name, short, least, _most(most), True, choice, children, names)

    def _child(self, part: Sequence[Any]) -> Node:
        name, _, (least, most), kind = part
        if kind == "GRP":
            return self._node(name, self._elements["Group"][name], least, most)
        return Node(name, name, least, _most(most))


_WITHDRAWN = Element("withdrawn", "WD", "", 0, 0)

_GROUP_NAMES = {
    "ORU_R01_RESPONSE": "PATIENT_RESULT",
    "ORF_R04_PIDNTEORCOBRNTETQ1TQ2CTDOBXNTECTI_SUPPGRP": "QUERY_RESPONSE",
    "ORF_R04_ORCOBRNTETQ1TQ2CTDOBXNTECTI_SUPPGRP": "ORDER",
    "DOC_T12_EVNPIDPV1TXAOBX_SUPPGRP": "RESULT",
    "OUL_R23_SPMOBXSACINVOBRORCNTETQ1TQ2OBXTCDSIDNTECTI_SUPPGRP": "SPECIMEN",
    "OUL_R24_SPMOBXSACINV_SUPPGRP": "SPECIMEN",
    "AUTCTD_SUPPGRP2": "AUTHORIZATION_CONTACT",
    "COMPONENTS": "COMPONENT",
    "FACPDCNTE_SUPPGRP": "FACILITY_DETAIL",
    "FACPSHPDCPSHFACPDCNTEED_SUPPGRP": "FACILITY",
    "OBXNTE_SUPPGRP": "OBSERVATION",
    "OBXTCDSIDNTE_SUPPGRP": "RESULT",
    "ORCRXARXR_SUPPGRP": "STUDY_PHARM",
    "PIDNTE_SUPPGRP": "PATIENT",
    "PIDPD1NTE_SUPPGRP": "PATIENT",
    "PSHPDC_SUPPGRP": "PRODUCT",
    "PV1PV2_SUPPGRP": "VISIT",
    "RXARXR_SUPPGRP": "RX_ADMIN",
    "SPMSAC_SUPPGRP2": "SPECIMEN",
    "TIIMING": "TIMING",
    "TQ1TQ2_SUPPGRP": "TIMING_QTY",
}
"""Names that hl7apy has made up or misspelt in one version, and those that the other versions have."""

_CORRECTIONS: Mapping[tuple[tuple[str, ...], str], Mapping[str, Any]] = {
    ((), "OBX-2"): {"least": 0},
    ((), "OBX-4"): {"least": 0},
    (("2.3",), "ORC-7"): {"least": 0},
    (("2.3",), "OBR-27"): {"least": 0},
    (("2.8", "2.8.1", "2.8.2"), "ROL-2"): {"table": "0287"},
    (("2.8", "2.8.1", "2.8.2"), "PRT-2"): {"table": "0287"},
}
"""Where hl7apy's tables differ from the standard: versions (none: all), place, and what is right."""

PRIMITIVES = frozenset(["DT", "DTM", "FT", "GTS", "ID", "IS", "NM", "SI", "SNM", "ST", "TM", "TN", "TS", "TX"])
"""Data types without components."""


@cache
def tables(version: str) -> Tables:
    """The tables of one of `VERSIONS`; raises `ValueError` for any other."""
    if version not in VERSIONS:
        raise ValueError(f"there are no tables of this version; there are {', '.join(VERSIONS)}")
    return Tables(version)


@lru_cache(maxsize=64)
def nearest_version(version: str) -> str | None:
    """The version whose tables serve a message of `version`: itself, else the one before; None when it is no HL7 v2.

    `2.7.1` gives `2.7`, `2.9` gives `2.8.2`.
    """
    if version in VERSIONS:
        return version
    found = _NUMBER.match(version)
    if found is None:
        return None
    wanted = _ordinal(version)
    earlier = [each for each in VERSIONS if _ordinal(each) <= wanted]
    return earlier[-1] if earlier else VERSIONS[0]


def _ordinal(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _most(most: int) -> int | None:
    return None if most < 0 else most


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _parts(definition: Sequence[Any]) -> Sequence[Any]:
    # ORO of version 2.1 lacks the word before its parts, QRD of 2.7 has the word alone.
    if not isinstance(definition[0], str):
        return definition
    return definition[1] if len(definition) > 1 else ()


def _element(reference: Sequence[Any], cardinality: tuple[int, int]) -> Element:
    # Read from the end: RX1-30 of version 2.1 has one place more than the others.
    meaning, table = reference[-3], reference[-2]
    return Element(
        meaning=" ".join((meaning or "").replace("_", " ").lower().split()),
        datatype="WD" if reference[2] in (None, "wd") else reference[2],
        table=(table or "").removeprefix("HL7"),
        least=cardinality[0],
        most=_most(cardinality[1]),
    )
