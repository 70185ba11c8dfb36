"""Under which keys a member is filed, so that a person is compared with a few of a million."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import jellyfish

from transforms.matching.person import Person


def keys(person: Person) -> frozenset[int]:
    """The keys of a person: two who are one share at least one, whatever slip there is in a single field.

    Each is 63 bits of a hash, so that the keys tell nothing to who reads them alone.
    """
    return frozenset(map(_hashed, _texts(person)))


def _texts(person: Person) -> Iterator[str]:
    for system, value in person.identifiers:
        yield f"i|{system}|{value}"
    date = person.birth_date
    initials = {word[0] for word in person.first_given}
    sounds = {sound(word) for word in person.families}
    if date:
        # Slips in either name, a new family name, names in each other's place.
        for initial in initials | {word[0] for word in person.families}:
            yield f"d|{date}|{initial}"
        if person.ssn4:
            yield f"s|{date}|{person.ssn4}"
    for name in sounds:
        # Slips in the birth date: one of its three parts is right, unless month and day changed places.
        for given in {sound(word) for word in person.first_given}:
            if date:
                first, second = sorted((date[4:6], date[6:]))
                yield f"y|{name}|{given}|{date[:4]}"
                yield f"m|{name}|{given}|{first}{second}"
        if person.ssn4:
            yield f"n|{name}|{person.ssn4}"
    for phone in person.phones:
        for initial in initials:
            yield f"p|{phone}|{initial}"


@lru_cache(maxsize=65_536)
def sound(word: str) -> str:
    """How a word of a name sounds; the word itself where it has no sound of its own."""
    return jellyfish.metaphone(word)[:4] or word


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
