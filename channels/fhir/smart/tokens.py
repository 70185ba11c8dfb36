"""Access tokens: short-lived, and readable by every process that has the secret, so that nobody needs to keep them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import jwt

from channels.fhir.smart.scopes import Scopes
from channels.fhir.smart.signed import proven
from schemas.values import Secret

_ALGORITHM = "HS256"
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
        found = proven(text, self._secret, [_ALGORITHM])
        if found is None:
            return None
        header, claims = found
        if header.get("typ") != _TYPE or claims.get("aud") != self._audience:
            return None
        if claims["exp"] <= now.timestamp():
            return None
        return Token(claims["sub"], Scopes.asked(claims["scope"]))
