"""Where a referral stands, and what each act does to that: one table, as docs/referrals.md has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from transforms.refer.referral import Act, Side


class State(StrEnum):
    """Where a referral stands."""

    NEW = "new"  # no request is known
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    BOOKED = "booked"
    NO_SHOW = "no_show"
    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"  # by the initiator; the recipient has not confirmed it
    CANCEL_CONFIRMED = "cancel_confirmed"
    CLOSED = "closed"  # by a person

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for anything any more."""
        return self in _OVER


_OVER = frozenset({State.COMPLETED, State.DECLINED, State.CANCEL_CONFIRMED, State.CLOSED})


class Verdict(StrEnum):
    """How a message is treated: whether it counts, and whether it goes on to the other side."""

    APPLIED = "applied"  # it counts, and goes on
    REPEATED = "repeated"  # it was said before, and does not go on again
    LATE = "late"  # it was overtaken and changes nothing; it goes on, since what it carries is news
    REFUSED = "refused"  # it contradicts where the referral stands, and is for a person to look at


class Rule(NamedTuple):
    """What an act does in a state: `to` is the state that rests on it then, None where that stays as it is.

    With `in_order` it is late instead where its sender wrote it before the message that the state rests on.
    """

    verdict: Verdict
    to: State | None = None
    reason: str = ""
    in_order: bool = False


class Said(NamedTuple):
    """An act of one side, when that side wrote it, and a digest of what it says."""

    act: Act
    at: datetime
    digest: str


class Treated(NamedTuple):
    """How a message is treated, where the referral stands then, and why where it is not applied."""

    verdict: Verdict
    state: State
    reason: str = ""


def _to(state: State, *, in_order: bool = False) -> Rule:
    return Rule(Verdict.APPLIED, state, in_order=in_order)


def _refused(reason: str, *, in_order: bool = False) -> Rule:
    return Rule(Verdict.REFUSED, None, reason, in_order)


_STAYS = Rule(Verdict.APPLIED)
_LATE = Rule(Verdict.LATE)
_NO_REQUEST = _refused("no request is known under this referral's id")
_NOT_ASKED = _refused("nobody asked to cancel this referral")
_REPORTED = _refused("the outcome of this referral was reported already")
_HAS_ENDED = _refused("this referral has ended; a new request needs an id of its own")
_WAS_DECLINED = _refused("this referral was declined before", in_order=True)
_WAS_CANCELLED = _refused("that this referral is cancelled was confirmed before", in_order=True)

_UNDER_WAY = {
    Act.REQUEST: _STAYS,
    Act.CHANGE: _STAYS,
    Act.CANCEL: _to(State.CANCELLED),
    Act.INQUIRE: _STAYS,
    Act.ACCEPT: _LATE,
    Act.DECLINE: _to(State.DECLINED),
    Act.BOOK: _to(State.BOOKED),
    Act.NO_SHOW: _to(State.NO_SHOW),
    Act.INTERIM: _STAYS,
    Act.COMPLETE: _to(State.COMPLETED),
    Act.CONFIRM_CANCEL: _NOT_ASKED,
}
_ENDED = {
    Act.REQUEST: _HAS_ENDED,
    Act.CHANGE: _HAS_ENDED,
    Act.CANCEL: _LATE,
    Act.INQUIRE: _STAYS,
    Act.ACCEPT: _LATE,
    Act.DECLINE: _LATE,
    Act.BOOK: _LATE,
    Act.NO_SHOW: _LATE,
    Act.INTERIM: _LATE,
    Act.COMPLETE: _LATE,
    Act.CONFIRM_CANCEL: _LATE,
}

TABLE: Mapping[State, Mapping[Act, Rule]] = MappingProxyType(
    {
        State.NEW: dict.fromkeys(Act, _NO_REQUEST) | {Act.REQUEST: _to(State.REQUESTED)},
        State.REQUESTED: _UNDER_WAY | {Act.ACCEPT: _to(State.ACCEPTED), Act.INTERIM: _to(State.ACCEPTED)},
        State.ACCEPTED: _UNDER_WAY | {Act.ACCEPT: _STAYS},
        State.BOOKED: _UNDER_WAY
        | {Act.BOOK: _to(State.BOOKED, in_order=True), Act.NO_SHOW: _to(State.NO_SHOW, in_order=True)},
        State.NO_SHOW: _UNDER_WAY | {Act.BOOK: _to(State.BOOKED, in_order=True)},
        State.COMPLETED: _ENDED
        | {Act.CANCEL: _REPORTED, Act.DECLINE: _REPORTED._replace(in_order=True), Act.COMPLETE: _to(State.COMPLETED)},
        State.DECLINED: _ENDED | {Act.ACCEPT: _WAS_DECLINED, Act.BOOK: _WAS_DECLINED, Act.DECLINE: _to(State.DECLINED)},
        State.CANCELLED: _ENDED
        | {
            Act.CANCEL: _STAYS,
            Act.DECLINE: _to(State.DECLINED),
            Act.COMPLETE: _to(State.COMPLETED),
            Act.CONFIRM_CANCEL: _to(State.CANCEL_CONFIRMED),
        },
        State.CANCEL_CONFIRMED: _ENDED
        | {Act.ACCEPT: _WAS_CANCELLED, Act.BOOK: _WAS_CANCELLED, Act.CONFIRM_CANCEL: _to(State.CANCEL_CONFIRMED)},
        State.CLOSED: _ENDED | {Act.COMPLETE: _to(State.COMPLETED)},
    }
)
"""What each act does in each state."""

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a referral stands after what was said so far: `since` is when the message was written that the state rests
    on, `last` what each side said last that counted, `known` all that was said and not refused."""

    state: State = State.NEW
    since: datetime = _EVER
    last: Mapping[Side, Said] = field(default_factory=lambda: MappingProxyType({}))
    known: frozenset[Said] = frozenset()

    def treat(self, said: Said) -> Treated:
        """How what is said now is treated."""
        last = self.last.get(said.act.side)
        if said in self.known or (last is not None and (last.act, last.digest) == (said.act, said.digest)):
            return Treated(Verdict.REPEATED, self.state, "it was said before")
        rule = TABLE[self.state][said.act]
        if rule.verdict is Verdict.LATE or (rule.in_order and said.at < self.since):
            return Treated(Verdict.LATE, self.state, f"the referral is {self.state.value} already")
        return Treated(rule.verdict, rule.to or self.state, rule.reason)

    def after(self, said: Said) -> Standing:
        """Where the referral stands after that too."""
        verdict, state, _ = self.treat(said)
        if verdict in (Verdict.REPEATED, Verdict.REFUSED):
            return self
        known = self.known | {said}
        if verdict is Verdict.LATE:
            return replace(self, known=known)
        since = self.since
        if TABLE[self.state][said.act].to is not None:
            since = said.at if state is not self.state else max(since, said.at)
        return Standing(state, since, MappingProxyType({**self.last, said.act.side: said}), known)

    def closed(self) -> Standing:
        """Where it stands when a person has closed it; what is over stays what it is."""
        return self if self.state.is_over else replace(self, state=State.CLOSED)
