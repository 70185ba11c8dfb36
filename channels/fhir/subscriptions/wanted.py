"""What a Subscription asks for (R4, subscription.html; Subscriptions R5 Backport 1.2), and what is refused of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import orjson

from channels.fhir.negotiate import FHIR_JSON, FHIR_XML
from channels.fhir.refusal import RefusedError
from channels.fhir.subscriptions.endpoint import EndpointError, check_endpoint
from channels.subscriptions import Subscribed
from schemas.fhir import Element, Resource
from schemas.fhir.topic import TOPIC, FilterError, read_filter

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/"
"""What the guide's URLs begin with."""
PROFILE = f"{BACKPORT}StructureDefinition/backport-subscription"
Content = Literal["empty", "id-only", "full-resource"]
"""How much a notification has of its events (backport-content-code-system)."""

_EXTENSION = f"{BACKPORT}StructureDefinition/backport-"
_MOST_HEADERS = 20
_MOST_FILTERS = 50
_LONGEST = 4_000
_LONGEST_PERIOD = 366 * 86_400  # seconds
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}):[ \t]*([\x20-\x7e\t]{0,4000})\Z")
_OURS = frozenset(
    (
        *("host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "upgrade"),
        *("te", "trailer", "keep-alive", "expect", "proxy-authorization", "proxy-connection", "accept-encoding"),
    )
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Subscription as it was read: where notifications go, in which form, with how much; `mime` is as it was written.

    `heartbeat` is after how long without a notification one is sent all the same, `timeout` how long the endpoint may
    take; None where it does not say. `off` says that its client turned it off.
    """

    endpoint: str
    headers: tuple[tuple[str, str], ...]
    mime: str
    content: Content
    filters: tuple[str, ...] = ()
    heartbeat: timedelta | None = None
    timeout: timedelta | None = None
    ends: datetime | None = None
    off: bool = False

    @property
    def way(self) -> tuple[object, ...]:
        """What a handshake verifies: where it goes, and how."""
        return (self.endpoint, self.headers, self.mime)

    @property
    def is_xml(self) -> bool:
        """Whether notifications are written in XML."""
        return self.mime.partition(";")[0].strip().lower() == FHIR_XML


def read_wanted(resource: Resource, address: str, now: datetime) -> Wanted:
    """What `resource` asks for; `address` is what its endpoint must begin with, "" where any public one will do.

    Raises `RefusedError` (422) for what this server does not do, with the place.
    """
    if resource.get("modifierExtension") or resource.get("implicitRules"):
        raise _refused("extension", "A modifierExtension or implicitRules is not understood.", "Subscription")
    if resource.get("status") not in ("requested", "active", "off"):
        raise _refused("value", "A client writes requested; off to stop it.", "Subscription.status")
    criteria = resource.get("criteria")
    if not isinstance(criteria, str) or criteria.partition("|")[0] != TOPIC:
        raise _refused("not-supported", f"The topic is {TOPIC}.", "Subscription.criteria")
    channel = _element(resource, "channel", "Subscription.channel")
    _check_way(channel, address)
    return replace(_read(resource), ends=_ends(resource, now))


def wanted_of(subscribed: Subscribed) -> Wanted:
    """What a Subscription asks for that was taken before; its end is known apart."""
    return _read(orjson.loads(subscribed.resource))


def content_of(code: object) -> Content | None:
    """How much that code of the guide means; None where it is none."""
    return next((each for each in get_args(Content) if each == code), None)


def _read(resource: Resource) -> Wanted:
    channel: Element = resource["channel"]
    return Wanted(
        channel["endpoint"],
        _headers(channel),
        _mime(channel),
        _content(channel),
        _filters(resource),
        _seconds(channel, "heartbeat-period"),
        _seconds(channel, "timeout"),
        off=resource["status"] == "off",
    )


def _check_way(channel: Element, address: str) -> None:
    """Raises `RefusedError` where notifications would go on a way, or to a place, that is not taken."""
    if channel.get("type") != "rest-hook" or _extensions(channel, "channel-type"):
        raise _refused("not-supported", "Notifications go by rest-hook.", "Subscription.channel.type")
    endpoint = channel.get("endpoint")
    try:
        check_endpoint(endpoint if isinstance(endpoint, str) else "", address)
    except EndpointError as error:
        raise _refused("not-supported", str(error), "Subscription.channel.endpoint") from None
    if _number(channel, "max-count", "valuePositiveInt") == 0:
        raise _refused("value", "At least one event goes with a notification.", "Subscription.channel.extension")


def _headers(channel: Element) -> tuple[tuple[str, str], ...]:
    given = channel.get("header", [])
    found: list[tuple[str, str]] = []
    for each in given if isinstance(given, list) else [None]:
        header = _HEADER.match(each) if isinstance(each, str) and len(each) <= _LONGEST else None
        if header is None or header.group(1).lower() in _OURS or len(found) == _MOST_HEADERS:
            text = f"A header is NAME: VALUE, at most {_MOST_HEADERS} of them, and none that HTTP itself needs."
            raise _refused("value", text, "Subscription.channel.header")
        found.append((header.group(1), header.group(2).strip()))
    return tuple(found)


def _mime(channel: Element) -> str:
    written = channel.get("payload")
    kind, *parameters = written.split(";") if isinstance(written, str) else [""]
    said = dict(each.strip().lower().partition("=")[::2] for each in parameters)
    version, charset = said.pop("fhirversion", "4.0").strip('"'), said.pop("charset", "utf-8").strip('"')
    known = kind.strip().lower() in (FHIR_JSON, FHIR_XML) and len(str(written)) < 200
    if not known or version not in ("4.0", "4.0.1") or charset != "utf-8" or said or not str(written).isascii():
        text = f"A notification is {FHIR_JSON} or {FHIR_XML}, of FHIR 4.0."
        raise _refused("not-supported", text, "Subscription.channel.payload")
    return str(written)


def _content(channel: Element) -> Content:
    found = _extensions(channel.get("_payload"), "payload-content")
    code = found[0].get("valueCode") if len(found) == 1 else None
    content = content_of(code)
    if content is None:
        text = f"The extension backport-payload-content says how much is sent: {', '.join(get_args(Content))}."
        raise _refused("not-supported" if code else "required", text, "Subscription.channel.payload.extension")
    return content


def _filters(resource: Resource) -> tuple[str, ...]:
    place = "Subscription.criteria.extension"
    found = []
    for each in _extensions(resource.get("_criteria"), "filter-criteria"):
        text = each.get("valueString")
        try:
            read_filter(text if isinstance(text, str) else "")
        except FilterError as error:
            raise _refused("not-supported", f"The filter is not taken: {error}.", place) from None
        found.append(str(text))
    if len(found) > _MOST_FILTERS:
        raise _refused("too-costly", f"At most {_MOST_FILTERS} filters are taken.", place)
    return tuple(found)


def _seconds(channel: Element, name: str) -> timedelta | None:
    seconds = _number(channel, name, "valueUnsignedInt")
    return timedelta(seconds=min(seconds, _LONGEST_PERIOD)) if seconds else None


def _number(channel: Element, name: str, value: str) -> int | None:
    found = _extensions(channel, name)
    if not found:
        return None
    number = found[0].get(value)
    if len(found) > 1 or type(number) is not int or number < 0:
        raise _refused("value", f"backport-{name} has one {value}.", "Subscription.channel.extension")
    return number


def _ends(resource: Resource, now: datetime) -> datetime | None:
    written = resource.get("end")
    if written is None:
        return None
    if not isinstance(written, str) or not _INSTANT.match(written):
        raise _refused("value", "The end is an instant, with its offset.", "Subscription.end")
    try:
        ends = datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _refused("value", "The end is no time.", "Subscription.end") from None
    if ends <= now:
        raise _refused("business-rule", "The end is over.", "Subscription.end")
    return ends


def _extensions(element: Any, name: str) -> list[Element]:
    """The extensions of the guide by the end of their URL."""
    given = element.get("extension") if isinstance(element, dict) else None
    listed = given if isinstance(given, list) else []
    return [each for each in listed if isinstance(each, dict) and each.get("url") == f"{_EXTENSION}{name}"]


def _element(resource: Resource, name: str, place: str) -> Element:
    found = resource.get(name)
    if not isinstance(found, dict):
        raise _refused("required", "It says nowhere where notifications go.", place)
    return found


def _refused(code: str, text: str, place: str) -> RefusedError:
    return RefusedError(422, code, text, place, finding="FHIR-405")
