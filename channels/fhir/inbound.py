"""The inbound `fhir` end: a FHIR R4 server whose resources are messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal

from pydantic import PositiveInt

from channels.ends import Accept, EndContext
from channels.fhir.access import Access, AccessOptions, OpenAccess
from channels.fhir.interaction import Taken
from channels.fhir.options import BaseUrl, Reads, ResourceType
from channels.fhir.routed import RouteAnswer
from channels.fhir.validation import Ask
from channels.tls import ServerTls
from schemas.values import Duration, Listen, Size


class FhirInbound:
    """Takes FHIR R4 over HTTP, JSON and XML, and answers as FHIR demands once the engine has it durable.

    Each request is one message, FHIR in JSON: a create or update its resource, a transaction, a batch, a message or a
    document its Bundle, a patch or delete the transaction that says the same. What is wrong is answered with an
    OperationOutcome.

    Adds `fhir.method`, `fhir.interaction` (create, update, patch, delete, transaction, batch, message, document),
    `fhir.type`, `fhir.peer` and `fhir.request_id`; where there is one, `fhir.id`, `fhir.condition`, `fhir.if_match` and
    `fhir.client`; and `fhir.xml`, which is true for what came as XML.

    Args:
        listen: The address to listen on, host:port.
        base: The path of the FHIR server's base.
        public: The base as clients know it, when a proxy is between: https://hie.example.org/fhir.
        tls: TLS; with `clients`, partners must show a certificate (mutual TLS).
        access: Who may send; without it, whoever reaches the port.
        interactions: What is taken: create, update, patch, delete, transaction, batch, message ($process-message),
            document (to Bundle), validate ($validate).
        types: The types of resources that are taken; empty: all of R4.
        answer: `accepted` (202, and an address where its status can be asked for), `created` (200 or 201, as the server
            that keeps the resources answers; the engine assigns the ids), or the answer of a route's FHIR server.
        reads: The FHIR server that reads, searches and histories are passed on to; without it, nothing is read.
        subscriptions: Whether clients may subscribe to encounter events (Subscriptions R5 Backport, R4); see
            docs/ends/fhir-subscriptions.md.
        validate: What resources must be, or they are answered 422: `none`, `structure` (R4's own definitions),
            `us-core` or `davinci-alerts` (the guides' profiles as well).
        limit: The largest body that is taken, compressed or not; a larger one is answered 413.
        patience: How long the head, and then the body, of a request may take to arrive.
        connections: How many connections are open at most; further ones are closed.
        idle: How long a connection may be silent between requests before it is closed.
        share_address: Lets several engine processes of this machine listen on the same address; they share connections.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        listen: Listen,
        base: str = "/fhir",
        public: BaseUrl | None = None,
        tls: ServerTls | None = None,
        access: AccessOptions | None = None,
        interactions: Sequence[Taken] = ("create", "update", "transaction", "batch", "message"),
        types: Sequence[ResourceType] = (),
        answer: Literal["accepted", "created"] | RouteAnswer = "accepted",
        reads: Reads | None = None,
        subscriptions: bool = False,
        validate: Ask = "none",
        limit: Size = 16 << 20,
        patience: Duration = timedelta(minutes=1),
        connections: PositiveInt = 1000,
        idle: Duration = timedelta(minutes=1),
        share_address: bool = False,
    ) -> None:
        self.context = context
        self.listen = listen
        self.base = f"/{base.strip('/')}".rstrip("/")
        self.public = public
        self.tls = tls
        self.access: Access = access.access(context) if access else OpenAccess()
        self.interactions = interactions
        self.types = types
        self.answer = answer
        self.reads = reads
        self.subscriptions = subscriptions
        self.validate: Ask = validate
        self.limit = limit
        self.patience = patience.total_seconds()
        self.connections = connections
        self.idle = idle.total_seconds()
        self.share_address = share_address
        self.port = listen.port
        """The port listened on, once `serve` is ready: the one that the system chose when `listen` names port 0."""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take messages until cancelled; see `channels.ends.Inbound`."""
        # Here and not above: the web libraries cost a third of a second that only a site with this end should pay.
        from channels.fhir.reception import Reception  # noqa: PLC0415
        from channels.http.server import Limits, Server, bind  # noqa: PLC0415

        reception = Reception(self, accept)
        context = self.tls.context(self.context.report) if self.tls else None
        listener = await bind(self.listen, share=self.share_address)
        self.port = listener.getsockname()[1]
        server = Server(
            reception.app,
            limits=Limits(self.connections, self.patience, self.idle),
            tls=self.tls,
            context=context,
            listening=ready,
            stopping=reception.hurry,
            refused=reception.report,
        )
        try:
            await server.serve_on(listener)
        finally:
            await reception.close()
