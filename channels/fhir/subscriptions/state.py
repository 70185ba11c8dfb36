"""Where a subscription goes from what happens to it: asked for, verified, notified, failed, ended. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from channels.fhir.subscriptions.wanted import Wanted
from channels.subscriptions import Subscribed

ERROR_AFTER = 3
"""So many failures in a row are an error."""


def changed(before: Subscribed, resource: str, wanted: Wanted, was: Wanted, now: datetime) -> Subscribed:
    """`before` as its client has it from now on. What is active stays so where notifications go on the same way; else
    the way is verified anew."""
    kept = replace(
        before, resource=resource, filters=wanted.filters, updated=now, version=before.version + 1, ends=wanted.ends
    )
    if wanted.off:
        return replace(
            kept, status="off", due=None, failures=0, failing=None, error="", detail="turned off by its client"
        )
    if before.status == "active" and was.way == wanted.way:
        return scheduled(kept, wanted, now)
    verified = before.verified and was.way == wanted.way
    return replace(kept, status="requested", verified=verified, due=now, failures=0, failing=None, error="", detail="")


def verified(before: Subscribed, wanted: Wanted, now: datetime) -> Subscribed:
    """The endpoint answered the handshake."""
    return notified(replace(before, verified=True, started=before.started or now), wanted, now)


def unverified(before: Subscribed, error: str, detail: str, now: datetime) -> Subscribed:
    """The handshake failed: the client has to ask again."""
    failing = before.failing or now
    return replace(before, status="error", due=before.ends, failures=1, failing=failing, error=error, detail=detail)


def notified(before: Subscribed, wanted: Wanted, now: datetime) -> Subscribed:
    """The endpoint took a notification: whatever was before, it works."""
    found = replace(before, status="active", failures=0, failing=None, error="", detail="")
    return scheduled(found, wanted, now)


def failed(
    before: Subscribed, wanted: Wanted, error: str, detail: str, off_after: timedelta, now: datetime
) -> Subscribed:
    """The endpoint did not take a notification. Some in a row are an error, and one that lasts turns it off."""
    failing = before.failing or now
    found = replace(before, failures=before.failures + 1, failing=failing, error=error, detail=detail)
    if now - failing >= off_after:
        return replace(found, status="off", due=None)
    if found.failures >= ERROR_AFTER:
        found = replace(found, status="error")
    return scheduled(found, wanted, now)


def ended(before: Subscribed) -> Subscribed:
    """Its end has come."""
    return replace(before, status="off", due=None, detail="its end has come")


def scheduled(subscribed: Subscribed, wanted: Wanted, now: datetime) -> Subscribed:
    """When it needs attention next: for a heartbeat, or because it ends."""
    times = [now + wanted.heartbeat] if wanted.heartbeat is not None else []
    times += [subscribed.ends] if subscribed.ends is not None else []
    return replace(subscribed, due=min(times, default=None))
