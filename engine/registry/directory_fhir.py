"""The provider directory as a FHIR Bundle: Organization, Practitioner, PractitionerRole, Location, Endpoint (R4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from engine.registry.bundles import Found, only, read_resources
from engine.registry.numbers import NpiSet
from engine.registry.rows import RosterError
from engine.registry.subscribing import check_npi
from schemas.fhir.resource import Element, Resource
from transforms.registry import Provider

NPI_SYSTEMS = ("http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6")
CONNECTIONS = {"direct-project": "direct", "hl7-fhir-rest": "fhir", "hl7v2-mllp": "mllp"}
"""The codes of `Endpoint.connectionType`, and the end that each is."""

_SCHEMES = {"direct": ("mailto:",), "mllp": ("mllp://", "mllps://"), "fhir": ()}
_READ = {
    "Organization": ("identifier", "active", "name", "telecom", "address", "endpoint"),
    "Practitioner": ("identifier", "active", "name", "telecom", "address"),
    "PractitionerRole": (*("active", "practitioner", "organization", "specialty", "location", "telecom", "endpoint"),),
    "Location": ("telecom", "address"),
    "Endpoint": ("status", "connectionType", "address"),
}


class _Place(NamedTuple):
    """An address and a telephone; "" where there is none."""

    phone: str = ""
    line: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


@dataclass(slots=True)
class _Roles:
    """What the roles of one practitioner come to, as references."""

    specialties: list[str] = field(default_factory=list)
    organizations: list[str] = field(default_factory=list)
    locations: list[str] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)
    phone: str = ""


class _Directory:
    """What providers refer to, by everything that it may be called."""

    def __init__(self) -> None:
        self._endpoints: dict[str, tuple[str, str]] = {}
        self._places: dict[str, _Place] = {}
        self._npis: dict[str, str] = {}
        self._roles: dict[str, _Roles] = {}

    def take(self, found: Found) -> None:
        """Take in a resource that others refer to, or that says what somebody does."""
        resource, where = _whole(found), found.where
        match resource["resourceType"]:
            case "Endpoint":
                end = _end_of(resource)
                self._endpoints.update(dict.fromkeys(_names(found), end) if end else {})
            case "Location":
                self._places.update(dict.fromkeys(_names(found), _place(resource.get("address"), resource)))
            case "Organization":
                npi = _npi(resource, where)
                self._npis.update(dict.fromkeys(_names(found), npi) if npi else {})
            case "PractitionerRole" if resource.get("active") is not False:
                role = self._roles.setdefault(_reference(resource.get("practitioner", {})), _Roles())
                role.specialties += _codes(resource.get("specialty", ()))
                role.organizations.append(_reference(resource.get("organization", {})))
                role.locations += map(_reference, resource.get("location", ()))
                role.endpoints += map(_reference, resource.get("endpoint", ()))
                role.phone = role.phone or _phone(resource)

    def provider(self, found: Found) -> Provider | None:
        """The directory's entry of a Practitioner or an Organization; None where it is not active or has no NPI."""
        resource = _whole(found)
        npi = _npi(resource, found.where)
        if not npi or resource.get("active") is False:
            return None
        if resource["resourceType"] == "Organization":
            name, addresses = resource.get("name", ""), resource.get("address", ())
            ends = self._ends(map(_reference, resource.get("endpoint", ())))
            made = Provider(npi, "organization", name, (), (), ends, *_place(next(iter(addresses), None), resource))
        else:
            roles = [self._roles[name] for name in _names(found) if name in self._roles]
            made = self._practitioner(npi, resource, roles)
        if not made.name:
            raise RosterError(f"{found.where}: the provider has no name")
        return made

    def _practitioner(self, npi: str, resource: Resource, roles: list[_Roles]) -> Provider:
        places = [self._places[each] for role in roles for each in role.locations if each in self._places]
        organizations = (self._npis.get(each, "") for role in roles for each in role.organizations)
        own = _place(next(iter(resource.get("address", ())), None), resource)
        place = next((each for each in places if each.city or each.postal_code), own)
        phone = next(filter(None, (*(role.phone for role in roles), place.phone, own.phone)), "")
        return Provider(
            npi,
            "practitioner",
            _human_name(resource.get("name", ())),
            tuple(dict.fromkeys(each for role in roles for each in role.specialties)),
            tuple(dict.fromkeys(filter(None, organizations))),
            self._ends(each for role in roles for each in role.endpoints),
            phone,
            *place[1:],
        )

    def _ends(self, references: Iterator[str]) -> Mapping[str, str]:
        ends: dict[str, str] = {}
        for name in references:
            if name in self._endpoints:
                ends.setdefault(*self._endpoints[name])
        return MappingProxyType(ends)


