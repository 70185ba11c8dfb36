"""A registry in memory, for steps: what a test says is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from schemas.message import Message
from transforms.matching import Person
from transforms.refer.referral import Identifier
from transforms.refer.thread import Thread
from transforms.registry import Membership, Provider, Subscriber, Subscription, Told


@dataclass
class FakeRegistry:
    """What is asked is answered from these lists; `tell` notes what a message tells, as the journal does."""

    known: list[Subscriber] = field(default_factory=list)
    rosters: list[Membership] = field(default_factory=list)
    opted: list[Membership] = field(default_factory=list)
    directory: dict[str, Provider] = field(default_factory=dict)
    subscriptions_of: dict[str, list[Subscription]] = field(default_factory=dict)
    notes: list[tuple[str, str, Told]] = field(default_factory=list)

    def subscribers(self, panel: str) -> Sequence[Subscriber]:
        return [each for each in self.known if each.panel == panel]

    def subscribed(self, npi: str) -> Sequence[Subscriber]:
        return [each for each in self.known if each.npi == npi]

    def members(self, person: Person, on: date) -> Sequence[Membership]:
        return self.rosters

    def opted_out(self, person: Person, on: date) -> Sequence[Membership]:
        return self.opted

    def provider(self, npi: str) -> Provider | None:
        return self.directory.get(npi)

    def providers(self, specialty: str = "", place: str = "", name: str = "") -> Sequence[Provider]:
        return [each for each in self.directory.values() if specialty in each.specialties]

    def subscriptions(self, subscriber: str, at: datetime) -> Sequence[Subscription]:
        return self.subscriptions_of.get(subscriber, ())

    def told(self, subscriber: str, key: str, message: str) -> Sequence[Told]:
        return [told for who, what, told in self.notes if (who, what) == (subscriber, key) and told.message != message]

    def referral(self, referral: Identifier, message: str) -> Thread:
        return Thread(referral)

    def referral_of(self, delivery: str) -> Thread | None:
        return None

    def referrals_about(self, patient: Identifier, address: str) -> Sequence[Thread]:
        return []

    def tell(self, message: Message) -> None:
        found = {name: message.get(f"notice.{name}") for name in ("key", "kind", "event", "digest")}
        told = Told(message.origin, found["kind"], found["event"], found["digest"], message.received)
        self.notes.append((message.get("subscriber.id"), found["key"], told))

    def lose(self) -> None:
        """What was told last never arrived: the subscriber refused it."""
        who, what, told = self.notes[-1]
        self.notes[-1] = (who, what, told._replace(lost=True))
