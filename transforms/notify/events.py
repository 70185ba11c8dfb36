"""What happened: which ADT messages amount to an event that others want to hear of (42 CFR 482.24(d); Da Vinci Alerts).

A bed move is no transfer, an update of what nobody was told is no update, and a cancellation takes back what was told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.hl7v2 import Er7
from schemas.hl7v2.path import Path

Phase = Literal["arrival", "transfer", "discharge"]
Kind = Literal["new", "update", "withdrawal"]

CLASSES: Mapping[str, str] = {
    **{"I": "admit", "B": "admit", "N": "admit", "U": "admit", "": "admit"},
    **{"E": "emergency", "O": "outpatient", "R": "outpatient", "C": "outpatient", "OBS": "observation"},
    "P": "",
}
"""What an arrival of each patient class (HL7 table 0004) is; a pre-admission is nothing yet."""

_NEW: Mapping[str, Phase] = {
    **{"A01": "arrival", "A04": "arrival", "A06": "arrival", "A10": "arrival"},
    **{"A02": "transfer", "A07": "transfer", "A03": "discharge"},
}
_WITHDRAWN: Mapping[str, Phase] = {"A11": "arrival", "A12": "transfer", "A13": "discharge", "A23": "arrival"}
_UPDATES = ("A08",)

_TOLD: Mapping[str, tuple[Path, ...]] = {
    segment: tuple(map(Path.relative, paths))
    for segment, paths in (
        ("PID", ("5", "7", "8")),
        ("PV1", ("2", "3.1", "3.4", "4", "7.1", "7.2", "14", "17.1", "36", "37", "44", "45")),
        ("PV2", ("3",)),
    )
}
"""What a notice tells of a visit, besides its diagnoses: a change of it is worth an update. A bed is not."""

_LEAST = ("PID-5[1]", "PV1-2.1", *(f"PV1-7[1].{part}" for part in range(2, 8)), "PV1-44.1", "PV1-45.1")
"""What one with the least content tells of an arrival or a discharge."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What a message says happened at a visit.

    `event` is what a subscriber chooses by; "" for an update, which is of the event that it was told of. `visit`
    identifies the visit across the sender's messages; `key` is that and the phase.
    """

    kind: Kind
    event: str
    phase: Phase | None
    visit: str
    digest: str

    @property
    def key(self) -> str:
        """What the notice is about, so that the same is told once."""
        return key_of(self.visit, self.phase) if self.phase is not None else ""


def key_of(visit: str, phase: Phase) -> str:
    """Under which key that phase of a visit is told."""
    return f"{visit} {phase}"


PHASES: tuple[Phase, ...] = ("discharge", "transfer", "arrival")
"""The latest first."""


def happening(er7: Er7, classes: Mapping[str, str] = CLASSES, emergency_units: Sequence[str] = ()) -> Happening | str:
    """What the ADT message `er7` says happened; or, where that is nothing to tell, why not.

    `classes` names the event of each patient class (PV1-2). `emergency_units` are the points of care (PV1-3.1) of the
    emergency department: from there to elsewhere is a transfer, though the facility is the same.
    """
    if er7.message_type != "ADT":
        return "no ADT message"
    trigger = er7.trigger_event
    visit = visit_of(er7)
    digest = digest_of(er7)
    if trigger in _UPDATES:
        return Happening("update", "", None, visit, digest) if visit else _NO_VISIT
    phase = _NEW.get(trigger) or _WITHDRAWN.get(trigger)
    if phase is None:
        return f"{trigger or 'no trigger'} is no event of a visit"
    if not visit:
        return _NO_VISIT
    if trigger in _WITHDRAWN:
        return Happening("withdrawal", "", phase, visit, digest)
    return _new(er7, trigger, phase, visit, digest, classes, emergency_units)


_NO_VISIT = "the message names no visit: PV1-19, PV1-50, PID-18 and PV1-44 are empty"


def _new(
    er7: Er7,
    trigger: str,
    phase: Phase,
    visit: str,
    digest: str,
    classes: Mapping[str, str],
    emergency_units: Sequence[str],
) -> Happening | str:
    patient_class = er7.get("PV1-2.1")
    of_class = classes.get(patient_class, classes.get(patient_class.upper(), "admit"))
    if not of_class:
        return "PV1-2 says that this is no visit yet"
    if trigger == "A02" and not is_transfer(er7, emergency_units):
        return "a move within the facility is no transfer"
    if trigger == "A06":
        of_class = "admit" if of_class == "outpatient" else of_class
    ends_outpatient = phase == "discharge" and of_class == "outpatient"
    event = of_class if phase == "arrival" or ends_outpatient else phase
    return Happening("new", event, phase, visit, digest)


def is_transfer(er7: Er7, emergency_units: Sequence[str] = ()) -> bool:
    """Whether an A02 is more than a bed move: to another facility, or out of the emergency department."""
    here, before = er7.get("PV1-3.4.1"), er7.get("PV1-6.4.1")
    if here and before and here != before:
        return True
    unit, left = er7.get("PV1-3.1"), er7.get("PV1-6.1")
    return left in emergency_units and unit not in emergency_units


def sender_of(er7: Er7) -> str:
    """Who tells of it: the facility (MSH-4), else the application (MSH-3)."""
    return er7.get("MSH-4.1") or er7.get("MSH-3.1")


def visit_of(er7: Er7) -> str:
    """What identifies the visit at its facility: the visit number, else the account, else the patient and the day."""
    facility = sender_of(er7)
    for path in ("PV1-19.1", "PV1-50.1", "PID-18.1"):
        if number := er7.get(path):
            return f"{facility} {number}"
    patient, day = er7.get("PID-3.1"), er7.get("PV1-44")[:8]
    return f"{facility} {patient} {day}" if patient and day else ""


def least_digest_of(er7: Er7) -> str:
    """A digest of what a notice with the least content tells of the beginning or the end of the visit."""
    return _hashed([er7.get(path) for path in _LEAST])


def digest_of(er7: Er7) -> str:
    """A digest of what a notice tells of the visit."""
    told: list[str] = []
    for name, paths in _TOLD.items():
        segment = next(iter(er7.named(name)), None)
        told += [segment.element(path) or "" if segment is not None else "" for path in paths]
    if not er7.is_plain:
        told = [er7.decode_wire(text, "surrogateescape") for text in told]
    told += sorted(er7.get_all("DG1[*]-3.1"))
    return _hashed(told)


def _hashed(texts: Sequence[str]) -> str:
    return hashlib.blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
