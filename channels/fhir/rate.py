"""How often a client may ask: a token bucket, and what an engineer writes for it."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

_RATE = re.compile(r"([1-9]\d{0,6})/(s|m|h)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class PerTime(NamedTuple):
    """So many requests in so many seconds, all at once if need be."""

    requests: int
    seconds: int


def parse_rate(value: object) -> PerTime:
    """`"100/s"`, `"3000/m"`, `"5000/h"` as a rate; raises ValueError."""
    if isinstance(value, PerTime):
        return value
    found = _RATE.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a rate is a number and a time: 100/s, 3000/m, 5000/h")
    return PerTime(int(found.group(1)), _SECONDS[found.group(2)])


Rate = Annotated[PerTime, BeforeValidator(parse_rate), WithJsonSchema({"type": "string", "examples": ["100/s"]})]


class Bucket:
    """Holds what one client has left of `rate`."""

    def __init__(self, rate: PerTime, now: datetime) -> None:
        self.rate = rate
        self._left = float(rate.requests)
        self._at = now

    def take(self, now: datetime) -> int:
        """0 when one more request may be made, which is counted; else the seconds after which it may."""
        requests, seconds = self.rate
        passed = max(0.0, (now - self._at).total_seconds())
        self._left = min(float(requests), self._left + passed * requests / seconds)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0
        return max(1, math.ceil((1 - self._left) * seconds / requests))
