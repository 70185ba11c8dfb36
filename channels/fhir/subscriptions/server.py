"""The subscription server: what clients of a `fhir` end create, change, read and ask of their own subscriptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from email.utils import format_datetime

import orjson

from channels.ends import EndContext
from channels.fhir.answer import Answer
from channels.fhir.call import Call
from channels.fhir.intake import malformed, read_resource
from channels.fhir.negotiate import body_form
from channels.fhir.reads import FORM
from channels.fhir.refusal import RefusedError
from channels.fhir.subscriptions import state
from channels.fhir.subscriptions.asked import Asked, number_of, parameters_of, values_of
from channels.fhir.subscriptions.notification import focus_of, notification, status
from channels.fhir.subscriptions.topic import topic
from channels.fhir.subscriptions.wanted import Wanted, content_of, read_wanted, wanted_of
from channels.subscriptions import Book, Practice, Subscribed, Told
from schemas.fhir import Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.topic import FOCUS
from schemas.fhir.validate import validate
from schemas.finding import Severity
from schemas.ids import derived_id

MOST = 100
"""How many subscriptions a subscriber may have."""
MOST_EVENTS = 100
"""How many events `$events` answers at once."""

_LIMIT = 65_536
_RETRY = {"retry-after": "10"}
ReadBody = Callable[[Call, int], Awaitable[bytes]]


class SubscriptionServer:
    """Answers what is asked of subscriptions; `body` reads the body of a request."""

    def __init__(self, context: EndContext, body: ReadBody) -> None:
        self._context = context
        self._body = body

    async def answer(self, call: Call, asked: Asked) -> Answer:
        """The answer to a client that may ask; raises `RefusedError`."""
        if asked.kind == "topic":
            return Answer(200, topic())
        if asked.kind == "topics":
            return Answer(200, _found(call, [(f"{call.base}/Basic/{topic()['id']}", topic())]))
        try:
            return await self._of_practice(call, asked, await self._practice(call))
        except OSError:
            text = "Subscriptions cannot be looked up now; ask again."
            raise RefusedError(503, "transient", text, headers=_RETRY) from None

    async def _practice(self, call: Call) -> Practice:
        found = await self._book.practice(call.client.name) if call.client.name else None
        if found is None:
            text = "This client is no subscriber here; its operator can make it one."
            raise RefusedError(403, "forbidden", text, finding="FHIR-406")
        return found

    async def _of_practice(self, call: Call, asked: Asked, practice: Practice) -> Answer:
        match asked.kind:
            case "create":
                return await self._create(call, practice)
            case "update":
                return await self._update(call, asked.id, practice)
            case "delete":
                await self._change(asked.id, practice, lambda _: None)
                return Answer(204)
            case "read":
                return _read(await self._own(asked.id, practice))
            case "focus":
                return await self._focus(call, asked.id, practice)
            case "search":
                return await self._search(call, practice)
            case "events":
                return await self._events(call, asked.id, practice)
        return await self._status(call, asked.id, practice)

    async def _create(self, call: Call, practice: Practice) -> Answer:
        if call.headers.get("if-none-exist"):
            raise RefusedError(412, "not-supported", "Subscriptions are not created by a condition.")
        wanted, resource = await self._wanted(call, practice)
        now = self._context.now()
        made = Subscribed(self._context.new_id(), practice.name, call.base, resource, wanted.filters, now,
                          ends=wanted.ends, due=now)  # fmt: skip
        if wanted.off:
            raise RefusedError(422, "business-rule", "What is off already cannot be created.", "Subscription.status")
        if not await self._book.add(made, MOST):
            raise RefusedError(422, "too-costly", f"A subscriber has {MOST} subscriptions at most.")
        answer = _read(Told(made, practice, 0))
        location = f"{call.base}/Subscription/{made.id}/_history/{made.version}"
        body = None if call.prefer.returns == "minimal" else answer.resource
        return Answer(201, body, {**answer.headers, "location": location})

    async def _update(self, call: Call, id: str, practice: Practice) -> Answer:
        await self._own(id, practice)
        wanted, resource = await self._wanted(call, practice, id)
        now, if_match = self._context.now(), call.headers.get("if-match", "")

        def change(told: Told) -> Subscribed:
            before = told.subscription
            if if_match and if_match.removeprefix("W/").strip('"') != str(before.version):
                raise RefusedError(412, "conflict", "The subscription has another version by now.")
            return state.changed(before, resource, wanted, wanted_of(before), now)

        made = await self._change(id, practice, change)
        assert made is not None  # by change
        answer = _read(Told(made, practice, 0))
        return answer if call.prefer.returns != "minimal" else Answer(200, None, answer.headers)

    async def _search(self, call: Call, practice: Practice) -> Answer:
        query = call.query
        if call.method == "POST":
            if call.headers.get("content-type", FORM).partition(";")[0].strip().lower() != FORM:
                raise RefusedError(415, "not-supported", f"A search is posted as {FORM}.", headers={"accept": FORM})
            query = f"{query}&{(await self._body(call, _LIMIT)).decode('latin-1')}"
        parameters = parameters_of(query)
        found = []
        for told in await self._book.of(practice.name):
            resource = _resource(told)
            ends = {"_id": told.subscription.id, "status": told.subscription.status}
            ends |= {"url": resource["channel"]["endpoint"], "criteria": resource["criteria"]}
            wishes = {name: values_of(parameters, name) for name in ends}
            if all(not wishes[name] or value in wishes[name] for name, value in ends.items()):
                found.append((f"{told.subscription.base}/Subscription/{told.subscription.id}", resource))
        return Answer(200, _found(call, found))

    async def _status(self, call: Call, id: str, practice: Practice) -> Answer:
        parameters = await self._parameters(call)
        told = [await self._own(id, practice)] if id else await self._book.of(practice.name)
        if not id:
            ids, wishes = values_of(parameters, "id"), values_of(parameters, "status")
            told = [each for each in told if not ids or each.subscription.id in ids]
            told = [each for each in told if not wishes or each.subscription.status in wishes]
        asked_as = self._context.new_id()
        said = [status(each, "query-status", derived_id(asked_as, each.subscription.id)) for each in told]
        return Answer(200, _found(call, [(f"urn:uuid:{each['id']}", each) for each in said]))

    async def _events(self, call: Call, id: str, practice: Practice) -> Answer:
        parameters = await self._parameters(call)
        told = await self._own(id, practice)
        first = number_of(parameters, "eventsSinceNumber", 1)
        last = number_of(parameters, "eventsUntilNumber", told.events)
        wish = next(iter(values_of(parameters, "content")), "")
        content = content_of(wish) or wanted_of(told.subscription).content
        events = await self._book.events(id, range(first, last + 1), MOST_EVENTS)
        now, asked_as = self._context.now(), self._context.new_id()
        return Answer(200, notification(told, "query-event", asked_as, now, content, events))

    async def _focus(self, call: Call, id: str, practice: Practice) -> Answer:
        """What events told of a visit last: the address that a notification with ids has."""
        found = await self._book.latest(practice.name, f"{FOCUS}/{id}")
        resource = None if found is None else focus_of(*found)
        if resource is None:
            raise RefusedError(404, "not-found", "No event of yours is about that.")
        return Answer(200, resource)

    async def _parameters(self, call: Call) -> Sequence[tuple[str, str]]:
        if call.method != "POST":
            return parameters_of(call.query)
        body = await self._body(call, _LIMIT)
        return parameters_of(call.query, self._parsed(call, body) if body else None)

    async def _wanted(self, call: Call, practice: Practice, id: str = "") -> tuple[Wanted, str]:
        """What the body asks for, and the Subscription as it is kept."""
        body = await self._body(call, _LIMIT)
        if not body:
            raise RefusedError(400, "required", "The request has no body.", finding="FHIR-405")
        resource = self._parsed(call, body)
        if resource.get("resourceType") != "Subscription":
            raise RefusedError(400, "invalid", "The resource is no Subscription.", finding="FHIR-405")
        if id and resource.get("id") != id:
            text = "The resource must have the id that the address names."
            raise RefusedError(400, "invalid", text, "Subscription.id", finding="FHIR-405")
        wanted = read_wanted(resource, practice.address, self._context.now())
        wrong = next((each for each in validate(resource) if each.severity is Severity.ERROR), None)
        if wrong is not None:
            raise RefusedError(422, "invalid", f"{wrong.code}: {wrong.what}", wrong.where, finding="FHIR-413")
        return wanted, dumps({name: value for name, value in resource.items() if name != "error"}).decode()

    def _parsed(self, call: Call, body: bytes) -> Resource:
        try:
            return read_resource(body, body_form(call.headers.get("content-type", "")))[0]
        except FhirError as error:
            raise malformed(error) from None

    async def _own(self, id: str, practice: Practice) -> Told:
        found = [each for each in await self._book.of(practice.name) if each.subscription.id == id]
        if not found:
            raise _no_such()
        return found[0]

    async def _change(
        self, id: str, practice: Practice, change: Callable[[Told], Subscribed | None]
    ) -> Subscribed | None:
        """Change the client's own subscription; raises `RefusedError` (404) where it has none of that id."""
        seen = False

        def if_own(told: Told) -> Subscribed | None:
            nonlocal seen
            seen = told.subscription.subscriber == practice.name
            return change(told) if seen else told.subscription

        made = await self._book.change(id, if_own)
        if not seen:
            raise _no_such()
        return made

    @property
    def _book(self) -> Book:
        assert self._context.subscriptions is not None, "there is no engine around this end"
        return self._context.subscriptions


