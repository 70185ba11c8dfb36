"""The answer of a named route: what the FHIR server behind it said, given to the client as if it had asked there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from channels.ends import Fate, RouteFate
from channels.fhir import replies
from channels.fhir.answer import Answer, Held, responses
from schemas.fhir import Resource
from schemas.fhir.error import FhirError
from schemas.fhir.outcome import Issue, issues_of, outcome, outcome_of
from schemas.fhir.read import read_exact
from schemas.values import Duration, RouteName

_FIRST_LOOK = 0.005
_LONGEST_PAUSE = 0.25
_PLACE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?)\Z")


class RouteAnswer(BaseModel):
    """The answer of one route's FHIR server is the answer to the client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    route: RouteName = Field(description="The route of this channel whose server answers.")
    within: Duration = Field(
        timedelta(seconds=10),
        description="How long the client waits for it; then it is answered 202, as with `accepted`.",
    )


async def wait_for_route(
    answer: RouteAnswer, id: str, fate: Callable[[str], Awaitable[Fate | None]], stopping: asyncio.Event
) -> RouteFate | None:
    """What became of message `id` on the route; None when that is not known in time, or the route does not take it.

    The journal is asked again and again, for another process may be the one that delivers. Raises `OSError` when it
    cannot be asked.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + answer.within.total_seconds()
    pause = _FIRST_LOOK
    while not stopping.is_set() and loop.time() < until:
        try:
            await asyncio.wait_for(stopping.wait(), min(pause, max(0.0, until - loop.time())))
        except TimeoutError:
            pause = min(2 * pause, _LONGEST_PAUSE)
        found = await fate(id)
        if found is None or found.status == "received":
            continue
        mine = [each for each in found.routes if each.route == answer.route]
        if all(each.settled for each in mine):
            return mine[0] if mine else None
    return None


def answer_of(route: RouteFate, taken: Held) -> Answer:
    """The answer that the server behind `route` gave to what was `taken`.

    Where the journal keeps none, the outcome says how it ended: 200 for what was delivered, 422 for what was not.
    """
    kept = replies.read_answer(route.reply)
    if kept is not None:
        return _passed_on(kept, taken)
    if route.status == "delivered":
        return Answer(200, outcome("information", "informational", f"Delivered by {route.route}."))
    said = Issue("error", "processing", f"{route.route} could not deliver this.")
    try:
        issues = issues_of(read_exact(route.reply)) if route.reply else []
    except FhirError:
        issues = []
    return Answer(422, outcome_of([said, *issues]))


def _passed_on(kept: replies.Answer, taken: Held) -> Answer:
    headers = {"etag": kept.etag, "last-modified": kept.last_modified}
    place = _PLACE.search(kept.location)
    if place is not None:
        headers["location"] = f"{taken.base}/{place.group(1)}"
    resource = kept.resource
    if taken.interaction.kind in ("batch", "transaction"):
        resource = _whole(resource, taken) if resource is not None else responses(taken, created=False)
    return Answer(kept.status, resource, {name: value for name, value in headers.items() if value})


def _whole(answer: Resource, taken: Held) -> Resource:
    """The answer to a batch with those entries in their places that were refused before it was passed on."""
    entries = answer.get("entry")
    passed = [each for each in taken.asked if each.refused is None]
    if len(passed) == len(taken.asked) or not isinstance(entries, list) or len(entries) != len(passed):
        return answer
    own, theirs = iter(responses(taken, created=False)["entry"]), iter(entries)
    return {
        **answer,
        "entry": [refusal if each.refused else next(theirs) for each, refusal in zip(taken.asked, own, strict=True)],
    }