def read_fhir_directory(path: Path, name: str, most: int | None = None) -> Iterator[Provider]:
    """The providers of the Bundle at `path`, called `name` in errors; among its first `most` resources, or all.

    Who has no NPI or is not active is none. Of two endpoints of one kind the first counts, and one that is not active
    counts not at all. Raises `RosterError` at the entry at fault.
    """
    directory = _Directory()
    for found in islice(read_resources(path, name), most):
        if found.resource["resourceType"] in _READ:
            directory.take(found)
    seen = NpiSet()
    for found in islice(read_resources(path, name), most):
        if found.resource["resourceType"] in ("Practitioner", "Organization"):
            provider = directory.provider(found)
            if provider is not None:
                if not seen.add(provider.npi):
                    raise RosterError(f"{found.where}: an earlier entry has the NPI already")
                yield provider


def _whole(found: Found) -> Resource:
    kind = found.resource["resourceType"]
    return only(found.resource, _READ[kind], found.where)


def _names(found: Found) -> list[str]:
    """Everything that a reference may call the resource by."""
    kind, id = found.resource["resourceType"], found.resource.get("id")
    names = (found.url, "/".join(found.url.split("/")[-2:]), f"{kind}/{id}" if id else "")
    return list(dict.fromkeys(filter(None, names)))


def _reference(element: Element) -> str:
    return str(element.get("reference", "")).partition("/_history/")[0]


def _npi(resource: Resource, where: str) -> str:
    numbers = (each for each in resource.get("identifier", ()) if each.get("system") in NPI_SYSTEMS)
    written = next((each["value"] for each in numbers if "value" in each), "")
    try:
        return check_npi(written) if written else ""
    except ValueError as error:
        raise RosterError(f"{where}.identifier: {error}") from None


def _end_of(endpoint: Resource) -> tuple[str, str] | None:
    """The end and the address of an Endpoint that is in use; None where it is none of ours."""
    end = CONNECTIONS.get(endpoint.get("connectionType", {}).get("code", ""))
    if end is None or endpoint.get("status") != "active":
        return None
    address = str(endpoint.get("address", ""))
    for scheme in _SCHEMES[end]:
        if address.lower().startswith(scheme):
            address = address[len(scheme) :].rstrip("/")
    return (end, address) if address else None


def _place(address: Element | None, resource: Resource) -> _Place:
    found: Element = address or {}
    line = next((each for each in found.get("line", ()) if each), "")
    texts = (found.get(name, "") for name in ("city", "state", "postalCode"))
    return _Place(_phone(resource), line, *texts)


def _phone(resource: Resource) -> str:
    phones = (each for each in resource.get("telecom", ()) if each.get("system") == "phone")
    return next((each["value"] for each in phones if "value" in each), "")


def _human_name(names: Any) -> str:
    """Family name first; the official name where there is one."""
    ranked = sorted(names, key=lambda each: each.get("use") != "official")
    if not ranked:
        return ""
    given = " ".join(filter(None, ranked[0].get("given", ())))
    return ", ".join(filter(None, (ranked[0].get("family", ""), given))) or str(ranked[0].get("text", ""))


def _codes(concepts: Any) -> Iterator[str]:
    """Codes and words of concepts."""
    for concept in concepts:
        codings = concept.get("coding", ())
        yield from (each["code"] for each in codings if "code" in each)
        words = concept.get("text") or next((each["display"] for each in codings if "display" in each), "")
        yield from (words,) if words else ()
