"""What is known of given and family names: which are forms of one another, and which many people have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

_FILE = "names.csv"


def is_short_form(one: str, other: str) -> bool:
    """Whether one of the two is a short form of the other, and no name that parents give beside it: `bill`, `william`.

    `lisa` is short for `elizabeth` too, but twins may be called so: see `are_related`.
    """
    groups = names()["nickname"]
    mine, its = groups.get(one, _NONE), groups.get(other, _NONE)
    return (one in its and other not in its) or (other in mine and one not in mine)


def are_related(one: str, other: str) -> bool:
    """Whether the two given names are forms of one name, without saying that they are of one person."""
    groups = names()["nickname"]
    return bool(groups.get(one, _NONE) & groups.get(other, _NONE))


def is_common_given(name: str) -> bool:
    """Whether more than about one person in two hundred has this given name."""
    return name in names()["given"]


def is_common_family(name: str) -> bool:
    """Whether more than about one person in five hundred has this family name."""
    return name in names()["family"]


_NONE: frozenset[str] = frozenset()


@cache
def names() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """The rows of `names.csv` by kind: of nicknames each form with the names it stands for."""
    found: dict[str, dict[str, frozenset[str]]] = {"nickname": {}, "given": {}, "family": {}}
    text = (resources.files("transforms.matching") / _FILE).read_text("utf-8")
    for line in text.splitlines()[1:]:
        kind, name, forms = line.split(",")
        held = found[kind]
        for form in (name, *forms.split()):
            held[form] = held.get(form, _NONE) | {name}
    return found
