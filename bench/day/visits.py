"""The day: what happens at every visit, and the messages that tell of it, from one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Literal, NamedTuple

from bench.day.adt import Facility, Told, Untold, message, place_of
from bench.day.people import Patient

Phase = Literal["arrival", "transfer", "discharge"]
Kind = Literal["new", "update", "withdrawal"]

FACILITIES = tuple(
    Facility(f"HOSP{n:02}", f"2.16.840.1.113883.19.{n}", (f"HOSP{n:02}", f"HOSP{n:02}W")) for n in range(1, 17)
)
"""The hospitals, each with a connection of its own."""

EMERGENCY = "ED"
"""The unit of the emergency departments."""

_MIDNIGHT = datetime(2026, 11, 25)  # noqa: DTZ001 - the hospitals' own clock
_DIAGNOSES = ("I10^Hypertension^I10", "J18.9^Pneumonia^I10", "S72.001A^Fracture of femur^I10", "E11.9^Diabetes^I10")
_REPEATED = 0.01
_DEMOGRAPHICS = 0.3  # messages about no visit, for each visit


class Fact(NamedTuple):
    """What really happened, as a message tells it: `event` is what a new one is called."""

    kind: Kind
    phase: Phase = "arrival"
    event: str = ""


class Sent(NamedTuple):
    """A message of the day, and the truth about it: no `fact` where there is nothing to tell."""

    at: datetime
    facility: int
    control_id: str
    body: bytes
    visit: int
    patient: Patient
    told: Told
    fact: Fact | None


@dataclass(slots=True)
class _Visit:
    """A visit while it is made up: `emit` puts down a message about it as it is now."""

    number: int
    patient: Patient
    random: Random
    at: datetime
    told: Told
    untold: Untold
    made: list[Sent]
    control: Callable[[], str]
    before: list[Told] = field(default_factory=list)

    def emit(self, trigger: str, fact: Fact | None = None, left: str = "") -> None:
        """A message, now; some are sent twice."""
        random, patient = self.random, self.patient
        self.at += timedelta(minutes=random.randint(2, 45))
        control, facility = self.control(), FACILITIES[patient.facility]
        at, visit = f"{self.at:%Y%m%d%H%M%S}", f"V{self.number}" if self.number else ""
        body = message(trigger, control, at, facility, patient.record_number, visit, self.told, self.untold, left)
        sent = Sent(self.at, patient.facility, control, body, self.number, patient, self.told, fact)
        self.made.append(sent)
        if random.random() < _REPEATED:
            self.made.append(sent._replace(fact=None))

    def arrive(self, trigger: str, event: str) -> bool:
        """The arrival; whether the visit goes on, for some are taken back."""
        self.emit(trigger, Fact("new", "arrival", event))
        if self.random.random() < 0.03:
            self.emit("A11", Fact("withdrawal", "arrival"))
            return False
        return True

    def update(self, most: int) -> None:
        """Some A08: most of what nobody is told, some with a change of what was told."""
        for _ in range(self.random.randint(1, most)):
            match self.random.random():
                case chance if chance < 0.08:
                    self.told = self.told._replace(diagnosis=self.random.choice(_DIAGNOSES))
                case chance if chance < 0.14:
                    self.told = self.told._replace(doctor=self.random.randrange(4))
                case chance if chance < 0.20:
                    human = self.patient.human  # registration has the name right at last
                    self.told = self.told._replace(family=human.family, given=human.given, middle=human.middle)
                case chance if chance < 0.60:
                    self.untold = self.untold._replace(plan=self.random.randrange(3))
                case _:
                    pass
            self.emit("A08", Fact("update"))

    def move(self, *, unit: str = "", campus: str = "", tells: bool = False) -> None:
        """An A02: another bed, unit or campus; `tells` where that is a transfer. Some transfers are taken back."""
        left, before = place_of(self.told, self.untold), self.told
        self.untold = self.untold._replace(bed=str(self.random.randint(100, 399)))
        self.told = self.told._replace(unit=unit or before.unit, campus=campus or before.campus)
        self.emit("A02", Fact("new", "transfer", "transfer") if tells else None, left)
        if tells and self.random.random() < 0.10:
            self.told = self.told._replace(unit=before.unit, campus=before.campus)
            self.emit("A12", Fact("withdrawal", "transfer"))

    def leave(self, event: str = "discharge") -> None:
        """The A03; some are taken back, and most of these follow after all."""
        self._discharge(event)
        if self.random.random() < 0.02:
            self.told = self.told._replace(discharged="", disposition="")
            self.emit("A13", Fact("withdrawal", "discharge"))
            self.update(1)
            if self.random.random() < 0.7:
                self._discharge(event)
        if self.random.random() < 0.5:
            self.update(1)  # coders write diagnoses down when the patient is gone

    def _discharge(self, event: str) -> None:
        self.told = self.told._replace(
            discharged=f"{self.at:%Y%m%d%H%M}", disposition=self.random.choice(("01", "03", "06"))
        )
        self.emit("A03", Fact("new", "discharge", event))


def _outpatient(visit: _Visit) -> None:
    if visit.random.random() < 0.1:
        visit.told = visit.told._replace(patient_class="P")
        visit.emit("A05")
    visit.told = visit.told._replace(patient_class="O", unit="CLINIC")
    if visit.arrive("A04", "outpatient"):
        visit.update(3)
        if visit.random.random() < 0.6:
            visit.leave("outpatient")


def _emergency(visit: _Visit) -> None:
    visit.told = visit.told._replace(patient_class="E", unit=EMERGENCY)
    if not visit.arrive("A04", "emergency"):
        return
    visit.update(4)
    if visit.random.random() < 0.5:
        visit.move()
    match visit.random.random():
        case chance if chance < 0.2:
            visit.told = visit.told._replace(patient_class="I", unit="MED")
            visit.emit("A06", Fact("new", "arrival", "admit"))
            _stay(visit)
        case chance if chance < 0.26:
            visit.move(unit="CDU", tells=True)
            visit.update(2)
            visit.leave()
        case _:
            visit.leave()


def _inpatient(visit: _Visit) -> None:
    visit.told = visit.told._replace(patient_class="I", unit="SURG")
    if visit.arrive("A01", "admit"):
        _stay(visit)


def _observation(visit: _Visit) -> None:
    visit.told = visit.told._replace(patient_class="OBS", unit="OBS")
    if visit.arrive("A04", "observation"):
        visit.update(3)
        if visit.random.random() < 0.3:
            visit.told = visit.told._replace(patient_class="I", unit="MED")
            visit.emit("A06", Fact("new", "arrival", "admit"))
            _stay(visit)
        else:
            visit.leave()


def _stay(visit: _Visit) -> None:
    """An inpatient's day."""
    random = visit.random
    visit.update(4)
    for _ in range(random.randint(0, 2)):
        visit.move(unit=random.choice(("MED", "SURG", "ICU", "")))
        visit.update(2)
    if random.random() < 0.10:
        here, there = FACILITIES[visit.patient.facility].campuses
        visit.move(campus=there if visit.told.campus == here else here, tells=True)
    match random.random():
        case chance if chance < 0.03:
            visit.told = visit.told._replace(patient_class="O")
            visit.emit("A07", Fact("new", "transfer", "transfer"))
            visit.leave("outpatient")
        case chance if chance < 0.4:
            visit.leave()
        case _:
            pass


_KINDS = ((0.56, _outpatient), (0.84, _emergency), (0.97, _inpatient), (1.0, _observation))


def visits(patients: Iterator[Patient], random: Random) -> Iterator[list[Sent]]:
    """The messages of one visit of each of `patients` after the other, without end while there are patients."""
    count = 0

    def control() -> str:
        nonlocal count
        count += 1
        return f"C{count}"

    for number, patient in enumerate(patients, start=1):
        made: list[Sent] = []
        record, facility = patient.record, FACILITIES[patient.facility]
        at = _MIDNIGHT + timedelta(seconds=random.randrange(60_000))
        told = Told(
            *(record.family, record.given, record.middle, f"{record.birth:%Y%m%d}", record.sex),
            *("", "", facility.campuses[0], random.randrange(4), f"{at:%Y%m%d%H%M}"),
        )
        untold = Untold("101", record.line, record.city, record.postal_code, record.phone, 0, record.ssn)
        visit = _Visit(number, patient, random, at, told, untold, made, control)
        chance = random.random()
        next(kind for most, kind in _KINDS if chance < most)(visit)
        while random.random() < _DEMOGRAPHICS:
            visit.number = 0
            visit.emit(random.choice(("A31", "A31", "A28")))
        yield made
