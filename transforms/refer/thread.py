"""The thread of a referral: what was said in it, by whom to whom, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from schemas.message import Message
from transforms.refer.facts import read_identifier, read_identifiers
from transforms.refer.person import are_of_two
from transforms.refer.referral import Act, Identifier, Side
from transforms.refer.state import Said, Standing, State, Verdict

_ACTS, _VERDICTS = frozenset(Act), frozenset(Verdict)

MOST_SAID = 1_000
"""Messages of one thread that are read: more are no referral any more."""


class Contact(NamedTuple):
    """How a side is reached: in which form (`360x`, `ref`, `fhir`) at which address; "" is not known."""

    form: str = ""
    address: str = ""


NOWHERE = Contact()


@dataclass(frozen=True, slots=True)
class Noted:
    """What one message said in a thread, as it was noted.

    `message` is the received message; where a person closed the referral there is no `act`. `at` is when that came,
    `written` when its sender wrote it. `patients` are the ids of the patient that it gives, `party` and `npi` who
    acts.
    """

    message: str
    at: datetime
    act: Act | None
    written: datetime
    digest: str = ""
    verdict: Verdict = Verdict.APPLIED
    sender: Contact = NOWHERE
    to: Contact = NOWHERE
    patients: tuple[Identifier, ...] = ()
    filler: Identifier | None = None
    party: str = ""
    npi: str = ""
    appointment: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether what it says of its side is believed: it was not refused."""
        return self.act is not None and self.verdict is not Verdict.REFUSED


@dataclass(frozen=True, slots=True)
class Thread:
    """All that was said in one referral, in the order in which it came."""

    referral: Identifier
    noted: tuple[Noted, ...] = ()

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        standing = Standing()
        for number, each in enumerate(self.noted):
            if each.act is None:
                standing = standing.closed()
            elif not _is_another(each.patients, self.noted[:number]):
                standing = standing.after(Said(each.act, each.written, each.digest))
        return standing

    @property
    def state(self) -> State:
        """The state of `standing`."""
        return self.standing.state

    def contact(self, side: Side) -> Contact:
        """How that side is reached: the initiator where it wrote from first, the recipient where the request was sent
        last; else the other way about. Whoever else writes in the name of one side gets nothing by that."""
        own = [each.sender for each in self._of(side) if any(each.sender)][:1]
        given = [each.to for each in self._of(side.other) if any(each.to)][-1:]
        return next(iter([*own, *given] if side is Side.INITIATOR else [*given, *own]), NOWHERE)

    def is_party(self, address: str) -> bool:
        """Whether that is the address of one side, upper and lower case aside."""
        return any(address.lower() == self.contact(side).address.lower() for side in Side) if address else False

    def is_about_another(self, patients: Iterable[Identifier]) -> bool:
        """Whether these are the ids of another patient: one authority's number differs, and none is known here."""
        return _is_another(patients, self.noted)

    def patient(self, side: Side) -> Identifier | None:
        """The patient's id at that side: the initiator's is the first that it gives, the recipient's one of another
        authority."""
        asked = [id for each in self._of(Side.INITIATOR) for id in each.patients]
        own = asked[0] if asked else None
        if side is Side.INITIATOR:
            return own
        answered = [id for each in self._of(side) for id in each.patients]
        return next((id for id in (*answered, *asked) if own is None or id.system != own.system), None)

    @property
    def filler(self) -> Identifier | None:
        """The recipient's own identifier of the referral, where it has told one."""
        return next((each.filler for each in reversed(self._of(Side.RECIPIENT)) if each.filler is not None), None)

    @property
    def appointment(self) -> datetime | None:
        """When the patient is seen, by the last booking that counts."""
        booked = (each for each in reversed(self._of(Side.RECIPIENT)) if each.act is Act.BOOK)
        return next((each.appointment for each in booked if each.verdict is Verdict.APPLIED), None)

    def party(self, side: Side) -> str:
        """Who acts for that side, by its last message that says it."""
        return next((each.party for each in reversed(self._of(side)) if each.party), "")

    def _of(self, side: Side) -> list[Noted]:
        return [each for each in self.noted if each.counts and each.act is not None and each.act.side is side]


def _is_another(patients: Iterable[Identifier], noted: Iterable[Noted]) -> bool:
    return are_of_two(patients, [id for each in noted if each.counts for id in each.patients])


def says_of_referral(message: Message) -> bool:
    """Whether `message` is one of a referral that `track_referral` has treated."""
    get = message.attributes.get
    return get("referral.verdict") in _VERDICTS and get("referral.act") in _ACTS


def noted_of(message: Message, received: str) -> Noted:
    """What `message` says in the thread of its referral, by its attributes; `received` is the message that came in.

    Raises `ValueError` where `referral.act` is none; a time that cannot be read, or lies in the future, is that of the
    arrival.
    """
    get = message.get
    written = _time(get("referral.at"))
    return Noted(
        message=received,
        at=message.received,
        act=Act(get("referral.act")),
        written=message.received if written is None else min(written, message.received),
        digest=get("referral.digest") or received,
        verdict=Verdict(get("referral.verdict") or Verdict.APPLIED),
        sender=Contact(get("referral.form"), get("referral.sender")),
        to=Contact(get("referral.to.form"), get("referral.to.address")),
        patients=read_identifiers(get("referral.patients")),
        filler=read_identifier(get("referral.filler")),
        party=get("referral.party"),
        npi=get("referral.npi"),
        appointment=_time(get("referral.appointment")),
    )


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
