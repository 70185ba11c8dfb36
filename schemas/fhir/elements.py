"""What elements R4 (4.0.1) gives each type, and of which type they are; from the definitions in `elements.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from schemas.fhir.types import CHOICES, RESOURCES

# fmt: off
PRIMITIVES = frozenset((
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer",
    "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid", "xhtml",
))
# fmt: on
"""The types that are one JSON value."""
ANY_RESOURCE = "Resource"
"""The type of an element that holds a resource, whose own `resourceType` says of which type."""

_EVERYWHERE = {"id": "string", "extension": "Extension*", "modifierExtension": "Extension*"}
_IN_RESOURCES = {
    "resourceType": "code",
    "meta": "Meta",
    "implicitRules": "uri",
    "language": "code",
    "text": "Narrative",
    "contained": f"{ANY_RESOURCE}*",
}


class ElementType(NamedTuple):
    """The type of an element, as `element_type` takes it for what is within, and whether it is a list."""

    type: str
    is_list: bool

    @property
    def is_primitive(self) -> bool:
        """Whether it is one JSON value."""
        return self.type in PRIMITIVES


def element_type(of: str, name: str) -> ElementType | None:
    """The type of the element that JSON calls `name` in the type `of`; None where R4 has none of that name."""
    written = _table().get(of, {}).get(name) or _EVERYWHERE.get(name)
    if written is None and of in RESOURCES:
        written = _IN_RESOURCES.get(name)
    return None if written is None else ElementType(written.removesuffix("*"), written.endswith("*"))


def element_names(of: str) -> Iterable[str]:
    """The names of the elements of the type `of`."""
    return (*_table().get(of, {}), *_EVERYWHERE, *(_IN_RESOURCES if of in RESOURCES else ()))


def is_type(name: str) -> bool:
    """Whether R4 has a resource or data type with parts that is called `name`."""
    return name in _table() and "." not in name


def choices(of: str, stem: str) -> list[str]:
    """The names that the choice element `stem` may have in the type `of`: `valueQuantity` and so on."""
    return [name for name in _table().get(of, {}) if name.startswith(stem) and name[len(stem) :] in CHOICES]


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("elements.json").read_bytes())
    return table
