"""Which function writes the entries of which resources, and which section tells of them."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.element import Element
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import left_out

Writer = Callable[[Node, Row, Run], Element | None]
"""Writes the entry of a resource and tells of it in a row of the narrative; None for what must not be told."""

_WRITERS: dict[tuple[str, str], Writer] = {}
_HOMES: dict[str, str] = {}


def entry(*types: str, home: str = "", sections: tuple[str, ...] = ("",)) -> Callable[[Writer], Writer]:
    """Make a function the writer of resources of these types, in every section or in those `sections` alone.

    `home` is the key of the section that tells of them where no Composition says so. What no document may tell of
    (`standing.left_out`) does not reach the function.
    """

    def mark(function: Writer) -> Writer:
        def guarded(resource: Node, row: Row, run: Run) -> Element | None:
            return None if left_out(resource, run) else function(resource, row, run)

        for each in types:
            _WRITERS.update(((each, section), guarded) for section in sections)
            if home:
                _HOMES[each] = home
        return function

    return mark


def writer_of(type: str, section: str) -> Writer | None:
    """What writes the entry of a resource of that type in the section of that key."""
    _load()
    return _WRITERS.get((type, section)) or _WRITERS.get((type, ""))


def home_by_type(type: str) -> str:
    """The key of the section for resources of that type, "" where none tells of them."""
    _load()
    return _HOMES.get(type, "")


@cache
def _load() -> None:
    """Import every module of `entries`: their functions enter themselves."""
    folder = Path(__file__).with_name("entries")
    for each in sorted(module.name for module in pkgutil.iter_modules([str(folder)])):
        import_module(f"transforms.fhir_to_ccda.entries.{each}")
