"""Two persons compared, field by field: what each says for or against them being one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import jellyfish

from transforms.matching.model import Model
from transforms.matching.names import are_related, is_common_family, is_common_given, is_short_form
from transforms.matching.person import Address, Name, Person

_UNSURE = ("nearly equal", "a form of the same name", "equal to the middle name", "an initial", "not known")
"""What given names may say of twins: `Jayden` and `Hayden`, `Anna` and `Nancy`, `Anna Maria` and `Maria`."""

_SHORT_FORM = "a short form"
OTHERS = "differs"
_OF_GIVEN = {
    "not known": "",
    "equal": "given",
    "equal, in the family name's place": "given",
    _SHORT_FORM: "given_nickname",
    "a form of the same name": "given_nickname",
    "equal to the middle name": "given_nickname",
    "an initial": "given_initial",
    "nearly equal": "given_close",
    OTHERS: "given_differs",
}
"""What given names may say, the first before the others, and the weight of each."""
_RANK: Mapping[str, int] = {what: rank for rank, what in enumerate(_OF_GIVEN)}


class Evidence(NamedTuple):
    """What the comparison of one field says: never the value of either side."""

    field: str
    what: str
    weight: float


class Comparison(NamedTuple):
    """All that two records say; `is_other` is whether their given names are those of two persons."""

    evidence: tuple[Evidence, ...]
    is_other: bool
    is_unsure: bool

    @property
    def score(self) -> float:
        """The sum of the weights."""
        return sum(each.weight for each in self.evidence)


def compare(one: Person, other: Person, model: Model) -> Comparison:
    """What the fields of the two say, but for their identifiers.

    Two given names that are neither equal nor forms of each other are those of two persons, whatever else agrees:
    twins share everything but their name. A given name that is but nearly equal stays unsure unless the social security
    number agrees, for twins are named alike; so does a short form where the sexes or the middle names differ.
    """
    given = _given(one, other, model)
    ssn = _ssn(one, other, model)
    middle = [*_middle(one, other, model)]
    found = [
        *_birth_date(one, other, model),
        *_family(one, other, model),
        given,
        *_common(one, other, given, model),
        *middle,
        *_suffix(one, other, model),
        *_sex(one, other, model),
        *ssn,
        *_place(one, other, model),
    ]
    agrees_on_ssn = any(each.weight > 0 for each in ssn)
    is_odd = _sexes_differ(one, other) or any(each.weight < 0 for each in middle)
    is_unsure = not agrees_on_ssn and (given.what in _UNSURE or (given.what == _SHORT_FORM and is_odd))
    return Comparison(tuple(found), given.what == OTHERS, is_unsure)


def _birth_date(one: Person, other: Person, model: Model) -> Iterator[Evidence]:
    if not one.birth_date or not other.birth_date:
        return
    if one.birth_date == other.birth_date:
        yield Evidence("birth date", "equal", model.birth_date)
    elif is_close_date(one.birth_date, other.birth_date):
        yield Evidence("birth date", "a slip apart", model.birth_date_close)
    else:
        yield Evidence("birth date", "differs", model.birth_date_differs)


def is_close_date(one: str, other: str) -> bool:
    """Whether a slip makes one `YYYYMMDD` of the other: a digit, two neighbours swapped, month and day swapped."""
    if one[:4] == other[:4] and one[4:6] == other[6:] and one[6:] == other[4:6]:
        return True
    return jellyfish.damerau_levenshtein_distance(one, other) == 1


def _family(one: Person, other: Person, model: Model) -> Iterator[Evidence]:
    if not one.families or not other.families:
        return
    if any(name.family == its.family for name in one.names for its in other.names if name.family):
        yield Evidence("family name", "equal", model.family)
    elif one.families & other.families:
        yield Evidence("family name", "one part equal", model.family_variant)
    elif _is_swapped(one, other):
        yield Evidence("family name", "equal, in the given name's place", model.family_variant)
    elif any(_is_close(mine, its) for mine in one.families for its in other.families):
        yield Evidence("family name", "nearly equal", model.family_close)
    else:
        yield Evidence("family name", "differs", model.family_differs)


def _given(one: Person, other: Person, model: Model) -> Evidence:
    what = said_of_given(one, other)
    return Evidence("given name", what, getattr(model, weight) if (weight := _OF_GIVEN[what]) else 0.0)


def said_of_given(one: Person, other: Person) -> str:
    """What the given names of the two say: `OTHERS` where they are those of two persons."""
    mine, its = one.first_given, other.first_given
    if not mine or not its:
        return "not known"
    if not mine.isdisjoint(its):
        return "equal"
    said = ""
    for name in one.names:
        for its_name in other.names:
            if name.given and its_name.given:
                if _joined(name, its_name):
                    return "equal"
                if _is_swapped_name(name, its_name):
                    said = "equal, in the family name's place"
                elif not said and _is_called_by_middle(name, its_name):
                    said = "equal to the middle name"
    return _nearest((said, *(_said_of_words(first, second) for first in mine for second in its)))


def _said_of_words(one: str, other: str) -> str:
    """What two first given names say that are not equal."""
    if is_short_form(one, other):
        return _SHORT_FORM
    if are_related(one, other):
        return "a form of the same name"
    if one[0] == other[0] and (len(one) == 1 or len(other) == 1):
        return "an initial"
    return "nearly equal" if _is_close(one, other) else OTHERS


def _nearest(said: Iterable[str]) -> str:
    """That of several which says most for one person."""
    return min(filter(None, said), key=lambda what: _RANK[what])


def _common(one: Person, other: Person, given: Evidence, model: Model) -> Iterator[Evidence]:
    """Names that many have say less: two strangers of one age share them easily."""
    if given.weight > 0 and any(map(is_common_given, one.first_given | other.first_given)):
        yield Evidence("given name", "common", model.common_name)
    if any(map(is_common_family, one.families & other.families)):
        yield Evidence("family name", "common", model.common_name)


def _middle(one: Person, other: Person, model: Model) -> Iterator[Evidence]:
    mine = {name.given[1] for name in one.names if len(name.given) > 1}
    its = {name.given[1] for name in other.names if len(name.given) > 1}
    if not mine or not its:
        return
    if any(first.startswith(second) or second.startswith(first) for first in mine for second in its):
        yield Evidence("middle name", "agrees", model.middle)
    else:
        yield Evidence("middle name", "differs", model.middle_differs)


def _suffix(one: Person, other: Person, model: Model) -> Iterator[Evidence]:
    mine = {name.suffix for name in one.names if name.suffix}
    its = {name.suffix for name in other.names if name.suffix}
    if mine and its and not mine & its:
        yield Evidence("generation", "differs", model.suffix_differs)


def _sex(one: Person, other: Person, model: Model) -> Iterator[Evidence]:
    if _sexes_differ(one, other):
        yield Evidence("sex", "differs", model.sex_differs)
    elif one.sex and other.sex:
        yield Evidence("sex", "equal", model.sex)


def _sexes_differ(one: Person, other: Person) -> bool:
    return bool(one.sex and other.sex) and one.sex != other.sex


def _ssn(one: Person, other: Person, model: Model) -> list[Evidence]:
    if not one.ssn4 or not other.ssn4:
        return []
    if one.ssn4 == other.ssn4:
        return [Evidence("last four of the SSN", "equal", model.ssn4)]
    return [Evidence("last four of the SSN", "differs", model.ssn4_differs)]


def _place(one: Person, other: Person, model: Model) -> Iterator[Evidence]:
    """Telephone and address: what agrees says much, what does not says little, for people move."""
    agreed = False
    if one.phones & other.phones:
        agreed = True
        yield Evidence("telephone", "equal", model.phone)
    streets = [_address(mine, its) for mine in one.addresses for its in other.addresses]
    if "street" in streets:
        agreed = True
        yield Evidence("address", "equal", model.street)
    elif "postal code" in streets:
        agreed = True
        yield Evidence("postal code", "equal", model.postal_code)
    if not agreed and (streets or (one.phones and other.phones)):
        yield Evidence("telephone and address", "none agrees", model.no_place_agrees)


def _address(one: Address, other: Address) -> str:
    same_place = one.postal_code == other.postal_code if one.postal_code and other.postal_code else None
    if same_place is not False and (same_place or one.city == other.city) and _is_one_street(one.line, other.line):
        return "street"
    return "postal code" if same_place else ""


def _is_one_street(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether the house number is the same, and the street but for a slip."""
    if not one or not other or one[0] != other[0]:
        return False
    return one == other or _is_close(" ".join(one[1:]), " ".join(other[1:]))


