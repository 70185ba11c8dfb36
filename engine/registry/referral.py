"""A referral as an operator and a practice's person see it: who, where it stands, what was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one delivery of a message: `message` is its id, `outcome` the journal's word since `outcome_at`,
    `detail` what the partner said."""

    message: str
    route: str
    end: str
    form: str
    address: str
    outcome: str
    outcome_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class Event:
    """What one message said, or a person's closing: how it was treated, and where the referral stood then.

    `received` is when `message` came, `written` when its sender wrote it; `control_id` is what that calls it.
    """

    received: datetime
    written: datetime
    act: str
    side: str
    verdict: str
    state: str
    reason: str
    party: str
    form: str
    sender: str
    control_id: str
    message: str
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class SideShown:
    """One side: who acts, how it is reached, and its id of the patient (`system|value`)."""

    party: str
    form: str
    address: str
    patient: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """What should have happened by now: by which of the site's terms, since when it is waited for, and in words."""

    rule: str
    since: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral with all that was said in it, in the order in which it came; it stands where it does `since` then."""

    id: str
    authority: str
    state: str
    since: datetime
    initiator: SideShown
    recipient: SideShown
    filler: str
    appointment: datetime | None
    events: tuple[Event, ...]
    overdue: tuple[Overdue, ...] = ()
