"""What steps ask the site's registry: who subscribes, whose patient somebody is, who provides care, what was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from schemas.fhir.topic import Filter
from transforms.matching import Person
from transforms.refer.referral import Identifier
from transforms.refer.thread import Thread

EventName = Literal["admit", "emergency", "observation", "outpatient", "transfer", "discharge", "result"]
"""What a subscriber may want to hear of. An update or a withdrawal of one goes to who was told of it. A `result`
goes to who ordered it, or is to have a copy."""
EVENTS: tuple[EventName, ...] = ("admit", "emergency", "observation", "outpatient", "transfer", "discharge", "result")

Content = Literal["minimum", "full"]
"""`minimum`: the patient, the treating practitioner and the institution (42 CFR 482.24(d)(2)), event and time."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """When a subscriber wants to hear nothing: from `start` to `end`, over midnight where that is earlier. What comes
    then is told at `end`."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who wants to be told of what, and how.

    `delivery` is the end (`direct`, `fhir`, `mllp`) that the channel's routes are chosen by, `address` where to,
    `format` in which form (`alert`, `ccda`, `text`, `adt`). `panel` is the roster of its patients. `digest` is the
    time of day at which what has gathered is told in one message. Times are those of `zone` (an IANA name). `client` is
    the FHIR client that subscribes for it.
    """

    name: str
    title: str = ""
    npi: str = ""
    panel: str = ""
    events: frozenset[str] = frozenset(EVENTS)
    delivery: str = ""
    address: str = ""
    format: str = ""
    content: Content = "full"
    quiet: Quiet | None = None
    digest: time | None = None
    zone: str = "UTC"
    client: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A practitioner or an organization of the directory, by its NPI; `endpoints` are addresses by end (`direct`)."""

    npi: str
    kind: Literal["practitioner", "organization"]
    name: str
    specialties: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    phone: str = ""
    line: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


class RegistryError(Exception):
    """The registry does not answer now: what asked has to wait, and nothing is wrong with its message."""


class Membership(NamedTuple):
    """A member of a roster: its own id there, and who that is.

    `same` is what a person decided (`hie worklist`): whether who was asked about is this member; None where nobody did.
    """

    panel: str
    member: str
    person: Person
    same: bool | None = None


class Told(NamedTuple):
    """That a subscriber was told something: by which received message, which kind of notice, and a digest of what.

    `lost` says that it never arrived: the subscriber refused it, or its delivery was given up.
    """

    message: str
    kind: str
    event: str
    digest: str
    at: datetime
    lost: bool = False


class Subscription(NamedTuple):
    """A FHIR subscription that is told of events, as far as each of `filters` holds."""

    id: str
    filters: tuple[Filter, ...] = ()


class Registry(Protocol):
    """The site's registry as steps read it. A step that needs it takes a parameter of this type, which is no option.

    Answers are what is known when they are asked; two calls for one message may differ only by what was committed
    between them. All raise `RegistryError` where the registry cannot be read: the message then waits.
    """

    def subscribers(self, panel: str) -> Sequence[Subscriber]:
        """Who is told about the members of `panel`."""
        ...

    def subscribed(self, npi: str) -> Sequence[Subscriber]:
        """The subscribers that have this NPI."""
        ...

    def members(self, person: Person, on: date) -> Sequence[Membership]:
        """Who of all panels, on that day, might be `person`: all that share a key of `transforms.matching.blocking`."""
        ...

    def opted_out(self, person: Person, on: date) -> Sequence[Membership]:
        """Who of those that want nothing told, on that day or since, might be `person`; their `panel` is "" or the
        subscriber that must not be told."""
        ...

    def provider(self, npi: str) -> Provider | None:
        """The directory's entry for an NPI."""
        ...

    def providers(self, specialty: str = "", place: str = "", name: str = "") -> Sequence[Provider]:
        """Entries by specialty (code or words), city or postal code, and name; empty terms say nothing."""
        ...

    def told(self, subscriber: str, key: str, message: str) -> Sequence[Told]:
        """What `subscriber` was told under `key` by other received messages than `message`, the earliest first."""
        ...

    def referral(self, referral: Identifier, message: str) -> Thread:
        """What was said in that referral by other received messages than `message`; an empty thread where nothing."""
        ...

    def referral_of(self, delivery: str) -> Thread | None:
        """The thread of which the delivery with that message id is part: what an answer to it is about."""
        ...

    def referrals_about(self, patient: Identifier, address: str) -> Sequence[Thread]:
        """The threads about that patient, by the id that messages give first, in which `address` is a party; the newest
        first."""
        ...

    def subscriptions(self, subscriber: str, at: datetime) -> Sequence[Subscription]:
        """The FHIR subscriptions of `subscriber` that are told of what happens `at` that time."""
        ...
