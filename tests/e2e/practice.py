"""A practice that subscribes by FHIR: its client, its endpoint, and the site of the exchange that it subscribes at."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from schemas.fhir.topic import TOPIC
from tests import services
from tests.channels.fhir.server import FhirServer, serving
from tests.channels.mllp import connected
from tests.e2e.engines import Engine, Site
from tests.e2e.harness import Places

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
TOKENS = {"riverside": "riverside-token", "hillside": "hillside-token", "nobody": "nobody-token"}
ROSTER = "member,family,given,birth_date,sex,authority,identifier\n"
_ADT = """\
channel: adt
inbound:
  mllp: {{listen: "127.0.0.1:{inbound}"}}
steps:
  - notify_event
  - match_panel
  - drop_opted_out
  - tell_once
  - drop: {{match.verdict: review}}
routes:
  - route: subscriptions
    when: {{subscriber.delivery: subscription}}
    steps: [adt_to_alert_bundle, match_subscriptions]
    outbound:
      subscription: {{timeout: 5s, off_after: {off_after}}}
    in_order: subscription.id
    parallel: 4
    retry: {{first: 200ms, most: 500ms, give_up_after: 1h}}
"""
_FHIR = """\
channel: subscribe
inbound:
  fhir:
    listen: "127.0.0.1:{port}"
    access: {{clients: registry/clients.yaml}}
    interactions: []
    subscriptions: true
