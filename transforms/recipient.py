"""Who gets what is meant for a provider: looked up by NPI in the site's registry, for results as for referrals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
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
    reached = by_endpoint(registry, provider, ends)
    if reached is None:
        return Reached((), f"NPI {npi} is in the directory without an endpoint ({', '.join(ends)})")
    whose = "its endpoint" if reached.npi == provider.npi else f"the endpoint of its organization {reached.npi}"
    return Reached((reached,), f"{whose} in the directory: {reached.delivery}")


def by_endpoint(registry: Registry, provider: Provider, ends: Sequence[str] = ENDS) -> Subscriber | None:
    """Who is told for `provider` at the first of `ends` at which the directory has an address of it, else of one of
    its organizations; None without one.

    It is called by the NPI of whose address that is (`npi:1234567893`), as no subscriber can be.
    """
    for one in chain((provider,), filter(None, map(registry.provider, provider.organizations))):
        end = next((each for each in ends if one.endpoints.get(each)), None)
        if end is not None:
            return Subscriber(f"npi:{one.npi}", one.name, one.npi, delivery=end, address=one.endpoints[end])
    return None
