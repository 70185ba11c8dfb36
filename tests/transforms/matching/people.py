"""Made-up people with households and twins, and their records with the slips that registration desks make."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from transforms.matching import Address, Name, Person
from transforms.matching.names import names

_SYLLABLES = (
    "bar",
    "den",
    "holt",
    "mer",
    "ston",
    "wick",
    "ran",
    "lo",
    "vi",
    "kas",
    "tor",
    "ny",
    "gra",
    "sel",
    "pu",
    "chi",
)
_STREETS = (
    "Oak",
    "Maple",
    "Washington",
    "Lake",
    "Hill",
    "Second",
    "Cedar",
    "Park",
    "Church",
    "Mill",
    "Sunset",
    "River",
)


@dataclass(frozen=True)
class Human:
    """A person as life knows them, in the texts that forms ask for."""

    number: int
    family: str
    given: str
    middle: str
    birth: date
    sex: str
    line: str
    city: str
    postal_code: str
    phone: str
    ssn: str

    def person(self, *identifiers: tuple[str, str]) -> Person:
        """What is compared."""
        return Person(
            identifiers=frozenset(identifiers),
            names=(Name.of(self.family, [self.given, self.middle] if self.middle else [self.given]),),
            birth_date=f"{self.birth:%Y%m%d}",
            sex=self.sex,
            addresses=(Address.of(self.line, self.city, self.postal_code),) if self.line else (),
            phones=frozenset({self.phone}) if self.phone else frozenset(),
            ssn4=self.ssn[-4:],
        )


def population(size: int, random: Random) -> list[Human]:
    """`size` people in households of one to four; of some, two are twins."""
    common = list(names()["family"])
    given = sorted({*names()["given"], *(full for fulls in names()["nickname"].values() for full in fulls)})
    people: list[Human] = []
    while len(people) < size:
        family = random.choice(common) if random.random() < 0.15 else _made_up(random)
        line = f"{random.randint(1, 9999)} {random.choice(_STREETS)} {_made_up(random).title()} Street"
        home = (
            line,
            _made_up(random).title(),
            f"{random.randint(1000, 99999):05d}",
            str(random.randint(2, 9)) + _digits(random, 9),
        )
        births = [date(1930, 1, 1) + timedelta(random.randrange(33_000)) for _ in range(random.choice((1, 1, 2, 3, 4)))]
        if len(births) > 2 and random.random() < 0.2:
            births[-1] = births[-2]
        chosen = random.sample(given, len(births))
        for first, born in zip(chosen, births, strict=True):
            middle = random.choice(given) if random.random() < 0.6 else ""
            people.append(
                Human(
                    len(people),
                    family.title(),
                    first.title(),
                    middle.title(),
                    born,
                    random.choice("FM"),
                    *home,
                    _digits(random, 9),
                )
            )
    return people[:size]


def twins(people: list[Human]) -> list[tuple[Human, Human]]:
    """The pairs of neighbours in the list with one birth date and home."""
    pairs = itertools.pairwise(people)
    return [(one, two) for one, two in pairs if one.birth == two.birth and one.line == two.line]


def recorded(human: Human, random: Random) -> Human:
    """The record of another desk: up to two of the slips and changes of life that records have."""
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        human = random.choice(_CHANGES)(human, random)
    return replace(human, ssn=human.ssn if random.random() < 0.4 else "")


def _typo(text: str, random: Random) -> str:
    at = random.randrange(1, max(2, len(text) - 1))
    match random.randrange(3):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[: at - 1] + text[at : at + 1] + text[at - 1 : at] + text[at + 1 :]
        case _:
            return text[:at] + random.choice("aeioustrn") + text[at:]


def _nickname(human: Human, random: Random) -> Human:
    forms = sorted(form for form, of in names()["nickname"].items() if human.given.lower() in of)
    return replace(human, given=random.choice(forms).title()) if forms else human


def _slipped_birth(human: Human, random: Random) -> Human:
    day = human.birth
    if day.day <= 12 and random.random() < 0.5:
        return replace(human, birth=day.replace(month=day.day, day=day.month if day.month <= 28 else 28))
    return replace(human, birth=day.replace(year=day.year + random.choice((-1, 1, 10)), day=min(day.day, 28)))


def _moved(human: Human, random: Random) -> Human:
    return replace(human, line=f"{random.randint(1, 9999)} Elm Road", postal_code=_digits(random, 5), city="Elsewhere")


_CHANGES = (
    lambda human, random: replace(human, family=_typo(human.family, random)),
    lambda human, random: replace(human, given=_typo(human.given, random)),
    _nickname,
    _slipped_birth,
    _moved,
    lambda human, random: replace(human, phone="3" + _digits(random, 9)),
    lambda human, random: replace(human, family=f"{human.family}-{_made_up(random).title()}"),
    lambda human, random: replace(human, middle=human.middle[:1]),
    lambda human, random: replace(human, line="", phone=""),
    lambda human, random: replace(human, sex=""),
    lambda human, random: replace(human, family=human.given, given=human.family, middle=""),
    lambda human, random: replace(human, family=human.family.upper(), given=human.given.upper()),
)


def _made_up(random: Random) -> str:
    return "".join(random.choice(_SYLLABLES) for _ in range(random.choice((2, 2, 3))))


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))
