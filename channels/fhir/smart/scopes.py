"""Scopes of SMART App Launch 2: `system/Patient.cruds`, as sets that can be asked and intersected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from channels.fhir.interaction import Interaction
from schemas.fhir.types import RESOURCES

ALL = "*"
"""Stands for every type of resource."""

_LETTERS = "cruds"
_SCOPE = re.compile(r"system/(\*|[A-Za-z]{1,64})\.(c?r?u?d?s?)\Z")
_LETTER = {
    "create": "c",
    "message": "c",
    "document": "c",
    "validate": "c",
    "read": "r",
    "vread": "r",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search": "s",
}


class ScopeError(ValueError):
    """A text is no scope that can be given; says why."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """What may be done: letters of `cruds` by type of resource, `*` for all types."""

    letters: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, texts: Iterable[str]) -> Scopes:
        """The scopes that `texts` name; raises `ScopeError`."""
        found: dict[str, frozenset[str]] = {}
        for text in texts:
            type, letters = _read(text)
            found[type] = found.get(type, frozenset()) | letters
        return cls(found)

    @classmethod
    def asked(cls, text: str) -> Scopes:
        """What of the scopes in `text`, with spaces between, can be given at all; the others are passed over, as RFC
        6749 (3.3) lets a server do."""
        known = []
        for each in text.split():
            try:
                _read(each)
            except ScopeError:
                continue
            known.append(each)
        return cls.read(known)

    def allow(self, letter: str, type: str) -> bool:
        """Whether `letter` may be done on `type`; `*` asks for every type."""
        return letter in self.letters.get(type, ()) or letter in self.letters.get(ALL, ())

    def both(self, other: Scopes) -> Scopes:
        """What both allow."""
        found: dict[str, frozenset[str]] = {}
        for mine, letters in self.letters.items():
            for theirs, others in other.letters.items():
                if mine == theirs or ALL in (mine, theirs):
                    type = theirs if mine == ALL else mine
                    found[type] = found.get(type, frozenset()) | (letters & others)
        whole = found.get(ALL, frozenset())
        return Scopes({type: left for type, each in found.items() if (left := each if type == ALL else each - whole)})

    def lacks(self, interaction: Interaction) -> str:
        """The scope that is missing for `interaction`, "" when it may be done.

        A message and a document are Bundles that are created, whatever is in them. A patch is an update. A search that
        reaches other types than its own needs all of them.
        """
        type = ALL if interaction.reaches else interaction.type or ALL
        letter = _LETTER.get(interaction.kind) or ("r" if interaction.id else "s")
        return "" if self.allow(letter, type) else f"system/{type}.{letter}"

    def __str__(self) -> str:
        return " ".join(
            f"system/{type}.{''.join(each for each in _LETTERS if each in letters)}"
            for type, letters in sorted(self.letters.items())
        )


def _read(text: str) -> tuple[str, frozenset[str]]:
    found = _SCOPE.match(text)
    if found is None or not found.group(2):
        raise ScopeError("a scope is system/TYPE.LETTERS, the letters of `cruds` in this order: system/Patient.cu")
    type = found.group(1)
    if type != ALL and type not in RESOURCES:
        near = get_close_matches(type, RESOURCES, 1)
        raise ScopeError(f"R4 has no resource {type}{f'; did you mean {near[0]}?' if near else ''}")
    return type, frozenset(found.group(2))
