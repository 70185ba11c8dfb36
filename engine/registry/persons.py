"""A person as the registry keeps one: a short JSON text of the normalised parts."""

from __future__ import annotations

import orjson

from transforms.matching import Address, Name, Person


def to_text(person: Person) -> str:
    """`person` in the form that `from_text` reads; what is not known is left out."""
    parts = {
        "i": sorted(person.identifiers),
        "n": [[name.family, name.given, name.suffix] for name in person.names],
        "b": person.birth_date,
        "s": person.sex,
        "a": [[address.line, address.city, address.postal_code] for address in person.addresses],
        "p": sorted(person.phones),
        "4": person.ssn4,
    }
    return orjson.dumps({name: value for name, value in parts.items() if value}).decode()


def from_text(text: str) -> Person:
    """The person that `to_text` wrote."""
    get = orjson.loads(text).get
    return Person(
        frozenset(map(tuple, get("i", ()))),
        tuple([Name(tuple(family), tuple(given), suffix) for family, given, suffix in get("n", ())]),
        get("b", ""),
        get("s", ""),
        tuple([Address(tuple(line), city, code) for line, city, code in get("a", ())]),
        frozenset(get("p", ())),
        get("4", ""),
    )
