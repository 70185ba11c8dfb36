"""The keys of a channel file and of its routes: one table for the binder, the JSON schema and the manual."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from engine.channel import Retry
from engine.config.options import Signature, keyword_signature
from schemas.values import Duration

CHANNEL_KEYS = {
    "channel": "The channel's name: lower-case letters, digits, hyphens, underscores.",
    "description": "One or two sentences for the people who will read this file.",
    "enabled": "`false` keeps the file checked and does not start the channel. Default: `true`.",
    "inbound": "Where messages come from: one end, alone or with its options.",
    "steps": "What every message goes through, in this order, before the routes.",
    "routes": "The ways out. A message takes every route whose `when` holds.",
    "repeats": "For how long an identical repeat (same sender, MSH-10 and body) is acknowledged again and not routed "
    "twice: a duration, or `none`.",
}
"""Every key of a channel file, with its line of the manual."""

ROUTE_KEYS = {
    "route": "The route's name, unique in its channel.",
    "when": "The condition under which a message takes this route; without it every message does.",
    "steps": "What a message goes through on this route alone.",
    "outbound": "Where messages go: one end, alone or with its options.",
    "retry": "When a delivery that failed for now is tried again.",
    "in_order": "A path whose text is the key that keeps order (`PID-3.1`: one patient's messages never overtake one "
    "another), or `true` for the whole route. Default: no order.",
    "parallel": "How many deliveries may be under way at once. Default: 1.",
}
"""Every key of a route, with its line of the manual."""

CHANNEL_NEEDS = ("channel", "inbound")
ROUTE_NEEDS = ("route", "outbound")

MOST_PARALLEL = 256
"""The largest `parallel`: a partner that takes more connections from one sender has not been met."""


_DEFAULT = Retry()


def retry(
    *,
    first: Duration = _DEFAULT.first,
    most: Duration = _DEFAULT.most,
    give_up_after: Duration = _DEFAULT.give_up_after,
) -> Retry:
    """When a deferred delivery is tried again; each wait is twice the one before, with jitter.

    Args:
        first: How long to wait before the first retry.
        most: The longest wait between two tries.
        give_up_after: How long after its first attempt a delivery is given up and listed as failed.
    """
    return Retry(first, most, give_up_after)


def repeats(*, window: Duration) -> Duration:
    """The window of repeats, written as a mapping.

    Args:
        window: For how long an identical repeat is acknowledged again and not routed twice.
    """
    return window


@cache
def keys_of(function: Callable[..., object]) -> Signature:
    """The signature of `retry` or `repeats`."""
    return keyword_signature(function)
