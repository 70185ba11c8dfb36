"""The outbound `http` end: each message is the body of one POST."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from channels.ends import EndContext, Outcome
from channels.mllp.verdict import Policy, Then
from channels.tls import ClientTls
from schemas.message import Message
from schemas.values import Duration, Secret, Template

if TYPE_CHECKING:
    from channels.http.posting import Posting


class HttpOutbound:
    """Posts each message to a URL and takes what the partner answers for the outcome.

    An HL7 v2 acknowledgment in the answer decides: AA is delivered, AE and AR as `on_error` and `on_reject` say.
    Without one the status does: 2xx is delivered; 408, 425, 429, 5xx and a network that fails are tried again, after
    Retry-After where the partner names it; 3xx, 401, 403 and 407 make the route wait, for the address or our
    credentials are wrong and not the message; any other status refuses the message.

    Args:
        url: Where to post. What the message fills in is percent-encoded, save an attribute at the very beginning
            (`{subscriber.address}`), which is a URL itself.
        tls: TLS: the authorities that the partner's certificate must come from, and the certificate that we show.
            Without it, https trusts the system's authorities.
        token: The bearer token that is sent; write ${...}.
        headers: Further headers.
        content_type: The content type; by the message's format unless given (HL7 v2: application/hl7-v2).
        timeout: How long one delivery may take, from connecting to the end of the answer.
        connections: How many connections are open at most.
        on_error: What AE and CE mean: retry or refuse.
        on_reject: What AR and CR mean: retry or refuse.
        require_ack: Take an HL7 v2 message for delivered only when an acknowledgment came, whatever the status.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        url: Template,
        tls: ClientTls | None = None,
        token: Secret | None = None,
        headers: dict[str, Template] | None = None,
        content_type: str | None = None,
        timeout: Duration = timedelta(seconds=30),
        connections: PositiveInt = 10,
        on_error: Then = "retry",
        on_reject: Then = "refuse",
        require_ack: bool = False,
    ) -> None:
        self.context = context
        self.url = url
        self.tls = tls or ClientTls()
        self.token = token
        self.headers = headers or {}
        self.content_type = content_type
        self.timeout = timeout.total_seconds()
        self.connections = connections
        self.policy = Policy(on_error=on_error, on_reject=on_reject)
        self.require_ack = require_ack
        self._posting: Posting | None = None

    async def deliver(self, message: Message) -> Outcome:
        """Post `message` once and say what became of it; see `channels.ends.Outbound`."""
        if self._posting is None:
            # Here and not above: the web libraries cost a third of a second that only a site with this end should pay.
            from channels.http.posting import Posting  # noqa: PLC0415

            self._posting = Posting(self)
        return await self._posting.deliver(message)

    async def close(self) -> None:
        """Close the connections."""
        if self._posting is not None:
            await self._posting.close()
