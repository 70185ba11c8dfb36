"""Where the guide's FHIR paths lead in a bundle: without instance numbers, through references to other resources."""

from __future__ import annotations

import re
from collections.abc import Iterable

_OF_TYPE = re.compile(r"^\.?(?:Quantity|HumanName|ContactPoint|Address|Identifier|Annotation)\.")
_INSTANCE = re.compile(r"\[[^\]]*\]")
_REFERENCE = re.compile(r"\.reference\b")
_EXTENSION = re.compile(r"(#?\bext(?:en[st]ion)?\b|\?\?extension)[^.(]*#?", re.IGNORECASE)


def target(root: str, paths: Iterable[str]) -> str:
    """The path that `paths`, each beneath the one before, lead to from `root`: `Location.identifier`."""
    current = root
    for path in paths:
        for piece in _pieces(path):
            current = piece if piece[0].isupper() else f"{current}.{piece}"
    return current


def matches(wanted: str, path: str) -> bool:
    """Whether a fact at `path` is at `wanted` or beneath; the guide leaves out a step here and there."""
    steps = iter(_steps(path))
    return all(any(_is_step(name, step) for step in steps) for name in _steps(wanted)) and _first(wanted) == _first(
        path
    )


def literal(assignment: str) -> str:
    """The constant that a row assigns, "" where it assigns none."""
    found = re.fullmatch(r'"([^"]*)"', assignment)
    return found[1] if found else ""


def _pieces(path: str) -> list[str]:
    """`participant.actor(Location.identifier)` is `participant.actor` and `Location.identifier`."""
    text = _INSTANCE.sub("", path).replace("$this", "").replace("$value", "").replace(" ", "")
    text = _OF_TYPE.sub("", text.partition("=")[0]).replace("value.CodeableConcept", "valueCodeableConcept")
    pieces = []
    for piece in re.split(r"[()]", text):
        cleaned = _REFERENCE.sub("", _EXTENSION.sub("extension", piece)).strip(".?#")
        if cleaned:
            pieces.append(cleaned)
    return pieces


def _steps(path: str) -> list[str]:
    return [step.lstrip("_") for step in re.sub(r"\([^)]*\)", "", path).split(".")]


def _is_step(wanted: str, step: str) -> bool:
    return step == wanted or (wanted.endswith("[x]") and step.startswith(wanted[:-3]))


def _first(path: str) -> str:
    return _steps(path)[0]
