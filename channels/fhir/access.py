"""Who may: what stands between a request and the end, and what a channel writes under `access:`."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from channels.ends import EndContext
from channels.fhir.refusal import RefusedError
from channels.tls import ClientCertificate
from schemas.fhir import Element
from schemas.values import Secret


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


May = Callable[[str, str], bool]
"""Whether a client may do an interaction (`create`, `update`, `patch`, `delete`, `read`, `vread`, `search`, `history`,
`message`, `document`, `validate`) on a type of resource; asked for each entry of a batch or transaction by its own."""


def everything(_interaction: str, _type: str) -> bool:
    """What somebody may who is not held to scopes."""
    return True


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the name under which the journal keeps the request ("" when nobody was asked for one), and what it
    may."""

    name: str = ""
    may: May = everything


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint of the access itself answers: JSON that is no FHIR."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


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


class AccessOptions(BaseModel):
    """The `access:` of an inbound FHIR end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Secret = Field(description="The bearer token that a partner must send; write ${...}.")

    def access(self, context: EndContext) -> Access:
        """The access that these options ask for; `context` gives it the clock and the site."""
        return TokenAccess(self.token)
