"""The signed JWT with which a client says who it is (SMART Backend Services; RFC 7523, 3): pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channels.fhir.smart.keys import ALGORITHMS, Key
from channels.fhir.smart.signed import MOST, proven, unproven

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The `client_assertion_type` of a form that carries an assertion."""
LONGEST = timedelta(minutes=5)
"""How far ahead `exp` may be (SMART Backend Services)."""
SKEW = timedelta(seconds=10)
"""How far the clocks of a client and this machine may differ."""

_LONGEST_JTI = 256


class UnprovenError(ValueError):
    """The assertion proves nothing; says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an assertion says before anything of it is proven."""

    text: str
    client: str
    kid: str
    algorithm: str


def read_assertion(text: str) -> Claimed:
    """What `text` says of itself; raises `UnprovenError`."""
    if len(text) > MOST:
        raise UnprovenError(f"the assertion is longer than {MOST} characters")
    found = unproven(text)
    if found is None:
        raise UnprovenError("the assertion is no signed JWT")
    header, claims = found
    algorithm, kid, client = header.get("alg"), header.get("kid"), claims.get("iss")
    if algorithm not in ALGORITHMS:
        raise UnprovenError(f"the assertion is signed with none of {', '.join(ALGORITHMS)}")
    if not isinstance(kid, str) or not kid:
        raise UnprovenError("the assertion's header has no kid")
    if not isinstance(client, str) or not client or claims.get("sub") != client:
        raise UnprovenError("the assertion's iss and sub are not both the client's id")
    return Claimed(text, client, kid, algorithm)


def verify(claimed: Claimed, key: Key, audience: str, now: datetime) -> str:
    """The `jti` of an assertion that `key` signed, for `audience` and valid at `now`; raises `UnprovenError`."""
    if claimed.algorithm not in key.algorithms:
        raise UnprovenError("the key with this kid is not for the assertion's alg")
    found = proven(claimed.text, key.key, [claimed.algorithm])
    if found is None:
        raise UnprovenError("the assertion's signature is not of the key with this kid")
    claims = found.claims
    given = claims.get("aud")
    if audience not in (given if isinstance(given, list) else [given]):
        raise UnprovenError("the assertion's aud is not the address of this token endpoint")
    _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise UnprovenError("the assertion has no jti")
    return jti


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    moment, skew = now.timestamp(), SKEW.total_seconds()
    ends = _seconds(claims, "exp")
    if ends is None:
        raise UnprovenError("the assertion has no exp")
    if ends <= moment - skew:
        raise UnprovenError("the assertion is expired; look at the clocks")
    if ends > moment + LONGEST.total_seconds() + skew:
        raise UnprovenError("the assertion's exp is more than 5 minutes ahead; look at the clocks")
    for name in ("nbf", "iat"):
        starts = _seconds(claims, name)
        if starts is not None and starts > moment + skew:
            raise UnprovenError(f"the assertion's {name} is ahead; look at the clocks")


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """The time in claim `name`; raises `UnprovenError` for what is none."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnprovenError(f"the assertion's {name} is no time")
    return float(value) if abs(value) < 1e15 else math.copysign(1e15, value)
