"""Who may: what stands between a request and the end, and what a channel writes under `access:`."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from channels.ends import EndContext
from channels.fhir.interaction import Interaction
from channels.fhir.options import BaseUrl
from channels.fhir.rate import Rate
from channels.fhir.refusal import RefusedError
from channels.tls import ClientCertificate, ClientTls
from schemas.fhir import Element
from schemas.values import Duration, Secret, SiteFile

_SHORTEST_SECRET = 32  # RFC 7518, 3.2: as long as the hash


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a request before its body is read: `path` is what follows the base, without a slash before it
    (`Patient/1`, `$process-message`); `base` is the base as clients know it (`https://hie.example.org/fhir`)."""

    method: str
    path: str
    peer: str
    base: str
    authorization: str = ""
    certificate: ClientCertificate | None = None


Lacks = Callable[[Interaction], str]
"""The scope (`system/Patient.c`) that a client lacks for an interaction, "" when it may; asked for each entry of a
batch or transaction by its own, and not for the Bundle around them."""


def nothing(_interaction: Interaction) -> str:
    """What somebody lacks who is not held to scopes."""
    return ""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the name under which the journal keeps the request ("" when nobody was asked for one), and what it
    may not."""

    name: str = ""
    lacks: Lacks = nothing


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint of the access itself answers: JSON that is no FHIR; `finding` as with `RefusedError`."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    finding: str = ""


Endpoint = Callable[[Facts, bytes], Awaitable[Reply]]
"""Answers a request to the access itself (a token endpoint); is handed the body, of 64 kB at most. May raise
`RefusedError`."""


class Access(Protocol):
    """Decides who may send, before any byte of a body is read."""

    endpoints: Mapping[tuple[str, str], Endpoint]
    """The access's own endpoints, by method and path below the base (`("POST", "token")`); they are open to all."""

    async def check(self, facts: Facts) -> Client:
        """Who asks; raises `RefusedError` for whom it does not let in: 401 with WWW-Authenticate, 403, 429 with
        Retry-After."""
        ...

    def security(self, base: str) -> Element:
        """What the CapabilityStatement says in `rest.security`, {} for nothing."""
        ...


class OpenAccess:
    """Lets everybody in that reaches the port; with mutual TLS, those are the partners of `tls`."""

    endpoints: Mapping[tuple[str, str], Endpoint] = MappingProxyType({})

    async def check(self, facts: Facts) -> Client:
        """Whoever it is, by the name in its certificate."""
        return Client(facts.certificate.subject if facts.certificate else "")

    def security(self, base: str) -> Element:
        """Nothing."""
        return {}


class TokenAccess:
    """Lets those in that have the one bearer token (RFC 6750)."""

    endpoints: Mapping[tuple[str, str], Endpoint] = MappingProxyType({})

    def __init__(self, token: Secret) -> None:
        self._token = token.get_secret_value().encode()

    async def check(self, facts: Facts) -> Client:
        """The name in the certificate of who has the token; raises `RefusedError`."""
        scheme, _, given = facts.authorization.partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._token)
        if scheme.lower() != "bearer" or not right:
            challenge = 'Bearer error="invalid_token"' if facts.authorization else "Bearer"
            raise RefusedError(
                401,
                "login",
                "A valid bearer token is needed.",
                headers={"www-authenticate": challenge},
                finding="FHIR-401",
            )
        return Client(facts.certificate.subject if facts.certificate else "")

    def security(self, base: str) -> Element:
        """That a token is needed."""
        return {"description": "Every request but this one needs a bearer token."}


class SmartOptions(BaseModel):
    """The `smart:` of an inbound FHIR end: it gives access tokens by SMART Backend Services."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token_url: BaseUrl = Field(
        description="The token endpoint as clients know it, /token below the base: https://hie.example.org/fhir/token. "
        "Their assertions must be made out to exactly this.",
    )
    secret: Secret = Field(
        description="What access tokens are signed with: 32 characters at least, alike in all processes; write ${...}."
    )
    lasts: Duration = Field(timedelta(minutes=5), description="How long an access token is valid: 1h at most.")
    tls: ClientTls | None = Field(
        None, description="TLS towards the clients' jwks_url; without it, the system's authorities are trusted."
    )

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: Secret) -> Secret:
        if len(secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"has fewer than {_SHORTEST_SECRET} characters; make one by `openssl rand -hex 32`")
        return secret

    @field_validator("lasts")
    @classmethod
    def _short(cls, lasts: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= lasts <= timedelta(hours=1):
            raise ValueError("an access token is valid for 1s at least and 1h at most")
        return lasts


class AccessOptions(BaseModel):
    """The `access:` of an inbound FHIR end."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: Secret | None = Field(None, description="The one bearer token that partners must send; write ${...}.")
    smart: SmartOptions | None = Field(
        None, description="Gives access tokens to the clients that have keys (SMART Backend Services)."
    )
    clients: SiteFile | None = Field(
        None, description="The YAML file of the site's clients: their keys, tokens or certificates, and their scopes."
    )
    rate: Rate | None = Field(
        None, description="How often each client may ask, when the file does not say: 100/s; without it, as it likes."
    )

    @field_validator("clients")
    @classmethod
    def _readable(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        from channels.fhir.smart.register import read_register  # noqa: PLC0415

        if path is None:
            return None
        clients = read_register(path, Path((info.context or {}).get("site") or ""))
        if "smart" in info.data and info.data["smart"] is None:
            for client in clients.values():
                if client.signs:
                    raise ValueError(f"{path.name}: {client.name} has keys, which need `smart`")
        return path

    @model_validator(mode="after")
    def _one_of_both(self) -> AccessOptions:
        if (self.token is None) == (self.clients is None):
            raise ValueError("write either token, or clients")
        for name in ("smart", "rate"):
            if getattr(self, name) is not None and self.clients is None:
                raise ValueError(f"{name} needs clients")
        return self

    def access(self, context: EndContext) -> Access:
        """The access that these options ask for; `context` gives it the clock and the site.

        Raises `OSError` when the clients cannot be read.
        """
        if self.token is not None:
            return TokenAccess(self.token)
        # Here and not above: cryptography costs time that only a site with such clients should pay.
        from channels.fhir.smart.clients import ClientAccess  # noqa: PLC0415
        from channels.fhir.smart.remote import fetcher  # noqa: PLC0415
        from channels.fhir.smart.roster import Roster  # noqa: PLC0415

        assert self.clients is not None  # by _one_of_both
        access = ClientAccess(Roster(self.clients, context.site, context.report), self.rate, context.now)
        if self.smart is not None:
            smart = self.smart
            fetch = fetcher(smart.tls or ClientTls(), context.report)
            access.give_tokens(smart.token_url, smart.secret, smart.lasts, fetch, context.report)
        return access
