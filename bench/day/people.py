"""Who lives in the region: the members of its panels, who wants nobody told, and the patients of the day."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from random import Random

from tests.transforms.matching.people import Human, population, recorded, twins

REGION, RIVERSIDE, LAKESIDE = "region", "riverside", "lakeside"
"""The panels: that of a payer with all members, and those of two practices."""

ALL = ""
"""What somebody opted out of who wants nobody told."""

_COLUMNS = (
    *("member", "family", "given", "birth_date", "sex", "line", "city", "postal_code", "phone", "ssn4"),
    *("authority", "identifier"),
)
_SLIPPED = 0.15  # of the patients are registered with slips


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient of the day at one hospital, and the truth about who that is.

    `record` is what registration wrote down of `human`. `panels` have them as a member; in those of `sure` no doubt is
    possible, since the record is without slips, or has the member's own number and given name. Of the `opted_out` they
    want nobody told. `kind` is what a difference is told under.
    """

    kind: str
    human: Human
    record: Human
    facility: int
    record_number: str
    panels: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    opted_out: frozenset[str] = frozenset()
    is_near_opt_out: bool = False


@dataclass(slots=True)
class Region:
    """The people, by what concerns the day."""

    members: list[Human]
    patients: list[Patient]
    practices: dict[str, list[Human]]
    numbers: dict[int, tuple[int, str]]
    """The hospital and the number there, of the members whose number the payer knows."""
    opted_out: dict[str, list[Human]]


def region(size: int, visits: int, hospitals: int, random: Random) -> Region:
    """A region whose payer has `size` members, and patients for `visits` visits: three of ten are members."""
    people = population(size + visits, random)
    pairs = twins(people[:size])
    absent = {pair[1].number for pair in random.sample(pairs, len(pairs) // 2)}
    members = [human for human in people[:size] if human.number not in absent]
    made = Region(members, [], {RIVERSIDE: [], LAKESIDE: []}, {}, {ALL: [], RIVERSIDE: []})
    strangers = iter(people[size:])
    missing = [human for human in people[:size] if human.number in absent]
    known = random.sample(members, min(len(members), visits))
    taken = iter(known)
    in_pairs = {human.number for pair in pairs for human in pair}
    for _ in range(visits):
        chance = random.random()
        if chance < 0.30:
            human = next(taken)
            made.patients.append(_member(made, human, hospitals, random, is_twin=human.number in in_pairs))
        elif chance < 0.31 and missing:
            made.patients.append(_patient("twin of a member", missing.pop(), hospitals, random))
        elif chance < 0.315:
            made.patients.append(_newborn(next(taken), hospitals, random))
        elif chance < 0.33:
            human = next(strangers)
            made.practices[RIVERSIDE].append(human)
            patient = _patient("of a practice alone", human, hospitals, random)
            made.patients.append(_in(patient, {RIVERSIDE}))
        else:
            made.patients.append(_patient("of no panel", next(strangers), hospitals, random))
    homes = {human.line for humans in made.opted_out.values() for human in humans}
    made.patients = [replace(each, is_near_opt_out=each.human.line in homes) for each in made.patients]
    for name, share in ((RIVERSIDE, 0.02), (LAKESIDE, 0.01)):  # a practice has patients who are well today
        held = {human.number for human in made.practices[name]}
        visiting = {each.human.number for each in made.patients}
        more = random.sample(members, int(len(members) * share))
        made.practices[name] += [each for each in more if each.number not in held | visiting]
    return made


def _patient(kind: str, human: Human, hospitals: int, random: Random) -> Patient:
    facility = random.randrange(hospitals)
    record = recorded(human, random) if random.random() < _SLIPPED else _without_slips(human, random)
    return Patient(kind, human, record, facility, f"{human.number + 100_000}")


def _without_slips(human: Human, random: Random) -> Human:
    """The record of a careful desk: capitals, and not always a number or a telephone."""
    written = human if random.random() < 0.5 else replace(human, family=human.family.upper(), given=human.given.upper())
    return replace(
        written, ssn=human.ssn if random.random() < 0.4 else "", phone=human.phone if random.random() < 0.9 else ""
    )


def _in(patient: Patient, panels: Iterable[str], *, known: bool = False) -> Patient:
    """`patient` as a member of `panels`; `known` where the payer knows the number at that hospital."""
    human, record = patient.human, patient.record
    is_clear = (human.family.lower(), human.given.lower(), human.middle, human.birth, human.line, human.sex) == (
        *(record.family.lower(), record.given.lower()),
        *(record.middle, record.birth, record.line, record.sex),
    )
    # A number does not say more than a given name that is somebody else's, as one with two slips may be.
    is_known = known and human.given.lower() == record.given.lower()
    sure = panels if is_clear else ({REGION} & {*panels} if is_known else ())
    return replace(patient, panels=frozenset(panels), sure=frozenset(sure))


def _member(made: Region, human: Human, hospitals: int, random: Random, *, is_twin: bool) -> Patient:
    panels, kind = {REGION}, "of one panel"
    match random.random():
        case chance if chance < 0.15:
            panels.add(RIVERSIDE)
        case chance if chance < 0.25:
            panels.add(LAKESIDE)
        case _:
            pass
    for name in panels - {REGION}:
        made.practices[name].append(human)
        kind = "of two panels"
    patient = _patient("twin, both members" if is_twin else kind, human, hospitals, random)
    is_known = random.random() < 0.3
    if is_known:
        made.numbers[human.number] = (patient.facility, patient.record_number)
        patient = replace(patient, kind=f"{patient.kind}, with the member's number")
    patient = _in(patient, panels, known=is_known)
    if not is_twin and random.random() < 0.03:
        out = ALL if random.random() < 0.5 else RIVERSIDE
        made.opted_out[out].append(human)
        patient = replace(patient, kind="opted out", opted_out=frozenset({out}))
    return patient


def _newborn(mother: Human, hospitals: int, random: Random) -> Patient:
    child = replace(mother, given="Baby Boy", middle="", sex="M", ssn="")
    human = replace(child, birth=date(2026, 11, 25), number=mother.number + 50_000_000)
    return Patient("newborn of a member", human, human, random.randrange(hospitals), f"{human.number}")


def write_rosters(region: Region, authorities: tuple[str, ...], site: Path) -> int:
    """The files of the panels, and of who opted out; how many members the panels have together."""
    (site / "panels").mkdir()
    (site / "registry" / "optouts").mkdir(parents=True)
    _write(site / "panels" / f"{REGION}.csv", region.members, region.numbers, authorities)
    for name, humans in region.practices.items():
        _write(site / "panels" / f"{name}.csv", humans, {}, authorities)
    for name, humans in region.opted_out.items():
        _write(
            site / "registry" / (f"optouts/{name}.csv" if name else "optouts.csv"), humans, region.numbers, authorities
        )
    return len(region.members) + sum(map(len, region.practices.values()))


def _write(
    path: Path, humans: Iterable[Human], numbers: dict[int, tuple[int, str]], authorities: tuple[str, ...]
) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(_rows(humans, numbers, authorities))


def _rows(
    humans: Iterable[Human], numbers: dict[int, tuple[int, str]], authorities: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for each in humans:
        facility, number = numbers.get(each.number, (0, ""))
        yield (
            *(str(each.number), each.family, f"{each.given} {each.middle}", f"{each.birth:%Y-%m-%d}", each.sex),
            *(each.line, each.city, each.postal_code, each.phone, each.ssn[-4:]),
            *((authorities[facility], number) if number else ("", "")),
        )
