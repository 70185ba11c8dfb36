"""Texts of names, streets, codes and numbers in the one form in which they are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})
_APOSTROPHES = re.compile(r"[’'`´ʼ.]")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_NO_DIGIT = re.compile(r"[^0-9]+")
_SUFFIXES = {
    **{"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr"},
    **{"ii": "ii", "2nd": "ii", "iii": "iii", "3rd": "iii", "iv": "iv", "4th": "iv"},
}
_STREET_WORDS = {
    **{"street": "st", "str": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln"},
    **{"boulevard": "blvd", "court": "ct", "place": "pl", "circle": "cir", "terrace": "ter", "highway": "hwy"},
    **{"parkway": "pkwy", "square": "sq", "trail": "trl", "north": "n", "south": "s", "east": "e", "west": "w"},
    **{"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw", "saint": "st", "mount": "mt"},
}
_NO_GIVEN = frozenset(
    {
        *(
            "baby",
            "babyboy",
            "babygirl",
            "boy",
            "girl",
            "infant",
            "newborn",
            "neonate",
            "twin",
            "triplet",
            "female",
            "male",
        ),
        *("unknown", "unk", "unnamed", "noname", "unidentified", "none", "na", "nfn", "fnu"),
    }
)
_UNITS = frozenset({"apt", "apartment", "unit", "suite", "ste", "floor", "fl", "room", "rm", "lot"})
_NO_NUMBERS = frozenset({"000000000", "111111111", "123456789", "999999999"})
_OID = re.compile(r"[0-2](\.\d+)+\Z", re.ASCII)
_US_CODE = re.compile(r"(\d{5})(-?\d{4})?\Z", re.ASCII)


@lru_cache(maxsize=65_536)
def words(text: str) -> tuple[str, ...]:
    """The words of `text` in lower case without accents: `"O'Brien-Müller"` is `("obrien", "muller")`."""
    lower = _APOSTROPHES.sub("", text.casefold().translate(_LETTERS))
    plain = "".join(each for each in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(each))
    return tuple(filter(None, _NO_WORD.split(plain)))


def suffix(text: str) -> str:
    """The generation that a name's suffix tells (`jr`), "" for a degree or nothing."""
    return next((_SUFFIXES[word] for word in words(text) if word in _SUFFIXES), "")


def suffixed(family: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The words of a family name without the generation at its end, and that generation."""
    if len(family) > 1 and family[-1] in _SUFFIXES:
        return tuple(family[:-1]), _SUFFIXES[family[-1]]
    return tuple(family), ""


def known_given(given: tuple[str, ...]) -> tuple[str, ...]:
    """The words of given names; none where the first stands for a name that is not known: `Baby Boy A`, `Unknown`."""
    return () if given and given[0] in _NO_GIVEN else given


def street(line: str) -> tuple[str, ...]:
    """The words of a street's line, shortened as the post shortens them, without the apartment."""
    found: list[str] = []
    for word in words(line):
        if word in _UNITS:
            break
        found.append(_STREET_WORDS.get(word, word))
    return tuple(found)


def postal_code(text: str) -> str:
    """The five digits of a code of the United States, another country's code without gaps."""
    stripped = text.strip()
    found = _US_CODE.match(stripped)
    return found[1] if found else "".join(words(stripped))


def phone(text: str) -> str:
    """The last ten digits of a telephone number; "" for what has fewer than seven or but one digit throughout."""
    digits = _NO_DIGIT.sub("", text)[-10:]
    return digits if len(digits) >= 7 and len(set(digits[-7:])) > 1 else ""


def ssn4(text: str) -> str:
    """The last four digits of a social security number or of what is left of one; "" for a placeholder."""
    digits = _NO_DIGIT.sub("", text)
    if len(digits) not in (4, 9) or digits in _NO_NUMBERS or digits[-4:] == "0000":
        return ""
    return digits[-4:]


def birth_date(text: str) -> str:
    """`YYYYMMDD` of an HL7 or FHIR date that is known to the day, else ""."""
    digits = text[:10].replace("-", "")[:8]
    if len(digits) != 8 or not (digits.isascii() and digits.isdecimal()):
        return ""
    return digits if "01" <= digits[4:6] <= "12" and "01" <= digits[6:] <= "31" else ""


def authority(text: str) -> str:
    """An assigning authority as identifiers are compared by: an object identifier as its URI, a namespace in capitals,
    a URI as it is."""
    stripped = text.strip()
    if stripped.lower().startswith("urn:oid:"):
        return stripped.lower()
    if _OID.match(stripped):
        return f"urn:oid:{stripped}"
    return stripped if ":" in stripped else stripped.upper()