def _is_close(one: str, other: str) -> bool:
    """Whether a slip of the keys makes one of the other: one in a short word, two in one of eight letters and more."""
    shorter, longer = sorted((len(one), len(other)))
    if shorter < 3 or longer - shorter > 2:
        return False
    most = 2 if shorter >= 8 else 1
    return jellyfish.damerau_levenshtein_distance(one, other) <= most


def _joined(one: Name, other: Name) -> bool:
    """Whether given names are equal but for the gaps: `Mary Ann`, `Mary-Ann`, `Maryann`."""
    mine, its = "".join(one.given), "".join(other.given)
    first = bool(mine) and bool(its)
    return first and (mine in (other.given[0], its) or its == one.given[0])


def _is_called_by_middle(one: Name, other: Name) -> bool:
    """Whether one record has the other's middle name in the first place: `J. Robert` is `Robert`."""
    return _is_middle_of(one.given, other.given[0]) or _is_middle_of(other.given, one.given[0])


def _is_middle_of(given: tuple[str, ...], word: str) -> bool:
    return len(given) > 1 and len(word) > 1 and given[1] == word


def _is_swapped(one: Person, other: Person) -> bool:
    """Whether family and given name stand in each other's place in one of the two."""
    return any(name.given and its.given and _is_swapped_name(name, its) for name in one.names for its in other.names)


def _is_swapped_name(one: Name, other: Name) -> bool:
    """The same of two names that have given names."""
    mine, its = one.family, other.family
    return bool(mine and its) and mine[0] == other.given[0] and one.given[0] == its[0]
