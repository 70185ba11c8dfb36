"""The step `find_specialist`: who is asked to see the patient, and how they are reached."""

from __future__ import annotations

from collections.abc import Sequence

from channels.direct.options import is_address
from engine.steps.said import said_in
from schemas.message import Message
from schemas.tables import CodeMapFile
from schemas.values import Template
from transforms import StepError, sets, step
from transforms.moments import TimeZone
from transforms.recipient import by_endpoint
from transforms.refer import Act, Party, Side
from transforms.refer.facts import UNKNOWN, referral_in
from transforms.registry import Provider, Registry, Subscriber

_FORMS = {"direct": "360x", "fhir": "fhir", "mllp": "ref"}
"""The form of a referral by the kind of endpoint."""
_ASKS = (Act.REQUEST, Act.CHANGE)


@step
@sets("referral.to.form", "referral.to.address", "recipient.verdict", "recipient.rule")
def find_specialist(
    message: Message,
    *,
    registry: Registry,
    place: Template = "",
    time_zone: TimeZone = "",
    systems: CodeMapFile | None = None,
) -> Message:
    """Find in the directory whom a request refers the patient to: `referral.to.form` and `referral.to.address`.

    A provider who is named by NPI is found by that or not at all, first at its own endpoint, then at those of its
    organizations; one who is named otherwise where exactly one of that name has an endpoint; where nobody is named, the
    one of the wanted specialty with an endpoint. Failing that, the Direct address that the request itself gives is
    taken. `recipient.verdict` is `known`, or `unknown` with why in `recipient.rule`: route that to a work list. Once
    the other side of a referral is known, it stays that: a request or change that names somebody else by NPI, who is
    reached elsewhere, stops, for it would go to the wrong one. Put it between `open_referral` and `track_referral`.

    Args:
        place: The city or postal code of who is looked for by specialty or name, a template.
        time_zone: As for `open_referral`.
        systems: As for `open_referral`.
    """
    act = message.get("referral.act")
    if message.get(UNKNOWN) or message.get("referral.to.address") or (act and Act(act).side is Side.RECIPIENT):
        return message
    said = said_in(message, time_zone, systems)
    thread = registry.referral(referral_in(message), message.origin)
    search = _Search(registry, said.recipient, message.fill(place))
    known = thread.contact(Side.RECIPIENT).address
    if known:
        has_answered = any(each.npi == said.recipient.npi for each in thread.noted if each.counts)
        if said.act in _ASKS and not has_answered and search.is_of_another(known):
            hint = "a referral to somebody else needs an id of its own; cancel this one, or close it"
            raise StepError("the request names another specialist than the one who was asked before", hint)
        return message
    found = search.found()
    if found is None:
        facts = {"recipient.verdict": "unknown", "recipient.rule": search.rule}
    else:
        form, address = found
        facts = {"recipient.verdict": "known", "recipient.rule": search.rule}
        facts |= {"referral.to.form": form, "referral.to.address": address}
    return message.derive("find_specialist", attributes=facts)


class _Search:
    """The search for one party; `rule` says by what it was found, or why not."""

    def __init__(self, registry: Registry, party: Party, place: str) -> None:
        self._registry = registry
        self._party = party
        self._place = place
        self.rule = ""

    def is_of_another(self, address: str) -> bool:
        """Whether the party has an NPI that the directory has elsewhere than at `address`."""
        reached = self._by_npi(self._party.npi) if self._party.npi else None
        return reached is not None and reached.address.lower() != address.lower()

    def found(self) -> tuple[str, str] | None:
        """The form and the address; None where nobody is found."""
        reached = self._in_directory()
        if reached is not None:
            return _FORMS[reached.delivery], reached.address
        if not self._party.direct:
            return None
        try:
            address = is_address(self._party.direct)
        except ValueError:
            self.rule = f"what the request gives as Direct address is not one address ({self.rule})"
            return None
        self.rule = f"the Direct address that the request gives ({self.rule})"
        return "360x", address

    def _in_directory(self) -> Subscriber | None:
        party = self._party
        if party.npi:
            return self._by_npi(party.npi)
        specialty = party.specialty.code or party.specialty.text
        name = " ".join((party.family, *party.given[:1])).strip() or party.organization
        if name:
            return self._only("name", self._registry.providers("", self._place, name))
        if specialty:
            return self._only("specialty", self._registry.providers(specialty, self._place))
        self.rule = "nobody is named, and no specialty"
        return None

    def _by_npi(self, npi: str) -> Subscriber | None:
        provider = self._registry.provider(npi)
        if provider is None:
            self.rule = "the NPI is not in the directory"
            return None
        reached = by_endpoint(self._registry, provider)
        self.rule = "by NPI" if reached is not None else "the NPI is in the directory without an endpoint"
        return reached

    def _only(self, by: str, found: Sequence[Provider]) -> Subscriber | None:
        """The one of `found` who has an endpoint, or whose organization has."""
        reached = {each.npi: one for each in found if (one := by_endpoint(self._registry, each)) is not None}
        if len({each.address for each in reached.values()}) == 1:
            self.rule = f"by {by}: the only endpoint in the directory"
            return next(iter(reached.values()))
        self.rule = f"{len(reached) or 'none'} in the directory with an endpoint by this {by}"
        return None
