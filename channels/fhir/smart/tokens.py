"""Access tokens: short-lived, and readable by every process that has the secret, so that nobody needs to keep them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import jwt

from channels.fhir.smart.scopes import Scopes
from channels.fhir.smart.signed import proven
from schemas.values import Secret

_ALGORITHM = "HS256"
_MOST_READ = 1000
_TYPE = "at+jwt"  # RFC 9068, 2.1: no assertion can be taken for a token, nor a token of the site's other makers


class Token(NamedTuple):
    """Whom a token is of, and what it allows."""

    client: str
    scopes: Scopes


class Tokens:
    """Makes and reads the tokens of the end whose token endpoint is `audience`; they are valid for `lasts`."""

    def __init__(self, secret: Secret, audience: str, lasts: timedelta) -> None:
        self._secret = secret.get_secret_value().encode()
        self._audience = audience
        self.lasts = lasts
        # A client sends its token with every request: what was verified once needs not be again.
        self._read: dict[str, tuple[Token, float]] = {}

    def issue(self, client: str, scopes: Scopes, now: datetime) -> str:
        """A token with which `client` may do `scopes` from `now` on."""
        claims = {
            "iss": self._audience,
            "aud": self._audience,
            "sub": client,
            "scope": str(scopes),
            "iat": int(now.timestamp()),
            "exp": int((now + self.lasts).timestamp()),
        }
        return jwt.encode(claims, self._secret, _ALGORITHM, {"typ": _TYPE})

    def read(self, text: str, now: datetime) -> Token | None:
        """What the token `text` allows; None when it is none of ours, or no longer."""
        known = self._read.get(text)
        if known is None:
            known = self._verified(text)
            if known is None:
                return None
            if len(self._read) >= _MOST_READ:
                self._read.clear()
            self._read[text] = known
        token, ends = known
        return token if now.timestamp() < ends else None

    def _verified(self, text: str) -> tuple[Token, float] | None:
        """What `text` says, and until when, if it is a token for this end."""
        found = proven(text, self._secret, [_ALGORITHM])
        if found is None:
            return None
        header, claims = found
        if header.get("typ") != _TYPE or claims.get("aud") != self._audience:
            return None
        return Token(claims["sub"], Scopes.asked(claims["scope"])), claims["exp"]