routes: []
"""


def adt(
    control_id: str, event: str, patient: str = "4711", name: str = "QXWILLOWBY^Rosalind", born: str = "19700312"
) -> bytes:
    """A message about a visit of `patient`."""
    segments = [
        f"MSH|^~\\&|ADT1|STANNE|HIE|REGION|20261125120000-0500||ADT^{event}^ADT_A01|{control_id}|P|2.5.1",
        f"EVN|{event}|20261125120000-0500",
        f"PID|1||{patient}^^^1.2.3^MR||{name}||{born}|F",
        f"PV1|1|I|W1^101^1^STANNE||||1234567893^WARD^PETER^^^^^^NPI||||||||||||V{patient}|||||||||||||||||||||||||202611251200",
    ]
    return "\r".join([*segments, ""]).encode()


def subscription(endpoint: str, content: str = "full-resource", *filters: str, **channel: Any) -> dict[str, Any]:
    """A Subscription as a client writes it."""
    made: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "our patients' visits",
        "criteria": TOPIC,
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "header": ["Authorization: Bearer practice-secret"],
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{GUIDE}payload-content", "valueCode": content}]},
            **channel,
        },
    }
    if filters:
        criteria = [{"url": f"{GUIDE}filter-criteria", "valueString": each} for each in filters]
        made["_criteria"] = {"extension": criteria}
    return made


class Practice:
    """A client with its token, and an endpoint that keeps what it is told."""

    def __init__(self, client: httpx.AsyncClient, server: FhirServer, exchange: Exchange) -> None:
        self.client = client
        self.server = server
        self.exchange = exchange

    @property
    def endpoint(self) -> str:
        """Where it wants to be told."""
        return f"{self.server.base}/hook"

    @property
    def notices(self) -> list[dict[str, Any]]:
        """Every notification that it took."""
        return [asked.json for asked in list(self.server.requests)]

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The notifications of one kind."""
        return [each for each in self.notices if parameter(each, "type") == kind]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that it was told of, in order."""
        return [number for each in self.told("event-notification") for number in numbers_of(each)]

    async def until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until `holds`."""
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - the endpoint is on a thread of its own
                await asyncio.sleep(0.02)

    async def subscribe(self, made: dict[str, Any], status: str = "active") -> str:
        """The id of a new subscription, once it has that status."""
        answer = await self.client.post("Subscription", json=made)
        assert answer.status_code == 201, answer.text
        id = str(answer.json()["id"])
        await self.reaches(id, status)
        return id

    async def reaches(self, id: str, status: str, seconds: float = 20) -> dict[str, Any]:
        """The subscription, once it has that status."""
        async with asyncio.timeout(seconds):
            while True:
                found = (await self.client.get(f"Subscription/{id}")).json()
                if found["status"] == status:
                    return dict(found)
                await asyncio.sleep(0.05)

    async def events(self, id: str, **parameters: str | int) -> dict[str, Any]:
        """What `$events` answers."""
        answer = await self.client.get(f"Subscription/{id}/$events", params=parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class Exchange:
    """A site with an ADT feed and a server for subscriptions, and its engine."""

    def __init__(self, folder: Path, places: Places, endpoint: str, off_after: str) -> None:
        self.site = Site(folder / "site", places.journal, places.backbone)
        self.port = services.free_port()
        self.write("channels/adt.yaml", _ADT.format(inbound=self.site.inbound, off_after=off_after))
        self.write("channels/subscribe.yaml", _FHIR.format(port=self.port))
        clients = [
            f"  - {{client: {name}, token_sha256: {hashlib.sha256(token.encode()).hexdigest()}, "
            "scopes: [system/Subscription.cruds, system/Encounter.r]}\n"
            for name, token in TOKENS.items()
        ]
        self.write("registry/clients.yaml", "clients:\n" + "".join(clients))
        self.write(
            "registry/subscribers.yaml",
            f'riverside: {{delivery: subscription, address: "{endpoint}"}}\n'
            f'hillside: {{delivery: subscription, address: "{endpoint}"}}\n',
        )
        self.write("panels/riverside.csv", ROSTER + "r1,Qxwillowby,Rosalind,1970-03-12,F,1.2.3,4711\n")
        self.write("panels/hillside.csv", ROSTER + "h1,Qxhale,Ada,1980-01-01,F,1.2.3,9000\n")
        self.engine = Engine(self.site)

    def write(self, name: str, text: str) -> None:
        """A file of the site."""
        path = self.site.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def base(self) -> str:
        """The base of its FHIR server."""
        return f"http://127.0.0.1:{self.port}/fhir"

    async def send(self, *bodies: bytes) -> None:
        """Have the hospital send these, and be acknowledged."""
        async with connected(self.site.inbound) as sender:
            for body in bodies:
                assert b"\rMSA|AA|" in await sender.ask(body)


@asynccontextmanager
async def exchange(
    folder: Path, places: Places | None = None, *, off_after: str = "24h"
) -> AsyncIterator[tuple[Exchange, Practice]]:
    """An exchange at work, and the practice `riverside`; embedded unless it has other `places`."""
    places = places or Places(f"sqlite:///{folder}/journal.db")
    with serving() as server:
        server.answer = lambda _: (200, None, {})
        made = Exchange(folder, places, server.base, off_after)
        async with made.engine.at_work(), as_client(made, "riverside") as client:
            yield made, Practice(client, server, made)


@asynccontextmanager
async def as_client(exchange: Exchange, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the exchange's FHIR server, with a token of that name."""
    headers = {"authorization": f"Bearer {TOKENS[name]}"}
    async with httpx.AsyncClient(base_url=f"{exchange.base}/", headers=headers, trust_env=False, timeout=20) as client:
        yield client


def status_of(bundle: dict[str, Any]) -> dict[str, Any]:
    """The SubscriptionStatus of a notification."""
    return dict(bundle["entry"][0]["resource"])


def parameter(bundle: dict[str, Any], name: str) -> Any:
    """A simple parameter of the status of a notification, None where it is not there."""
    return value_of(status_of(bundle), name)


def value_of(status: dict[str, Any], name: str) -> Any:
    """A simple parameter of a status."""
    found = [each for each in status["parameter"] if each["name"] == name]
    return next((value for each in found for key, value in each.items() if key.startswith("value")), None)


def numbers_of(bundle: dict[str, Any]) -> list[int]:
    """The numbers of the events in a notification."""
    events = [each["part"] for each in status_of(bundle)["parameter"] if each["name"] == "notification-event"]
    return [int(part["valueString"]) for parts in events for part in parts if part["name"] == "event-number"]
