"""Whether R4 has what a path asks for: found when the path is written, not by a condition that never holds."""

from __future__ import annotations

from difflib import get_close_matches

from schemas.fhir.elements import ANY_RESOURCE, PRIMITIVES, choices, element_names, element_type, is_type
from schemas.fhir.error import FhirError
from schemas.fhir.path import FhirPath


def readable_path(text: str) -> FhirPath:
    """The path that `text` writes, each of its elements one that R4 has; raises `FhirError`.

    What is within a resource or a choice element is looked at where the path says its type (`ofType`).
    """
    path = FhirPath.parse(text)
    type = path.type
    for step in path.steps:
        if step.kind == "type":
            type = _type_named(step.name)
        elif step.kind == "where":
            type = _within(type, step.name, text) if step.name else type
            for names, _ in step.tests:
                inner = type
                for name in names:
                    inner = _within(inner, name, text)
        else:
            type = _within(type, step.name, text)
    return path


def _type_named(name: str) -> str:
    """The type that `ofType` names, which the path has with a capital: `String` is `string`."""
    lower = name[0].lower() + name[1:]
    if lower in PRIMITIVES:
        return lower
    if not is_type(name):
        raise FhirError(f"{name[:40]!r} is no type of FHIR R4", hint="for example ofType(Patient), ofType(Quantity)")
    return name


def _within(type: str, name: str, text: str) -> str:
    """The type of the element `name` in `type`, "" where it is not known."""
    if type in ("", ANY_RESOURCE) or name[0] == "_":
        return ""
    found = element_type(type, name)
    if found is not None:
        return found.type
    several = choices(type, name)
    if several:
        only = element_type(type, several[0]) if len(several) == 1 else None
        return only.type if only is not None else ""
    near = get_close_matches(name, list(element_names(type)), 1)
    hint = f"did you mean {near[0]}?" if near else ""
    raise FhirError(f"{type} has no element {name[:40]!r} in FHIR R4", hint=hint, where=text[:60])
