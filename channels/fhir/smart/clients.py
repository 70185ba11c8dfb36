"""Access by the site's register of clients: access tokens of our own, bearer tokens, certificates; scopes and rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType

from channels.fhir.access import Client, Endpoint, Facts
from channels.fhir.rate import Bucket, PerTime
from channels.fhir.refusal import RefusedError
from channels.fhir.smart.endpoint import TokenEndpoint
from channels.fhir.smart.register import Registered
from channels.fhir.smart.remote import Fetch, RemoteKeys
from channels.fhir.smart.roster import Roster
from channels.fhir.smart.scopes import Scopes
from channels.fhir.smart.tokens import Tokens
from schemas.fhir import Element
from schemas.finding import Finding
from schemas.ids import Clock
from schemas.values import Secret

_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


class ClientAccess:
    """Lets in the clients of `roster`, each to what its scopes say; `rate` is for those that have none of their own."""

    def __init__(self, roster: Roster, rate: PerTime | None, now: Clock) -> None:
        self.endpoints: Mapping[tuple[str, str], Endpoint] = MappingProxyType({})
        self._roster = roster
        self._rate = rate
        self._now = now
        self._buckets: dict[str, Bucket] = {}
        self._tokens: Tokens | None = None
        self._token_url = ""

    def give_tokens(
        self, url: str, secret: Secret, lasts: timedelta, fetch: Fetch, report: Callable[[Finding], None]
    ) -> None:
        """Be an authorization server whose token endpoint clients know as `url`."""
        self._token_url = url
        self._tokens = Tokens(secret, url, lasts)
        remote = RemoteKeys(fetch, self._now, report)
        endpoint = TokenEndpoint(url, self._roster, remote, self._tokens, self._now)
        self.endpoints = MappingProxyType(
            {
                ("POST", "token"): endpoint.token,
                ("GET", ".well-known/smart-configuration"): endpoint.configuration,
            }
        )

    async def check(self, facts: Facts) -> Client:
        """The client with the scopes of its token or, without one, its own; raises `RefusedError`."""
        client, scopes = self._known(facts)
        rate = client.rate or self._rate
        if rate is not None:
            self._count(client.name, rate)
        return Client(client.name, scopes.lacks)

    def security(self, base: str) -> Element:
        """That clients need a token or a certificate, and where tokens are had."""
        registered = self._roster.all()
        services = []
        said: Element = {}
        if self._tokens is not None:
            said["extension"] = [{"url": _OAUTH_URIS, "extension": [{"url": "token", "valueUri": self._token_url}]}]
            services.append("SMART-on-FHIR")
        if any(client.certificates for client in registered):
            services.append("Certificates")
        said["service"] = [{"coding": [{"system": _SERVICES, "code": code}]} for code in services]
        said["description"] = f"Every request but this one needs {self._needed(registered)}."
        return {name: value for name, value in said.items() if value}

    def _needed(self, registered: list[Registered]) -> str:
        ways = []
        if self._tokens is not None:
            ways.append("an access token by SMART Backend Services")
        if any(client.digests for client in registered):
            ways.append("a bearer token")
        if any(client.certificates for client in registered):
            ways.append("a client certificate")
        return " or ".join(ways) or "what nobody has yet"

    def _known(self, facts: Facts) -> tuple[Registered, Scopes]:
        """Who asks, and what it may with what it showed; a token that is sent counts before a certificate."""
        if facts.authorization:
            found = self._bearer(facts.authorization)
            if found is None:
                raise _unknown('Bearer error="invalid_token"', "The bearer token is not valid, or not any more.")
            return found
        client = self._roster.of_certificate(facts.certificate) if facts.certificate else None
        if client is None:
            raise _unknown("Bearer", "A valid bearer token is needed.")
        return client, client.scopes

    def _bearer(self, authorization: str) -> tuple[Registered, Scopes] | None:
        scheme, _, given = authorization.partition(" ")
        text = given.strip()
        if scheme.lower() != "bearer" or not text:
            return None
        # The digest of a token that nobody can guess tells nobody anything by the time it takes to look up.
        client = self._roster.of_digest(sha256(text.encode("utf-8", "surrogateescape")).hexdigest())
        if client is not None:
            return client, client.scopes
        token = self._tokens.read(text, self._now()) if self._tokens is not None else None
        client = self._roster.named(token.client) if token is not None else None
        if token is None or client is None or not client.signs:
            return None
        return client, token.scopes.both(client.scopes)

    def _count(self, name: str, rate: PerTime) -> None:
        now = self._now()
        bucket = self._buckets.get(name)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[name] = Bucket(rate, now)
        wait = bucket.take(now)
        if wait:
            text = "This client asks more often than it may; wait, and send it again."
            raise RefusedError(429, "throttled", text, headers={"retry-after": str(wait)}, finding="FHIR-412")


def _unknown(challenge: str, text: str) -> RefusedError:
    return RefusedError(401, "login", text, headers={"www-authenticate": challenge}, finding="FHIR-401")
