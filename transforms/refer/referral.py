"""What one message of a referral says: an act of one side, with what it carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from schemas.fhir import Resource
from transforms.elements import NPI

Priority = Literal["", "routine", "urgent", "asap", "stat"]


class Side(StrEnum):
    """Who acts: who refers the patient, or who the patient is referred to."""

    INITIATOR = "initiator"
    RECIPIENT = "recipient"

    @property
    def other(self) -> Side:
        """Whom it speaks to."""
        return Side.RECIPIENT if self is Side.INITIATOR else Side.INITIATOR


class Act(StrEnum):
    """What a message of a referral does (360X PCC-55 to PCC-61, REF^I12 to I15 and RRI, BSeR's Task)."""

    REQUEST = "request"
    CHANGE = "change"
    CANCEL = "cancel"
    INQUIRE = "inquire"
    ACCEPT = "accept"
    DECLINE = "decline"
    BOOK = "book"
    NO_SHOW = "no_show"
    INTERIM = "interim"
    COMPLETE = "complete"
    CONFIRM_CANCEL = "confirm_cancel"

    @property
    def side(self) -> Side:
        """Whose act it is."""
        return Side.INITIATOR if self in _OF_THE_INITIATOR else Side.RECIPIENT


_OF_THE_INITIATOR = frozenset({Act.REQUEST, Act.CHANGE, Act.CANCEL, Act.INQUIRE})


class Identifier(NamedTuple):
    """An identifier with its assigning authority, as a URI (`urn:oid:2.999.1`)."""

    value: str
    system: str


class Coded(NamedTuple):
    """A code with its system (a URI) and what it means in words; without a code there is text alone."""

    code: str = ""
    system: str = ""
    text: str = ""


NO_CODE = Coded()


@dataclass(frozen=True, slots=True)
class Party:
    """One side: a practitioner, an organization or both; what is not known is empty."""

    npi: str = ""
    identifiers: tuple[Identifier, ...] = ()
    family: str = ""
    given: tuple[str, ...] = ()
    organization: str = ""
    specialty: Coded = NO_CODE
    direct: str = ""
    phone: str = ""

    @property
    def numbers(self) -> tuple[Identifier, ...]:
        """The NPI and the others, as identifiers."""
        return (Identifier(self.npi, NPI), *self.identifiers) if self.npi else self.identifiers


NOBODY = Party()


def npi_and_others(numbers: Iterable[Identifier]) -> tuple[str, tuple[Identifier, ...]]:
    """The first NPI of these, "" of none, and those that are none, each once: as a `Party` has them."""
    listed = tuple(dict.fromkeys(numbers))
    npi = next((each.value for each in listed if each.system == NPI), "")
    return npi, tuple(each for each in listed if each.system != NPI)


LINKS = "text/uri-list"
"""The media type of a document that lies elsewhere: its address, on one line (RFC 2483, 5)."""


class Attached(NamedTuple):
    """A document that a message carries, byte for byte; `media_type` is what the bytes are."""

    body: bytes
    media_type: str
    title: str = ""
    unique_id: str = ""

    @property
    def link(self) -> str:
        """The address of a document that lies elsewhere, "" of one that is here."""
        if self.media_type != LINKS or not self.body.endswith(b"\r\n") or not self.body.isascii():
            return ""
        url = self.body[:-2].decode("ascii")
        return url if url.isprintable() and ":" in url else ""


class Appointment(NamedTuple):
    """When and where the patient is seen; `end` and `place` where they are known."""

    identifier: Identifier
    start: datetime
    end: datetime | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class ReferralMessage:
    """One act of a referral.

    `referral` is the initiator's identifier, by which all messages of one referral are known; `filler` the recipient's
    own. `patient` is a Patient (R4) whose identifiers are those that its sender gave, the initiator's first. `reason`
    says why the patient is referred, `explanation` why something is declined, cancelled or changed. `clinical` is a
    Bundle of what the message itself says of the patient's health (DG1, AL1, OBX; supportingInfo), None where it says
    nothing; `documents` is what it carries besides. `control_id` is the message's own identifier at its sender. `until`
    is the last moment, or the start of the last day in UTC. The representation shows the act, never who is referred.
    """

    act: Act
    referral: Identifier
    at: datetime
    patient: Resource
    control_id: str = ""
    filler: Identifier | None = None
    initiator: Party = NOBODY
    recipient: Party = NOBODY
    service: Coded = NO_CODE
    priority: Priority = ""
    until: datetime | None = None
    reason: tuple[Coded, ...] = ()
    explanation: str = ""
    appointment: Appointment | None = None
    clinical: Resource | None = None
    documents: tuple[Attached, ...] = ()

    def __repr__(self) -> str:
        return f"<ReferralMessage {self.act} with {len(self.documents)} documents>"
