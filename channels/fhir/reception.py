"""What becomes of one request to the inbound `fhir` end: let in, read, handed over, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Literal, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from channels.ends import Accept, EndContext, Receipt, ReceiptCode
from channels.fhir.access import Access
from channels.fhir.answer import Answer, Held, accepted, created, first_resource, known_at_once, refused, responses
from channels.fhir.call import Call
from channels.fhir.capability import capability_statement
from channels.fhir.entries import Valid, read_entries
from channels.fhir.intake import (
    as_transaction,
    attributes_of,
    check_message,
    malformed,
    operation_options,
    read_patch,
    read_resource,
    unwrapped,
    with_entry_ids,
    with_id,
    without_refused,
)
from channels.fhir.interaction import (
    READS,
    Interaction,
    Taken,
    check_allowed,
    check_resource,
    check_type,
    of_bundle,
    reaches,
    read_interaction,
)
from channels.fhir.negotiate import Form, body_form
from channels.fhir.options import Reads
from channels.fhir.reads import FORM, Reader
from channels.fhir.refusal import RefusedError
from channels.fhir.routed import RouteAnswer, answer_of, wait_for_route
from channels.fhir.status import status_of
from channels.fhir.subscriptions.asked import asked_of
from channels.fhir.subscriptions.declared import with_subscriptions
from channels.fhir.subscriptions.server import SubscriptionServer
from channels.fhir.validation import Ask, answer_validate, check_valid
from channels.http.body import ENCODINGS, DamagedError, TooLargeError
from channels.http.noticed import CONNECTIONS, Noticed
from channels.http.reading import Reading, content_coding, declared_length
from schemas.fhir import Resource, dumps
from schemas.fhir.error import FhirError
from schemas.fhir.read import read_exact
from schemas.finding import Finding
from schemas.message import FHIR, Message
from schemas.values import Address

_RETRY = {"retry-after": "10"}
_ENDPOINT_LIMIT = 65_536
_LARGE = 262_144  # read in some ten milliseconds
_FINDINGS = {
    "FHIR-401": ("sent no valid credentials", "have the partner send what `access` asks for"),
    "FHIR-402": ("sent a body that is too large", "raise `limit`, or have the partner send less at once"),
    "FHIR-403": ("sent a request too slowly", "look at the network between, or raise `patience`"),
    "FHIR-404": ("sent a content type that is not taken here", "have the partner send application/fhir+json"),
    "FHIR-405": ("sent a body that is not what was asked for", "its answer names the place"),
    "FHIR-406": ("asked for what it may not do", "give it the scope that its answer names, if it should have it"),
    "FHIR-409": ("asked for what the server of `reads` did not answer", "see that it runs, and that its tls fits"),
    "FHIR-410": ("asked for what the server of `reads` answered with no FHIR", "look at its address and its token"),
    "FHIR-411": ("was given no access token", "its answer says why: error and error_description"),
    "FHIR-412": ("asked more often than it may", "raise its `rate`, or have it send less at once"),
    "FHIR-413": ("sent a resource that is not valid", "its answer names the places; see `validate`"),
    **CONNECTIONS,
}


class Listener(Protocol):
    """The end that is worked for: its options, as `FhirInbound` describes them."""

    context: EndContext
    listen: Address
    base: str
    public: str | None
    access: Access
    interactions: Sequence[Taken]
    types: Sequence[str]
    answer: Literal["accepted", "created"] | RouteAnswer
    reads: Reads | None
    subscriptions: bool
    validate: Ask
    limit: int
    patience: float


class Reception:
    """Answers the requests of one listening end."""

    def __init__(self, end: Listener, accept: Accept) -> None:
        self._end = end
        self._accept = accept
        self._since = end.context.now()
        self._stopping = asyncio.Event()
        self._reading = Reading(end.limit, end.patience)
        self._place = f"fhir {end.listen}"
        self.report = Noticed(end.context.report, self._place, _FINDINGS).report
        self._reader = None if end.reads is None else Reader(end.reads, end.limit, end.context.report)
        self._subscriptions = SubscriptionServer(end.context, self._body) if end.subscriptions else None

    def hurry(self) -> None:
        """The end stops: those who are still sending have little time more, those who wait for a route none."""
        self._reading.hurry()
        self._stopping.set()

    async def close(self) -> None:
        """Close the connections to the server of `reads`."""
        if self._reader is not None:
            await self._reader.close()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        response = await self._respond(Request(scope, receive))
        if response is not None:
            await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response | None:
        """The answer to `request`; None when its sender is gone."""
        call = Call(request, self._end.base, self._end.public, self._end.context.new_id())
        try:
            return await self._answer(call)
        except ClientDisconnect:
            return None
        except RefusedError as error:
            if error.finding:
                self.report(error.finding, call.peer)
            if not call.body_was_read and error.status != 408 and "expect" not in request.headers:
                await self._reading.discard(request)
            return call.response(refused(error))
        except Exception as error:  # a defect: shown loudly, but with nothing of what was sent
            self._defect("FHIR-408", f"answering a request failed with {type(error).__name__}")
            return call.response(refused(RefusedError(500, "exception", "The engine failed; its operator is told.")))

    async def _answer(self, call: Call) -> Response:
        if call.path is None:
            raise RefusedError(404, "not-found", "There is nothing at this address.")
        facts = call.facts()
        endpoint = self._end.access.endpoints.get((call.method, call.path))
        if endpoint is not None:
            reply = await endpoint(facts, await self._body(call, _ENDPOINT_LIMIT))
            if reply.finding:
                self.report(reply.finding, call.peer)
            return Response(reply.body, reply.status, {**reply.headers, "x-request-id": call.request_id})
        call.negotiate()
        if call.path == "metadata" and call.method in ("GET", "HEAD"):  # open to all (R4, 3.1.0.6)
            return call.response(Answer(200, self._capabilities(call)))
        call.client = await self._end.access.check(facts)
        if self._subscriptions is not None:
            asked = asked_of(call.method, call.path, call.query, reads=self._reader is not None)
            if asked is not None:
                self._check_scope(call, asked.interaction)
                return call.response(await self._subscriptions.answer(call, asked))
        interaction = read_interaction(
            call.method,
            call.path,
            call.query,
            call.headers.get("if-none-exist", ""),
            call.headers.get("if-match", ""),
        )
        check_allowed(interaction, self._end.interactions, self._end.types, reads=self._reader is not None)
        if interaction.kind == "status":
            return call.response(await self._status(call, interaction.id))
        self._check_scope(call, interaction)
        if interaction.kind in READS and self._reader is not None:
            return await self._read_on(call, interaction, self._reader)
        return call.response(await self._take(call, interaction))

    def _check_scope(self, call: Call, interaction: Interaction) -> None:
        """Raises `RefusedError` (403) for what this client may not do; the entries of a Bundle are looked at later."""
        missing = "" if interaction.kind == "bundle" else call.client.lacks(interaction)
        if missing:
            challenge = {"www-authenticate": f'Bearer error="insufficient_scope", scope="{missing}"'}
            text = f"This client has no scope for that; it needs {missing}."
            raise RefusedError(403, "forbidden", text, headers=challenge, finding="FHIR-406")

    async def _read_on(self, call: Call, interaction: Interaction, reader: Reader) -> Response:
        """Have the server of `reads` answer."""
        form = b""
        if call.method == "POST":
            kind = call.headers.get("content-type", FORM).partition(";")[0].strip().lower()
            if kind != FORM:
                raise RefusedError(415, "not-supported", f"A search is posted as {FORM}.", headers={"accept": FORM})
            form = await self._body(call, _ENDPOINT_LIMIT)
            self._check_scope(
                call, replace(interaction, reaches=interaction.reaches or reaches(form.decode("latin-1")))
            )
        return await reader.read(call, form)

    async def _take(self, call: Call, interaction: Interaction) -> Answer:
        """Read what came, hand it over and answer."""
        form = body_form(call.headers.get("content-type", ""), patch=interaction.kind == "patch")
        body = await self._body(call, self._end.limit)
        id = self._end.context.new_id()
        if not body and interaction.kind != "delete":
            raise RefusedError(400, "required", "The request has no body.", finding="FHIR-405")
        try:
            if interaction.kind == "validate":
                resource = unwrapped(read_resource(body, form)[0], "resource")
                check_type(interaction, resource)
                return Answer(200, answer_validate(resource, self._end.validate))
            if len(body) > _LARGE:  # not in the event loop, where all others would wait for it
                taken = await asyncio.to_thread(self._read, call, interaction, body, form, id)
            else:
                taken = self._read(call, interaction, body, form, id)
        except FhirError as error:
            if interaction.kind != "validate":
                await self._keep_damaged(call, interaction, body)
            raise malformed(error) from None
        return await self._deliver(call, taken)

    def _read(self, call: Call, asked: Interaction, body: bytes, form: Form | None, id: str) -> Held:
        """What is to be journaled of what came; raises `RefusedError`, and `FhirError` for what cannot be read."""
        held = Held(asked, id, self._end.context.now(), call.base, body)
        if asked.kind == "delete":
            return replace(held, body=dumps(as_transaction(asked)))
        if asked.kind == "patch":
            patch = as_transaction(asked, read_patch(body, form))
            return replace(held, body=dumps(patch), from_xml=form == "xml")
        resource, json = read_resource(body, form)
        held = replace(held, body=json, resource=resource, from_xml=json is not body)
        taken = (
            self._message_in(call, held, resource) if asked.kind == "message" else self._checked(call, held, resource)
        )
        # What was read may stand for the body only where that is what was read.
        return taken if taken.body is body else replace(taken, resource=None)

    def _message_in(self, call: Call, held: Held, resource: Resource) -> Held:
        """The message that $process-message was sent."""
        inner = unwrapped(resource, "content")
        check_message(inner)
        check_valid(inner, self._end.validate)
        options = operation_options(call.query, resource)
        if options.get("response-url"):
            raise RefusedError(422, "not-supported", "Answers are not sent to a response-url from here.")
        if options.get("async") == "true":
            call.prefer = call.prefer._replace(asynchronous=True)
        body = held.body if inner is resource else dumps(unwrapped(read_exact(held.body), "content"))
        return replace(held, body=body, header=first_resource(inner))

    def _checked(self, call: Call, held: Held, resource: Resource) -> Held:
        """A resource that fits its address, or a Bundle whose entries fit theirs; with the ids that are assigned."""
        creates = self._end.answer == "created" and not call.prefer.asynchronous
        interaction = of_bundle(held.interaction, resource, self._end.interactions)
        if interaction.kind in ("batch", "transaction"):
            entries = read_entries(resource, lambda each: self._check_entry(call, each), self._valid_entry(interaction))
            if interaction.kind == "transaction":
                check_valid(resource, self._end.validate)
            body = with_entry_ids(held.body, entries, held.id) if creates else held.body
            return replace(held, interaction=interaction, body=without_refused(body, entries), asked=entries)
        check_resource(interaction, resource)
        check_valid(resource, self._end.validate)
        if creates and interaction.kind in ("create", "document") and known_at_once(interaction):
            body = with_id(held.body, resource, held.id)
            return replace(held, interaction=replace(interaction, id=held.id), body=body)
        return replace(held, interaction=interaction)

    def _valid_entry(self, interaction: Interaction) -> Valid:
        """The entries of a batch are validated one by one, those of a transaction together."""

        def valid(resource: Resource, place: str) -> None:
            if interaction.kind == "batch":
                check_valid(resource, self._end.validate, place)

        return valid

    def _check_entry(self, call: Call, interaction: Interaction) -> None:
        """Raises `RefusedError` for an entry of a Bundle that is not taken, or not from this client.

        An entry needs no name in `interactions`: a channel that takes transactions takes what they are made of. What is
        read can only be answered by a route's server.
        """
        if self._subscriptions is not None and interaction.type == "Subscription":
            raise RefusedError(422, "not-supported", "A Subscription is sent by itself.")
        kinds = ("create", "update", "patch", "delete")
        check_allowed(interaction, kinds, self._end.types, reads=isinstance(self._end.answer, RouteAnswer))
        self._check_scope(call, interaction)

    async def _deliver(self, call: Call, taken: Held) -> Answer:
        """Hand `taken` to the engine and answer."""
        if taken.interaction.kind in ("batch", "transaction") and all(each.refused for each in taken.asked):
            return Answer(200, responses(taken, created=False))  # nothing of it is to be done
        receipt = await self._hand_over(self._message(call, taken))
        if receipt.code is ReceiptCode.FAILED:
            raise RefusedError(503, "transient", "This could not be made durable; send it again.", headers=_RETRY)
        if receipt.code is ReceiptCode.REJECTED:
            where = (receipt.where,) if receipt.where else ()
            raise RefusedError(422, "processing", receipt.reason or "The engine rejects this.", *where)
        if receipt.first:
            taken = replace(taken, id=receipt.first)  # its status is that of the first
        if call.prefer.asynchronous or self._end.answer == "accepted":
            return accepted(taken, call.prefer)
        if isinstance(self._end.answer, RouteAnswer):
            return await self._routed(call, taken, self._end.answer)
        return created(taken, call.prefer) if known_at_once(taken.interaction) else accepted(taken, call.prefer)

    def _message(self, call: Call, taken: Held) -> Message:
        attributes = attributes_of(
            taken.interaction,
            call.method,
            {
                "fhir.client": call.client.name,
                "fhir.peer": call.peer,
                "fhir.request_id": call.request_id,
                "fhir.xml": "true" if taken.from_xml else "",
            },
        )
        channel = self._end.context.channel
        message = Message(taken.id, channel, FHIR, taken.body, taken.received, attributes=attributes)
        return message if taken.resource is None else message.known_as(taken.resource)

    async def _hand_over(self, message: Message) -> Receipt:
        try:
            return await self._accept(message)
        except Exception as error:  # whatever it is, the sender must not take it for success
            self._defect("FHIR-407", f"accepting a message failed with {type(error).__name__}")
            return Receipt(ReceiptCode.FAILED, "the engine could not take the message")

    async def _keep_damaged(self, call: Call, interaction: Interaction, body: bytes) -> None:
        """Keep a body that cannot be read with the rejected messages, as every end does; not XML, which is no JSON."""
        if body.lstrip()[:1] == b"<":
            return
        taken = Held(interaction, self._end.context.new_id(), self._end.context.now(), call.base, body)
        receipt = await self._hand_over(self._message(call, taken))
        if receipt.code is ReceiptCode.FAILED:
            raise RefusedError(503, "transient", "This could not be made durable; send it again.", headers=_RETRY)

    async def _routed(self, call: Call, taken: Held, answer: RouteAnswer) -> Answer:
        try:
            route = await wait_for_route(answer, taken.id, self._end.context.fate, self._stopping)
        except OSError:  # the journal has it, and cannot be asked now
            route = None
        return accepted(taken, call.prefer) if route is None else answer_of(route, taken)

    async def _status(self, call: Call, id: str) -> Answer:
        try:
            fate = await self._end.context.fate(id)
        except OSError:
            raise RefusedError(503, "transient", "The journal cannot be asked now.", headers=_RETRY) from None
        if fate is None or fate.attributes.get("fhir.client", "") != call.client.name:
            raise RefusedError(404, "not-found", "No request of yours has this id.")
        return status_of(fate)

    def _capabilities(self, call: Call) -> Resource:
        statement = capability_statement(
            base=call.base,
            version=version("hie-engine"),
            since=self._since,
            interactions=self._end.interactions,
            types=self._end.types,
            reads=self._reader is not None,
            security=self._end.access.security(call.base),
        )
        if self._subscriptions is not None:
            statement = with_subscriptions(statement, reads=self._reader is not None)
        return statement

    async def _body(self, call: Call, limit: int) -> bytes:
        """The body, decompressed; raises `RefusedError`."""
        if content_coding(call.request) not in ("", *ENCODINGS):
            header = {"accept-encoding": "gzip, identity"}
            raise RefusedError(415, "not-supported", "Send the body as it is or in gzip.", headers=header)
        if not call.has_body:
            return b""
        if declared_length(call.request) > limit:
            raise _too_large(limit)
        try:
            body = await self._reading.body(call.request)
        except TooLargeError:
            raise _too_large(limit) from None
        except DamagedError:
            raise RefusedError(400, "structure", "The body is not what Content-Encoding says.") from None
        except TimeoutError:
            raise RefusedError(408, "timeout", "The request took too long to arrive.", finding="FHIR-403") from None
        call.body_was_read = True
        if len(body) > limit:
            raise _too_large(limit)
        return body

    def _defect(self, code: str, what: str) -> None:
        self._end.context.report(Finding(code, self._place, what, "see the log"))


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, "too-long", f"The body is larger than the {limit} bytes taken here.", finding="FHIR-402")
