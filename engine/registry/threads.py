"""The rows of `referral_acts` as what was said in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.journal.entry import moment
from transforms.refer.facts import read_identifier, read_identifiers
from transforms.refer.referral import Act, Identifier
from transforms.refer.state import Verdict
from transforms.refer.thread import Contact, Noted

NOTED = (
    *("received_as", "at", "act", "written", "digest", "verdict", "form", "sender", "to_form", "to_address"),
    *("patients", "filler", "party", "npi", "appointment"),
)
"""The columns that `noted_of_row` reads, in their order."""

_ACTS, _VERDICTS = frozenset(Act), frozenset(Verdict)

CLOSED = "close"
"""The act of a person who closed a referral."""


def noted_of_row(row: Sequence[Any]) -> Noted | None:
    """What a row of the columns NOTED says; None where its act or verdict is none that this version knows."""
    received_as, at, act, written, digest, verdict, form, sender, to_form, to_address, *rest = row
    patients, filler, party, npi, appointment = rest
    if (act != CLOSED and act not in _ACTS) or verdict not in _VERDICTS:
        return None
    return Noted(
        message=received_as,
        at=moment(at),
        act=None if act == CLOSED else Act(act),
        written=moment(written),
        digest=digest,
        verdict=Verdict(verdict),
        sender=Contact(form, sender),
        to=Contact(to_form, to_address),
        patients=read_identifiers(patients),
        filler=read_identifier(filler),
        party=party,
        npi=npi,
        appointment=None if appointment is None else moment(appointment),
    )


def referral_of_key(key: str) -> Identifier:
    """The referral whose rows have that key."""
    system, _, value = key.partition("|")
    return Identifier(value, system)
