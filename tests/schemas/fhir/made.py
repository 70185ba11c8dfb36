"""Resources made by R4's own table of elements, for tests that hold for any resource."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from schemas.fhir import Element, Resource
from schemas.fhir.elements import ANY_RESOURCE, PRIMITIVES, element_names, element_type
from schemas.fhir.types import CHOICES, RESOURCES

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=("Cc", "Cs", "Co", "Cn")), min_size=1
).filter(lambda text: not text.isspace())
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "unsignedInt": st.integers(0, 2**31 - 1),
    "positiveInt": st.integers(1, 2**31 - 1),
    "decimal": st.from_regex(r"-?(0|[1-9]\d{0,12})(\.\d{1,8})?\Z", fullmatch=True, alphabet="0123456789.-").map(
        Decimal
    ),
    "date": st.sampled_from(["2026", "2024-02", "2024-02-29"]),
    "dateTime": st.sampled_from(["2026", "2024-02-29", "2026-03-12T08:30:00.125+14:00", "2026-03-12T23:59:60Z"]),
    "instant": st.sampled_from(["2026-03-12T08:30:00-05:00", "2024-02-29T08:30:00.1Z"]),
    "time": st.sampled_from(["08:30:00", "23:59:59.9"]),
    "xhtml": st.just('<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b</p><!-- c --></div>'),
    "id": st.from_regex(r"[A-Za-z0-9.-]{1,64}\Z", fullmatch=True),
    "oid": st.just("urn:oid:1.2.3"),
    "uuid": st.uuids().map(lambda uuid: f"urn:uuid:{uuid}"),
    "base64Binary": st.binary(min_size=1).map(lambda data: "QUJD" * (len(data) // 8 + 1)),
    **dict.fromkeys(("uri", "url", "canonical"), st.just("http://x.example/a?b=c&d=e")),
    "code": st.sampled_from(["a", "a b", "<&>"]),
    **dict.fromkeys(("string", "markdown"), _TEXT),
}
_CHOICE = re.compile(rf"(.+?)({'|'.join(sorted(CHOICES, key=len, reverse=True))})\Z")


@st.composite
def resources(draw: st.DrawFn, depth: int = 3) -> Resource:
    """A resource of any type of R4: its elements, some of them, with values of their types."""
    type = draw(st.sampled_from(sorted(RESOURCES)))
    return {"resourceType": type, **draw(elements(type, depth))}


@st.composite
def elements(draw: st.DrawFn, of: str, depth: int) -> Element:
    """The parts of an element of the type `of`."""
    names = [name for name in element_names(of) if name != "resourceType" and (depth > 0 or _is_plain(of, name))]
    made: Element = {}
    stems = set()
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)) if names else ():
        found = element_type(of, name)
        assert found is not None
        choice = _CHOICE.match(name)
        stem = choice.group(1) if choice else name
        if stem in stems:  # of a choice element, one value
            continue
        stems.add(stem)
        type = "id" if name == "id" and of in RESOURCES else found.type
        values = _values(type, depth - 1)
        if not found.is_list:
            made[name] = draw(values)
            continue
        made[name] = draw(st.lists(values, min_size=1, max_size=2))
        if found.is_primitive and draw(st.booleans()):
            made[name] = [None, *made[name]]
            made[f"_{name}"] = [{"id": "i"}, *(None for _ in made[name][1:])]
    return made or {"id": "x"}


def _is_plain(of: str, name: str) -> bool:
    found = element_type(of, name)
    return found is not None and found.is_primitive


def _values(type: str, depth: int) -> st.SearchStrategy[Any]:
    if type == ANY_RESOURCE:
        return resources(min(depth, 1))
    return _VALUES[type] if type in PRIMITIVES else elements(type, depth)
