"""A person as a message or a roster describes one, in the forms that are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from transforms.matching import normal


class Name(NamedTuple):
    """One name, normalised: `family` and `given` are the words of each, `suffix` is `jr`, `sr`, `ii` or ""."""

    family: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    suffix: str = ""

    @classmethod
    def of(cls, family: str, given: Iterable[str] = (), suffix: str = "") -> Name:
        """The name of texts as they were written, with accents, hyphens and all.

        What stands for a given name that nobody knows yet (`Baby Boy`) is none: two newborns of one mother share it.
        """
        families, own = normal.suffixed(normal.words(family))
        return cls(families, normal.known_given(normal.words(" ".join(given))), normal.suffix(suffix) or own)


class Address(NamedTuple):
    """One address, normalised: `line` is the street's number and name, `postal_code` five digits of the United States
    or the whole code of another country."""

    line: tuple[str, ...] = ()
    city: str = ""
    postal_code: str = ""

    @classmethod
    def of(cls, line: str, city: str = "", postal_code: str = "") -> Address:
        """The address of texts as they were written."""
        return cls(normal.street(line), " ".join(normal.words(city)), normal.postal_code(postal_code))


@dataclass(frozen=True, init=False)
class Person:
    """What is known of a person; what is not known is empty and says nothing.

    `identifiers` are pairs of assigning authority's system and value. `birth_date` is `YYYYMMDD`, or "" where it is
    not known to the day. `sex` is `F`, `M` or "". `ssn4` is the last four digits of a social security number.
    """

    identifiers: frozenset[tuple[str, str]]
    names: tuple[Name, ...]
    birth_date: str
    sex: str
    addresses: tuple[Address, ...]
    phones: frozenset[str]
    ssn4: str

    def __init__(
        self,
        identifiers: frozenset[tuple[str, str]] = frozenset(),
        names: tuple[Name, ...] = (),
        birth_date: str = "",
        sex: str = "",
        addresses: tuple[Address, ...] = (),
        phones: frozenset[str] = frozenset(),
        ssn4: str = "",
    ) -> None:
        # Past the frozen dataclass's own assignment: a message is compared with several members, read for it.
        self.__dict__.update(
            identifiers=identifiers,
            names=names,
            birth_date=birth_date,
            sex=sex,
            addresses=addresses,
            phones=phones,
            ssn4=ssn4,
        )

    @cached_property
    def families(self) -> frozenset[str]:
        """Every word of every family name, and each whole family name without its gaps."""
        found = {word for name in self.names for word in name.family}
        return frozenset(found | {"".join(name.family) for name in self.names if name.family})

    @cached_property
    def first_given(self) -> frozenset[str]:
        """The first given name of every name."""
        return frozenset(name.given[0] for name in self.names if name.given)