def _no_such() -> RefusedError:
    return RefusedError(404, "not-found", "There is no such subscription.")


def _read(told: Told) -> Answer:
    found = told.subscription
    headers = {"etag": f'W/"{found.version}"', "last-modified": format_datetime(found.updated, usegmt=True)}
    return Answer(200, _resource(told), headers)


def _resource(told: Told) -> Resource:
    """The Subscription as it stands now."""
    found = told.subscription
    resource: Resource = orjson.loads(found.resource)
    changed = {"versionId": str(found.version), "lastUpdated": found.updated.isoformat(timespec="milliseconds")}
    meta = resource.get("meta") if isinstance(resource.get("meta"), dict) else {}
    made: Resource = {**resource, "id": found.id, "meta": {**(meta or {}), **changed}, "status": found.status}
    return {**made, "error": found.detail or found.error} if found.error else made


def _found(call: Call, resources: Sequence[tuple[str, Resource]]) -> Resource:
    """A searchset of `resources`, each with its address."""
    path = f"{call.base}/{call.path}"
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "link": [{"relation": "self", "url": f"{path}?{call.query}" if call.query else path}],
    }
    entries = [{"fullUrl": url, "resource": each, "search": {"mode": "match"}} for url, each in resources]
    return {**bundle, "entry": entries} if entries else bundle
