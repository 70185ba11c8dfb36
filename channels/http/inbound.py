"""The inbound `http` end: HL7 v2 over HTTP, and any other body, by POST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pydantic import PositiveInt

from channels.ends import Accept, EndContext
from channels.formats import Format
from channels.tls import ServerTls
from schemas.values import Duration, Listen, Secret, Size


class HttpInbound:
    """Takes the body of each POST as one message and answers once the engine has it durable.

    HL7 v2 is answered with an acknowledgment (HL7 over HTTP): 200 with AA, 400 with AR when the message is rejected,
    503 with AE when it could not be made durable and should be sent again. Any other body is answered with 202 and its
    id. Compressed bodies (gzip) are taken.

    Adds `http.peer`, and with mutual TLS `http.client`.

    Args:
        listen: The address to listen on, host:port.
        path: The path that is posted to; any other is answered 404.
        tls: TLS; with `clients`, partners must show a certificate (mutual TLS).
        token: The bearer token that a partner must send; write ${...}.
        format: What bodies hold: `hl7v2`, `fhir` (JSON), `ccda`, `text`, `binary`, or `auto` to tell by the content.
        charset: The character set of messages without MSH-18 when the request names none, a name of HL7 table 0211.
        limit: The largest body that is taken, compressed or not; a larger one is answered 413.
        patience: How long the head, and then the body, of a request may take to arrive.
        connections: How many connections are open at most; further ones are closed.
        idle: How long a connection may be silent between requests before it is closed.
        always_200: Answer 200 with every acknowledgment, AE and AR included, as HL7 over HTTP asks for; without it the
            status says the same as the acknowledgment, so that no sender takes AE for success.
        share_address: Lets several engine processes of this machine listen on the same address; they share connections.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        listen: Listen,
        path: str = "/",
        tls: ServerTls | None = None,
        token: Secret | None = None,
        format: Format = "hl7v2",
        charset: str | None = None,
        limit: Size = 16 << 20,
        patience: Duration = timedelta(minutes=1),
        connections: PositiveInt = 1000,
        idle: Duration = timedelta(minutes=1),
        always_200: bool = False,
        share_address: bool = False,
    ) -> None:
        self.context = context
        self.listen = listen
        self.path = f"/{path.lstrip('/')}"
        self.tls = tls
        self.token = token.get_secret_value().encode() if token else None
        self.format: Format = format
        self.charset = charset
        self.limit = limit
        self.patience = patience.total_seconds()
        self.connections = connections
        self.idle = idle.total_seconds()
        self.always_200 = always_200
        self.share_address = share_address
        self.port = listen.port
        """The port listened on, once `serve` is ready: the one that the system chose when `listen` names port 0."""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take messages until cancelled; see `channels.ends.Inbound`."""
        # Here and not above: the web libraries cost a third of a second that only a site with this end should pay.
        from channels.http.reception import Reception  # noqa: PLC0415
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
        await server.serve_on(listener)
