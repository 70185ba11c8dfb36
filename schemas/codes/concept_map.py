"""The maps of HL7's guides v2-to-FHIR and C-CDA on FHIR, with our corrections (docs/codes.md), read both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from schemas.codes.data import rows


class Coding(NamedTuple):
    """A code, how it is shown, and the URI of its system; an empty system is a code of the FHIR element itself."""

    code: str
    display: str = ""
    system: str = ""


_NONE: tuple[Coding, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ConceptMap:
    """One table of the guide; `name` is the guide's, for example `PatientClass[EncounterClass]`."""

    name: str
    targets: Mapping[str, tuple[Coding, ...]] = field(repr=False)
    """v2 code to its codings, in the guide's order."""
    _sources: Mapping[tuple[str, str], str] = field(repr=False)
    _sources_by_code: Mapping[str, str] = field(repr=False)
    _own: Mapping[str, tuple[Coding, ...]] = field(repr=False)

    def find(self, code: str) -> tuple[Coding, ...]:
        """What the v2 code becomes, in the guide's order; empty where the guide gives nothing.

        A code that the guide lists on the FHIR side alone, where v2's own table has none for it, stands for itself:
        a sender who writes `en` or `OBSENC` means that code. A number does not: a site's own numbers mean other things.
        """
        return self.targets.get(code) or self._own.get(code, _NONE)

    def code(self, code: str) -> str:
        """The code of the first coding of `find`, or ""."""
        found = self.find(code)
        return found[0].code if found else ""

    def back(self, system: str, code: str) -> str:
        """The v2 code that becomes this coding, or "".

        Of several, the one that stands first in `concept_maps.csv`: its rows are in this order of preference, so
        that MaritalStatus `T` (domestic partner) is P and not G (living together).
        """
        return self._sources.get((system, code), "")

    def back_code(self, code: str) -> str:
        """As `back`, for a target whose system the FHIR element fixes (Patient.gender, Encounter.status)."""
        return self._sources_by_code.get(code, "")


def concept_map(name: str) -> ConceptMap:
    """The map of that name, without the `/` that the guide writes in some; raises `KeyError` for an unknown name."""
    return _maps()[name]


def map_names() -> tuple[str, ...]:
    """The names of all maps that ship, in alphabetical order; the guide leaves some of them empty."""
    return tuple(_maps())


@cache
def _maps() -> Mapping[str, ConceptMap]:
    read: dict[str, list[tuple[str, Coding]]] = {}
    for name, source, code, display, system in (*rows("concept_maps.csv"), *rows("ccda_maps.csv")):
        pairs = read.setdefault(name, [])
        if code:
            pairs.append((source, Coding(code, display, system)))
    return MappingProxyType({name: _built(name, pairs) for name, pairs in read.items()})


def _built(name: str, pairs: list[tuple[str, Coding]]) -> ConceptMap:
    targets: dict[str, tuple[Coding, ...]] = {}
    own: dict[str, tuple[Coding, ...]] = {}
    for source, coding in pairs:
        if source:
            targets[source] = (*targets.get(source, _NONE), coding)
        elif not coding.code.isdigit():
            own[coding.code] = (*own.get(coding.code, _NONE), coding)
    sources: dict[tuple[str, str], str] = {}
    by_code: dict[str, str] = {}
    for source, coding in pairs:
        if source:
            sources.setdefault((coding.system, coding.code), source)
            by_code.setdefault(coding.code, source)
    return ConceptMap(name, MappingProxyType(targets), sources, by_code, own)
