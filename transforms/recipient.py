"""Who gets what is meant for a provider: looked up by NPI in the site's registry, for results as for referrals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from transforms.registry import Provider, Registry, Subscriber

ENDS = ("direct", "fhir", "mllp")
"""The kinds of endpoints in the directory, those that reach a person first."""


class Reached(NamedTuple):
    """Who gets it, and by which rule; or nobody, and why."""

    by: tuple[Subscriber, ...]
    rule: str


def recipients(registry: Registry, npi: str, event: str, ends: Sequence[str] = ENDS) -> Reached:
    """Who gets what is for the provider `npi`, of those that want to hear of `event`.

    The subscribers that have the NPI; else those of the provider's organizations; else the provider's own endpoint in
    the directory, the first of `ends`; else that of an organization. Raises `RegistryError`.
    """
    provider = registry.provider(npi)
    organizations = provider.organizations if provider is not None else ()
    for each in (npi, *organizations):
        found = tuple(one for one in registry.subscribed(each) if event in one.events)
        if found:
            of = "its NPI" if each == npi else f"that of its organization {each}"
            return Reached(found, f"subscribed by {of}")
    if provider is None:
        return Reached((), f"NPI {npi} is not in the directory, and nobody subscribes by it")
    for one in (provider, *filter(None, map(registry.provider, organizations))):
        reached = by_endpoint(one, ends)
        if reached is not None:
            whose = "its endpoint" if one is provider else f"the endpoint of its organization {one.npi}"
            return Reached((reached,), f"{whose} in the directory: {reached.delivery}")
    return Reached((), f"NPI {npi} is in the directory without an endpoint ({', '.join(ends)})")


def by_endpoint(provider: Provider, ends: Iterable[str] = ENDS) -> Subscriber | None:
    """`provider` as one who is told at the first of `ends` at which the directory has an address; None without one.

    It is called by its NPI (`npi:1234567893`), as no subscriber can be.
    """
    end = next((each for each in ends if provider.endpoints.get(each)), None)
    if end is None:
        return None
    known = Subscriber(f"npi:{provider.npi}", provider.name, provider.npi)
    return replace(known, delivery=end, address=provider.endpoints[end])
