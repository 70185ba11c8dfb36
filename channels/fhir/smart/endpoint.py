"""The token endpoint and the document that names it (SMART Backend Services; RFC 6749, 4.4 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from channels.fhir.access import Facts, Reply
from channels.fhir.smart.keys import ALGORITHMS
from channels.fhir.smart.proof import LONGEST, SKEW, TYPE, UnprovenError, read_assertion, verify
from channels.fhir.smart.register import Registered
from channels.fhir.smart.remote import RemoteKeys
from channels.fhir.smart.roster import Roster
from channels.fhir.smart.scopes import Scopes
from channels.fhir.smart.seen import Seen
from channels.fhir.smart.tokens import Tokens
from schemas.fhir import dumps
from schemas.ids import Clock

_HEADERS = MappingProxyType({"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"})
_REFUSED = "FHIR-411"
_UNKNOWN = "the assertion is not signed by a key of a client that is known here"


class _RefusedError(Exception):
    """The request for a token is answered with this error of RFC 6749, 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


class TokenEndpoint:
    """Gives access tokens to the clients of `roster` that prove who they are."""

    def __init__(self, url: str, roster: Roster, remote: RemoteKeys, tokens: Tokens, now: Clock) -> None:
        self._url = url
        self._roster = roster
        self._remote = remote
        self._tokens = tokens
        self._now = now
        self._seen = Seen(LONGEST + 2 * SKEW)

    async def token(self, _facts: Facts, body: bytes) -> Reply:
        """The answer to `POST token`."""
        try:
            form = _form(body)
            client = await self._authenticated(form)
            granted = _granted(client, form.get("scope", ""))
        except _RefusedError as refused:
            said = {"error": refused.error, "error_description": str(refused)}
            return Reply(refused.status, dumps(said), _HEADERS, _REFUSED)
        return Reply(
            200,
            dumps(
                {
                    "access_token": self._tokens.issue(client.name, granted, self._now()),
                    "token_type": "bearer",
                    "expires_in": int(self._tokens.lasts.total_seconds()),
                    "scope": str(granted),
                }
            ),
            _HEADERS,
        )

    async def configuration(self, _facts: Facts, _body: bytes) -> Reply:
        """The answer to `GET .well-known/smart-configuration` (SMART App Launch 2.2, 2.1)."""
        scopes = sorted({each for client in self._roster.all() if client.signs for each in str(client.scopes).split()})
        return Reply(
            200,
            dumps(
                {
                    "token_endpoint": self._url,
                    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                    "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                    "grant_types_supported": ["client_credentials"],
                    "scopes_supported": scopes,
                    "capabilities": ["client-confidential-asymmetric", "permission-v2"],
                }
            ),
            {"content-type": "application/json"},
        )

    async def _authenticated(self, form: Mapping[str, str]) -> Registered:
        if form.get("grant_type") is None:
            raise _RefusedError("invalid_request", "grant_type is missing; the body is a form")
        if form["grant_type"] != "client_credentials":
            raise _RefusedError("unsupported_grant_type", "only client_credentials is given here")
        if form.get("client_assertion_type") != TYPE:
            raise _RefusedError("invalid_request", f"client_assertion_type is {TYPE}")
        if not form.get("client_assertion"):
            raise _RefusedError("invalid_request", "client_assertion is missing")
        try:
            return await self._proven(form["client_assertion"], form.get("client_id"))
        except UnprovenError as error:
            raise _RefusedError("invalid_client", str(error)) from None

    async def _proven(self, assertion: str, client_id: str | None) -> Registered:
        claimed = read_assertion(assertion)
        client = self._roster.named(claimed.client)
        if client is None or client_id not in (None, client.name):
            raise UnprovenError(_UNKNOWN)
        key = client.keys.get(claimed.kid)
        if key is None and client.keys_url:
            key = await self._remote.find(client.keys_url, claimed.kid)
        if key is None:
            raise UnprovenError(_UNKNOWN)
        now = self._now()
        jti = verify(claimed, key, self._url, now)
        if self._seen.is_full(now):
            raise _RefusedError("temporarily_unavailable", "too many tokens were asked for; come back later", 503)
        if not self._seen.is_new(client.name, jti, now):
            raise UnprovenError("the assertion's jti was used before; make a new one each time")
        return client


def _granted(client: Registered, asked: str) -> Scopes:
    """What is asked for and `client` may; raises `_RefusedError` when that is nothing."""
    granted = Scopes.asked(asked).both(client.scopes)
    if not granted.letters:
        raise _RefusedError("invalid_scope", "none of the scopes asked for is this client's")
    return granted


def _form(body: bytes) -> dict[str, str]:
    """The parameters of a form; raises `_RefusedError` when it is none, or has one twice (RFC 6749, 3.2)."""
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=50)
    except ValueError:
        raise _RefusedError("invalid_request", "the body is no form") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RefusedError("invalid_request", "a parameter is there twice")
    return found
