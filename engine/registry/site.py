"""The registry of one site: the engine's database where it runs, else what the site's files say, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from schemas.message import Message
from transforms.matching import Person
from transforms.refer.facts import referral_in
from transforms.refer.referral import Identifier
from transforms.refer.thread import Noted, Thread, noted_of, says_of_referral
from transforms.registry import Membership, Provider, Registry, RegistryError, Subscriber, Subscription, Told


class SiteRegistry:
    """What the steps of a site are handed when they are bound, long before anything is asked.

    `offline` makes the registry that answers where no engine runs (`hie test`, `hie try`); it is made when something
    is asked. What messages in hand tell subscribers, and say in referrals, is known before it is committed, so that of
    two messages in one commit the second knows of the first.
    """

    def __init__(self, offline: Callable[[], Registry]) -> None:
        self._offline = offline
        self._registry: Registry | None = None
        self._in_hand: dict[str, list[tuple[str, str, Told]]] = {}
        self._said: dict[str, list[tuple[Identifier, Noted]]] = {}
        self.faulty_opt_outs = ""
        """Why it is not known who opted out; "" where it is."""

    def use(self, registry: Registry) -> None:
        """Answer from `registry` from now on."""
        self._registry = registry

    def subscribers(self, panel: str) -> Sequence[Subscriber]:
        """Who is told about the members of `panel`."""
        return self._source.subscribers(panel)

    def subscribed(self, npi: str) -> Sequence[Subscriber]:
        """The subscribers that have this NPI."""
        return self._source.subscribed(npi)

    def members(self, person: Person, on: date) -> Sequence[Membership]:
        """Who of all panels, on that day, might be `person`."""
        return self._source.members(person, on)

    def opted_out(self, person: Person, on: date) -> Sequence[Membership]:
        """Who of those that want nothing told, on that day or since, might be `person`. While it is not known who did,
        the message waits."""
        if self.faulty_opt_outs:
            raise RegistryError(f"it is not known who opted out: {self.faulty_opt_outs}")
        return self._source.opted_out(person, on)

    def provider(self, npi: str) -> Provider | None:
        """The directory's entry for an NPI."""
        return self._source.provider(npi)

    def providers(self, specialty: str = "", place: str = "", name: str = "") -> Sequence[Provider]:
        """Entries by specialty, city or postal code, and name."""
        return self._source.providers(specialty, place, name)

    def subscriptions(self, subscriber: str, at: datetime) -> Sequence[Subscription]:
        """The FHIR subscriptions of `subscriber` that are told of what happens `at` that time."""
        return self._source.subscriptions(subscriber, at)

    def told(self, subscriber: str, key: str, message: str) -> Sequence[Told]:
        """What `subscriber` was told under `key` by other received messages than `message`, the earliest first."""
        committed = self._source.told(subscriber, key, message)
        known = {each.message for each in committed}
        in_hand = [
            told
            for id, all_told in self._in_hand.items()
            if id != message and id not in known
            for its_subscriber, its_key, told in all_told
            if (its_subscriber, its_key) == (subscriber, key)
        ]
        return [*committed, *in_hand]

    def referral(self, referral: Identifier, message: str) -> Thread:
        """What was said in that referral by other received messages than `message`."""
        committed = self._source.referral(referral, message)
        known = {each.message for each in committed.noted}
        in_hand = [
            noted
            for id, said in self._said.items()
            if id != message and id not in known
            for its_referral, noted in said
            if its_referral == referral
        ]
        return replace(committed, noted=(*committed.noted, *in_hand)) if in_hand else committed

    def referral_of(self, delivery: str) -> Thread | None:
        """The thread of which the delivery with that message id is part; one that went out is committed."""
        return self._source.referral_of(delivery)

    def referrals_about(self, patient: Identifier, address: str) -> Sequence[Thread]:
        """The committed threads about that patient in which `address` is a party; the newest first."""
        return self._source.referrals_about(patient, address)

    def take(self, message: Message, children: Sequence[Message]) -> None:
        """Remember what `children` of `message` tell and say until their commit is done."""
        found = [
            (child.attributes["subscriber.id"], child.attributes["notice.key"], _told(message, child))
            for child in children
            if "notice.key" in child.attributes and "subscriber.id" in child.attributes
        ]
        if found:
            self._in_hand[message.id] = found
        said = [(referral_in(child), noted_of(child, message.id)) for child in children if says_of_referral(child)]
        if said:
            self._said[message.id] = said

    def let_go(self, message_id: str) -> None:
        """The commit of that message is done: what it told is in the database, or was never told."""
        self._in_hand.pop(message_id, None)
        self._said.pop(message_id, None)

    @property
    def _source(self) -> Registry:
        if self._registry is None:
            self._registry = self._offline()
        return self._registry


def _told(message: Message, child: Message) -> Told:
    found = child.attributes
    kind, event, digest = (found.get(f"notice.{name}", "") for name in ("kind", "event", "digest"))
    return Told(message.id, kind, event, digest, message.received)
